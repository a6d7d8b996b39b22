use super::*;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

#[test]
fn the_default_guest_is_told_its_network() {
    assert_eq!(
        parameters(1, MAC),
        "nicvmm.net=52:54:00:12:34:56,10.88.1.2/24,gw=10.88.1.1 nicvmm.dns=10.88.1.3"
    );
}

#[test]
fn an_answer_is_told_from_other_frames_and_from_silence() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert!(!answer(&ours).unwrap());
    let mut frame = question(0, MAC);
    theirs.write_all(&frame).unwrap();
    assert!(answer(&ours).unwrap());
    frame[4 + 12] = 0x86; // some other EtherType
    theirs.write_all(&frame).unwrap();
    assert!(!answer(&ours).unwrap());
    theirs.write_all(&u32::MAX.to_be_bytes()).unwrap();
    assert!(answer(&ours).is_err());
    drop(theirs);
    assert!(answer(&ours).is_err());
}

#[test]
fn the_last_words_are_the_end_of_much_that_was_said() {
    let mut said = tempfile::tempfile().unwrap();
    assert_eq!(last_words(&said), "it did not say why");
    said.write_all("a line\n".repeat(10_000).as_bytes()).unwrap();
    said.write_all(b"Don't run as root\nno such address\n").unwrap();
    let words = last_words(&said);
    assert!(words.ends_with("a line; no such address"), "{words}");
    assert!(words.len() < 2 * LAST_WORDS);
}
