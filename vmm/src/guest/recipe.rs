//! What goes into a guest image. Whoever changes this, or what is done with it, counts
//! [`VERSION`] up: images of another version are not used.

/// Version of the recipe and of the layout of an image.
pub const VERSION: u32 = 14;

/// Packages that name the newest normal kernel: Debian's, Ubuntu's. Their cloud and virtual
/// flavours lack the Realtek drivers.
pub const KERNEL_PACKAGES: [&str; 2] = ["linux-image-amd64", "linux-image-generic"];

/// Packages with the programs; the libraries they depend on come along.
pub const TOOL_PACKAGES: [&str; 14] = [
    "bash",
    "busybox-static",
    "coreutils",
    "dash",
    "e2fsprogs",
    "ethtool",
    "iproute2",
    "iptables",
    "nginx",
    "pci.ids",
    "pciutils",
    "socat",
    "tcpdump",
    "wget",
];

/// Programs taken from the packages. What is not here and busybox knows is busybox's.
///
/// Distributions build busybox so that whatever it starts is busybox's own where it has a command
/// of that name: its `sh -c wget` and `timeout 9 wget` would run its own wget. So shells, and the
/// commands that start others, are the real ones.
pub const PROGRAMS: &[&str] = &[
    "bash", "bridge", "dash", "env", "ethtool", "ip", "lspci", MAKE_EXT4, "nginx", "nice", "nohup",
    "nstat", "setpci", "socat", "ss", "tc", "tcpdump", "timeout", "wget", FIREWALL,
];

/// One program that is `iptables` or `ip6tables` by the name it is called. This one, not its
/// successor on nftables: it needs the fewest modules.
pub const FIREWALL: &str = "xtables-legacy-multi";
/// Names of [`FIREWALL`].
pub const FIREWALL_NAMES: [&str; 4] = ["iptables", "iptables-save", "ip6tables", "ip6tables-save"];

/// The program that makes ext4 file systems, and its other names.
pub const MAKE_EXT4: &str = "mke2fs";
/// Names of [`MAKE_EXT4`], by which it knows what to make.
pub const MAKE_EXT4_NAMES: [&str; 2] = ["mkfs.ext2", "mkfs.ext4"];

/// What the firewall loads for the matches and targets of its rules, from its directory beside the
/// shared libraries.
pub const PLUGINS: [&str; 9] = [
    "xtables/libip6t_icmp6.so",
    "xtables/libipt_icmp.so",
    "xtables/libxt_TCPMSS.so",
    "xtables/libxt_conntrack.so",
    "xtables/libxt_limit.so",
    "xtables/libxt_standard.so",
    "xtables/libxt_state.so",
    "xtables/libxt_tcp.so",
    "xtables/libxt_udp.so",
];

/// Where the kernel looks for the program that loads modules which it needs itself: for the tables
/// of a packet filter, for a congestion control.
pub const KERNEL_LOADER: &str = "usr/sbin/modprobe";

/// What `sh` is.
pub const SHELL: &str = "dash";

/// Other files taken from the packages.
pub const FILES: [&str; 1] = ["usr/share/misc/pci.ids"];

/// Modules without which an image is of no use.
pub const REQUIRED_MODULES: [&str; 3] = ["8139cp", "virtio_net", "virtio_pci"];

/// Modules of the guest, for which devices or the lab ask.
pub const GUEST_MODULES: &[&str] = &[
    // NICs and what they stand on
    "8139cp",
    "8139too",
    "e1000",
    "e1000e",
    "ne2k_pci",
    "pcnet32",
    "virtio_net",
    "vmxnet3",
    // virtio
    "virtio_balloon",
    "virtio_blk",
    "virtio_console",
    "virtio_mmio",
    "virtio_pci",
    "virtio_rng",
    "vmw_vsock_virtio_transport",
    // file systems on disks and of the host
    "9p",
    "9pnet_virtio",
    "ext4",
    // traffic control and congestion control
    "8021q",
    "act_mirred",
    "cls_u32",
    "sch_fq",
    "sch_netem",
    "sch_tbf",
    "tcp_bbr",
    // packet filter
    "ip6table_filter",
    "ip6table_mangle",
    "iptable_filter",
    "iptable_mangle",
    "nf_conntrack",
    "nf_tables",
    "nft_compat",
    "nft_ct",
    "xt_TCPMSS",
    "xt_conntrack",
    "xt_limit",
    "xt_state",
    "xt_tcpudp",
    // what ss asks
    "inet_diag",
    "tcp_diag",
    // links
    "af_packet",
    "bridge",
    "dummy",
    "tun",
    "veth",
    "wireguard",
    // how a panic is told
    "pvpanic_mmio",
    // the watchdog of last resort, and a way to see the host's clock
    "crc32c_generic",
    "i6300esb",
];

/// Modules of the outer machine of a nested run.
pub const OUTER_MODULES: &[&str] = &[
    "9p",
    "9pnet_virtio",
    "crc32c_generic",
    "dummy",
    "kvm_amd",
    "loop",
    "overlay",
    "tun",
    "veth",
    "bridge",
    "vhost_net",
    "vhost_vsock",
    "virtio_console",
    "virtio_net",
    "virtio_pci",
    "virtio_rng",
    "sch_netem",
    "sch_tbf",
    "nf_tables",
    "iptable_filter",
    "iptable_mangle",
    "xt_TCPMSS",
];
