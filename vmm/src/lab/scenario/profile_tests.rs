use super::*;

#[test]
fn the_profiles_are_readable_and_each_says_where_one_meets_it() {
    let read: BTreeMap<String, Entry> = toml::from_str(TEXT).unwrap();
    assert_eq!(read.len(), profiles().count());
    assert!(read.values().all(|entry| entry.about.ends_with('.')));
    let dsl: Profile = "pppoe-vdsl".parse().unwrap();
    assert_eq!((dsl.path.mtu, dsl.path.mss_clamp.as_deref()), (1492, Some("1452")));
}

#[test]
fn an_unknown_profile_is_told_with_those_there_are() {
    let error = "pppoe".parse::<Profile>().unwrap_err();
    assert!(error.contains("`pppoe`") && error.contains("pppoe-vdsl"), "{error}");
}

#[test]
fn what_is_not_said_stays_as_it_was() {
    let options: PathOptions = toml::from_str("mtu = 1492\nmss-clamp = 1452").unwrap();
    let base = PathPlan { rate: Some("50mbit".into()), ..PathPlan::default() };
    let path = options.over(base.clone());
    assert_eq!(path, PathPlan { mtu: 1492, mss_clamp: Some("1452".into()), ..base });
}
