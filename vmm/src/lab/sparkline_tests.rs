use super::*;

fn bars(rates: &[f64]) -> String {
    let mut line = Sparkline::default();
    for rate in rates {
        line.push(*rate);
    }
    line.bars()
}

#[test]
fn a_crawl_and_a_fast_transfer_fit_into_one_row() {
    assert_eq!(bars(&[0.0, 98.8e3, 1.0e6, 14.0e6, 1.0e9]), "▁▃▅▇█");
}

#[test]
fn only_the_last_bars_are_kept() {
    let rates: Vec<f64> = (0..100).map(|n| f64::from(n) * 1e6).collect();
    assert_eq!(bars(&rates).chars().count(), KEPT);
    assert!(bars(&rates).ends_with('█'));
}
