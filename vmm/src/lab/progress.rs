//! What a person sees on standard error while a comparison runs.
//!
//! On a terminal a line for what is going on and one for each variant, with its rate as it was and
//! is; otherwise plain lines with the elapsed time, few enough to be read in a log. Results never go
//! this way.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::sparkline::Sparkline;
use super::units::rate;

use crate::streams::say;

/// Where there is no terminal, a stage says something at most this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
/// How often a terminal's line is drawn while nothing changes.
const TICK: Duration = Duration::from_millis(125);
/// How often a rate becomes a bar of a variant's line.
const BAR_INTERVAL: Duration = Duration::from_millis(500);
/// With more variants than this there is no line for each: a terminal has few.
const LINES_MAX: usize = 12;

/// Tells how far a comparison is.
#[derive(Debug)]
pub struct Progress {
    start: Instant,
    spoken: Cell<Instant>,
    view: View,
}

#[derive(Debug)]
enum View {
    Terminal(Live),
    Lines,
    Nothing,
}

/// The lines of a terminal.
#[derive(Debug)]
struct Live {
    all: MultiProgress,
    stage: ProgressBar,
    arms: RefCell<Vec<ArmLine>>,
    /// Which arm's turn it is.
    current: Cell<usize>,
    drawn: Cell<Instant>,
}

#[derive(Debug)]
struct ArmLine {
    bar: ProgressBar,
    rates: Sparkline,
}

impl Progress {
    /// On standard error, in the way that suits it; not at all if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let view = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => View::Nothing,
            (false, true) => View::Terminal(Live::new()),
            (false, false) => View::Lines,
        };
        Self { start: Instant::now(), spoken: Cell::new(Instant::now()), view }
    }

    /// Gives each of these variants a line, where there is a terminal.
    pub fn variants<'a>(&self, names: impl ExactSizeIterator<Item = &'a str>) {
        if let View::Terminal(live) = &self.view
            && names.len() <= LINES_MAX
        {
            live.add(names);
        }
    }

    /// Begins a stage, about the variant at this position.
    pub fn stage(&self, variant: usize, text: &str) {
        if let View::Terminal(live) = &self.view {
            live.current.set(variant);
            live.stage.set_prefix(text.to_owned());
            live.stage.set_message("");
        } else {
            self.say(text);
        }
    }

    /// Tells how the stage is doing.
    pub fn detail(&self, text: &str) {
        match &self.view {
            View::Terminal(live) => live.stage.set_message(format!(": {text}")),
            View::Lines if self.spoken.get().elapsed() >= PLAIN_INTERVAL => {
                self.say(&format!("  {text}"));
            }
            View::Lines | View::Nothing => {}
        }
    }

    /// Tells how fast the download is, bytes a second.
    pub fn rate(&self, seconds: f64, now: Option<f64>) {
        if let (View::Terminal(live), Some(now)) = (&self.view, now) {
            live.rate(now);
        }
        self.detail(&format!(
            "downloading, {seconds:.0} s, {}",
            now.map_or_else(String::new, rate)
        ));
    }

    /// Ends a stage with a line about it.
    pub fn note(&self, stage: &str, text: &str) {
        match &self.view {
            View::Terminal(live) => live.note(stage, text),
            View::Lines | View::Nothing => self.say(&format!("{stage}: {text}")),
        }
    }

    /// Leaves a line behind about something that went wrong.
    pub fn warn(&self, text: &str) {
        match &self.view {
            View::Terminal(live) => drop(live.all.println(text)),
            View::Lines => self.say(text),
            View::Nothing => {}
        }
    }

    /// Takes the changing lines away.
    pub fn clear(&self) {
        if let View::Terminal(live) = &self.view {
            live.clear();
        }
    }

    fn say(&self, text: &str) {
        if let View::Lines = self.view {
            say(format_args!("{:>4} s  {text}", self.start.elapsed().as_secs()));
            self.spoken.set(Instant::now());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Live {
    fn new() -> Self {
        let all = MultiProgress::new();
        let stage = all.add(ProgressBar::new_spinner());
        stage.set_style(style("{spinner} {elapsed} {prefix}{wide_msg}"));
        stage.enable_steady_tick(TICK);
        let (current, drawn) = (Cell::new(0), Cell::new(Instant::now()));
        Self { all, stage, arms: RefCell::default(), current, drawn }
    }

    fn add<'a>(&self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style("  {prefix:<34!} {wide_msg}"));
            bar.set_prefix(name.to_owned());
            bar.tick();
            self.arms.borrow_mut().push(ArmLine { bar, rates: Sparkline::default() });
        }
    }

    fn rate(&self, now: f64) {
        if self.drawn.get().elapsed() < BAR_INTERVAL {
            return;
        }
        self.drawn.set(Instant::now());
        if let Some(arm) = self.arms.borrow_mut().get_mut(self.current.get()) {
            arm.rates.push(now);
            arm.bar.set_message(format!("{:>9} {}", rate(now), arm.rates.bars()));
        }
    }

    fn note(&self, stage: &str, text: &str) {
        if let Some(arm) = self.arms.borrow_mut().get_mut(self.current.get()) {
            arm.bar.set_message(format!("{} {text}", arm.rates.bars()));
        } else {
            let _ = self.all.println(format!("{stage}: {text}"));
        }
    }

    fn clear(&self) {
        self.stage.finish_and_clear();
        for arm in self.arms.borrow_mut().drain(..) {
            arm.bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
