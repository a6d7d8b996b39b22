use super::*;

fn named(line: &[&str]) -> Vec<OsString> {
    let mut argv: Vec<OsString> = line.iter().map(Into::into).collect();
    name_release(&mut argv, "6.1.0-test");
    argv
}

#[test]
fn the_hosts_kernel_is_named_by_its_release_where_another_one_runs() {
    let expected = ["nicvmm", "run", "--kernel", "host:6.1.0-test"];
    assert_eq!(named(&["nicvmm", "run", "--kernel", "host"]), expected);
    let expected = ["nicvmm", "run", "--kernel=host:6.1.0-test"];
    assert_eq!(named(&["nicvmm", "run", "--kernel=host"]), expected);
}

#[test]
fn words_of_other_options_and_of_the_command_stay() {
    let line = ["nicvmm", "run", "--env", "host", "--", "sh", "--kernel", "host"];
    assert_eq!(named(&line), line);
}
