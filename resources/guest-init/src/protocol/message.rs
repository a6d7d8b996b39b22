//! Messages: what a host may ask of PID 1, and what it hears back.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What a host asks for; sent as JSON in a [`Kind::Request`](super::Kind::Request) frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Start a command.
    Run(Run),
    /// Set up a network interface.
    Configure(Configure),
    /// Write a file from the `Stdin` frames that follow.
    WriteFile(WriteFile),
    /// Send a signal to a running command and all it started.
    Signal(Signal),
    /// Change the size of a running command's terminal.
    Resize(Resize),
    /// Nobody reads an output of a running command any more.
    CloseOutput(CloseOutput),
    /// Stop everything and power the machine off.
    PowerOff,
    /// Stop everything and restart the machine.
    Reboot,
}

/// A command to start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Program and arguments; a program without a slash is searched in PATH.
    pub argv: Vec<String>,
    /// Variables set on top of the guest's own (PATH, HOME, TERM).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Working directory; `/` where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Root directory, for a command that lives in another file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Whether `Stdin` frames will come; otherwise standard input is empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stdin: bool,
    /// A terminal for all three standard streams, whose output comes in `Stdout` frames; `Stdin`
    /// frames will come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Size>,
}

/// Size of a terminal in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// How an interface is to be set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configure {
    /// MAC address (`52:54:00:..`) or name (`eth0`).
    pub interface: String,
    /// Addresses with prefix length: `10.0.1.2/24`, `fd00:1::2/64`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Default routes, one a family.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<IpAddr>,
    /// MTU in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

/// A file to write; its data follows in `Stdin` frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// Where; missing directories are made.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
}

/// A signal for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Id of the `Run` request.
    pub run: u32,
    /// Signal number.
    pub signal: i32,
}

/// A new size for a command's terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Id of the `Run` request.
    pub run: u32,
    /// The size.
    pub size: Size,
}

/// An output that nobody reads any more: the command that writes to it is to learn that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseOutput {
    /// Id of the `Run` request.
    pub run: u32,
    /// Whether it is standard error; standard output otherwise.
    pub stderr: bool,
}

/// What PID 1 says when it takes requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// [`VERSION`](super::VERSION) of the guest's PID 1.
    pub version: u32,
    /// Release of the guest's kernel.
    pub kernel: String,
    /// What went wrong while the guest came up, if anything: one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Kind of the guest's device.
    #[serde(default)]
    pub device: Device,
}

/// What the control device is to the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// A UART: every byte takes time, and its buffer is small.
    #[default]
    Uart,
    /// A port of a virtio console: bytes move in blocks, by DMA.
    Port,
}

impl Device {
    /// Bytes of standard input that may be on their way to one command.
    pub fn window(self) -> usize {
        match self {
            Self::Uart => 8 * 1024,
            Self::Port => 128 * 1024,
        }
    }

    /// Whether bytes are dearer than the time to compress them.
    pub fn compresses(self) -> bool {
        self == Self::Uart
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
}

impl Status {
    /// Whether the command ended with code 0.
    pub fn success(self) -> bool {
        self == Self::Exited(0)
    }

    /// The exit status a shell would report: the code, or 128 + signal.
    pub fn code(self) -> i32 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128 + signal,
        }
    }

    /// On the wire: `e` or `s`, then the number (i32, little endian).
    pub fn to_bytes(self) -> [u8; 5] {
        let (tag, number) = match self {
            Self::Exited(code) => (b'e', code),
            Self::Signaled(signal) => (b's', signal),
        };
        let [a, b, c, d] = number.to_le_bytes();
        [tag, a, b, c, d]
    }

    /// The reverse of [`Status::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, number) = bytes.split_first()?;
        let number = i32::from_le_bytes(number.try_into().ok()?);
        match tag {
            b'e' => Some(Self::Exited(number)),
            b's' => Some(Self::Signaled(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit status {code}"),
            Self::Signaled(signal) => write!(f, "signal {signal}"),
        }
    }
}
