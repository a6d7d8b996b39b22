use super::*;

fn rewritten(words: &[&str]) -> Vec<String> {
    let arguments = words.iter().map(OsString::from);
    let argv = with_host_kvm("nicvmm".into(), arguments);
    argv.into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

#[test]
fn whatever_was_said_of_the_host_becomes_kvm() {
    let expected = ["nicvmm", "run", "--host=kvm", "--memory", "64"];
    assert_eq!(rewritten(&["run", "--memory", "64"]), expected);
    assert_eq!(rewritten(&["run", "--host", "nested", "--memory", "64"]), expected);
    assert_eq!(rewritten(&["run", "--memory", "64", "--host=auto"]), expected);
}

#[test]
fn the_command_for_the_guest_is_left_alone() {
    assert_eq!(
        rewritten(&["run", "--", "ssh", "--host", "x"]),
        ["nicvmm", "run", "--host=kvm", "--", "ssh", "--host", "x"]
    );
}

#[test]
fn a_file_without_directory_is_written_here() {
    assert_eq!(directory_of(Path::new("result.json")), Path::new("."));
    assert_eq!(directory_of(Path::new("out/result.json")), Path::new("out"));
}
