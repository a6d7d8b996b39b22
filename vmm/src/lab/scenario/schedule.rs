//! Several scenarios as one measurement: what they share is measured once.

use super::Scenario;
use crate::lab::error::Error;
use crate::lab::outcome::{Comparison, HostFacts, STORY_SCHEMA, ScenarioFacts, Story};
use crate::lab::plan::{Arm, Plan};
use crate::lab::runner::Measured;

/// Scenarios in order, and the arms they need.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What is to be measured; no two are the same.
    pub arms: Vec<Arm>,
    chapters: Vec<Chapter>,
}

#[derive(Clone, Debug)]
struct Chapter {
    scenario: Scenario,
    /// For each of its variants the position among the arms.
    arms: Vec<usize>,
}

impl Schedule {
    /// Of these scenarios.
    pub fn of(scenarios: Vec<Scenario>) -> Self {
        let several = scenarios.len() > 1;
        let mut arms: Vec<Arm> = Vec::new();
        let mut chapters = Vec::new();
        for scenario in scenarios {
            let mut positions = Vec::new();
            for (arm, _) in &scenario.variants {
                let known = arms.iter().position(|known| known.measures_the_same(arm));
                positions.push(known.unwrap_or(arms.len()));
                if known.is_none() {
                    let mut name = arm.name.clone();
                    if several {
                        name.insert_str(0, &format!("{}: ", scenario.name));
                    }
                    arms.push(Arm { name, ..arm.clone() });
                }
            }
            chapters.push(Chapter { scenario, arms: positions });
        }
        Self { arms, chapters }
    }

    /// How often to measure each arm, as the most careful scenario wants it.
    pub fn runs(&self) -> u32 {
        self.chapters.iter().filter_map(|chapter| chapter.scenario.runs).max().unwrap_or(1)
    }

    /// What was measured, scenario by scenario, with every expectation checked.
    pub fn story(&self, plan: &Plan, measured: &Measured, host: HostFacts) -> Story {
        let chapters = self.chapters.iter().map(|chapter| {
            let variants = &chapter.scenario.variants;
            let arms = chapter.arms.iter().zip(variants).map(|(at, (arm, _))| (*at, arm));
            let mut comparison = measured.comparison(plan, arms, host.clone());
            comparison.checks = variants
                .iter()
                .flat_map(|(arm, expectations)| expectations.check(arm, &comparison))
                .collect();
            let Scenario { name, title, because, .. } = chapter.scenario.clone();
            Comparison { scenario: Some(ScenarioFacts { name, title, because }), ..comparison }
        });
        let chapters: Vec<Comparison> = chapters.collect();
        Story {
            schema: STORY_SCHEMA.to_owned(),
            complete: chapters.iter().all(|chapter| chapter.complete),
            ended_early: measured.error.as_ref().map(Error::headline),
            chapters,
            host,
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
