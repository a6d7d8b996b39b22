//! Several comparisons as one document.

use std::iter::repeat;

use serde::{Deserialize, Serialize};

use super::{Comparison, HostFacts, RunOutcome, SCHEMA, STORY_SCHEMA, VariantOutcome};
use crate::lab::plan::Arm;
use crate::lab::scenario::Check;

/// Which scenario was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioFacts {
    /// Its name.
    pub name: String,
    /// What is done, and what happens.
    pub title: String,
    /// Why it happens.
    pub because: String,
}

/// Several scenarios, measured together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// [`STORY_SCHEMA`].
    pub schema: String,
    /// Whether every planned run was made.
    pub complete: bool,
    /// Why it ended early, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
    /// Where it ran.
    pub host: HostFacts,
    /// One entry a scenario, in the order given.
    pub chapters: Vec<Comparison>,
}

impl Story {
    /// A story of one chapter.
    pub fn of(chapter: Comparison) -> Self {
        Self {
            schema: STORY_SCHEMA.to_owned(),
            complete: chapter.complete,
            ended_early: chapter.ended_early.clone(),
            host: chapter.host.clone(),
            chapters: vec![chapter],
        }
    }

    /// Reads a document of either schema.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Document {
            schema: String,
        }
        match serde_json::from_str::<Document>(text)?.schema.as_str() {
            STORY_SCHEMA => serde_json::from_str(text),
            SCHEMA => serde_json::from_str(text).map(Self::of),
            other => Err(serde::de::Error::custom(format!(
                "the schema `{other}` is neither {SCHEMA} nor {STORY_SCHEMA}"
            ))),
        }
    }

    /// Whether everything came as it was expected.
    pub fn holds(&self) -> bool {
        self.missed().next().is_none() && self.expectations().1 == 0
    }

    /// What did not come as it was expected, each with its scenario.
    pub fn missed(&self) -> impl Iterator<Item = (&Comparison, &Check)> {
        self.chapters.iter().flat_map(|chapter| chapter.missed().map(move |check| (chapter, check)))
    }

    /// How many expectations there are, and how many of them nobody can judge, since it ended early.
    pub fn expectations(&self) -> (usize, usize) {
        let checks =
            || self.chapters.iter().flat_map(|chapter| chapter.checks.iter().zip(repeat(chapter)));
        let open = checks().filter(|(check, chapter)| chapter.leaves_open(check)).count();
        (checks().count(), open)
    }

    /// The runs that were made of an arm, whatever it was called.
    pub fn runs_of(&self, arm: &Arm) -> &[RunOutcome] {
        let mut variants = self.chapters.iter().flat_map(|chapter| &chapter.variants);
        let same = |variant: &&VariantOutcome| variant.measured(arm);
        variants.find(same).map_or(&[], |variant| &variant.runs)
    }
}

impl Comparison {
    /// What did not come as it was expected.
    pub fn missed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.held() && !self.leaves_open(check))
    }

    /// Whether nobody can judge an expectation, since it ended before its turn.
    pub fn leaves_open(&self, check: &Check) -> bool {
        !self.complete && check.found.is_none()
    }
}

impl VariantOutcome {
    /// Whether it is a measurement of `arm`.
    fn measured(&self, arm: &Arm) -> bool {
        (self.vmm, self.nic.as_str()) == (arm.nic.vmm(), &arm.nic.nic())
            && self.conditions == arm.facts()
    }
}
