//! Rates as a row of small bars.

/// From lowest to highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The lowest bar's rate, bytes a second; each bar above stands for [`STEP`] times more, so that a
/// crawl and a line at full speed fit into one row.
const LOWEST: f64 = 10e3;
/// See [`LOWEST`]: the highest bar begins at 20 MB/s.
const STEP: f64 = 3.0;
/// Bars kept.
const KEPT: usize = 24;

/// The last rates.
#[derive(Clone, Debug, Default)]
pub struct Sparkline {
    rates: Vec<f64>,
}

impl Sparkline {
    /// Adds a rate, bytes a second.
    pub fn push(&mut self, rate: f64) {
        if self.rates.len() == KEPT {
            self.rates.remove(0);
        }
        self.rates.push(rate);
    }

    /// The bars.
    pub fn bars(&self) -> String {
        let bar = |rate: &f64| {
            let level = (rate / LOWEST).max(1.0).log(STEP).floor() as usize;
            BARS[level.min(BARS.len() - 1)]
        };
        self.rates.iter().map(bar).collect()
    }
}

#[cfg(test)]
#[path = "sparkline_tests.rs"]
mod tests;
