use super::*;

fn refusal(name: &str) -> String {
    Tap::open(name, Offloads::default()).unwrap_err().to_string()
}

#[test]
fn a_name_that_no_interface_can_have_is_refused_before_anything_is_opened() {
    assert!(refusal("").contains("''"));
    assert!(refusal("a/b").contains("'a/b'"));
    assert!(refusal("sixteen-bytes-xx").contains("1 to 15 bytes"));
}

#[test]
fn tso_is_asked_for_only_with_checksums() {
    let tso = Offloads { checksum: false, tso4: true, tso6: true };
    assert_eq!(flags(tso), 0);
    assert_eq!(flags(Offloads { checksum: true, ..tso }), 0b1111);
}
