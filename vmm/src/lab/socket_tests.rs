use super::*;

/// Two moments of a transfer, as iproute2 6.1 prints them.
const SAID: &str = "\
at 30.10
at 30.62
0      69768               10.0.1.2:80                10.0.2.2:41310
\t cubic wscale:7,7 rto:228 rtt:25.31/0.6 mss:1368 pmtu:1420 rcvmss:536 advmss:1448 cwnd:3 ssthresh:2 \
bytes_sent:71136 bytes_retrans:20520 bytes_acked:47880 bytes_received:131 segs_out:53 segs_in:41 data_segs_out:52 \
send 1297185bps lastsnd:4 pacing_rate 1556608bps delivery_rate 432080bps busy:520ms unacked:3 retrans:1/15 lost:1 \
sacked:1 rcv_space:14480 minrtt:24.6
at 31.15
0      69768               10.0.1.2:80                10.0.2.2:41310
\t cubic wscale:7,7 rto:228 rtt:24.9/0.4 mss:1368 pmtu:1420 cwnd:2 ssthresh:2 bytes_acked:97128 retrans:0/31
";

#[test]
fn each_moment_has_the_sockets_figures() {
    let samples = samples(SAID);
    assert_eq!(samples.len(), 2);
    let first = SocketSample {
        at: 0.52,
        congestion_window: 3,
        slow_start_threshold: Some(2),
        round_trip_ms: 25.31,
        mss: 1368,
        path_mtu: 1420,
        retransmits: 15,
        bytes_acknowledged: 47_880,
    };
    assert_eq!(samples[0], first);
    assert_eq!((samples[1].retransmits, samples[1].bytes_acknowledged), (31, 97_128));
}

#[test]
fn a_socket_without_losses_has_no_threshold_and_no_retransmits() {
    let samples = samples("at 1.00\n\t cubic rtt:1.5/0.7 mss:1448 pmtu:1500 cwnd:10\n");
    assert_eq!((samples[0].slow_start_threshold, samples[0].retransmits), (None, 0));
}

#[test]
fn what_is_no_socket_is_passed_over() {
    assert_eq!(samples("at 1.00\nState Recv-Q Send-Q\nCannot open netlink socket\n"), []);
}
