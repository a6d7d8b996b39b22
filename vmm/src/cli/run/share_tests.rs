use std::str::FromStr;

use super::*;

fn parse(text: &str) -> ShareSpec {
    text.parse().unwrap()
}

#[test]
fn a_directory_alone_is_where_it_is_here() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let config = parse(path.to_str().unwrap()).config().unwrap();
    assert_eq!(config.place, path.to_str().unwrap());
    assert!(!config.read_only);
}

#[test]
fn a_place_and_ro_may_follow() {
    let spec = parse("a:b:/mnt/x,ro");
    assert_eq!((spec.path.to_str(), spec.place.as_deref()), (Some("a:b"), Some("/mnt/x")));
    assert!(spec.read_only);
    assert_eq!(parse("/tmp:/mnt").config().unwrap().place, "/mnt");
}

#[test]
fn the_guests_root_stays_its_own() {
    let complaint = parse("/").config().unwrap_err().to_string();
    assert!(complaint.contains("DIR:/WHERE"), "{complaint}");
    assert!(parse("/:/").config().is_err());
    assert_eq!(parse("/:/host").config().unwrap().place, "/host");
}

#[test]
fn what_is_missing_is_named() {
    assert!(ShareSpec::from_str(",ro").is_err());
    let complaint = format!("{:#}", parse("/nonexistent").config().unwrap_err());
    assert!(complaint.contains("/nonexistent") && complaint.contains("No such"), "{complaint}");
}

#[test]
fn the_current_directory_is_found_in_the_last_share_that_holds_it() {
    let share = |path: &str, place: &str| Config {
        path: path.into(),
        place: place.into(),
        read_only: false,
    };
    let shares = [share("/home/me", "/home/me"), share("/home/me/src", "/src")];
    assert_eq!(place_of(Path::new("/home/me/src/a"), &shares).unwrap(), "/src/a");
    assert_eq!(place_of(Path::new("/home/me/x"), &shares).unwrap(), "/home/me/x");
    assert_eq!(place_of(Path::new("/home/other"), &shares), None);
}
