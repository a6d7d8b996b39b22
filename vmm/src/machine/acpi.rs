//! The ACPI tables: how the guest learns of its CPUs, its interrupts, its PCI bus and its power.

use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::madt::{EnabledStatus, IoApic, ProcessorLocalApic};
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use acpi_tables::{Aml, aml, facs::FACS, gas};
use devices::platform::{GeneralEvents, PME_EVENT, SLEEP_TYPE_OFF};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::error::{Error, Result};
use super::layout;

const OEM: [u8; 6] = *b"NICVMM";
const OEM_TABLE: [u8; 8] = *b"MICROVMM";
/// The name by which drivers know the pvpanic port.
const PVPANIC: &str = "QEMU0001";
/// What a write to the reset register carries; its value does not matter.
const RESET_VALUE: u8 = 1;

/// Writes all tables; returns the address of the root pointer.
pub fn write(memory: &GuestMemoryMmap, cpus: u8, slots: usize) -> Result<u64> {
    let rsdp_address = layout::ACPI;
    let mut area = Area { bytes: vec![0; Rsdp::len().next_multiple_of(64)] };
    let facs = area.append(&FACS::new());
    let dsdt = area.append_bytes(dsdt(slots).as_slice());
    let fadt = area.append(&fadt(facs, dsdt));
    let madt = area.append_bytes(madt(cpus).as_slice());
    let mut xsdt = XSDT::new(OEM, OEM_TABLE, 1);
    xsdt.add_entry(fadt);
    xsdt.add_entry(madt);
    let xsdt = area.append(&xsdt);
    let mut rsdp = Vec::new();
    Rsdp::new(OEM, xsdt).to_aml_bytes(&mut rsdp);
    area.bytes[..rsdp.len()].copy_from_slice(&rsdp);

    let room = (layout::ACPI_END - layout::ACPI) as usize;
    if area.bytes.len() > room {
        return Err(Error::Acpi(area.bytes.len(), room));
    }
    memory
        .write_slice(&area.bytes, GuestAddress(rsdp_address))
        .map_err(|_| Error::TooSmall(rsdp_address, "the ACPI tables"))?;
    Ok(rsdp_address)
}

/// The tables, one after the other, each at a 64-byte boundary.
struct Area {
    bytes: Vec<u8>,
}

impl Area {
    fn append(&mut self, table: &dyn Aml) -> u64 {
        let mut bytes = Vec::new();
        table.to_aml_bytes(&mut bytes);
        self.append_bytes(&bytes)
    }

    fn append_bytes(&mut self, table: &[u8]) -> u64 {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(table);
        self.bytes.resize(self.bytes.len().next_multiple_of(64), 0);
        layout::ACPI + at as u64
    }
}

fn port(address: u64, bits: u8, access: gas::AccessSize) -> gas::GAS {
    gas::GAS::new(gas::AddressSpace::SystemIo, bits, 0, access, address)
}

fn fadt(facs: u64, dsdt: u64) -> impl Aml {
    const NO_VGA: u16 = 1 << 2;
    const NO_CMOS_CLOCK: u16 = 1 << 5;
    let mut fadt = FADTBuilder::new(OEM, OEM_TABLE, 1)
        .firmware_ctrl_32(facs as u32)
        .dsdt_32(dsdt as u32)
        .dsdt_64(dsdt)
        .flag(Flags::Wbinvd)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton)
        .flag(Flags::FixRtc)
        .flag(Flags::ResetRegSup);
    let (events, control) = (layout::POWER, layout::POWER + 4);
    fadt.sci_int = (layout::SCI_GSI as u16).into();
    fadt.pm1a_evt_blk = (events as u32).into();
    fadt.pm1_evt_len = 4;
    fadt.pm1a_cnt_blk = (control as u32).into();
    fadt.pm1_cnt_len = 2;
    fadt.x_pm1a_evt_blk = port(events, 32, gas::AccessSize::WordAccess);
    fadt.x_pm1a_cnt_blk = port(control, 16, gas::AccessSize::WordAccess);
    fadt.gpe0_blk = (layout::GENERAL_EVENTS as u32).into();
    fadt.gpe0_blk_len = GeneralEvents::LENGTH as u8;
    fadt.x_gpe0_blk = port(layout::GENERAL_EVENTS, 16, gas::AccessSize::ByteAccess);
    fadt.iapc_boot_arch = (NO_VGA | NO_CMOS_CLOCK).into();
    fadt.reset_reg = port(layout::POWER + 8, 8, gas::AccessSize::ByteAccess);
    fadt.reset_value = RESET_VALUE;
    fadt.finalize()
}

fn madt(cpus: u8) -> Sdt {
    const HEADER: u32 = 44;
    const PC_COMPATIBLE: u32 = 1;
    let mut madt = Sdt::new(*b"APIC", HEADER, 4, OEM, OEM_TABLE, 1);
    madt.write_u32(36, layout::LAPIC);
    madt.write_u32(40, PC_COMPATIBLE);
    let mut entries = Vec::new();
    for cpu in 0..cpus {
        ProcessorLocalApic::new(cpu, cpu, EnabledStatus::Enabled).to_aml_bytes(&mut entries);
    }
    IoApic::new(0, layout::IOAPIC, 0).to_aml_bytes(&mut entries);
    // The timer arrives at pin 2, as on a PC; ACPI's own interrupt is level-triggered, active high.
    entries.extend_from_slice(&source_override(0, 2, 0));
    entries.extend_from_slice(&source_override(layout::SCI_GSI as u8, layout::SCI_GSI, 0xd));
    madt.append_slice(&entries);
    madt
}

/// Interrupt Source Override (ACPI 6.4, 5.2.12.5).
fn source_override(isa: u8, gsi: u32, flags: u16) -> [u8; 10] {
    let [g0, g1, g2, g3] = gsi.to_le_bytes();
    let [f0, f1] = flags.to_le_bytes();
    [2, 10, 0, isa, g0, g1, g2, g3, f0, f1]
}

/// The NICs' slots: each wakes the guest by the event that PME# is, and hears of that event.
fn wake(code: &mut Vec<u8>) {
    /// The deepest state to wake from. There is none but suspend-to-idle, which is S0.
    const DEEPEST: u8 = 3;
    /// Notify: the device asked to wake up.
    const WAKE: u8 = 2;
    let nics = layout::FIRST_NIC_SLOT..devices::pci::SLOTS;
    let name = |slot: usize| format!("\\_SB_.PCI0.S{slot:02X}_");
    let mut tell = Vec::new();
    for slot in nics {
        aml::Device::new(
            name(slot).as_str().into(),
            vec![
                &aml::Name::new("_ADR".into(), &((slot as u32) << 16)),
                &aml::Name::new("_PRW".into(), &aml::Package::new(vec![&PME_EVENT, &DEEPEST])),
            ],
        )
        .to_aml_bytes(code);
        tell.push(aml::Path::new(&name(slot)));
    }
    let tell: Vec<_> = tell.iter().map(|slot| aml::Notify::new(slot, &WAKE)).collect();
    let tell = tell.iter().map(|notify| notify as &dyn Aml).collect();
    // Edge-triggered: PME# may stay asserted until the driver has been there.
    let method = format!("_E{PME_EVENT:02X}");
    let method = aml::Method::new(method.as_str().into(), 0, false, tell);
    aml::Scope::new("\\_GPE".into(), vec![&method]).to_aml_bytes(code);
}

fn dsdt(slots: usize) -> Sdt {
    let mut code = Vec::new();
    let last = (layout::PCI_MEMORY_END - 1) as u32;
    let first = layout::PCI_MEMORY as u32;
    let mut routes = aml::PackageBuilder::new();
    for slot in 0..slots {
        // The address names all functions of the slot; pin 0 is INTA; source 0 means a GSI.
        let address = (slot as u32) << 16 | 0xffff;
        routes.add_element(&aml::Package::new(vec![&address, &0u8, &0u8, &layout::pci_gsi(slot)]));
    }
    aml::Device::new(
        "_SB_.PCI0".into(),
        vec![
            &aml::Name::new("_HID".into(), &aml::EISAName::new("PNP0A03")),
            &aml::Name::new("_UID".into(), &aml::ZERO),
            &aml::Name::new("_BBN".into(), &aml::ZERO),
            &aml::Name::new(
                "_CRS".into(),
                &aml::ResourceTemplate::new(vec![
                    &aml::AddressSpace::new_bus_number(0u16, 0u16),
                    &aml::IO::new(0xcf8, 0xcf8, 1, 8),
                    &aml::AddressSpace::new_io(layout::PCI_IO as u16, 0xffffu16, None),
                    &aml::AddressSpace::new_memory(
                        aml::AddressSpaceCacheable::NotCacheable,
                        true,
                        first,
                        last,
                        None,
                    ),
                ]),
            ),
            &aml::Name::new("_PRT".into(), &routes),
        ],
    )
    .to_aml_bytes(&mut code);
    aml::Device::new(
        "_SB_.PEVT".into(),
        vec![
            &aml::Name::new("_HID".into(), &PVPANIC),
            &aml::Name::new(
                "_CRS".into(),
                &aml::ResourceTemplate::new(vec![&aml::IO::new(
                    layout::PANIC as u16,
                    layout::PANIC as u16,
                    1,
                    1,
                )]),
            ),
        ],
    )
    .to_aml_bytes(&mut code);
    wake(&mut code);
    aml::Name::new(
        "_S5_".into(),
        &aml::Package::new(vec![&SLEEP_TYPE_OFF, &aml::ZERO, &aml::ZERO, &aml::ZERO]),
    )
    .to_aml_bytes(&mut code);
    let mut dsdt = Sdt::new(*b"DSDT", 36, 2, OEM, OEM_TABLE, 1);
    dsdt.append_slice(&code);
    dsdt
}
