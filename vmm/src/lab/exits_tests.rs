use super::*;

const REPORT: &str = r#"{"ending": null, "exits": {"port_reads": 10, "port_writes": 20,
    "memory_reads": 3, "memory_writes": 4, "other": 5}, "cpu_seconds": 1.5}"#;

#[test]
fn exits_are_read_from_a_report() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), REPORT).unwrap();
    let (exits, written) = Exits::reported(file.path()).unwrap();
    assert_eq!(exits.total(), 42);
    assert!(written.elapsed().is_ok_and(|age| age.as_secs() < 60));
}

#[test]
fn no_report_and_half_a_report_are_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &REPORT[..50]).unwrap();
    assert_eq!(Exits::reported(file.path()), None);
    assert_eq!(Exits::reported(Path::new("/nonexistent")), None);
}

#[test]
fn what_was_before_does_not_count() {
    let earlier = Exits { port_reads: 1, port_writes: 2, ..Exits::default() };
    let later = Exits { port_reads: 4, port_writes: 2, other: 1, ..Exits::default() };
    let expected = Exits { port_reads: 3, other: 1, ..Exits::default() };
    assert_eq!(later.since(earlier), expected);
}
