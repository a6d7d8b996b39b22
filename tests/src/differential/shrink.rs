//! Takes away from a script what its difference does not need.

use super::Script;
use super::bytes::Bytes;
use super::step::Step;

/// Makes `script` as small as it goes while `fails` holds, which it does for `script` itself.
pub fn shrink(
    script: &Script,
    mut fails: impl FnMut(&Script) -> anyhow::Result<bool>,
) -> anyhow::Result<Script> {
    let mut best = script.clone();
    loop {
        let before = best.clone();
        remove(&mut best, &mut fails)?;
        simplify(&mut best, &mut fails)?;
        if best == before {
            return Ok(best);
        }
    }
}

/// Removes runs of steps, long ones first.
fn remove(
    best: &mut Script,
    fails: &mut impl FnMut(&Script) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut run = best.steps.len().div_ceil(2);
    while run > 0 {
        let mut end = best.steps.len();
        while end > 0 {
            let start = end.saturating_sub(run);
            let mut candidate = best.clone();
            candidate.steps.drain(start..end);
            if fails(&candidate)? {
                *best = candidate;
            }
            end = start.min(best.steps.len());
        }
        run /= 2;
    }
    Ok(())
}

/// Makes single steps simpler.
fn simplify(
    best: &mut Script,
    fails: &mut impl FnMut(&Script) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    for index in 0..best.steps.len() {
        let mut position = 0;
        // Each accepted change makes the step smaller, so this ends.
        while let Some(step) = simpler(&best.steps[index]).into_iter().nth(position) {
            let mut candidate = best.clone();
            candidate.steps[index] = step;
            if fails(&candidate)? {
                *best = candidate;
                position = 0;
            } else {
                position += 1;
            }
        }
    }
    Ok(())
}

/// Simpler steps to try, the simplest first.
fn simpler(step: &Step) -> Vec<Step> {
    match step {
        Step::Write(access, value) => {
            fewer_bits(*value).map(|value| Step::Write(*access, value)).collect()
        }
        Step::Words(address, words) => {
            let mut steps = Vec::new();
            for (index, word) in words.iter().enumerate() {
                steps.extend(fewer_bits(*word).map(|word| {
                    let mut words = words.clone();
                    words[index] = word;
                    Step::Words(*address, words)
                }));
            }
            steps
        }
        Step::Ram(address, bytes) => {
            shorter(bytes).map(|bytes| Step::Ram(*address, bytes)).collect()
        }
        Step::Frame(bytes) => shorter(bytes).map(Step::Frame).collect(),
        Step::Read(_) | Step::Config(_) | Step::Link(_) | Step::Clock(_) => Vec::new(),
    }
}

/// `value` with one bit less, for each of its bits.
fn fewer_bits(value: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS).rev().map(move |bit| value & !(1 << bit)).filter(move |fewer| *fewer != value)
}

/// The least frame that is sent as one: the addresses and the type.
const LEAST: usize = 14;

fn shorter(bytes: &Bytes) -> impl Iterator<Item = Bytes> + '_ {
    let length = bytes.len();
    [LEAST, length / 2, length * 3 / 4, length.saturating_sub(16), length.saturating_sub(1)]
        .into_iter()
        .filter(move |shorter| *shorter < length && *shorter >= LEAST)
        .map(|length| bytes.cut(length))
}

#[cfg(test)]
#[path = "shrink_tests.rs"]
mod tests;
