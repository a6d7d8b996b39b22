use super::*;
use crate::machine::compression::testing::{ALL, pack};

#[test]
fn a_module_is_unpacked_whatever_its_name_says() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("virtio_net.ko");
    std::fs::write(&path, b"plain").unwrap();
    assert_eq!(read_compressed(&path).unwrap(), b"plain");
    for format in ALL {
        std::fs::write(&path, pack(format, b"a module")).unwrap();
        assert_eq!(read_compressed(&path).unwrap(), b"a module", "{format}");
    }
}

#[test]
fn a_file_without_an_elf_file_in_it_is_named() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("vmlinuz");
    std::fs::write(&path, b"hello").unwrap();
    let error = uncompressed(&path).unwrap_err().to_string();
    assert!(error.contains("vmlinuz") && error.contains("neither"), "{error}");
}
