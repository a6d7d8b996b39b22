use super::*;

const MS: Duration = Duration::from_millis(1);

fn config() -> PathConfig {
    let port = |text: &str| text.parse().unwrap();
    PathConfig {
        delay: 12 * MS,
        rate: Some(Rate(50_000_000)),
        ..PathConfig::new(
            port("stream:a,ip=10.0.1.1/24"),
            port("stream:b,mtu=1420,ip=10.0.2.1/24,ip6=fd00:2::1/64"),
        )
    }
}

/// The settings after `changes`.
fn after(changes: &[&str]) -> Settings {
    let mut config = config();
    for change in changes {
        change.parse::<Change>().unwrap().apply(&mut config).unwrap();
    }
    Settings::from(&config)
}

fn refusal(change: &str) -> String {
    let change = change.parse::<Change>();
    change.and_then(|change| change.apply(&mut config())).unwrap_err().to_string()
}

#[test]
fn a_setting_without_a_port_is_for_both_directions() {
    let settings = after(&["mtu=1492", "delay=5ms", "rate=2mbit", "queue=1000"]);
    let both = Towards {
        mtu: 1492,
        rate_bits_per_second: Some(2_000_000),
        delay_seconds: 0.005,
        queue_bytes: Some(1000),
        link: true,
        icmp_filter: false,
    };
    assert_eq!((&settings.towards_a, &settings.towards_b), (&both, &both));
}

#[test]
fn a_setting_with_a_port_is_for_the_way_to_it() {
    let settings = after(&["b.rate=none", "a.delay=1ms", "a.icmp-filter=on"]);
    assert_eq!(settings.towards_a.rate_bits_per_second, Some(50_000_000));
    assert_eq!(settings.towards_b.rate_bits_per_second, None);
    assert_eq!(
        (settings.towards_a.delay_seconds, settings.towards_b.delay_seconds),
        (0.001, 0.012)
    );
    assert!(settings.towards_a.icmp_filter && !settings.towards_b.icmp_filter);
}

#[test]
fn a_cable_is_pulled_from_one_port_or_both() {
    let links = |settings: Settings| (settings.towards_a.link, settings.towards_b.link);
    assert_eq!(links(after(&["a.link=down"])), (false, true));
    assert_eq!(links(after(&["link=down", "b.link=up"])), (false, true));
    assert!(refusal("link=out").contains("write up or down"));
}

#[test]
fn settings_of_the_whole_path_read_as_on_the_command_line() {
    let settings = after(&["loss=1%", "icmp=cisco", "mss-clamp=pmtu"]);
    assert_eq!((settings.loss, &settings.icmp[..]), (0.01, "every=500ms"));
    assert_eq!(settings.mss_clamp.as_deref(), Some("pmtu"));
    assert_eq!(
        (&settings.icmp_mtu[..], &after(&["icmp-mtu=zero"]).icmp_mtu[..]),
        ("next-hop", "zero")
    );
    assert_eq!(after(&["mss-clamp=1320", "mss-clamp=none"]).mss_clamp, None);
    assert_eq!(settings.icmp.parse(), Ok(IcmpPolicy::Every(500 * MS)));
}

#[test]
fn chances_can_be_set_and_taken_away() {
    let settings = after(&["jitter=2ms", "reorder=1%,3ms"]);
    let reorder = (settings.reorder, settings.reorder_by_seconds);
    assert_eq!((settings.jitter_seconds, reorder), (0.002, (0.01, 0.003)));
    assert!(after(&["reorder=1%", "reorder=none"]).reorder < 0.001);
}

#[test]
fn routers_can_be_put_in_and_taken_out() {
    assert_eq!(after(&["chain=1480,1450"]).chain, [1480, 1450]);
    assert!(after(&["chain=1480", "chain=none"]).chain.is_empty());
    assert!(refusal("chain=1480,1000").contains("at least 1280"));
    assert!(refusal("chain=1480,,1450").contains("chain=1480,,1450"));
    let long = format!("chain={}", ["1480"; 17].join(","));
    assert!(refusal(&long).contains("at most 16 links, not 17"));
}

#[test]
fn the_default_queue_follows_the_rate() {
    assert_eq!(after(&["rate=8mbit"]).towards_b.queue_bytes, Some(100_000));
    assert_eq!(after(&["rate=none"]).towards_b.queue_bytes, None);
}

#[test]
fn what_cannot_be_set_is_named_with_a_remedy() {
    assert!(refusal("mtu").contains("mtu=1492"));
    assert!(refusal("color=red").contains("there are mtu, chain"));
    assert!(refusal("c.mtu=1400").contains("'c.mtu'"));
    assert!(refusal("b.loss=1%").contains("whole path"));
    assert!(refusal("rate=fast").contains("50mbit"));
    assert!(refusal("mtu=1000").contains("at least 1280 with an IPv6 address"));
    assert!(refusal("icmp-filter=yes").contains("on or off"));
}

#[test]
fn a_change_is_written_as_it_was_read() {
    assert_eq!("b.rate=50mbit".parse::<Change>().unwrap().to_string(), "b.rate=50mbit");
}
