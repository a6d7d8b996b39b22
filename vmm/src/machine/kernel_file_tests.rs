use proptest::prelude::*;

use super::*;
use crate::machine::compression::testing::{ALL, pack};

/// A bzImage with one sector of setup code that holds `payload`.
fn bzimage(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 1024 + 16];
    image[SETUP_SECTORS] = 1;
    image[HEADER_MAGIC..HEADER_MAGIC + 4].copy_from_slice(b"HdrS");
    image[VERSION..VERSION + 2].copy_from_slice(&0x100u16.to_le_bytes());
    image[0x300..0x30c].copy_from_slice(b"6.1.0-test (");
    image[PAYLOAD_OFFSET] = 16;
    image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4]
        .copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.extend_from_slice(payload);
    image
}

fn elf() -> Vec<u8> {
    let mut bytes = vec![7; 5000];
    bytes[..4].copy_from_slice(ELF_MAGIC);
    bytes[ELF_CLASS] = ELF_CLASS_64;
    bytes[ELF_MACHINE..ELF_MACHINE + 2].copy_from_slice(&ELF_MACHINE_X86_64.to_le_bytes());
    bytes
}

fn unpacked(kernel: &Kernel) -> &[u8] {
    match &kernel.content {
        Content::Elf(bytes) => bytes,
        other => panic!("not unpacked: {other:?}"),
    }
}

fn refusal(bytes: Vec<u8>) -> String {
    Kernel::recognize(bytes).unwrap_err()
}

#[test]
fn the_kernel_in_a_bzimage_is_unpacked_whatever_it_is_packed_with() {
    for format in ALL {
        let mut payload = pack(format, &elf());
        payload.extend_from_slice(&5000u32.to_le_bytes());
        let kernel = Kernel::recognize(bzimage(&payload)).unwrap();
        assert_eq!(unpacked(&kernel), elf());
        let expected = format!("a bzImage of Linux 6.1.0-test, packed with {format}");
        assert_eq!(kernel.description, expected);
    }
}

#[test]
fn a_kernel_that_is_not_packed_is_found_in_its_bzimage() {
    let kernel = Kernel::recognize(bzimage(&elf())).unwrap();
    assert_eq!(unpacked(&kernel), elf());
    assert_eq!(kernel.description, "a bzImage of Linux 6.1.0-test, not packed");
}

#[test]
fn compression_around_any_of_them_is_taken_off() {
    for format in ALL {
        let kernel = Kernel::recognize(pack(format, &elf())).unwrap();
        assert_eq!(unpacked(&kernel), elf());
        assert_eq!(kernel.description, format!("{format} around an ELF file"));
        let image = bzimage(&pack(Compression::Gzip, &elf()));
        assert_eq!(unpacked(&Kernel::recognize(pack(format, &image)).unwrap()), elf());
    }
}

#[test]
fn a_bzimage_that_is_packed_in_an_unknown_way_unpacks_itself() {
    let kernel = Kernel::recognize(bzimage(b"nonsense!")).unwrap();
    assert!(matches!(kernel.content, Content::BzImage(_)));
    assert!(kernel.description.ends_with("packed in an unknown way: it unpacks itself"));
}

#[test]
fn what_is_no_kernel_is_told() {
    let neither = "it is neither an ELF file nor a bzImage";
    assert_eq!(refusal(b"hello".to_vec()), neither);
    assert_eq!(refusal(Vec::new()), neither);
    assert_eq!(refusal(pack(Compression::Xz, b"hello")), neither);
    assert_eq!(
        refusal(bzimage(&pack(Compression::Lz4, b"hello, hello, hello"))),
        "what it holds is no ELF file"
    );
    let mut cut = bzimage(b"nonsense!");
    cut.truncate(1030);
    assert_eq!(refusal(cut), "its setup header points outside of the file");
}

#[test]
fn an_elf_file_for_another_machine_is_refused() {
    let mut arm = elf();
    arm[ELF_MACHINE] = 183;
    assert_eq!(refusal(arm), "the ELF file is for machine 183");
    let mut short = elf();
    short[ELF_CLASS] = 1;
    assert_eq!(refusal(short), "the ELF file is not a 64-bit one");
    assert_eq!(refusal(elf()[..20].to_vec()), "the ELF file ends in its header");
}

#[test]
fn a_kernel_that_ends_early_is_refused_with_what_it_is_packed_with() {
    let payload = pack(Compression::Xz, &elf());
    let why = refusal(bzimage(&payload[..payload.len() / 2]));
    assert!(why.starts_with("it is packed with xz, but damaged: "), "{why}");
}

#[test]
fn a_file_is_opened_and_described() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("vmlinux");
    std::fs::write(&path, elf()).unwrap();
    let kernel = Kernel::open(&path).unwrap();
    assert!(matches!(kernel.content, Content::ElfFile(_)));
    std::fs::write(&path, bzimage(&pack(Compression::Zstd, &elf()))).unwrap();
    assert_eq!(unpacked(&Kernel::open(&path).unwrap()), elf());
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(
        head in proptest::collection::vec(any::<u8>(), 0x260),
        at in 0usize..0x260,
    ) {
        let mut image = bzimage(&pack(Compression::Gzip, &elf()));
        image[at..0x260].copy_from_slice(&head[at..]);
        image[HEADER_MAGIC..HEADER_MAGIC + 4].copy_from_slice(b"HdrS");
        let _ = Kernel::recognize(image);
    }
}
