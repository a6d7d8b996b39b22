use super::*;

#[test]
fn in_the_nested_machine_this_program_uses_kvm_whatever_was_asked_for() {
    let typed = ["nicvmm", "run", "--append", "--host", "--host", "nested", "--", "true"];
    let request = same_command(line_of(&typed.map(OsString::from))).unwrap();
    assert_eq!(request.argv[0], std::env::current_exe().unwrap());
    assert_eq!(request.argv[1..], ["run", "--host=kvm", "--append", "--host", "--", "true"]);
}

#[test]
fn a_file_without_directory_is_written_here() {
    assert_eq!(directory_of(Path::new("result.json")), Path::new("."));
    assert_eq!(directory_of(Path::new("out/result.json")), Path::new("out"));
}
