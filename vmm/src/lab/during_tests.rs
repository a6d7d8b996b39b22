use super::*;

fn complaint(text: &str) -> String {
    text.parse::<Moment>().unwrap_err()
}

#[test]
fn a_moment_is_a_time_and_what_changes_then() {
    let moment: Moment = "1500ms a.link=down b.rate=1mbit".parse().unwrap();
    assert_eq!((moment.after, moment.changes.len()), (Duration::from_millis(1500), 2));
    assert_eq!(moment.to_string(), "1500ms a.link=down b.rate=1mbit");
}

#[test]
fn a_wrong_moment_is_told_with_what_is_wrong() {
    assert!(complaint("soon link=down").contains("`soon` is not a time"));
    assert!(complaint("2s").contains("changes nothing"));
    assert!(complaint("2s link=out").contains("write up or down"));
    assert!(complaint("2s lnik=up").contains("no setting 'lnik'"));
}

#[test]
fn a_path_that_is_not_there_is_an_error_once_it_is_to_change() {
    let control = PathBuf::from("/nonexistent/path");
    let moments = ["0s link=down", "1h link=up"].map(|text| text.parse().unwrap());
    let mut agenda = Agenda::new(control, &moments);
    let error = agenda.keep().unwrap_err().to_string();
    assert!(error.contains("`0s link=down`") && error.contains("/nonexistent/path"), "{error}");
    assert_eq!(agenda.keep().map_err(|error| error.to_string()), Ok(()));
}
