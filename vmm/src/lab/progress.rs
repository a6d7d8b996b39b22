//! What a person sees on standard error while a comparison runs.
//!
//! On a terminal one line that changes in place; otherwise plain lines with the elapsed time, few
//! enough to be read in a log. Results never go this way.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Where there is no terminal, a stage says something at most this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
/// How often a terminal's line is drawn while nothing changes.
const TICK: Duration = Duration::from_millis(125);

/// Tells how far a comparison is.
#[derive(Debug)]
pub struct Progress {
    start: Instant,
    spoken: Cell<Instant>,
    view: View,
}

#[derive(Debug)]
enum View {
    Terminal(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// On standard error, in the way that suits it; not at all if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let view = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => View::Nothing,
            (false, true) => View::Terminal(bar()),
            (false, false) => View::Lines,
        };
        Self { start: Instant::now(), spoken: Cell::new(Instant::now()), view }
    }

    /// Begins a stage.
    pub fn stage(&self, text: &str) {
        if let View::Terminal(bar) = &self.view {
            bar.set_prefix(text.to_owned());
            bar.set_message("");
        } else {
            self.say(text);
        }
    }

    /// Tells how the stage is doing.
    pub fn detail(&self, text: &str) {
        match &self.view {
            View::Terminal(bar) => bar.set_message(format!(": {text}")),
            View::Lines if self.spoken.get().elapsed() >= PLAIN_INTERVAL => {
                self.say(&format!("  {text}"));
            }
            View::Lines | View::Nothing => {}
        }
    }

    /// Leaves a line behind.
    pub fn note(&self, text: &str) {
        match &self.view {
            View::Terminal(bar) => bar.println(text),
            View::Lines | View::Nothing => self.say(text),
        }
    }

    /// Takes the changing line away.
    pub fn clear(&self) {
        if let View::Terminal(bar) = &self.view {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        if let View::Lines = self.view {
            eprintln!("{:>4} s  {text}", self.start.elapsed().as_secs());
            self.spoken.set(Instant::now());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {prefix}{wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
