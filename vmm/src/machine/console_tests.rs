use super::*;

fn shown(bytes: &[u8]) -> Vec<String> {
    let transcript = Transcript::default();
    Console::new(io::sink(), transcript.clone()).write_all(bytes).unwrap();
    transcript.last_lines()
}

#[test]
fn the_last_lines_are_kept_and_no_more_of_them_than_there_is_room_for() {
    assert_eq!(shown(b"one\r\ntwo\nthr"), ["one", "two", "thr"]);
    let many = shown(&b"line\n".repeat(1000));
    assert_eq!(many.len(), KEPT_LINES);
    assert_eq!(shown(&[b'x'; 4 * KEPT_LINE]), ["x".repeat(KEPT_LINE)]);
}

#[test]
fn what_a_guest_says_does_nothing_to_the_terminal_of_who_reads_it() {
    assert_eq!(
        shown(b"a\tb \x1b[2J\x07\x9b\xc2\x9bc"),
        ["a\tb \u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}c"]
    );
}
