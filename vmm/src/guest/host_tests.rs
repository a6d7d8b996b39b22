use std::fs;

use super::*;

#[test]
fn a_kernel_without_a_file_is_named_with_where_it_was_looked_for() {
    let root = tempfile::TempDir::new().unwrap();
    let error = find(root.path(), "6.1.0-test").unwrap_err().to_string();
    assert!(error.contains("6.1.0-test") && error.contains("boot/vmlinuz-6.1.0-test"), "{error}");
    assert!(error.contains("--kernel FILE"), "{error}");
}

#[test]
fn a_kernel_without_modules_is_told() {
    let root = tempfile::TempDir::new().unwrap();
    fs::create_dir(root.path().join("boot")).unwrap();
    fs::write(root.path().join("boot/vmlinuz-6.1.0-test"), b"kernel").unwrap();
    let error = find(root.path(), "6.1.0-test").unwrap_err().to_string();
    assert!(error.contains("lib/modules/6.1.0-test"), "{error}");
}

#[test]
fn a_kernel_with_all_drivers_built_in_needs_no_modules() {
    let root = tempfile::TempDir::new().unwrap();
    let modules = root.path().join("lib/modules/6.1.0-test");
    fs::create_dir_all(&modules).unwrap();
    fs::write(modules.join("vmlinuz"), b"kernel").unwrap();
    let builtin = "kernel/a/virtio_pci.ko\nkernel/b/virtio_console.ko\n";
    fs::write(modules.join("modules.builtin"), builtin).unwrap();
    let found = find(root.path(), "6.1.0-test").unwrap();
    assert_eq!(found.kernel, modules.join("vmlinuz"));
    let text = String::from_utf8_lossy(&found.modules);
    assert!(text.contains("usr/lib/modules/6.1.0-test/modules.dep"));
}

#[test]
fn a_kernel_that_cannot_talk_to_its_host_is_refused() {
    let root = tempfile::TempDir::new().unwrap();
    let modules = root.path().join("lib/modules/6.1.0-test");
    fs::create_dir_all(&modules).unwrap();
    fs::write(modules.join("vmlinuz"), b"kernel").unwrap();
    let error = find(root.path(), "6.1.0-test").unwrap_err().to_string();
    assert!(error.contains("virtio_"), "{error}");
}
