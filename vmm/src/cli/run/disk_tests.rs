use super::*;

fn parse(text: &str) -> Result<Config, String> {
    text.parse().map(|DiskSpec(config)| config)
}

#[test]
fn a_path_alone_is_a_disk_to_write_to() {
    let config = parse("/images/root.img").unwrap();
    assert_eq!(config, Config { path: "/images/root.img".into(), ..Config::default() });
}

#[test]
fn every_word_may_be_given() {
    let config = parse("a.img,ro,serial=seven,direct=on").unwrap();
    let expected =
        Config { path: "a.img".into(), read_only: true, direct: true, serial: "seven".into() };
    assert_eq!(config, expected);
}

#[test]
fn what_is_unknown_is_named() {
    for (text, word) in [
        ("", "path"),
        ("a,cache=none", "cache=none"),
        ("a,direct=yes", "\"yes\""),
        ("a,serial=", "serial"),
        ("a,serial=a-serial-that-is-too-long", "20"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}
