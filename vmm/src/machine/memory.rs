//! Guest RAM: below the PCI hole and above 4 GiB.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use kvm_bindings::{KVM_MEM_READONLY, kvm_userspace_memory_region};
use kvm_ioctls::VmFd;
use nix::sys::mman::{MmapAdvise, madvise};
use vm_memory::mmap::{MmapRegion, MmapRegionError};
use vm_memory::{
    GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, GuestRegionMmap,
    VolatileMemory,
};

use super::error::{Error, Result};
use super::layout;

/// Bytes of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// Makes `size` bytes of RAM and shows it to the guest. Returns it and the next free slot.
pub fn create(vm: &VmFd, size: u64) -> Result<(GuestMemoryMmap, SlotNumbers)> {
    let failed = |error: String| Error::Memory(size >> 20, error);
    let low = size.min(layout::PCI_MEMORY);
    let mut ranges = vec![(GuestAddress(0), low as usize)];
    if size > low {
        ranges.push((GuestAddress(layout::MEMORY_ABOVE_4G), (size - low) as usize));
    }
    let regions = ranges.into_iter().map(|(start, length)| {
        let mapping = aligned(length).map_err(|e| failed(e.to_string()))?;
        prefer_huge_pages(&mapping);
        GuestRegionMmap::new(mapping, start).ok_or_else(|| failed("it wraps".into()))
    });
    let memory = GuestMemoryMmap::from_regions(regions.collect::<Result<_>>()?)
        .map_err(|e| failed(e.to_string()))?;
    let slots = SlotNumbers::default();
    for region in memory.iter() {
        let host =
            memory.get_host_address(region.start_addr()).map_err(|e| failed(e.to_string()))?;
        set_region(vm, slots.next(), region.start_addr().0, host, region.len(), false)
            .map_err(|e| failed(e.to_string()))?;
    }
    Ok((memory, slots))
}

/// A mapping that starts at a huge page's boundary where that can be had: KVM shows the guest a
/// huge page only where its guest address and its host address have the same offset in one.
///
/// The kernel puts a new mapping right below the last one, so that a spacer moves the next try to the
/// boundary. A mapping that lies elsewhere still works, only slower.
fn aligned(length: usize) -> std::result::Result<MmapRegion, MmapRegionError> {
    let first = MmapRegion::new(length)?;
    let excess = first.as_ptr().addr() % HUGE_PAGE;
    if excess == 0 || length < HUGE_PAGE {
        return Ok(first);
    }
    drop(first);
    let _spacer = MmapRegion::<()>::new(excess)?;
    MmapRegion::new(length)
}

/// Asks for huge pages: each of them saves the guest 511 exits when it first uses its memory.
#[allow(unsafe_code)]
fn prefer_huge_pages(mapping: &MmapRegion) {
    let Some(address) = NonNull::new(mapping.as_ptr().cast()) else { return };
    // SAFETY: the range is this mapping's, and the advice changes nothing that can be seen in it.
    let advised = unsafe { madvise(address, mapping.size(), MmapAdvise::MADV_HUGEPAGE) };
    if let Err(error) = advised {
        tracing::debug!("guest memory has no huge pages: {error}");
    }
}

/// Hands out KVM memory slot numbers.
#[derive(Debug, Default)]
pub struct SlotNumbers(AtomicU32);

impl SlotNumbers {
    /// A number not handed out before.
    pub fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[allow(unsafe_code)]
fn set_region(
    vm: &VmFd,
    slot: u32,
    guest: u64,
    host: *mut u8,
    size: u64,
    read_only: bool,
) -> std::result::Result<(), kvm_ioctls::Error> {
    let region = kvm_userspace_memory_region {
        slot,
        flags: if read_only { KVM_MEM_READONLY } else { 0 },
        guest_phys_addr: guest,
        memory_size: size,
        userspace_addr: host as u64,
    };
    // SAFETY: `host` points to a mapping of at least `size` bytes. It is held by the machine, which
    // before it drops anything joins its vCPUs, the only ones to use the region; if one of them
    // cannot be joined, the machine is never dropped.
    unsafe { vm.set_user_memory_region(region) }
}

/// One page of host memory that the guest reads without leaving, in place of a BAR's registers.
pub struct MirrorPage {
    page: MmapRegion,
    slot: u32,
    mapped_at: Option<u64>,
}

impl MirrorPage {
    /// Bytes of a page.
    pub const SIZE: usize = 4096;

    /// A page that is not shown yet.
    pub fn new(slots: &SlotNumbers) -> Result<Self> {
        let page = MmapRegion::new(Self::SIZE).map_err(|e| Error::Memory(0, e.to_string()))?;
        Ok(Self { page, slot: slots.next(), mapped_at: None })
    }

    /// Where it is shown now.
    pub fn mapped_at(&self) -> Option<u64> {
        self.mapped_at
    }

    /// Shows it at `address`, or nowhere.
    pub fn map(&mut self, vm: &VmFd, address: Option<u64>) -> Result<()> {
        if self.mapped_at == address {
            return Ok(());
        }
        let host = self.page.as_ptr();
        let refused = |error| Error::Kvm("map a register page", error);
        if self.mapped_at.is_some() {
            set_region(vm, self.slot, 0, host, 0, false).map_err(refused)?;
            self.mapped_at = None;
        }
        if let Some(address) = address {
            set_region(vm, self.slot, address, host, Self::SIZE as u64, true).map_err(refused)?;
            self.mapped_at = Some(address);
        }
        Ok(())
    }

    /// Brings what the guest reads up to date, a 32-bit word at a time and only where it differs.
    pub fn publish(&self, registers: &[u8]) {
        for (index, bytes) in registers.chunks_exact(4).enumerate() {
            let word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            if let Ok(cell) = self.page.get_ref::<u32>(4 * index)
                && cell.load() != word
            {
                cell.store(word);
            }
        }
    }
}
