//! Taps with several queues, and taps that somebody else has opened, against the kernel's own driver.

use std::fs::File;
use std::os::fd::AsRawFd;

use devices::net::{Backend, Offloads, Tap, TapError};
use tests::namespace::{Missing, Namespace};
use tests::program::skip;

const ALL: Offloads = Offloads { checksum: true, tso4: true, tso6: true };

/// Runs `test` in a network of its own, or says why it cannot.
fn apart(what: &str, test: impl FnOnce() -> Result<(), TapError> + Send + 'static) {
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(missing) => return skip(what, &missing.to_string()),
    };
    match namespace.run(test).unwrap() {
        Err(TapError::Driver(error)) => {
            skip(what, &Missing::Tap(TapError::Driver(error)).to_string());
        }
        outcome => outcome.unwrap(),
    }
}

#[test]
fn a_tap_with_several_queues_is_one_interface_whose_queues_come_and_go() {
    apart("a tap with several queues", || {
        let mut queues = Tap::open_queues("many%d", 2, ALL)?;
        assert_eq!(queues[0].name(), "many0");
        assert_eq!(queues[1].name(), "many0");
        for on in [false, true, false, true] {
            queues[1].activate(on);
            assert!(queues[1].peek().is_none());
            assert!(queues[1].link());
        }
        // It is not one that somebody else has one queue of.
        let refused = Tap::open("many0", ALL).unwrap_err().to_string();
        assert!(refused.contains("mode tap vnet_hdr"), "{refused}");
        Ok(())
    });
}

#[test]
fn an_inherited_tap_is_used_as_it_was_attached_or_what_is_missing_is_named() {
    apart("an inherited tap", || {
        let tap = Tap::open("mine", ALL)?;
        let fd = tap.descriptor().unwrap().as_raw_fd();
        assert_eq!(Tap::inherit(fd, false, ALL)?.name(), "mine");
        let refused = Tap::inherit(fd, true, ALL).unwrap_err().to_string();
        assert_eq!(
            refused,
            format!(
                "descriptor {fd}, interface 'mine', has to be attached as one of several queues \
                 (IFF_MULTI_QUEUE) by its TUNSETIFF"
            )
        );
        let file = File::open("/dev/null").unwrap();
        let refused = Tap::inherit(file.as_raw_fd(), false, ALL).unwrap_err().to_string();
        assert!(refused.contains("is not that of a tap"), "{refused}");
        let refused = Tap::inherit(9999, false, ALL).unwrap_err().to_string();
        assert!(refused.contains("descriptor 9999 is not that of a tap"), "{refused}");
        Ok(())
    });
}
