use super::*;

#[test]
fn offloads_are_on_or_off_whether_fixed_or_not() {
    let ethtool = "Features for eth0:\nrx-checksumming: on\ntcp-segmentation-offload: on\n\
                   \ttx-tcp-segmentation: on\n\ttx-tcp6-segmentation: off [fixed]\n\
                   generic-segmentation-offload: off [requested on]\n";
    let offloads = offloads(ethtool);
    assert_eq!(offloads.len(), 5);
    assert!(offloads["tcp-segmentation-offload"]);
    assert!(!offloads["tx-tcp6-segmentation"]);
    assert!(!offloads["generic-segmentation-offload"]);
}

#[test]
fn the_network_controller_is_picked_from_among_other_devices() {
    let lspci = "00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)\n\
                 00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n";
    assert_eq!(
        network_controller(lspci).as_deref(),
        Some("00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device")
    );
    assert_eq!(network_controller("00:00.0 Host bridge: x\n"), None);
}

#[test]
fn both_forms_of_ping_are_understood() {
    assert_eq!(shortest_round_trip("round-trip min/avg/max = 24.131/24.3/24.6 ms\n"), Some(24.131));
    assert_eq!(shortest_round_trip("rtt min/avg/max/mdev = 0.5/1/2/0.1 ms\n"), Some(0.5));
    assert_eq!(shortest_round_trip("3 packets transmitted, 0 received\n"), None);
    assert_eq!(shortest_round_trip("round-trip min/avg/max = 0.000/0.1/0.2 ms\n"), None);
}

#[test]
fn a_download_line_gives_time_status_and_size() {
    assert_eq!(
        download("103.25 113.75 124 1012736\n"),
        Some(Download { seconds: 10.5, status: 124, bytes: 1012736 })
    );
    assert_eq!(download("103.25 113.75\n"), None);
}
