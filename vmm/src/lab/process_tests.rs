use super::*;

const LONG: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn start(script: &str) -> (Part, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let (part, _) =
        Part::start("a part", shell(script), &log, Output::Log, &Stop::default()).unwrap();
    (part, directory)
}

fn gone(id: Pid) -> bool {
    !Path::new(&format!("/proc/{id}")).exists()
}

fn wait_for_end(part: &Part) {
    let deadline = Instant::now() + LONG;
    while part.ended().is_none() && Instant::now() < deadline {
        std::thread::sleep(POLL_INTERVAL);
    }
}

#[test]
fn a_part_is_gone_once_dropped() {
    let (part, _directory) = start("sleep 600");
    let id = part.id;
    drop(part);
    assert!(gone(id));
}

#[test]
fn a_part_that_is_asked_ends_by_itself() {
    let (part, _directory) = start("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done");
    let deadline = Instant::now() + LONG;
    while tail(&part.log).is_empty() && Instant::now() < deadline {
        std::thread::sleep(POLL_INTERVAL);
    }
    assert_eq!(part.end(LONG).and_then(|status| status.code()), Some(7));
}

#[test]
fn a_part_that_does_not_listen_is_killed() {
    let (part, _directory) = start("trap '' TERM; while :; do sleep 0.05; done");
    let status = part.end(Duration::from_millis(100)).unwrap();
    assert!(describe(status).starts_with("killed by"), "{status}");
}

#[test]
fn a_part_that_died_is_reported_with_its_last_words_and_its_console() {
    let (part, directory) = start("echo cannot open the frobnicator >&2; exit 3");
    wait_for_end(&part);
    let console = directory.path().join("console");
    fs::write(&console, "booting\nKernel panic\x1b[2J - not syncing\n").unwrap();
    let error = part.check(Some(&console)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a part ended (exit status 3)\n  it said:\n  | cannot open the frobnicator\n  \
         last lines of its console:\n  | booting\n  | Kernel panic[2J - not syncing"
    );
    assert_eq!(error.exit_status(), 125);
}

#[test]
fn a_program_that_is_missing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let command = Command::new("no-such-program-here");
    let log = directory.path().join("log");
    let error = Part::start("a part", command, &log, Output::Log, &Stop::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("cannot start a part (no-such-program-here):"), "{text}");
}

#[test]
fn nothing_is_started_after_a_stop() {
    let stop = Stop::default();
    stop.request(Signal::SIGINT);
    let error = Part::start("a part", shell("true"), Path::new("/dev/null"), Output::Log, &stop)
        .unwrap_err();
    assert!(matches!(error, Error::Interrupted(Signal::SIGINT)));
}

#[test]
fn a_living_part_tells_what_it_uses() {
    let (part, _directory) = start("sleep 600");
    assert!(part.usage().unwrap().max_rss_bytes > 0);
}

#[test]
fn cpu_time_is_read_past_any_process_name() {
    let stat = "42 (a) b ( c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 7 0";
    let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 100 kB\n";
    let usage = parse_usage(stat, status, 100.0).unwrap();
    assert_eq!(usage, Usage { cpu_seconds: 2.0, max_rss_bytes: 2 << 20 });
}
