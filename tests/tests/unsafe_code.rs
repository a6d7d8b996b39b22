//! Where the program is `unsafe`, and that each place is accounted for: in a comment there, and by file in
//! `docs/unsafe.md`. `cargo test -p tests --test unsafe_code -- --nocapture` lists the places.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What becomes part of the program; tests and payloads are not of concern here.
const SOURCES: [&str; 3] = ["devices/src", "vmm/src", "resources/guest-init/src"];
/// Lines between a reason and the code it is about.
const NEAR: usize = 8;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether a line of code opens an unsafe block, function or implementation.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|form| code.contains(form))
}

/// A place: its file, line, and the reason that is given.
fn places() -> Vec<(String, usize, String)> {
    let mut files = Vec::new();
    for directory in SOURCES {
        sources(&root().join(directory), &mut files);
    }
    files.sort();
    let mut places = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        for (number, _) in lines.iter().enumerate().filter(|(_, line)| is_unsafe(line)) {
            let before = &lines[number.saturating_sub(NEAR)..number];
            let given = before
                .iter()
                .rev()
                .find(|line| line.contains("// SAFETY:") || line.trim() == "/// # Safety");
            let reason = given.map(|line| line.trim().trim_start_matches(['/', ' ']).to_owned());
            places.push((name.clone(), number + 1, reason.unwrap_or_default()));
        }
    }
    places
}

#[test]
fn each_place_gives_its_reason() {
    let places = places();
    for (file, line, reason) in &places {
        println!("{file}:{line}: {reason}");
    }
    let silent: Vec<_> = places.iter().filter(|(_, _, reason)| reason.is_empty()).collect();
    assert!(silent.is_empty(), "without a reason: {silent:#?}");
}

#[test]
fn the_inventory_names_each_file_and_no_other() {
    let there: BTreeSet<String> = places().into_iter().map(|(file, _, _)| file).collect();
    let text = fs::read_to_string(root().join("docs/unsafe.md")).unwrap();
    let listed: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(file, _)| file.into()))
        .collect();
    assert_eq!(listed, there, "docs/unsafe.md has to list what is there");
}

#[test]
fn arithmetic_is_checked_in_release_builds() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let profile = manifest.split("[profile.release]").nth(1).unwrap();
    assert!(profile.split("[profile").next().unwrap().contains("overflow-checks = true"));
}
