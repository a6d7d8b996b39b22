use super::*;

const MS: Duration = Duration::from_millis(1);
const STRAIGHT: Detour = Detour { extra: Duration::ZERO, overtaken: false };

fn link(rate: Option<u64>, delay: Duration, queue: Option<Queue>) -> Link {
    let config = LinkConfig { rate: rate.map(Rate), delay, queue, overhead: 0 };
    Link::new(config, 2 * delay)
}

#[test]
fn without_a_rate_a_frame_takes_the_delay_alone() {
    let mut link = link(None, 12 * MS, None);
    link.push(vec![1; 1514], 1500, 5 * MS, STRAIGHT).unwrap();
    link.push(vec![2; 1514], 1500, 5 * MS, STRAIGHT).unwrap();
    assert_eq!(link.next(), Some(17 * MS));
    assert_eq!(link.pop(16 * MS), None);
    assert_eq!(link.pop(17 * MS), Some(vec![1; 1514]));
    assert_eq!(link.pop(17 * MS), Some(vec![2; 1514]));
    assert_eq!(link.next(), None);
}

#[test]
fn frames_follow_each_other_at_the_rate() {
    // 1000 bytes at 8 Mbit/s take 1 ms.
    let mut link = link(Some(8_000_000), 10 * MS, None);
    link.push(vec![0; 1014], 1000, MS, STRAIGHT).unwrap();
    link.push(vec![1; 1014], 1000, MS, STRAIGHT).unwrap();
    assert_eq!(link.next(), Some(12 * MS));
    link.pop(12 * MS).unwrap();
    assert_eq!(link.next(), Some(13 * MS));
}

#[test]
fn an_idle_line_saves_no_credit() {
    let mut link = link(Some(8_000_000), Duration::ZERO, None);
    link.push(vec![0; 1014], 1000, Duration::ZERO, STRAIGHT).unwrap();
    link.pop(MS).unwrap();
    link.push(vec![0; 1014], 1000, 100 * MS, STRAIGHT).unwrap();
    assert_eq!(link.next(), Some(101 * MS));
}

#[test]
fn a_full_queue_drops_the_newest_and_has_room_again_later() {
    let mut link = link(Some(8_000_000), Duration::ZERO, Some(Queue::Bytes(2000)));
    link.push(vec![0; 1014], 1000, Duration::ZERO, STRAIGHT).unwrap();
    link.push(vec![1; 1014], 1000, Duration::ZERO, STRAIGHT).unwrap();
    let refused = link.push(vec![2; 1014], 1000, Duration::ZERO, STRAIGHT);
    assert_eq!(refused, Err((Full::Queue, vec![2; 1014])));
    assert_eq!(link.queued(MS), 1000);
    link.push(vec![3; 1014], 1000, MS, STRAIGHT).unwrap();
}

#[test]
fn a_queue_given_as_time_is_that_long_at_the_rate() {
    let mut link = link(Some(8_000_000), Duration::ZERO, Some(Queue::Time(3 * MS)));
    let taken = (0..10)
        .filter(|_| link.push(vec![0; 1014], 1000, Duration::ZERO, STRAIGHT).is_ok())
        .count();
    assert_eq!(taken, 3);
}

#[test]
fn the_default_queue_holds_a_tenth_of_a_second() {
    let mut link = link(Some(8_000_000), MS, None);
    let taken = (0..200)
        .filter(|_| link.push(vec![0; 1014], 1000, Duration::ZERO, STRAIGHT).is_ok())
        .count();
    assert_eq!(taken, 100);
}

#[test]
fn a_packet_longer_than_the_queue_passes_an_idle_line() {
    let mut link = link(Some(8_000_000), Duration::ZERO, Some(Queue::Bytes(100)));
    assert!(link.push(vec![0; 1014], 1000, Duration::ZERO, STRAIGHT).is_ok());
}

#[test]
fn a_frame_with_its_own_time_overtakes() {
    let mut link = link(None, 12 * MS, None);
    link.push(vec![1; 60], 46, Duration::ZERO, STRAIGHT).unwrap();
    link.push_at(vec![2; 60], MS).unwrap();
    assert_eq!(link.pop(20 * MS), Some(vec![2; 60]));
    assert_eq!(link.pop(20 * MS), Some(vec![1; 60]));
}

#[test]
fn a_shorter_delay_does_not_let_packets_overtake_those_on_their_way() {
    let mut link = link(None, 12 * MS, None);
    link.push(vec![1; 60], 46, Duration::ZERO, STRAIGHT).unwrap();
    link.reconfigure(LinkConfig { delay: MS, ..LinkConfig::default() }, 2 * MS);
    link.push(vec![2; 60], 46, MS, STRAIGHT).unwrap();
    assert_eq!(link.next(), Some(12 * MS));
    assert_eq!(link.pop(12 * MS), Some(vec![1; 60]));
    assert_eq!(link.pop(12 * MS), Some(vec![2; 60]));
    link.push(vec![3; 60], 46, 20 * MS, STRAIGHT).unwrap();
    assert_eq!(link.next(), Some(21 * MS));
}

#[test]
fn a_packet_held_up_holds_up_those_behind_it() {
    let mut link = link(None, 12 * MS, None);
    link.push(vec![1; 60], 46, Duration::ZERO, Detour { extra: 3 * MS, ..STRAIGHT }).unwrap();
    link.push(vec![2; 60], 46, MS, STRAIGHT).unwrap();
    assert_eq!(link.pop(14 * MS), None);
    assert_eq!(link.pop(15 * MS), Some(vec![1; 60]));
    assert_eq!(link.pop(15 * MS), Some(vec![2; 60]));
}

#[test]
fn an_overtaken_packet_comes_late_and_holds_up_nobody() {
    let mut link = link(None, 12 * MS, None);
    link.push(vec![1; 60], 46, Duration::ZERO, Detour { extra: 3 * MS, overtaken: true }).unwrap();
    link.push(vec![2; 60], 46, MS, STRAIGHT).unwrap();
    assert_eq!(link.pop(13 * MS), Some(vec![2; 60]));
    assert_eq!(link.pop(15 * MS), Some(vec![1; 60]));
}

#[test]
fn memory_is_bounded() {
    let mut link = link(None, 12 * MS, None);
    let frame = vec![0; 1 << 20];
    let taken =
        (0..100).filter(|_| link.push(frame.clone(), 1 << 20, MS, STRAIGHT).is_ok()).count();
    assert_eq!(taken, HELD_MAX >> 20);
}
