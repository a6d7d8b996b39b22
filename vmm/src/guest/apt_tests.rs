use super::*;

const SHOWN: &str = "\
Package: wget
Version: 1.21.3-1+deb12u1
Installed-Size: 3692
Pre-Depends: dpkg (>= 1.15)
Depends: libc6 (>= 2.34), libgnutls30 (>= 3.7.9) | gnutls, python3:any
Description: retrieves files from the web
 Wget is a network utility: to retrieve files.
Size: 937340
SHA256: b389

Package: zlib1g
Version: 1:1.2.13
Size: 86700
SHA256: 77aa

";

#[test]
fn packages_are_read_with_their_first_alternatives() {
    let packages = parse(SHOWN);
    assert_eq!(packages.len(), 2);
    assert_eq!(packages[0].version, "1.21.3-1+deb12u1");
    assert_eq!(packages[0].size, 937_340);
    assert_eq!(packages[0].depends, ["libc6", "libgnutls30", "python3", "dpkg"]);
    assert_eq!(packages[1].name, "zlib1g");
    assert_eq!(packages[1].sha256, "77aa");
}

#[test]
fn only_libraries_are_followed() {
    assert!(is_library("libc6") && is_library("zlib1g") && is_library("libssl3t64"));
    assert!(!is_library("debconf") && !is_library("perl") && !is_library("libcap2-bin"));
}
