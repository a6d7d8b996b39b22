use super::*;

#[test]
fn a_value_may_hold_anything() {
    let expected = Variable { name: "A".into(), value: "b=c d".into() };
    assert_eq!("A=b=c d".parse(), Ok(expected));
    assert_eq!("A=".parse(), Ok(Variable { name: "A".into(), value: String::new() }));
}

#[test]
fn a_name_alone_passes_on_what_is_set_here() {
    let path = std::env::var("PATH").unwrap();
    assert_eq!("PATH".parse(), Ok(Variable { name: "PATH".into(), value: path }));
    assert!("NO_SUCH_VARIABLE_HERE".parse::<Variable>().unwrap_err().contains("not found"));
}

#[test]
fn a_variable_needs_a_name() {
    assert!("=value".parse::<Variable>().is_err());
}
