//! The common configuration structure (section 4.1.4.3): one table of registers, one mechanism
//! that splits an access of any width over them.

use super::VirtioDevice;
use super::transport::Transport;

/// Bytes of the structure.
pub const LENGTH: u32 = 0x3c;

/// A register of the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Register {
    DeviceFeatureSelect,
    DeviceFeature,
    DriverFeatureSelect,
    DriverFeature,
    ConfigurationVector,
    QueueCount,
    Status,
    Generation,
    QueueSelect,
    QueueSize,
    QueueVector,
    QueueEnable,
    QueueNotifyOffset,
    /// Half of an address: which of descriptors, available, used; and how far to shift.
    QueueAddress(usize, u32),
    QueueNotifyData,
    QueueReset,
}

/// Offset, width in bytes and meaning of each register.
const REGISTERS: [(usize, usize, Register); 21] = [
    (0x00, 4, Register::DeviceFeatureSelect),
    (0x04, 4, Register::DeviceFeature),
    (0x08, 4, Register::DriverFeatureSelect),
    (0x0c, 4, Register::DriverFeature),
    (0x10, 2, Register::ConfigurationVector),
    (0x12, 2, Register::QueueCount),
    (0x14, 1, Register::Status),
    (0x15, 1, Register::Generation),
    (0x16, 2, Register::QueueSelect),
    (0x18, 2, Register::QueueSize),
    (0x1a, 2, Register::QueueVector),
    (0x1c, 2, Register::QueueEnable),
    (0x1e, 2, Register::QueueNotifyOffset),
    (0x20, 4, Register::QueueAddress(0, 0)),
    (0x24, 4, Register::QueueAddress(0, 32)),
    (0x28, 4, Register::QueueAddress(1, 0)),
    (0x2c, 4, Register::QueueAddress(1, 32)),
    (0x30, 4, Register::QueueAddress(2, 0)),
    (0x34, 4, Register::QueueAddress(2, 32)),
    (0x38, 2, Register::QueueNotifyData),
    (0x3a, 2, Register::QueueReset),
];

/// The registers that `offset..offset + length` touches: each with its own offset and width.
fn touched(offset: usize, length: usize) -> impl Iterator<Item = (usize, usize, Register)> {
    let end = offset.saturating_add(length);
    REGISTERS.into_iter().filter(move |(at, width, _)| *at < end && offset < at + width)
}

/// Reads; bytes beyond the registers read as zero.
pub fn read(transport: &Transport, offset: usize, data: &mut [u8]) {
    data.fill(0);
    for (at, width, register) in touched(offset, data.len()) {
        let value = get(transport, register).to_le_bytes();
        for (index, byte) in value.iter().take(width).enumerate() {
            let target = (at + index).checked_sub(offset).and_then(|to| data.get_mut(to));
            if let Some(target) = target {
                *target = *byte;
            }
        }
    }
}

/// Writes; a write narrower than its register keeps the other bytes.
pub fn write(transport: &mut Transport, device: &mut dyn VirtioDevice, offset: usize, data: &[u8]) {
    for (at, width, register) in touched(offset, data.len()) {
        let mut value = get(transport, register).to_le_bytes();
        for (index, byte) in value.iter_mut().take(width).enumerate() {
            let source = (at + index).checked_sub(offset).and_then(|from| data.get(from));
            if let Some(source) = source {
                *byte = *source;
            }
        }
        set(transport, device, register, u32::from_le_bytes(value));
    }
}

fn half(features: u64, select: u32) -> u32 {
    match select {
        0 => features as u32,
        1 => (features >> 32) as u32,
        _ => 0,
    }
}

fn get(transport: &Transport, register: Register) -> u32 {
    let queue = transport.selected();
    match register {
        Register::DeviceFeatureSelect => transport.device_feature_select,
        Register::DeviceFeature => half(transport.offered, transport.device_feature_select),
        Register::DriverFeatureSelect => transport.driver_feature_select,
        Register::DriverFeature => half(transport.driver_features, transport.driver_feature_select),
        Register::ConfigurationVector => transport.shared.interrupts.configuration_vector().into(),
        Register::QueueCount => transport.queues.len() as u32,
        Register::Status => transport.status().into(),
        Register::Generation => transport.generation.into(),
        Register::QueueSelect => transport.queue_select.into(),
        Register::QueueSize => queue.map_or(0, |queue| queue.size).into(),
        Register::QueueVector => {
            queue.map_or(crate::pci::msix::NO_VECTOR, |queue| queue.vector).into()
        }
        Register::QueueEnable => queue.is_some_and(|queue| queue.enabled()).into(),
        // Every queue has its own doorbell, and names itself in what it writes there.
        Register::QueueNotifyOffset | Register::QueueNotifyData => {
            queue.map_or(0, |_| transport.queue_select).into()
        }
        Register::QueueAddress(which, shift) => {
            queue.map_or(0, |queue| (queue.addresses[which] >> shift) as u32)
        }
        // A queue is reset before the write returns.
        Register::QueueReset => 0,
    }
}

fn set(transport: &mut Transport, device: &mut dyn VirtioDevice, register: Register, value: u32) {
    match register {
        Register::DeviceFeatureSelect => transport.device_feature_select = value,
        Register::DriverFeatureSelect => transport.driver_feature_select = value,
        Register::DriverFeature => transport.write_features(value),
        Register::ConfigurationVector => {
            transport.shared.interrupts.set_configuration_vector(value as u16);
        }
        Register::Status => transport.write_status(device, value as u8),
        Register::QueueSelect => transport.queue_select = value as u16,
        Register::QueueSize => {
            if let Some(mut queue) = transport.selected_open() {
                queue.size = value as u16;
            }
        }
        Register::QueueVector => {
            let vector = transport.shared.interrupts.allowed(value as u16);
            if let Some(mut queue) = transport.selected() {
                queue.vector = vector;
            }
        }
        Register::QueueEnable if value == 1 => transport.enable_queue(),
        Register::QueueAddress(which, shift) => {
            if let Some(mut queue) = transport.selected_open() {
                let kept = queue.addresses[which] & !(0xffff_ffff << shift);
                queue.addresses[which] = kept | u64::from(value) << shift;
            }
        }
        Register::QueueReset if value == 1 => transport.reset_queue(device),
        _ => {}
    }
}

#[cfg(test)]
#[path = "common_tests.rs"]
mod tests;
