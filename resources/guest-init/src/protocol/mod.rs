//! The control protocol: frames on a byte stream that may start in the middle of anything.
//!
//! ```text
//! frame   = COBS( kind:u8  id:u32le  payload  crc32:u32le )  0x00
//! ```
//!
//! COBS keeps the zero byte out of a frame, so a receiver that lost its place finds it again at
//! the next zero, and the checksum tells that bytes were lost. Large data is sent as many frames;
//! no payload is longer than [`MAX_PAYLOAD`]. A payload may be compressed (deflate), then bit 6 of
//! `kind` is set.
//!
//! How a session goes:
//! 1. the host sends [`Kind::Hello`] every second until the guest answers [`Kind::Ready`] (the
//!    guest also says Ready on its own when it is up); the hello's id is the session's number;
//! 2. the host sends a [`Request`] with a fresh id. `Configure`, `PowerOff` and `Signal` are
//!    answered by [`Kind::Done`] or [`Kind::Failed`];
//! 3. `Run` is answered by `Stdout` and `Stderr` chunks and at the end by [`Kind::Exited`], or by
//!    `Failed` if it could not start;
//! 4. a `Run` with `stdin` and a `WriteFile` take [`Kind::Stdin`] frames, an empty one ends the
//!    data. At most [`Device::window`] bytes may be under way: the guest gives room back by
//!    [`Kind::Credit`], so a tty's small buffer is never overrun;
//! 5. a `Run` with a terminal may be resized, and output that nobody reads can be closed, as the
//!    end of a pipe would be.
//!
//! The guest's device is a port of a virtio console or a UART. Every byte over a UART may cost a VM
//! exit, so nothing is echoed and what gets shorter by it is compressed; over a port it is not.

mod frame;
mod message;

pub use frame::{Frame, FrameReader, Kind, MAX_PAYLOAD, Received, encode};
pub use message::{
    CloseOutput, Configure, Device, Ready, Request, Resize, Run, Signal, Size, Status, WriteFile,
};

/// Version of this protocol, told in [`Ready`].
pub const VERSION: u32 = 3;

/// Name of the kernel command line parameter that names the control device.
pub const CONTROL_PARAMETER: &str = "nicvmm.control";

/// Name of the kernel command line parameter that names the boot timer's port.
pub const TIMER_PARAMETER: &str = "nicvmm.timer";

/// How far a guest is. The number is what the boot timer's port is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// The first instruction before the kernel's own.
    Kernel = 1,
    /// PID 1 has mounted what it needs to tell so.
    Init = 2,
    /// A command is about to start.
    Command = 3,
}

/// Name of the virtio port that is the control device, where there is one.
pub const CONTROL_PORT: &str = "nicvmm.control";

/// The control device where the command line names none.
pub const DEFAULT_CONTROL: &str = "ttyS1";
