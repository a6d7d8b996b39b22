use std::collections::BTreeSet;

use super::*;

#[test]
fn every_scenario_can_be_read_and_explains_itself() {
    for entry in &ENTRIES {
        let found = find(entry.name).unwrap();
        assert_eq!(found.len(), 1, "{}", entry.name);
        assert!(found[0].because.ends_with('.'), "{}: {}", entry.name, found[0].because);
        assert!(!found[0].title.ends_with('.'), "{}: {}", entry.name, found[0].title);
    }
}

#[test]
fn every_file_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../resources/scenarios");
    let mut files = BTreeSet::new();
    for group in fs::read_dir(&root).unwrap() {
        for file in fs::read_dir(group.unwrap().path()).unwrap() {
            let path = file.unwrap().path().with_extension("");
            files.insert(path.strip_prefix(&root).unwrap().display().to_string());
        }
    }
    let listed = ENTRIES.iter().map(|entry| entry.name.to_owned()).collect();
    assert_eq!(files, listed);
}

#[test]
fn a_group_comes_in_order() {
    let incident = find("incident").unwrap();
    let names: Vec<&str> = incident.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names.len(), 12);
    assert_eq!((names[0], names[11]), ("incident/row-01", "incident/row-12"));
}

#[test]
fn a_slip_is_told_with_what_was_meant() {
    let error = find("incident/row-7").unwrap_err().to_string();
    assert!(error.contains("did you mean `incident/row-07`?"), "{error}");
    let error = find("something-else").unwrap_err().to_string();
    assert!(!error.contains("did you mean") && error.contains("--list"), "{error}");
}

#[test]
fn a_file_of_ones_own_is_read_by_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.toml");
    fs::write(&path, text("incident/row-01").unwrap()).unwrap();
    assert_eq!(find(path.to_str().unwrap()).unwrap()[0].name, "mine");
    assert_eq!(find(directory.path().to_str().unwrap()).unwrap().len(), 1);
    let error = find("/nonexistent/mine.toml").unwrap_err().to_string();
    assert!(error.contains("cannot read /nonexistent/mine.toml"), "{error}");
}
