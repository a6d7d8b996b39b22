use super::*;

fn close(found: &[f64], wanted: &[f64]) -> bool {
    found.len() == wanted.len()
        && found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9 * b.abs().max(1.0))
}

#[test]
fn ticks_are_round_numbers_within_the_axis() {
    assert!(close(&Scale::x(10.1).ticks(), &[0.0, 5.0, 10.0]), "{:?}", Scale::x(10.1).ticks());
    assert!(close(&Scale::x(10.0).ticks(), &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]));
    assert!(close(&Scale::y(0.7).ticks(), &[0.0, 0.2, 0.4, 0.6]), "{:?}", Scale::y(0.7).ticks());
}

#[test]
fn a_logarithmic_axis_has_whole_decades() {
    let scale = Scale::y_logarithmic(55.0, 14_000.0);
    assert!(
        close(&scale.ticks(), &[10.0, 100.0, 1000.0, 10_000.0, 100_000.0]),
        "{:?}",
        scale.ticks()
    );
    assert!((scale.at(1000.0) - f64::midpoint(scale.at(10.0), scale.at(100_000.0))).abs() < 1e-9);
}

#[test]
fn what_lies_outside_is_at_the_edge() {
    let scale = Scale::x(10.0);
    assert!(close(&[scale.at(20.0), scale.at(-3.0)], &[scale.at(10.0), scale.at(0.0)]));
    let scale = Scale::y_logarithmic(10.0, 1000.0);
    assert!(close(&[scale.at(0.0)], &[scale.at(10.0)]));
}

#[test]
fn nothing_to_show_is_still_an_axis() {
    let scales = [Scale::x(0.0), Scale::y(f64::NAN), Scale::y_logarithmic(0.0, f64::INFINITY)];
    assert!(scales.iter().all(|scale| scale.at(0.5).is_finite() && !scale.ticks().is_empty()));
}
