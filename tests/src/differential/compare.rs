//! Runs a script on two NICs and looks for the first difference.

use std::fmt;

use super::step::Step;
use super::{Answer, Script, Subject};

/// The first step after which two NICs are not alike.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The number of the step, from 0; `None` is power-on.
    pub index: Option<usize>,
    /// The step.
    pub step: Option<Step>,
    /// What QEMU's NIC shows, as far as ours does not show the same.
    pub theirs: Vec<String>,
    /// What ours shows, as far as QEMU's does not.
    pub ours: Vec<String>,
}

/// Runs `script` on both; answers the first difference.
pub fn compare(
    theirs: &mut dyn Subject,
    ours: &mut dyn Subject,
    script: &Script,
) -> anyhow::Result<Option<Difference>> {
    let mut before = (theirs.power_on()?, ours.power_on()?);
    if before.0 != before.1 {
        return Ok(Some(difference(None, None, &before, None)));
    }
    for (index, step) in script.steps.iter().enumerate() {
        let now = (theirs.perform(step)?, ours.perform(step)?);
        if now.0 != now.1 {
            return Ok(Some(difference(Some(index), Some(step), &now, Some(&before.0))));
        }
        before = now;
    }
    Ok(None)
}

fn difference(
    index: Option<usize>,
    step: Option<&Step>,
    (theirs, ours): &(Answer, Answer),
    before: Option<&Answer>,
) -> Difference {
    let (all_theirs, all_ours) = (theirs.facts(before), ours.facts(before));
    let only = |these: &[String], those: &[String]| {
        these.iter().filter(|fact| !those.contains(fact)).cloned().collect()
    };
    Difference {
        index,
        step: step.cloned(),
        theirs: only(&all_theirs, &all_ours),
        ours: only(&all_ours, &all_theirs),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.step, self.index) {
            (Some(step), Some(index)) => writeln!(f, "after step {}, `{step}`:", index + 1)?,
            _ => writeln!(f, "after power-on:")?,
        }
        for (name, facts) in [("QEMU", &self.theirs), ("ours", &self.ours)] {
            for fact in facts {
                writeln!(f, "  {name}: {fact}")?;
            }
            if facts.is_empty() {
                writeln!(f, "  {name}: nothing new")?;
            }
        }
        Ok(())
    }
}
