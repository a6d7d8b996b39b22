//! Goes through the planned runs, one fresh bench each.

use std::time::Instant;

use super::bench::Bench;
use super::download;
use super::error::Error;
use super::outcome::{Comparison, HostFacts, RunOutcome, SCHEMA, VariantOutcome};
use super::plan::Plan;
use super::progress::Progress;
use super::stop::Stop;
use super::variant::Variant;

/// What a comparison came to: what was found until the end, and why it ended early, if it did.
#[derive(Debug)]
pub struct Ending {
    /// Every finished run.
    pub comparison: Comparison,
    /// What ended it.
    pub error: Option<Error>,
}

/// Makes every run of `plan`, interleaved over the variants, until all are made or one fails.
///
/// Has to be called by a thread that lives as long as the runs: the processes die with it.
pub fn compare(plan: &Plan, host: HostFacts, progress: &Progress, stop: &Stop) -> Ending {
    let path = plan.path.facts();
    let deadline = Instant::now() + plan.limits.overall;
    let mut found: Vec<Vec<RunOutcome>> = vec![Vec::new(); plan.variants.len()];
    let mut error = None;
    let total = plan.runs as usize * plan.variants.len();
    for (done, (number, variant)) in plan.order().enumerate() {
        progress.stage(&format!("[{}/{total}] {variant}", done + 1));
        match one_run(plan, variant, number, progress, stop, deadline) {
            Ok(outcome) => {
                progress.note(&format!(
                    "[{}/{total}] {variant}: {}",
                    done + 1,
                    outcome.line(&path)
                ));
                found[done % plan.variants.len()].push(outcome);
            }
            Err(reason) => {
                error = Some(reason);
                break;
            }
        }
    }
    progress.clear();
    let variants = plan.variants.iter().zip(found).filter_map(|(variant, runs)| {
        VariantOutcome::of(variant.to_string(), variant.vmm(), variant.nic(), runs, &path)
    });
    let comparison = Comparison {
        schema: SCHEMA.to_owned(),
        complete: error.is_none(),
        host,
        seconds: plan.download.as_secs_f64(),
        runs: plan.runs,
        variants: variants.collect(),
        path,
    };
    Ending { comparison, error }
}

fn one_run(
    plan: &Plan,
    variant: &Variant,
    number: u32,
    progress: &Progress,
    stop: &Stop,
    deadline: Instant,
) -> Result<RunOutcome, Error> {
    let mut bench = Bench::start(plan, variant, number, stop, deadline)?;
    let outcome = bench
        .boot(plan.limits.boot, progress)
        .and_then(|boot| download::run(plan, &bench, boot, number, progress));
    bench.end(stop);
    outcome
}
