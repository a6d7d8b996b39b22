use super::*;

#[test]
fn a_port_is_read_with_all_its_options() {
    let text = "stream:/run/b.sock,mtu=1420,ip=10.0.2.1/24,ip6=fd00:2::1/64,\
                mac=02:00:00:00:00:07,rate=10mbit,delay=3ms,queue=64kib";
    let port: PortConfig = text.parse().unwrap();
    assert_eq!(port.socket.to_str(), Some("/run/b.sock"));
    assert_eq!(port.mtu, 1420);
    assert_eq!(port.address(), Some("10.0.2.1".parse().unwrap()));
    assert_eq!(port.address6(), Some("fd00:2::1".parse().unwrap()));
    assert_eq!(port.mac, Some([2, 0, 0, 0, 0, 7]));
    assert_eq!(port.rate, Some(Rate(10_000_000)));
    assert_eq!(port.delay, Some(Duration::from_millis(3)));
    assert_eq!(port.queue, Some(Queue::Bytes(65_536)));
}

#[test]
fn a_port_has_the_mtu_of_ethernet_by_default() {
    let port: PortConfig = "stream:a,ip=10.0.1.1/24".parse().unwrap();
    assert_eq!(port.mtu, 1500);
}

fn refusal(text: &str) -> String {
    text.parse::<PortConfig>().unwrap_err().to_string()
}

#[test]
fn a_bad_port_is_refused_with_the_value_and_the_remedy() {
    assert!(refusal("tap:x").contains("stream:SOCKET"));
    assert!(refusal("stream:a,ip=10.0.1.1/24,mtu2=1").contains("mtu2=1"));
    assert!(refusal("stream:a,ip=10.0.1.1/33").contains("ip=10.0.1.1/33"));
    assert!(refusal("stream:a,ip=10.0.1.1/24,mtu=20").contains("at least 68"));
    assert!(refusal("stream:a,ip6=fd00::1/64,mtu=1000").contains("at least 1280"));
    assert!(refusal("stream:a").contains("ip="));
    assert!(refusal("stream:a,ip=10.0.1.1/24,mac=02:00").contains("mac=02:00"));
}

#[test]
fn policies_are_read_by_name_or_interval() {
    assert_eq!("all".parse(), Ok(IcmpPolicy::All));
    assert_eq!("none".parse(), Ok(IcmpPolicy::None));
    assert_eq!("cisco".parse(), Ok(IcmpPolicy::Every(Duration::from_millis(500))));
    assert_eq!("every=2s".parse(), Ok(IcmpPolicy::Every(Duration::from_secs(2))));
    assert!("sometimes".parse::<IcmpPolicy>().is_err());
}

#[test]
fn a_port_may_have_a_line_of_its_own() {
    let a: PortConfig = "stream:a,ip=10.0.1.1/24".parse().unwrap();
    let b: PortConfig = "stream:b,ip=10.0.2.1/24,rate=1mbit,delay=5ms".parse().unwrap();
    let mut path = PathConfig::new(a, b);
    path.rate = Some(Rate(50_000_000));
    path.delay = Duration::from_millis(12);
    assert_eq!(path.link(Side::A).rate, Some(Rate(50_000_000)));
    assert_eq!(path.link(Side::B).rate, Some(Rate(1_000_000)));
    assert_eq!(path.round_trip(), Duration::from_millis(17));
}
