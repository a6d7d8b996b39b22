use super::*;

#[test]
fn a_result_takes_the_place_of_the_one_before_and_leaves_other_files_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let mine = directory.path().join("report.json.new");
    fs::write(&mine, "mine").unwrap();
    let destination = Destination::prepare(&path).unwrap();
    assert!(!path.exists());
    destination.write("a long first result").unwrap();
    destination.write("second").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "second");
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn a_place_that_cannot_be_written_is_told_beforehand() {
    let error = Destination::prepare(Path::new("/nonexistent/result.json")).unwrap_err();
    let told = format!("{error:#}");
    assert!(told.starts_with("cannot write /nonexistent/result.json: No such file"), "{told}");
}

#[test]
fn what_is_no_file_is_written_to_as_it_is() {
    let destination = Destination::prepare(Path::new("/dev/null")).unwrap();
    destination.write("a result").unwrap();
}
