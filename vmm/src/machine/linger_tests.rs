use super::*;

/// Whether it is due, the next `times` times.
fn due(linger: &mut Linger, times: usize) -> Vec<bool> {
    (0..times).map(|_| linger.is_due()).collect()
}

#[test]
fn what_is_found_ends_the_wait() {
    let mut looks = 0;
    let mut patient = Linger { patience: Duration::MAX, ..Linger::default() };
    let found = patient.wait(|| {
        looks += 1;
        looks == 3
    });
    assert!(found);
    assert_eq!(looks, 3);
}

#[test]
fn looking_in_vain_gets_rarer_until_it_helps() {
    let mut linger = Linger::default();
    assert_eq!(due(&mut linger, 2), [true, true]);
    assert!(!linger.wait(|| false));
    assert_eq!(due(&mut linger, 2), [false, true]);
    assert!(!linger.wait(|| false));
    assert_eq!(due(&mut linger, 4), [false, false, false, true]);
    assert!(linger.wait(|| true));
    assert!(linger.is_due());
}

#[test]
fn it_never_stops_looking_for_good() {
    let mut linger = Linger::default();
    for _ in 0..100 {
        linger.wait(|| false);
    }
    assert!(due(&mut linger, 64).contains(&true));
}
