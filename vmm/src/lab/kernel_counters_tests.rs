use super::*;

const SAID: &str = "\
Ip: Forwarding DefaultTTL
Ip: 2 64
Tcp: RtoAlgorithm RtoMin OutSegs RetransSegs InErrs
Tcp: 1 200 1234 56 0
cpu  100 0 250 9000 7 10 40 3 0 0
cpu0 100 0 250 9000 7 10 40 3 0 0
intr 99999
            CPU0       CPU1
  1:          9          0   IO-APIC   1-edge      i8042
 11:       1000        234   IO-APIC  11-fasteoi   uhci_hcd:usb1, eth0
 24:         70          0   PCI-MSI 65536-edge      virtio2-config
 25:        500          1   PCI-MSI 65537-edge      virtio2-input.0
 26:       9999          0   PCI-MSI 65538-edge      virtio21-input.0
NMI:          5          0   Non-maskable interrupts
";

#[test]
fn an_interrupt_shared_with_others_is_the_nics_too() {
    let said = format!("{SAID}NIC eth0 ../../../0000:00:03.0\n");
    let counters = KernelCounters::parse(&said).unwrap();
    assert_eq!((counters.segments_sent, counters.retransmits), (1234, 56));
    assert!((counters.cpu_seconds - 4.0).abs() < 1e-9, "{}", counters.cpu_seconds);
    assert_eq!(counters.nic_interrupts, 1234);
}

#[test]
fn a_virtio_nic_has_an_interrupt_for_each_queue() {
    let said = format!("{SAID}NIC ens3 ../../../virtio2\n");
    assert_eq!(KernelCounters::parse(&said).unwrap().nic_interrupts, 571);
}

#[test]
fn without_a_nic_nothing_is_counted_for_it() {
    assert_eq!(KernelCounters::parse(SAID).unwrap().nic_interrupts, 0);
}

#[test]
fn without_tcp_counters_there_is_nothing() {
    assert_eq!(KernelCounters::parse("cpu 1 2 3 4 5 6 7\n"), None);
}

#[test]
fn what_was_before_does_not_count() {
    let earlier = KernelCounters { retransmits: 3, cpu_seconds: 1.0, ..KernelCounters::default() };
    let later = KernelCounters { retransmits: 9, cpu_seconds: 2.5, ..KernelCounters::default() };
    let between = later.since(earlier);
    assert_eq!(between.retransmits, 6);
    assert!((between.cpu_seconds - 1.5).abs() < 1e-9);
}
