use super::*;

const DEP: &str = "\
kernel/net/8139cp.ko: kernel/net/mii.ko
kernel/net/8139too.ko: kernel/net/mii.ko
kernel/net/mii.ko:
kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko
kernel/net/net-failover.ko:
";
const ALIAS: &str = "\
# Aliases extracted from modules themselves.
alias pci:v000010ECd00008139sv*sd*bc*sc*i* 8139cp
alias pci:v000010ECd00008139sv*sd*bc*sc*i* 8139too
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
";

fn index() -> Index {
    Index::parse(Path::new("/lib/modules/6.1"), DEP, ALIAS)
}

#[test]
fn both_realtek_drivers_answer_to_the_chip() {
    let modalias = "pci:v000010ECd00008139sv00001AF4sd00001100bc02sc00i00";
    assert_eq!(index().matching(modalias), ["8139cp", "8139too"]);
}

#[test]
fn dependencies_come_first() {
    assert_eq!(
        index().files("virtio_pci"),
        ["kernel/virtio/virtio.ko", "kernel/virtio/virtio_ring.ko", "kernel/virtio/virtio_pci.ko"]
    );
}

#[test]
fn dashes_and_underscores_are_the_same() {
    assert_eq!(index().files("net_failover"), ["kernel/net/net-failover.ko"]);
    assert_eq!(index().files("net-failover"), ["kernel/net/net-failover.ko"]);
}

#[test]
fn an_unknown_device_asks_for_nothing() {
    assert!(index().matching("pci:v00008086d00001237sv*").is_empty());
    assert!(index().files("e1000").is_empty());
}
