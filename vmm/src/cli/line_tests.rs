use clap::CommandFactory;

use super::*;
use crate::cli::Cli;

fn line(words: &[&str]) -> Line {
    let words: Vec<OsString> = words.iter().map(Into::into).collect();
    Line::of(&Cli::command(), &words)
}

fn words(line: Line) -> Vec<String> {
    line.into_words().into_iter().map(|word| word.into_string().unwrap()).collect()
}

#[test]
fn a_line_that_nobody_changes_stays_as_it_was() {
    let typed = ["nicvmm", "run", "-q", "--append", "a", "--cpus=2", "--", "sh", "-c", "x"];
    assert_eq!(words(line(&typed)), typed);
    assert_eq!(words(line(&["nicvmm"])), ["nicvmm"]);
    assert_eq!(words(line(&["nicvmm", "no-such", "--a", "b"])), ["nicvmm", "no-such", "--a", "b"]);
}

#[test]
fn an_option_goes_with_its_value_however_it_was_typed() {
    let expected = ["nicvmm", "run", "--memory", "64"];
    for typed in [&["--host", "nested"][..], &["--host=auto"], &["--host", "kvm", "--host=kvm"]] {
        let before = [&["nicvmm", "run"], typed, &["--memory", "64"]].concat();
        let behind = [&["nicvmm", "run", "--memory", "64"], typed].concat();
        assert_eq!(words(line(&before).without("host")), expected);
        assert_eq!(words(line(&behind).without("host")), expected);
    }
}

#[test]
fn a_new_option_comes_first() {
    let typed = line(&["nicvmm", "run", "--quiet", "--", "true"]);
    assert_eq!(
        words(typed.with("host", "kvm")),
        ["nicvmm", "run", "--host=kvm", "--quiet", "--", "true"]
    );
}

#[test]
fn the_value_of_another_option_is_none_of_ours() {
    let typed = ["nicvmm", "run", "--append", "--host", "--quiet", "--env", "--config"];
    assert_eq!(words(line(&typed).without("host").without("config")), typed);
    // A switch takes no value: what follows it is an option again.
    let switch = line(&["nicvmm", "run", "--quiet", "--host", "kvm"]);
    assert_eq!(words(switch.without("host")), ["nicvmm", "run", "--quiet"]);
}

#[test]
fn the_command_for_the_guest_is_left_alone() {
    let typed = ["nicvmm", "run", "--", "ssh", "--host", "x"];
    assert_eq!(words(line(&typed).without("host")), typed);
}
