use super::*;

const MS: Duration = Duration::from_millis(1);

fn config() -> PathConfig {
    let port = |text: &str| text.parse().unwrap();
    PathConfig::new(port("stream:a,ip=10.0.1.1/24"), port("stream:b,ip=10.0.2.1/24"))
}

/// What becomes of the first 1000 packets.
fn fates(seed: u64, config: &PathConfig) -> Vec<Option<Detour>> {
    let mut chance = Chance::new(&mut fastrand::Rng::with_seed(seed));
    (0..1000).map(|_| chance.next(config)).collect()
}

fn lost(fates: &[Option<Detour>]) -> Vec<bool> {
    fates.iter().map(Option::is_none).collect()
}

#[test]
fn without_chances_every_packet_goes_straight() {
    assert!(fates(0, &config()).iter().all(|fate| *fate == Some(Detour::default())));
}

#[test]
fn the_same_seed_does_the_same_and_another_one_something_else() {
    let reorder = Some("5%".parse().unwrap());
    let config = PathConfig { loss: 0.1, jitter: MS, reorder, ..config() };
    assert_eq!(fates(1, &config), fates(1, &config));
    assert_ne!(fates(1, &config), fates(2, &config));
}

#[test]
fn the_lost_packets_are_the_same_whatever_else_is_set() {
    let loss = PathConfig { loss: 0.1, ..config() };
    let reorder = Some("5%".parse().unwrap());
    let more = PathConfig { jitter: MS, reorder, ..loss.clone() };
    assert_eq!(lost(&fates(3, &loss)), lost(&fates(3, &more)));
}

#[test]
fn jitter_is_spread_from_none_to_the_whole() {
    let fates = fates(4, &PathConfig { jitter: 10 * MS, ..config() });
    let extra: Vec<_> = fates.iter().map(|fate| fate.unwrap().extra).collect();
    assert!(extra.iter().all(|extra| *extra <= 10 * MS));
    let mean = extra.iter().sum::<Duration>() / 1000;
    assert!((4 * MS..6 * MS).contains(&mean), "{mean:?}");
}

#[test]
fn the_part_that_was_asked_for_is_overtaken() {
    let reorder = Some(Reorder { part: Ratio(0.1), by: 3 * MS });
    let fates = fates(5, &PathConfig { reorder, ..config() });
    let late = Detour { extra: 3 * MS, overtaken: true };
    let count = fates.iter().filter(|fate| **fate == Some(late)).count();
    assert!((70..130).contains(&count), "{count}");
}

#[test]
fn reordering_is_a_part_and_perhaps_a_time() {
    assert_eq!("1%".parse(), Ok(Reorder { part: Ratio(0.01), by: MS }));
    assert_eq!("0.5,3ms".parse(), Ok(Reorder { part: Ratio(0.5), by: 3 * MS }));
    let error = "often".parse::<Reorder>().unwrap_err().to_string();
    assert!(error.contains("'often'") && error.contains("0.5%,3ms"), "{error}");
    assert!("1%,soon".parse::<Reorder>().is_err());
}
