use super::*;

const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 2));
const MAC: Mac = [2, 0, 0, 0, 0, 9];
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn packets_wait_for_the_answer_in_order() {
    let mut neighbours = Neighbours::default();
    assert_eq!(neighbours.resolve(IP, vec![1], SECOND), Resolution::Ask);
    assert_eq!(neighbours.resolve(IP, vec![2], SECOND), Resolution::Waiting);
    assert_eq!(neighbours.learn(IP, MAC), [vec![1], vec![2]]);
    assert_eq!(neighbours.resolve(IP, vec![3], SECOND), Resolution::Known(MAC, vec![3]));
    assert_eq!(neighbours.next(), None);
}

#[test]
fn the_question_is_asked_three_times_and_then_no_more() {
    let mut neighbours = Neighbours::default();
    assert_eq!(neighbours.resolve(IP, vec![1], SECOND), Resolution::Ask);
    assert_eq!(neighbours.next(), Some(2 * SECOND));
    assert_eq!(neighbours.due(SECOND), (vec![], 0));
    assert_eq!(neighbours.due(2 * SECOND), (vec![IP], 0));
    assert_eq!(neighbours.due(3 * SECOND), (vec![IP], 0));
    assert_eq!(neighbours.due(4 * SECOND), (vec![], 1));
    assert_eq!(neighbours.next(), None);
    assert_eq!(neighbours.resolve(IP, vec![2], 5 * SECOND), Resolution::Ask);
}

#[test]
fn packets_that_wait_are_bounded() {
    let mut neighbours = Neighbours::default();
    (0..WAITING_MAX).for_each(|_| drop(neighbours.resolve(IP, vec![1], SECOND)));
    assert_eq!(neighbours.resolve(IP, vec![2], SECOND), Resolution::NoRoom(vec![2]));
}

#[test]
fn neighbours_are_bounded() {
    let mut neighbours = Neighbours::default();
    (0..2 * NEIGHBOURS_MAX as u32).for_each(|n| {
        neighbours.learn(IpAddr::V4(n.into()), MAC);
    });
    assert_eq!(neighbours.entries.len(), NEIGHBOURS_MAX);
    assert_eq!(neighbours.resolve(IP, vec![2], SECOND), Resolution::NoRoom(vec![2]));
}
