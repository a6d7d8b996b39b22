//! The page that `nicvmm compare --html` writes, in a browser: without errors, with data in every
//! plot, at the widths of a desk and a phone.
//!
//! It is made of a result that was measured once and is kept. The pictures stay under target/page,
//! for whoever wants to look at them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::program::{nicvmm, skip};

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// No sandbox, since tests may run as root; no network.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];
/// Chromium's number for a preference of dark pages.
const DARK: &str = "--blink-settings=preferredColorScheme=0";

/// What a browser says when asked to do something with a page; nothing if there is no browser.
fn browse(page: &Path, arguments: &[&str]) -> Option<Output> {
    let profile = TempDir::new().unwrap();
    let name = BROWSERS.iter().find(|name| Command::new(name).arg("--version").output().is_ok())?;
    let output = Command::new(name)
        .args(FLAGS)
        .arg("--enable-logging=stderr")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    Some(output)
}

fn pictures() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let pictures = target.join("page");
    std::fs::create_dir_all(&pictures).unwrap();
    pictures.canonicalize().unwrap()
}

/// Width and height of a PNG file.
fn size(picture: &Path) -> (u32, u32) {
    let bytes = std::fs::read(picture).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn a_browser_shows_the_page_without_errors_and_with_data_in_every_plot() {
    let pictures = pictures();
    let page = pictures.join("compare.html");
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/lab/compare.json");
    let made =
        nicvmm(&["compare", "--quiet", "--from", sample, "--html"]).arg(&page).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let Some(shown) = browse(&page, &["--dump-dom"]) else {
        skip("the page in a browser", "there is no browser; install the package chromium");
        return;
    };
    let said = String::from_utf8_lossy(&shown.stderr);
    assert!(!said.contains("CONSOLE"), "{said}");
    let document = String::from_utf8_lossy(&shown.stdout);
    assert!(document.contains("data-ready=\"yes\""), "its script did not run to its end");
    let plots: Vec<&str> = document.split("data-points=\"").skip(1).collect();
    // Goodput, window, retransmits, round trip; and for each of three variants sequence, sizes, first loss.
    assert_eq!(plots.len(), 4 + 3 * 3);
    assert!(plots.iter().all(|plot| !plot.starts_with("0\"")), "a plot without data");

    for (name, width, height, more) in [
        ("desk", 1280, 3000, "--mute-audio"),
        ("desk-dark", 1280, 3000, DARK),
        ("phone", 390, 5200, "--mute-audio"),
        ("phone-dark", 390, 5200, DARK),
    ] {
        let picture = pictures.join(format!("{name}.png"));
        let taken = browse(
            &page,
            &[
                &format!("--screenshot={}", picture.display()),
                &format!("--window-size={width},{height}"),
                more,
            ],
        );
        let said = String::from_utf8_lossy(&taken.unwrap().stderr).into_owned();
        assert!(!said.contains("CONSOLE"), "{said}");
        assert_eq!(size(&picture), (width, height), "{name}: {said}");
    }
}
