use super::*;

#[test]
fn one_batch_sets_everything() {
    let network = "eth9,10.0.1.2/24,fd00:1::2/64,gw=10.0.1.1,gw=fd00:1::1,mtu=1420";
    assert_eq!(
        commands(&network.parse().unwrap(), "eth0"),
        "link set dev eth0 mtu 1420 up\n\
         addr replace 10.0.1.2/24 dev eth0\n\
         addr replace fd00:1::2/64 dev eth0\n\
         route replace default via 10.0.1.1 dev eth0\n\
         route replace default via fd00:1::1 dev eth0\n"
    );
}

#[test]
fn the_loopback_is_found_by_its_address() {
    assert_eq!(find("00:00:00:00:00:00").unwrap(), "lo");
}
