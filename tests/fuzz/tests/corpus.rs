//! Every target lives through its corpus, through inputs that are nearly those, and through random
//! bytes, without a fuzzer. All of it is the same in every run.

use std::path::Path;

use fuzz::TARGETS;

/// Inputs of random bytes for each target, and their length.
const RANDOM: u64 = 300;
const LENGTH: usize = 1500;
/// Changed copies of each input of a corpus, and changes of each at most.
const COPIES: u64 = 300;
const CHANGES: u64 = 8;

/// The files of a target's corpus, by name, in order.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = std::fs::read_dir(&directory).expect("every target has a corpus");
    let paths = entries.map(|entry| entry.expect("the corpus can be read").path());
    let read = |path: &Path| std::fs::read(path).expect("an input can be read");
    let mut inputs: Vec<_> = paths.map(|path| (path.display().to_string(), read(&path))).collect();
    inputs.sort();
    inputs
}

/// Numbers that look random and are the same every time (xorshift).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(0x2545_f491_4f6c_dd1du64.wrapping_mul(seed + 1) | 1)
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 24
    }

    fn below(&mut self, limit: usize) -> usize {
        self.roll() as usize % limit.max(1)
    }

    /// `input` with a few bytes changed, doubled or left out, or its end that of `other`.
    fn change(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.roll() % CHANGES {
            let (from, at) = (self.below(bytes.len()), self.below(bytes.len()));
            let to = (from + self.below(16)).min(bytes.len());
            let value = self.roll() as u8;
            match self.below(6) {
                0 => bytes.drain(from..to).for_each(drop),
                1 => {
                    let piece = bytes[from..to].to_vec();
                    bytes.splice(at..at, piece).for_each(drop);
                }
                2 => {
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[self.below(other.len())..]);
                }
                3 => bytes.insert(at, value),
                4 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (value & 7)),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
            }
        }
        bytes
    }
}

#[test]
fn every_target_lives_through_what_was_found_worth_keeping() {
    for target in TARGETS {
        let inputs = corpus(target.name);
        assert!(!inputs.is_empty(), "the corpus of {} is missing", target.name);
        for (name, bytes) in inputs {
            println!("{name}");
            (target.run)(&bytes);
        }
    }
}

#[test]
fn every_target_lives_through_what_is_nearly_that() {
    for target in TARGETS {
        let inputs = corpus(target.name);
        for (index, (name, bytes)) in inputs.iter().enumerate() {
            let mut dice = Dice::new(index as u64);
            for copy in 0..COPIES {
                println!("{name}, copy {copy}");
                let (_, other) = &inputs[dice.below(inputs.len())];
                (target.run)(&dice.change(bytes, other));
            }
        }
    }
}

#[test]
fn every_target_lives_through_random_bytes() {
    for target in TARGETS {
        for seed in 0..RANDOM {
            println!("{}, random input {seed}", target.name);
            let mut dice = Dice::new(seed);
            let bytes: Vec<u8> = (0..LENGTH).map(|_| dice.roll() as u8).collect();
            (target.run)(&bytes);
        }
    }
}
