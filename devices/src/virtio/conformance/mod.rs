//! What a driver may do, what it may not, and what becomes of it: the rules of the specification,
//! each on every device.
//!
//! A [`Subject`] is a queue of a device with a request that the device takes; [`every`] shows each of
//! them to a rule. docs/virtio-conformance.md lists the rules, and which test holds each.

mod chains;
mod kinds;
mod notifications;
mod queues;
mod resets;
mod rubbish;
mod status;
mod subject;

use kinds::every;
use subject::Subject;

/// The page for people names tests; those must be there.
#[test]
fn the_page_about_conformance_names_tests_that_are_there() {
    let page = include_str!("../../../../docs/virtio-conformance.md");
    let sources = [
        include_str!("chains.rs"),
        include_str!("notifications.rs"),
        include_str!("queues.rs"),
        include_str!("resets.rs"),
        include_str!("rubbish.rs"),
        include_str!("status.rs"),
        include_str!("../function_tests.rs"),
        include_str!("../block/block_tests.rs"),
        include_str!("../console/console_tests.rs"),
        include_str!("../net/hostile_tests.rs"),
    ]
    .concat();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let names: Vec<&str> = rows.filter_map(|row| row.rsplit('`').nth(1)).collect();
    let missing = |name: &&&str| !sources.contains(&format!("fn {name}()"));
    assert_eq!(names.iter().find(missing), None);
    let tests = sources.matches("#[test]").count();
    assert!(names.len() >= 30 && names.len() <= tests, "{} rows, {tests} tests", names.len());
}
