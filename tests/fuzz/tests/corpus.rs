//! Every target lives through its corpus and through random bytes, without a fuzzer.

use std::path::Path;

use fuzz::TARGETS;

/// Inputs of random bytes for each target, and their length.
const RANDOM: usize = 300;
const LENGTH: usize = 1500;

/// The files of a target's corpus, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = std::fs::read_dir(&directory).expect("every target has a corpus");
    let paths = entries.map(|entry| entry.expect("the corpus can be read").path());
    let read = |path: &Path| std::fs::read(path).expect("an input can be read");
    paths.map(|path| (path.display().to_string(), read(&path))).collect()
}

/// Bytes that look random and are the same every time.
fn random(seed: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1du64.wrapping_mul(seed as u64 + 1) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..LENGTH).map(next).collect()
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
fn every_target_lives_through_random_bytes() {
    for target in TARGETS {
        for seed in 0..RANDOM {
            println!("{}, random input {seed}", target.name);
            (target.run)(&random(seed));
        }
    }
}
