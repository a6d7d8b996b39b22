use std::io::Write;

use clap::CommandFactory;
use tempfile::NamedTempFile;

use super::*;
use crate::cli::Cli;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The command line `nicvmm run --config FILE ...`, expanded.
fn expanded(text: &str, more: &[&str]) -> Result<Vec<String>, String> {
    let file = file(text);
    let path = file.path().to_str().unwrap();
    let line = ["nicvmm", "run", "--config", path].into_iter().chain(more.iter().copied());
    let line = line.map(OsString::from);
    expand(&Cli::command(), line.collect())
        .map(|line| line.into_iter().map(|word| word.into_string().unwrap()).collect())
        .map_err(|error| error.to_string().replace(path, "FILE"))
}

#[test]
fn keys_are_options() {
    let text = "memory = 0x200\ntimeout = 1.5\nquiet = true\nnic = ['rtl8139', 'virtio-net']\n\
                env = 'A=b c'\ncommand = ['uname', '-a']\n";
    let mut line = expanded(text, &[]).unwrap();
    line[2..8].sort();
    assert_eq!(
        line,
        [
            "nicvmm",
            "run",
            "--env=A=b c",
            "--memory=512",
            "--nic=rtl8139",
            "--nic=virtio-net",
            "--quiet",
            "--timeout=1.5",
            "--",
            "uname",
            "-a"
        ]
    );
}

#[test]
fn the_command_line_wins_option_by_option() {
    let text = "memory = 512\nnic = ['rtl8139', 'rtl8139']\ncommand = ['uname']";
    let more = ["--nic", "virtio-net", "--", "ls", "--config", "x"];
    let line = expanded(text, &more).unwrap();
    let expected = ["--memory=512", "--nic", "virtio-net", "--", "ls", "--config", "x"];
    assert_eq!(line[2..], expected);
}

#[test]
fn an_option_may_need_one_that_the_file_brings() {
    let line = expanded("kernel = 'a'", &["--initrd", "b"]).unwrap();
    assert_eq!(line[2..], ["--kernel=a", "--initrd", "b"]);
    assert!(expanded("initrd = 'b'", &[]).is_ok());
}

#[test]
fn a_command_line_without_a_file_stays_as_it_is() {
    for line in [&["nicvmm"][..], &["nicvmm", "run", "--memory"], &["nicvmm", "compare", "--x"]] {
        let line: Vec<OsString> = line.iter().map(OsString::from).collect();
        assert_eq!(expand(&Cli::command(), line.clone()).unwrap(), line);
    }
}

#[test]
fn a_mistake_is_told_with_line_and_key() {
    let wrong = |text: &str| expanded(text, &[]).unwrap_err();
    assert_eq!(
        wrong("cpus = 1\n\nmemory = 5\n"),
        "FILE: line 3: memory: invalid value '5' for '--memory <MIB>': 5 is not in 16..=1048576"
    );
    assert!(wrong("cpu = 1").starts_with("FILE: line 1: cpu: no such key; there are "));
    assert_eq!(wrong("quiet = 'yes'"), "FILE: line 1: quiet: takes true or false");
    assert_eq!(wrong("memory = [1]"), "FILE: line 1: memory: takes one value, not a list");
    assert_eq!(
        wrong("[nic]\nmodel = 'x'"),
        "FILE: line 1: nic: takes no table; write it as on the command line"
    );
    let list = "nic = [\n  'virtio-net',\n  'ne2000',\n]";
    assert!(wrong(list).contains("line 3: nic: "), "{}", wrong(list));
    assert!(wrong("memory =").contains("line 1"), "{}", wrong("memory ="));
}

#[test]
fn a_missing_file_is_named() {
    let line = ["nicvmm", "run", "--config", "/nonexistent/x.toml"].map(OsString::from);
    let error = expand(&Cli::command(), line.into()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read --config /nonexistent/x.toml: No such file"), "{error}");
}

#[test]
fn options_that_are_shown_are_a_file_of_the_same_options() {
    let program = Cli::command();
    let command = program.find_subcommand("run").unwrap();
    let line =
        ["run", "--memory", "64", "-q", "--nic=rtl8139", "--append=a \"b\"", "--", "ls", "-l"];
    let matches = command.clone().get_matches_from(line);
    let text = show(command, &matches);
    for shown in ["memory = 64\n", "quiet = true\n", "cpus = 1\n", r#"command = ["ls", "-l"]"#] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    let again = expanded(&text, &[]).unwrap();
    let matches = command.clone().get_matches_from(&again[1..]);
    assert_eq!(show(command, &matches), text);
}

#[test]
fn the_schema_that_is_shipped_is_current() {
    let shipped = include_str!("../../../../resources/run.schema.json");
    let current = schema(Cli::command().find_subcommand("run").unwrap());
    let text = serde_json::to_string_pretty(&current).unwrap() + "\n";
    assert!(shipped == text, "write it anew: `nicvmm generate DIRECTORY` makes run.schema.json");
}
