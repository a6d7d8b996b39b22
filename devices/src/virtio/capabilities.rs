//! Where the structures lie behind the BAR, and the PCI capabilities that say so (section 4.1.4).
//!
//! One page each, so that the doorbell page holds nothing else:
//!
//! | offset | structure |
//! |---|---|
//! | 0x0000 | common configuration |
//! | 0x1000 | ISR status |
//! | 0x2000 | the device's own configuration |
//! | 0x3000 | notifications, four bytes a queue |

use super::common;
use crate::pci::config::Configuration;

/// The BAR of the structures.
pub const BAR: usize = 4;
/// The BAR of the MSI-X table.
pub const MSIX_BAR: usize = 1;
/// Length of [`BAR`].
pub const BAR_SIZE: u64 = 0x4000;
/// Bytes between the doorbells of two queues.
pub const NOTIFY_STRIDE: u64 = 4;
/// Offset of the first doorbell.
pub const NOTIFY: u64 = 3 * PAGE;
/// The most queues whose doorbells fit.
pub const MAX_QUEUES: usize = (PAGE / NOTIFY_STRIDE) as usize;

const PAGE: u64 = 0x1000;
const VENDOR_SPECIFIC: u8 = 0x09;
/// Offset, within the access capability, of its data window.
const WINDOW: usize = 16;
const WINDOW_SIZE: usize = 4;

/// What a capability describes (`cfg_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Structure {
    Common = 1,
    Notify = 2,
    Isr = 3,
    Device = 4,
    Access = 5,
}

/// A place behind [`BAR`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The common configuration, at this offset.
    Common(usize),
    /// The ISR status register.
    Isr,
    /// The device's configuration, at this offset.
    Device(usize),
    /// The doorbell of this queue.
    Doorbell(u16),
    /// Nothing.
    Hole,
}

impl Place {
    /// What lies at `offset`.
    pub fn at(offset: u64) -> Self {
        let within = offset % PAGE;
        match offset / PAGE {
            0 => Self::Common(within as usize),
            1 if within == 0 => Self::Isr,
            2 => Self::Device(within as usize),
            3 => Self::Doorbell((within / NOTIFY_STRIDE) as u16),
            _ => Self::Hole,
        }
    }
}

fn body(structure: Structure, offset: u64, length: u32, extra: &[u8]) -> Vec<u8> {
    let mut body = vec![WINDOW as u8 + extra.len() as u8, structure as u8, BAR as u8, 0, 0, 0];
    body.extend_from_slice(&(offset as u32).to_le_bytes());
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(extra);
    body
}

/// Adds the five capabilities; returns the window of the access capability, or `None` if
/// configuration space is full.
pub fn add(configuration: &mut Configuration) -> Option<Window> {
    let stride = (NOTIFY_STRIDE as u32).to_le_bytes();
    let mut add = |body: &[u8], writable: &[u8]| {
        configuration.add_capability(VENDOR_SPECIFIC, body, writable)
    };
    add(&body(Structure::Common, 0, common::LENGTH, &[]), &[])?;
    add(&body(Structure::Notify, NOTIFY, PAGE as u32, &stride), &[])?;
    add(&body(Structure::Isr, PAGE, 1, &[]), &[])?;
    add(&body(Structure::Device, 2 * PAGE, PAGE as u32, &[]), &[])?;
    let access = body(Structure::Access, 0, 0, &[0; WINDOW_SIZE]);
    // Writable: BAR, offset, length and the data.
    let mut writable = vec![0xff; access.len()];
    writable[..6].copy_from_slice(&[0, 0, 0xff, 0, 0, 0]);
    add(&access, &writable).map(Window)
}

/// The access capability: a window into the BARs for those who only reach configuration space.
#[derive(Clone, Copy, Debug)]
pub struct Window(usize);

impl Window {
    /// Whether an access to configuration space touches the data.
    pub fn touched(self, offset: usize, length: usize) -> bool {
        let at = self.0 + WINDOW;
        offset < at + WINDOW_SIZE && at < offset.saturating_add(length)
    }

    /// Where the window points: BAR, offset, width. `None` if the driver set it wrongly.
    pub fn target(self, configuration: &Configuration) -> Option<(usize, u64, usize)> {
        let bar = configuration.u16(self.0 + 4) as u8;
        let offset = configuration.u32(self.0 + 8);
        let width = configuration.u32(self.0 + 12);
        let good = matches!(width, 1 | 2 | 4) && offset.is_multiple_of(width);
        good.then_some((usize::from(bar), u64::from(offset), width as usize))
    }

    /// Puts what was read into the data.
    pub fn fill(self, configuration: &mut Configuration, data: [u8; WINDOW_SIZE]) {
        let at = self.0 + WINDOW;
        configuration.set_u16(at, u16::from_le_bytes([data[0], data[1]]));
        configuration.set_u16(at + 2, u16::from_le_bytes([data[2], data[3]]));
    }

    /// What the driver put into the data.
    pub fn data(self, configuration: &Configuration) -> [u8; WINDOW_SIZE] {
        configuration.u32(self.0 + WINDOW).to_le_bytes()
    }
}
