//! Goes through the planned runs, one fresh bench each.

use std::time::Instant;

use super::bench::Bench;
use super::download;
use super::error::Error;
use super::outcome::{Comparison, HostFacts, RunOutcome, SCHEMA, VariantOutcome};
use super::plan::{Arm, PathPlan, Plan};
use super::progress::Progress;
use super::stop::Stop;

/// What the runs came to: what was found until the end, and why it ended early, if it did.
#[derive(Debug)]
pub struct Measured {
    /// Every finished run of each of the plan's arms.
    pub runs: Vec<Vec<RunOutcome>>,
    /// What ended it.
    pub error: Option<Error>,
}

/// Makes every run of `plan`, interleaved over the arms, until all are made or one fails. Runs of
/// `earlier`, for each of the arms, are not made again. What there is after each run goes to `keep`.
///
/// Has to be called by a thread that lives as long as the runs: the processes die with it.
pub fn measure(
    plan: &Plan,
    earlier: Vec<Vec<RunOutcome>>,
    progress: &Progress,
    stop: &Stop,
    mut keep: impl FnMut(&Measured),
) -> Measured {
    let deadline = Instant::now() + plan.limits.overall;
    let mut measured = Measured { runs: earlier, error: None };
    measured.runs.resize(plan.arms.len(), Vec::new());
    progress.variants(plan.arms.iter().map(|arm| arm.name.as_str()));
    let total = (plan.warm_up + plan.runs) as usize * plan.arms.len();
    for (done, (number, position)) in plan.order().enumerate() {
        let (arm, runs) = (&plan.arms[position], &mut measured.runs[position]);
        if runs.len() == plan.runs as usize || runs.iter().any(|run| run.number == number) {
            continue;
        }
        let warm_up = if number == 0 { ", to warm up" } else { "" };
        let label = format!("[{}/{total}] {}{warm_up}", done + 1, arm.name);
        progress.stage(position, &label);
        match tried(plan, arm, number, progress, stop, deadline) {
            Ok(outcome) => {
                progress.note(&label, &outcome.line(&arm.path.facts()));
                if number > 0 {
                    runs.push(outcome);
                    keep(&measured);
                }
            }
            Err(reason) => {
                measured.error = Some(reason);
                break;
            }
        }
    }
    progress.clear();
    measured
}

impl Measured {
    /// The comparison of some of the arms, named as they are called in it: the first is what the
    /// others are compared with. Arms without a finished run are left out.
    pub fn comparison<'a>(
        &self,
        plan: &Plan,
        arms: impl IntoIterator<Item = (usize, &'a Arm)>,
        host: HostFacts,
    ) -> Comparison {
        let arms: Vec<(&Vec<RunOutcome>, &Arm)> = arms
            .into_iter()
            .filter_map(|(position, arm)| Some((self.runs.get(position)?, arm)))
            .collect();
        let first = arms.first().map(|(_, arm)| arm.facts());
        let mut variants =
            arms.iter().filter_map(|(runs, arm)| VariantOutcome::of(arm, (*runs).clone()));
        let base = variants.next();
        let others = variants.map(|variant| match &base {
            Some(base) => variant.against(base),
            None => variant,
        });
        let others: Vec<_> = others.collect();
        Comparison {
            schema: SCHEMA.to_owned(),
            complete: arms.iter().all(|(runs, _)| runs.len() == plan.runs as usize),
            ended_early: self.error.as_ref().map(Error::headline),
            host,
            seconds: first.as_ref().map_or(0.0, |conditions| conditions.seconds),
            runs: plan.runs,
            path: first.map_or_else(|| PathPlan::default().facts(), |conditions| conditions.path),
            variants: base.into_iter().chain(others).collect(),
            scenario: None,
            checks: Vec::new(),
        }
    }

    /// The comparison of all arms.
    pub fn whole(&self, plan: &Plan, host: HostFacts) -> Comparison {
        self.comparison(plan, plan.arms.iter().enumerate(), host)
    }
}

/// Makes a run; if a guest dies or hangs, again, as often as the plan allows.
fn tried(
    plan: &Plan,
    arm: &Arm,
    number: u32,
    progress: &Progress,
    stop: &Stop,
    deadline: Instant,
) -> Result<RunOutcome, Error> {
    let mut left = plan.tries;
    loop {
        left = left.saturating_sub(1);
        match one_run(plan, arm, number, progress, stop, deadline) {
            Err(why) if left > 0 && why.is_of_a_guest() && Instant::now() < deadline => {
                progress.warn(&format!("{}; trying again", why.headline()));
            }
            result => return result,
        }
    }
}

fn one_run(
    plan: &Plan,
    arm: &Arm,
    number: u32,
    progress: &Progress,
    stop: &Stop,
    deadline: Instant,
) -> Result<RunOutcome, Error> {
    let mut bench = Bench::start(plan, arm, number, stop, deadline)?;
    let outcome = bench
        .boot(plan.limits.boot, progress)
        .and_then(|boot| download::run(plan, arm, &bench, boot, number, progress));
    let trace = bench.end(stop);
    outcome.map(|outcome| RunOutcome { trace, ..outcome })
}
