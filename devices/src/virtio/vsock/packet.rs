//! The header of every packet (section 5.10.6).

/// Bytes of it.
pub const LENGTH: usize = 44;

/// The host's address (CID).
pub const HOST: u64 = 2;
/// The guest's.
pub const GUEST: u64 = 3;

/// The only kind of socket there is: a stream.
pub const STREAM: u16 = 1;
/// In [`Operation::Shutdown`]: no more is received.
pub const SHUTDOWN_RECEIVE: u32 = 1 << 0;
/// In [`Operation::Shutdown`]: no more is sent.
pub const SHUTDOWN_SEND: u32 = 1 << 1;

/// What a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Connect with me.
    Request = 1,
    /// Gladly.
    Response = 2,
    /// There is no connection, or no more.
    Reset = 3,
    /// I will not send, or not receive, any more.
    Shutdown = 4,
    /// Here is data.
    Data = 5,
    /// I have room for more.
    CreditUpdate = 6,
    /// How much room have you got?
    CreditRequest = 7,
}

impl Operation {
    fn of(value: u16) -> Option<Self> {
        Some(match value {
            1 => Self::Request,
            2 => Self::Response,
            3 => Self::Reset,
            4 => Self::Shutdown,
            5 => Self::Data,
            6 => Self::CreditUpdate,
            7 => Self::CreditRequest,
            _ => return None,
        })
    }
}

/// A connection, by its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The port in the guest.
    pub guest: u32,
    /// The port of the host.
    pub host: u32,
}

/// A header, without the addresses, which are always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which connection.
    pub key: Key,
    /// Bytes of data behind it.
    pub length: u32,
    /// What it says; `None` for what nobody knows.
    pub operation: Option<Operation>,
    /// More about a shutdown.
    pub flags: u32,
    /// Size of the sender's receive buffer.
    pub buffer: u32,
    /// Bytes that the sender has taken out of it, ever.
    pub forwarded: u32,
}

/// A header of the guest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// To us, about a stream.
    Ours(Header),
    /// To us, about something that is no stream.
    NoStream(Key),
    /// To somebody else, or from somebody else.
    Foreign,
}

impl Header {
    /// Reads a header of the guest.
    pub fn parse(bytes: &[u8; LENGTH]) -> Parsed {
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if u64_at(0) != GUEST || u64_at(8) != HOST {
            return Parsed::Foreign;
        }
        let key = Key { guest: u32_at(16), host: u32_at(20) };
        if u16_at(28) != STREAM {
            return Parsed::NoStream(key);
        }
        Parsed::Ours(Self {
            key,
            length: u32_at(24),
            operation: Operation::of(u16_at(30)),
            flags: u32_at(32),
            buffer: u32_at(36),
            forwarded: u32_at(40),
        })
    }

    /// A header of ours, as the guest reads it.
    pub fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &HOST.to_le_bytes());
        put(8, &GUEST.to_le_bytes());
        put(16, &self.key.host.to_le_bytes());
        put(20, &self.key.guest.to_le_bytes());
        put(24, &self.length.to_le_bytes());
        put(28, &STREAM.to_le_bytes());
        put(30, &self.operation.map_or(0, |operation| operation as u16).to_le_bytes());
        put(32, &self.flags.to_le_bytes());
        put(36, &self.buffer.to_le_bytes());
        put(40, &self.forwarded.to_le_bytes());
        bytes
    }

    /// Says of `key` that there is no such connection.
    pub fn reset(key: Key) -> Self {
        let operation = Some(Operation::Reset);
        Self { key, length: 0, operation, flags: 0, buffer: 0, forwarded: 0 }
    }
}
