//! Our RTL8139 does what QEMU's does, in everything that can be seen of it, when it is asked to.
//!
//! More scripts: `cargo run -p tests --bin rtl8139-differential -- random --scripts 20000`.

use std::path::{Path, PathBuf};

use tests::differential::generate::{self, Limits};
use tests::differential::{
    Ours, Qemu, Script, Subject, Version, compare, profile, shrink, transcript,
};
use tests::program::skip;

/// Random scripts, and the seed of the first.
const SCRIPTS: u64 = 500;
const SEED: u64 = 0;

/// The version whose answers are kept; its program is not needed to look at them.
fn unpacked() -> Version {
    Version::Unpacked52(PathBuf::new())
}

fn ours(version: &Version) -> Ours {
    Ours::new(profile(version), version.owns_clock()).expect("there is memory for a guest")
}

fn transcripts(version: &Version) -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/rtl8139");
    let directory = corpus.join(format!("qemu-{}", version.number()));
    let entries = std::fs::read_dir(directory).expect("the corpus is there");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the corpus can be read").path()).collect();
    paths.sort();
    assert!(paths.len() > 10, "transcripts are missing");
    paths
}

/// Each transcript is what a fresh subject of `start` answers.
fn assert_as_recorded<S: Subject>(version: &Version, mut start: impl FnMut() -> S) {
    for path in transcripts(version) {
        let expected = std::fs::read_to_string(&path).expect("the transcript can be read");
        let script = Script::parse(&expected).expect("the transcript is a script");
        let answers = transcript::record(&mut start(), &script).expect("the script runs");
        let pairs = answers.lines().zip(expected.lines());
        let wrong = pairs.enumerate().find(|(_, (is, should_be))| is != should_be);
        assert!(answers == expected, "{}, line and is / should be: {wrong:?}", path.display());
    }
}

/// The installed QEMU, or a loud word.
fn installed(what: &str) -> Option<Qemu> {
    let started = Qemu::start(&Version::Installed);
    started.inspect_err(|missing| skip(what, &missing.to_string())).ok()
}

#[test]
fn ours_as_qemu_5_2_answers_what_qemu_5_2_answered() {
    assert_as_recorded(&unpacked(), || ours(&unpacked()));
}

#[test]
fn ours_as_qemu_7_2_answers_what_qemu_7_2_answered() {
    assert_as_recorded(&Version::Installed, || ours(&Version::Installed));
}

#[test]
fn the_installed_qemu_answers_what_is_kept_of_it() {
    let what = "QEMU's RTL8139 against its transcripts";
    let Some(first) = installed(what) else { return };
    let mut first = Some(first);
    assert_as_recorded(&Version::Installed, || {
        first.take().or_else(|| installed(what)).expect("QEMU starts again")
    });
}

#[test]
fn random_scripts_show_no_difference_to_the_installed_qemu() {
    let Some(mut qemu) = installed("QEMU's RTL8139 against ours") else { return };
    let mut ours = ours(&Version::Installed);
    let limits = Limits::of(&Version::Installed);
    for seed in SEED..SEED + SCRIPTS {
        let script = generate::script(seed, limits);
        let mut difference = |script: &Script| compare(&mut qemu, &mut ours, script);
        let found = difference(&script).expect("the script runs");
        assert!(found.is_none(), "seed {seed} shows a difference\n{}", {
            let small = shrink(&script, |script| Ok(difference(script)?.is_some()));
            let small = small.expect("smaller scripts run");
            let found = difference(&small).expect("the script runs").expect("it differs");
            format!("{small}{found}")
        });
    }
}
