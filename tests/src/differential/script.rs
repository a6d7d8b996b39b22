//! Scripts: steps in order, and their text.

use std::fmt;
use std::path::Path;

use anyhow::Context;

use super::step::Step;

/// Steps in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Script {
    /// Reads the text form. Lines that begin with a space are answers, of a transcript, and no
    /// steps.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut steps = Vec::new();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with(' '));
        for (number, line) in lines {
            let step = Step::parse(line).with_context(|| format!("line {}", number + 1))?;
            steps.extend(step);
        }
        Ok(Self { steps })
    }

    /// Reads a file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the script {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the script {}", path.display()))
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
