use super::*;

fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

fn guest(variant: &str) -> String {
    let places = Places {
        network: "/s/net".into(),
        control: "/s/ctl".into(),
        console: "/l/con".into(),
        report: "/l/report".into(),
    };
    let image = Image { kernel: "/i/vmlinux".into(), initrd: "/i/initrd".into() };
    let command = GuestCommand {
        program: Path::new("/bin/nicvmm"),
        role: Role::Server,
        variant: &variant.parse().unwrap(),
        image: &image,
        accelerator: Accelerator::Tcg,
        places: &places,
        limit: Duration::from_secs(90),
    };
    line(&command.build())
}

#[test]
fn our_own_guest_gets_its_nic_with_options_address_and_wire() {
    let line = guest("rtl8139,tso=mss");
    assert!(line.starts_with("/bin/nicvmm run --host kvm "), "{line}");
    assert!(
        line.contains("--nic rtl8139,tso=mss,mac=52:54:00:00:01:02,net=stream:/s/net"),
        "{line}"
    );
    assert!(line.contains("--control /s/ctl --console file:/l/con --report /l/report"), "{line}");
}

#[test]
fn qemu_gets_the_same_image_wire_and_address() {
    let line = guest("qemu:virtio-net,tx=bh");
    assert!(line.starts_with("qemu-system-x86_64 "), "{line}");
    assert!(line.contains("-accel tcg"), "{line}");
    assert!(
        line.contains(
            "-device virtio-net-pci,netdev=n0,addr=3,romfile=,mac=52:54:00:00:01:02,tx=bh"
        ),
        "{line}"
    );
    assert!(line.contains("addr.type=unix,addr.path=/s/net"), "{line}");
    assert!(line.contains("-kernel /i/vmlinux -initrd /i/initrd"), "{line}");
}

#[test]
fn the_path_is_narrow_on_the_clients_side_only() {
    let plan = PathPlan {
        mtu: 1420,
        delay: Duration::from_millis(12),
        rate: Some("50mbit".into()),
        rate_up: Some("10mbit".into()),
        mss_clamp: Some("1320".into()),
        icmp: "every=500ms".into(),
        icmp_filter: true,
        ..PathPlan::default()
    };
    let record = Record { directory: "/s".into(), whole: false };
    let sockets = [Path::new("/s/a"), Path::new("/s/b")];
    let line = line(&path(Path::new("nicvmm"), &plan, sockets[0], sockets[1], &record));
    assert!(
        line.contains("--port stream:/s/a,mtu=1500,ip=10.0.1.1/24,ip6=fd00:1::1/64,rate=10mbit"),
        "{line}"
    );
    assert!(line.contains("--port stream:/s/b,mtu=1420,ip=10.0.2.1/24,ip6=fd00:2::1/64"), "{line}");
    assert!(line.contains("--delay 12000us --icmp every=500ms"), "{line}");
    assert!(line.contains("--rate 50mbit --mss-clamp 1320 --icmp-filter a"), "{line}");
    let headers = "--pcap-a /s/server.pcapng --pcap-bytes 160 --pcap-frames 2000";
    assert!(line.ends_with(headers), "{line}");
}

#[test]
fn jumbo_frames_at_both_ends_meet_a_narrow_link_between_two_routers() {
    let plan = PathPlan {
        ends: Some(9000),
        chain: vec![1480],
        reorder: Some("1%,2ms".into()),
        ..PathPlan::default()
    };
    let record = Record { directory: "/s".into(), whole: false };
    let sockets = [Path::new("/s/a"), Path::new("/s/b")];
    let line = line(&path(Path::new("nicvmm"), &plan, sockets[0], sockets[1], &record));
    assert!(
        line.contains("stream:/s/a,mtu=9000,") && line.contains("stream:/s/b,mtu=9000,"),
        "{line}"
    );
    assert!(line.contains("--reorder 1%,2ms --chain 1480,1420 "), "{line}");
}
