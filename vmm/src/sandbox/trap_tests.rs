use super::*;

fn text(line: &Line) -> &str {
    std::str::from_utf8(&line.bytes[..line.length]).unwrap()
}

#[test]
fn the_line_names_the_call_and_the_thread() {
    let line = line(59, "vcpu");
    assert!(text(&line).contains("thread vcpu made system call 59 (execve), which is"));
    assert!(text(&line).ends_with("--sandbox off does without\n"));
}

#[test]
fn a_call_that_has_no_name_has_a_number() {
    assert!(text(&line(100_000, "disk")).contains("system call 100000 (unknown)"));
}

#[test]
fn a_line_that_is_too_long_is_cut() {
    let mut line = Line { bytes: [0; 256], length: 0 };
    line.write_str(&"x".repeat(300)).unwrap();
    assert_eq!(text(&line).len(), 256);
}
