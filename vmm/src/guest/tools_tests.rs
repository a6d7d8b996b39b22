use super::*;

#[test]
fn a_dynamic_program_tells_its_needs() {
    let content = fs::read("/proc/self/exe").unwrap();
    let needs = needs(&content).unwrap();
    assert!(needs.libraries.contains(&"libc.so.6".to_owned()));
    assert_eq!(needs.interpreter.unwrap(), "/lib64/ld-linux-x86-64.so.2");
}

#[test]
fn pid_1_needs_nothing() {
    assert_eq!(needs(crate::guest::GUEST_INIT).unwrap(), Needs::default());
}

#[test]
fn links_are_followed_inside_the_root() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("lib")).unwrap();
    fs::write(root.path().join("lib/real.so.1.2"), b"").unwrap();
    std::os::unix::fs::symlink("/lib/real.so.1.2", root.path().join("lib/real.so.1")).unwrap();
    let found = find(root.path(), &["usr/lib", "lib"], "real.so.1", "a test").unwrap();
    assert_eq!(found, root.path().join("lib/real.so.1.2"));
}

#[test]
fn a_missing_library_is_told_with_who_needs_it() {
    let root = tempfile::tempdir().unwrap();
    let error = find(root.path(), &["lib"], "libx.so.1", "usr/bin/wget").unwrap_err();
    assert_eq!(
        error.to_string(),
        "libx.so.1, which usr/bin/wget needs, is in none of the packages"
    );
}
