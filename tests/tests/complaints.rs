//! What nicvmm says when it cannot do what was asked: the whole text and status of every complaint that
//! a command line can bring about here. `TRYCMD=overwrite cargo test -p tests --test complaints` writes
//! them down anew; look at what changed.

use std::fs::File;

use tests::program::{self, skip};

fn check(cases: &str) {
    let no_images = tempfile::TempDir::new().unwrap();
    trycmd::TestCases::new()
        .register_bin("nicvmm", program::path())
        .env("XDG_CACHE_HOME", no_images.path().to_str().unwrap())
        .env("NICVMM_LOG", "warn")
        .case(cases)
        .run();
}

#[test]
fn complaints_read_as_they_are_written_down() {
    for command in ["program", "run", "compare", "path", "guest", "nested"] {
        check(&format!("complaints/{command}.trycmd"));
    }
}

#[test]
fn complaints_before_a_guest_starts_read_as_they_are_written_down() {
    if let Err(error) = File::open("/dev/kvm") {
        skip("complaints before a guest starts", &format!("/dev/kvm: {error}"));
        return;
    }
    check("complaints/kvm.trycmd");
}
