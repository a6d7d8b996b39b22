//! What the guest and the test that runs it agree on. Compiled into both.
//!
//! The test names a program on the kernel command line, `program key=value ...`. The program leaves
//! what it found as text in guest memory, a line `name value` for each fact, and powers the machine
//! off. If it cannot go on it leaves a line `panic message` and reports a panic.

/// Where the facts start: text, ended by a zero byte.
pub const FACTS: u64 = 0x1_0000;
/// Room for facts.
pub const FACTS_LENGTH: usize = 0xff00;
/// Where an exception leaves its number plus one, error code, RIP and CR2, 64 bits each.
pub const FAULT: u64 = 0x1_ff00;

/// First line of the interrupt vectors that the guest counts.
pub const FIRST_VECTOR: u8 = 0x40;
/// How many it counts.
pub const VECTORS: usize = 16;

/// Byte `index` of the payload of every frame that the guest sends. Its period of 251 divides no
/// segment size, so that a byte that is out of place is seen.
pub const fn payload_byte(index: usize) -> u8 {
    (index % 251) as u8
}

/// A port that a test puts something at, for string instructions.
pub const STRING_PORT: u16 = 0x710;
/// What the guest writes there.
pub const STRING_WORDS: [u16; 3] = [0x1111, 0x2222, 0x3333];

/// The Ethernet, IPv4 and TCP headers of a frame that the guest sends.
pub mod headers {
    /// Destination address.
    pub const DESTINATION: [u8; 6] = [0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc];
    /// Source address.
    pub const SOURCE: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
    /// IPv4 source.
    pub const SOURCE_IP: [u8; 4] = [10, 0, 0, 2];
    /// IPv4 destination.
    pub const DESTINATION_IP: [u8; 4] = [10, 0, 1, 9];
    /// IPv4 identification; it wraps within a 64 KiB super-frame.
    pub const IDENTIFICATION: u16 = 0xfff0;
    /// IPv4 flags: DF.
    pub const DONT_FRAGMENT: u16 = 0x4000;
    /// Time to live.
    pub const TTL: u8 = 64;
    /// TCP source port.
    pub const SOURCE_PORT: u16 = 80;
    /// TCP destination port.
    pub const DESTINATION_PORT: u16 = 40000;
    /// TCP sequence number; it wraps within a 64 KiB super-frame.
    pub const SEQUENCE: u32 = 0xffff_8000;
    /// TCP acknowledgement number.
    pub const ACKNOWLEDGEMENT: u32 = 0x0102_0304;
    /// TCP flags: CWR, which belongs to the first segment; PSH and FIN, which belong to the last;
    /// ACK.
    pub const FLAGS: u8 = 0x80 | 0x08 | 0x01 | 0x10;
    /// TCP window.
    pub const WINDOW: u16 = 501;
    /// TCP options: two NOPs and a timestamp.
    pub const OPTIONS: [u8; 12] = [1, 1, 8, 10, 0, 1, 2, 3, 4, 5, 6, 7];
    /// Bytes of all headers.
    pub const LENGTH: usize = 14 + 20 + 20 + OPTIONS.len();
}

/// The test card: a PCI function that only tests have.
pub mod card {
    /// Vendor: pid.codes, which lends numbers for tests.
    pub const VENDOR: u16 = 0x1209;
    /// Device.
    pub const DEVICE: u16 = 0x0001;
    /// BAR with the registers, as ports.
    pub const IO_BAR: usize = 0;
    /// BAR with the registers, as memory.
    pub const MEMORY_BAR: usize = 1;
    /// BAR with the MSI-X table.
    pub const MSIX_BAR: usize = 2;
    /// Register: keeps what is written, 32 bits.
    pub const SCRATCH: u64 = 0x00;
    /// Register: how often the doorbell rang, 32 bits, read only.
    pub const RINGS: u64 = 0x04;
    /// Register: bit 0 is the level of the interrupt line, 32 bits.
    pub const LEVEL: u64 = 0x08;
    /// The doorbell, 8 bits. Sends message vector 0 besides being counted.
    pub const DOORBELL: u64 = 0x0c;
    /// What rings it.
    pub const RING: u8 = 1;
    /// Bytes of registers.
    pub const LENGTH: u64 = 16;
}
