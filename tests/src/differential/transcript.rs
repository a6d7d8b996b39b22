//! Transcripts: scripts with what a NIC answered, kept as text.
//!
//! No version of QEMU is found for ever, so the answers of those that matter to the fixed scripts
//! are kept. Each step is followed by the facts that are new after it, indented; a transcript is
//! read as the script that it is of.

use std::fmt::Write as _;

use super::{Script, Subject};

/// Runs `script` on `subject`; the transcript.
pub fn record(subject: &mut dyn Subject, script: &Script) -> anyhow::Result<String> {
    let mut text = String::from("# power-on\n");
    let mut before = subject.power_on()?;
    append(&mut text, &before.facts(None));
    for step in &script.steps {
        let now = subject.perform(step)?;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{step}");
        append(&mut text, &now.facts(Some(&before)));
        before = now;
    }
    Ok(text)
}

fn append(text: &mut String, facts: &[String]) {
    for fact in facts {
        let _ = writeln!(text, "    {fact}");
    }
}
