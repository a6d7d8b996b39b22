use super::*;

const TEXT: &str = "\
title = \"T\"
because = \"B\"
runs = 3
[path]
mtu = 1492
rate = \"50mbit\"
[download]
seconds = 5
[[variant]]
nic = \"rtl8139,tso=mtu1500\"
expect = { speed = \"slow\", icmp-late = \"1..\" }
[[variant]]
name = \"on a wide path\"
nic = \"rtl8139,tso=mtu1500\"
path = { mtu = 1500 }
server = [\"ethtool -K $NIC tso off\"]
during = [\"2s a.link=down\"]
download = { ip = 6 }
";

fn scenario(text: &str) -> Result<Scenario, Error> {
    parse("mine", "mine.toml", text)
}

fn complaint(text: &str) -> String {
    scenario(text).unwrap_err().to_string()
}

#[test]
fn a_variant_has_what_the_scenario_says_but_for_its_own_words() {
    let scenario = scenario(TEXT).unwrap();
    let [(first, _), (second, _)] = &scenario.variants[..] else { panic!("{scenario:?}") };
    assert_eq!(first.name, "rtl8139,tso=mtu1500");
    assert_eq!((first.path.mtu, first.path.rate.as_deref()), (1492, Some("50mbit")));
    assert_eq!((second.path.mtu, second.path.rate.as_deref()), (1500, Some("50mbit")));
    assert_eq!((first.download.ip, second.download.ip), (IpVersion::V4, IpVersion::V6));
    assert_eq!(second.download.time, Duration::from_secs(5));
    assert_eq!(second.server, ["ethtool -K $NIC tso off"]);
    assert_eq!((first.during.len(), second.facts().during), (0, vec!["2s a.link=down".to_owned()]));
}

#[test]
fn an_unknown_key_is_told_with_file_and_line() {
    let error = complaint(&TEXT.replace("mtu = 1492", "mut = 1492"));
    assert!(error.starts_with("mine.toml: "), "{error}");
    assert!(error.contains("line 5") && error.contains("mut = 1492"), "{error}");
}

#[test]
fn a_wrong_value_is_told_with_its_line_and_what_would_be_right() {
    let error = complaint(&TEXT.replace("mtu = 1492", "mtu = 92"));
    assert!(error.contains("line 5") && error.contains("between 576 and 1500"), "{error}");
    let error = complaint(&TEXT.replace("\"1..\"", "\"many\""));
    assert!(error.contains("line 11") && error.contains("`many` is not a range"), "{error}");
    let error = complaint(&TEXT.replace("tso=mtu1500\"\nexpect", "tso\"\nexpect"));
    assert!(error.contains("line 10") && error.contains("KEY=VALUE"), "{error}");
    let error = complaint(&TEXT.replace("link=down", "link=out"));
    assert!(error.contains("line 17") && error.contains("write up or down"), "{error}");
    let error = complaint(&TEXT.replace("\"slow\"", "\"sloow\""));
    assert!(error.contains("line 11") && error.contains("sloow"), "{error}");
}

#[test]
fn two_variants_cannot_have_one_name() {
    let error = complaint(&TEXT.replace("name = \"on a wide path\"\n", ""));
    assert!(error.contains("line 12") && error.contains("a `name` of its own"), "{error}");
}

#[test]
fn ipv6_needs_its_smallest_mtu() {
    let error = complaint(&TEXT.replace("{ mtu = 1500 }", "{ mtu = 1279 }"));
    assert!(error.contains("line 12") && error.contains("carries no IPv6"), "{error}");
}

#[test]
fn a_scenario_without_variants_measures_nothing() {
    let error = complaint("title = \"T\"\nbecause = \"B\"\nvariant = []\n");
    assert!(error.contains("nothing to measure"), "{error}");
}
