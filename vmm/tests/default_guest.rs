//! Boots the default guest in QEMU's software emulation, which runs everywhere, and drives it by
//! its control channel.

use std::path::Path;
use std::process::{Child, Command as HostCommand, Stdio};
use std::time::Duration;

use guest_init::client::{Client, Command, Error, Status};
use indicatif::ProgressBar;
use tempfile::TempDir;

const BOOT: Duration = Duration::from_secs(120);
const TIME: Duration = Duration::from_secs(30);
const MAC: &str = "52:54:00:12:34:56";

/// A guest in QEMU; gone when dropped.
struct Guest {
    qemu: Child,
    client: Client,
    directory: TempDir,
}

impl Guest {
    fn boot() -> Self {
        let image = vmm::guest::default(&ProgressBar::hidden()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let control = path("control");
        let net = format!("nicvmm.net={MAC},10.0.1.2/24,fd00:1::2/64,gw=10.0.1.1,mtu=1420");
        let qemu = HostCommand::new("qemu-system-x86_64")
            .args(["-M", "pc", "-accel", "tcg", "-m", "256", "-no-reboot", "-nodefaults"])
            .args(["-display", "none", "-vga", "none"])
            .args(["-kernel", image.kernel.to_str().unwrap()])
            .args(["-initrd", image.initrd.to_str().unwrap()])
            .args(["-append", &format!("{} {net}", vmm::guest::COMMAND_LINE)])
            .args(["-serial", &format!("file:{}", path("console"))])
            .args(["-serial", &format!("unix:{control},server=on,wait=off")])
            .args(["-netdev", "hubport,id=a,hubid=0", "-netdev", "hubport,id=b,hubid=0"])
            .args(["-device", &format!("rtl8139,netdev=a,mac={MAC},romfile=")])
            .args(["-device", "virtio-net-pci,netdev=b,mac=52:54:00:12:34:57,romfile="])
            .stdin(Stdio::null())
            .spawn()
            .expect("qemu-system-x86 is installed (apt install qemu-system-x86)");
        let client = Client::connect(Path::new(&control), TIME).unwrap();
        Self { qemu, client, directory }
    }

    /// What a command prints; it must end well.
    fn output<const N: usize>(&self, argv: [&str; N]) -> String {
        let output = self.client.run(argv, TIME).unwrap();
        assert_eq!(output.status, Status::Exited(0), "{argv:?}: {}", output.stderr_text());
        output.stdout_text().into_owned()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let console = std::fs::read(self.directory.path().join("console")).unwrap_or_default();
        println!("guest console:\n{}", String::from_utf8_lossy(&console));
        self.qemu.kill().unwrap();
        self.qemu.wait().unwrap();
    }
}

#[test]
fn the_default_guest_boots_with_its_tools_and_answers_the_host() {
    let mut guest = Guest::boot();
    let ready = guest.client.wait_ready(BOOT).unwrap();
    assert_eq!(ready.warnings, [""; 0]);

    // Stock names from the real pciutils and its data.
    let lspci = guest.output(["lspci"]);
    assert!(lspci.contains(
        "Ethernet controller: Realtek Semiconductor Co., Ltd. RTL-8100/8101L/8139 PCI Fast \
         Ethernet Adapter (rev 20)"
    ));
    assert!(lspci.contains("Ethernet controller: Red Hat, Inc. Virtio network device"), "{lspci}");

    // The stock drivers, loaded by modalias, and the interface from the command line.
    assert!(guest.output(["ethtool", "-i", "eth0"]).contains("driver: 8139cp"));
    assert!(guest.output(["ethtool", "-k", "eth0"]).contains("tcp-segmentation-offload: on"));
    let link = guest.output(["ip", "address", "show", "eth0"]);
    assert!(link.contains("mtu 1420") && link.contains("10.0.1.2/24"), "{link}");
    assert!(link.contains("fd00:1::2/64") && !link.contains("tentative"), "{link}");
    assert!(guest.output(["ip", "route"]).contains("default via 10.0.1.1 dev eth0"));

    // The other tools.
    assert!(guest.output(["wget", "--version"]).starts_with("GNU Wget"));
    assert!(guest.output(["nstat", "-az", "TcpRetransSegs"]).contains("TcpRetransSegs"));
    assert!(guest.output(["ss", "-tln"]).contains("Recv-Q"));
    guest.output(["tc", "qdisc", "show"]);
    guest.output(["tcpdump", "--version"]);
    guest.output(["iptables", "-A", "INPUT", "-p", "icmp", "--icmp-type", "3", "-j", "ACCEPT"]);
    let rules = guest.output(["iptables-save"]);
    assert!(rules.contains("-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT"), "{rules}");
    guest.output(["sysctl", "net.ipv4.tcp_congestion_control=bbr"]);
    guest.output(["ip6tables", "-A", "INPUT", "-p", "icmpv6", "-j", "ACCEPT"]);

    // Configure, run, write, signal.
    let second = "52:54:00:12:34:57,10.0.2.2/24".parse().unwrap();
    guest.client.configure(second, TIME).unwrap();
    assert!(guest.output(["ip", "-o", "address"]).contains("eth1    inet 10.0.2.2/24"));
    let failed = guest.client.run(["sh", "-c", "echo no >&2; exit 5"], TIME).unwrap();
    assert_eq!((failed.status, failed.stderr_text()), (Status::Exited(5), "no\n".into()));
    let missing = guest.client.run(["no-such-program"], TIME).unwrap_err();
    assert!(matches!(missing, Error::Refused { .. }), "{missing}");
    guest.client.write_file("/run/www/file", 0o644, &vec![b'x'; 100_000], TIME).unwrap();
    let httpd = ["busybox", "httpd", "-f", "-p", "127.0.0.1:80", "-h", "/run/www"];
    let httpd = guest.client.start(httpd).unwrap();
    let wget = Command::new([
        "sh",
        "-c",
        "wget -q -O- --retry-connrefused --waitretry=1 \
        http://127.0.0.1/file | wc -c",
    ]);
    let fetched = guest.client.run(wget, TIME).unwrap();
    assert_eq!(fetched.stdout_text().trim(), "100000", "{}", fetched.stderr_text());
    assert!(!httpd.has_ended().unwrap());
    assert_eq!(httpd.kill(TIME).unwrap().status, Status::Signaled(9));

    // Orphans are collected, and the machine ends.
    guest.output(["sh", "-c", "(sleep 0.1 &) ; sleep 0.5"]);
    assert!(!guest.output(["ps"]).contains("[sleep]"));
    guest.client.power_off(TIME).unwrap();
    assert!(guest.qemu.wait().unwrap().success());
}
