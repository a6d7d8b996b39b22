use super::*;

#[test]
fn only_what_is_useful_inside_is_passed_on() {
    let ours = [("HOME", "/root"), ("TMPDIR", "/scratch"), ("NICVMM_LOG", "debug"), ("SHELL", "x")];
    let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let passed: Vec<_> = environment(ours.into_iter(), &[]).into_iter().collect();
    let names: Vec<&str> = passed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["HOME", "NICVMM_LOG", "NICVMM_NESTED"]);
}

#[test]
fn a_missing_writable_directory_is_told() {
    let mut request = Request::new(["true"]);
    request.writable.push("/no/such/directory".into());
    assert_eq!(
        shares(&request).unwrap_err().to_string(),
        "the nested machine cannot write to /no/such/directory"
    );
}

#[test]
fn a_writable_directory_with_a_quote_in_its_name_is_mounted() {
    let share = Share { tag: "share0".into(), path: "/it's".into(), writable: true };
    assert!(script(&[share]).contains("cache=mmap share0 '/host/it'\\''s'\n"));
}

#[test]
fn an_empty_command_is_refused() {
    assert!(matches!(command(&Request::new([""; 0])), Err(Error::NoCommand)));
}
