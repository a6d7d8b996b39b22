//! Loads a kernel and what it needs, as the Linux/x86 boot protocol's 64-bit entry expects.
//!
//! The kernel is what [`kernel_file`](super::kernel_file) finds: an ELF file (vmlinux, or a
//! bare-metal payload) starts at its entry point, a bzImage that has to unpack itself at 0x200 behind
//! its protected-mode code. Either way the CPU is in 64-bit mode and RSI holds the address of the
//! zero page.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use linux_loader::configurator::{BootConfigurator, BootParams, linux::LinuxBootConfigurator};
use linux_loader::loader::bootparam::{boot_e820_entry, boot_params, setup_header};
use linux_loader::loader::{KernelLoader, KernelLoaderResult, bzimage::BzImage, elf::Elf};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use super::error::{Error, Result};
use super::kernel_file::{Content, Kernel};
use super::layout;

/// Where the boot CPU starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// First instruction.
    pub address: u64,
    /// What RSI holds.
    pub argument: u64,
}

/// What to load.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    /// A kernel file of any kind that [`Kernel::open`] knows.
    pub kernel: PathBuf,
    /// Initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// A packed archive that follows the initial RAM disk.
    pub appended: Vec<u8>,
    /// Kernel command line.
    pub command_line: String,
}

const E820_RAM: u32 = 1;
const E820_ACPI: u32 = 3;
/// Offset of the 64-bit entry point in a bzImage's protected-mode code.
const BZIMAGE_ENTRY_64: u64 = 0x200;
/// `xloadflags` bit: the kernel has a 64-bit entry point.
const XLF_KERNEL_64: u16 = 1;
const BOOT_FLAG: u16 = 0xaa55;
const HEADER_MAGIC: u32 = 0x5372_6448;
const LOADER_UNDEFINED: u8 = 0xff;
const KERNEL_ALIGNMENT: u32 = 0x0100_0000;

/// Loads everything; `rsdp` is the address of the ACPI root pointer.
pub fn load(memory: &GuestMemoryMmap, payload: &Payload, rsdp: u64) -> Result<Entry> {
    let (kernel, entry) = load_kernel(memory, &payload.kernel)?;
    let mut parameters = boot_params { hdr: header(&kernel), ..Default::default() };
    let needs = u64::from(parameters.hdr.init_size);
    let kernel_end = kernel.kernel_end.max(kernel.kernel_load.0.saturating_add(needs));
    if let Some(path) = &payload.initrd {
        let (address, size) = load_initrd(memory, path, &payload.appended, kernel_end)?;
        parameters.hdr.ramdisk_image = address as u32;
        parameters.hdr.ramdisk_size = size as u32;
        parameters.ext_ramdisk_image = (address >> 32) as u32;
    }
    load_command_line(memory, &payload.command_line)?;
    parameters.hdr.cmd_line_ptr = layout::COMMAND_LINE as u32;
    parameters.hdr.cmdline_size = payload.command_line.len() as u32;
    parameters.acpi_rsdp_addr = rsdp;
    describe_memory(memory, &mut parameters);
    LinuxBootConfigurator::write_bootparams(
        &BootParams::new(&parameters, GuestAddress(layout::ZERO_PAGE)),
        memory,
    )
    .map_err(|_| Error::TooSmall(layout::ZERO_PAGE, "the zero page"))?;
    Ok(Entry { address: entry, argument: layout::ZERO_PAGE })
}

fn open(what: &'static str, path: &Path) -> Result<File> {
    File::open(path).map_err(|source| Error::Read { what, path: path.into(), source })
}

fn load_kernel(memory: &GuestMemoryMmap, path: &Path) -> Result<(KernelLoaderResult, u64)> {
    let bad = |why: String| Error::Kernel { path: path.into(), why };
    let kernel = Kernel::open(path)?;
    tracing::info!("{} is {}", path.display(), kernel.description);
    let high = Some(GuestAddress(layout::HIGH_MEMORY));
    let elf_failed = |error| bad(format!("loading the ELF file failed ({error})"));
    let loaded = match kernel.content {
        Content::ElfFile(mut file) => {
            Elf::load(memory, None, &mut file, high).map_err(elf_failed)?
        }
        Content::Elf(bytes) => {
            Elf::load(memory, None, &mut Cursor::new(bytes), high).map_err(elf_failed)?
        }
        Content::BzImage(bytes) => {
            let loaded = BzImage::load(memory, None, &mut Cursor::new(bytes), high)
                .map_err(|e| bad(format!("loading it as bzImage failed ({e})")))?;
            let flags = loaded.setup_header.map_or(0, |header| header.xloadflags);
            if flags & XLF_KERNEL_64 == 0 {
                return Err(bad("this bzImage has no 64-bit entry point".into()));
            }
            let entry = loaded.kernel_load.0 + BZIMAGE_ENTRY_64;
            return Ok((loaded, entry));
        }
    };
    let entry = loaded.kernel_load.0;
    Ok((loaded, entry))
}

fn header(kernel: &KernelLoaderResult) -> setup_header {
    let mut header = kernel.setup_header.unwrap_or(setup_header {
        boot_flag: BOOT_FLAG,
        header: HEADER_MAGIC,
        kernel_alignment: KERNEL_ALIGNMENT,
        ..Default::default()
    });
    header.type_of_loader = LOADER_UNDEFINED;
    header
}

/// Puts the initial RAM disk as high as it goes below 4 GiB, page aligned, and what is `appended` to
/// it behind it; archives start at multiples of four.
fn load_initrd(
    memory: &GuestMemoryMmap,
    path: &Path,
    appended: &[u8],
    kernel_end: u64,
) -> Result<(u64, u64)> {
    let unreadable = |source| Error::Read { what: "initrd", path: path.into(), source };
    let mut file = open("initrd", path)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let size = length.next_multiple_of(4).saturating_add(appended.len() as u64);
    let end = memory.iter().next().map_or(0, GuestMemoryRegion::len);
    // A segment may claim to end where no page begins any more.
    let start = kernel_end.checked_next_multiple_of(4096).unwrap_or(u64::MAX);
    let room = end.saturating_sub(start);
    let too_large = || Error::InitrdTooLarge { path: path.into(), size, room };
    if size > room {
        return Err(too_large());
    }
    let address = (end - size) & !0xfff;
    memory
        .read_exact_volatile_from(GuestAddress(address), &mut file, length as usize)
        .map_err(|error| unreadable(std::io::Error::other(error)))?;
    memory
        .write_slice(appended, GuestAddress(address + size - appended.len() as u64))
        .map_err(|_| too_large())?;
    Ok((address, size))
}

fn load_command_line(memory: &GuestMemoryMmap, line: &str) -> Result<()> {
    let bytes = [line.as_bytes(), &[0]].concat();
    if bytes.len() > layout::COMMAND_LINE_MAX {
        return Err(Error::CommandLineTooLong(line.len(), layout::COMMAND_LINE_MAX - 1));
    }
    memory
        .write_slice(&bytes, GuestAddress(layout::COMMAND_LINE))
        .map_err(|_| Error::TooSmall(layout::COMMAND_LINE, "the command line"))
}

fn describe_memory(memory: &GuestMemoryMmap, parameters: &mut boot_params) {
    let mut ranges = vec![
        (0, layout::LOW_MEMORY_END, E820_RAM),
        (layout::ACPI, layout::ACPI_END - layout::ACPI, E820_ACPI),
    ];
    for region in memory.iter() {
        let start = region.start_addr().0.max(layout::HIGH_MEMORY);
        let end = region.start_addr().0 + region.len();
        ranges.push((start, end.saturating_sub(start), E820_RAM));
    }
    for (slot, (addr, size, r#type)) in parameters.e820_table.iter_mut().zip(&ranges) {
        *slot = boot_e820_entry { addr: *addr, size: *size, r#type: *r#type };
    }
    parameters.e820_entries = ranges.len() as u8;
}
