//! Every flag of the profiles of QEMU shows: without it, ours answers to some script what QEMU does
//! not.

use std::path::{Path, PathBuf};

use devices::rtl8139::Quirks;
use tests::differential::{Ours, Script, Version, profile, transcript};

type Mend = fn(&mut Quirks);

/// Each flag, mended; but not `wide_mpc`, for which 16 million frames would have to be missed.
const FLAGS: [(&str, Mend); 35] = [
    ("offload.clobbers_command", |q| q.offload.clobbers_command = false),
    ("offload.assumes_mtu", |q| q.offload.assumes_mtu = false),
    ("loses_push_and_fin", |q| q.offload.segments.loses_push_and_fin = false),
    ("repeats_cwr", |q| q.offload.segments.repeats_cwr = false),
    ("swallows_empty", |q| q.offload.segments.swallows_empty = false),
    ("offload.zero_udp_checksum", |q| q.offload.zero_udp_checksum = false),
    ("offload.plain_only", |q| q.offload.plain_only = false),
    ("offload.checksums_stumps", |q| q.offload.checksums_stumps = false),
    ("exact_accesses", |q| q.exact_accesses = false),
    ("open_mac", |q| q.open_mac = false),
    ("deep_reset", |q| q.deep_reset = false),
    ("lingering_reset", |q| q.lingering_reset = false),
    ("rcr_empties_ring", |q| q.rcr_empties_ring = false),
    ("eager_restart", |q| q.eager_restart = false),
    ("fixed_phy", |q| q.fixed_phy = false),
    ("simple_eeprom", |q| q.simple_eeprom = false),
    ("endless_counter", |q| q.endless_counter = false),
    ("no_capabilities", |q| q.no_capabilities = false),
    ("ignores_mitigation", |q| q.ignores_mitigation = false),
    ("ignores_software_interrupt", |q| q.ignores_software_interrupt = false),
    ("ignores_faults", |q| q.ignores_faults = false),
    ("staged_transmit", |q| q.staged_transmit = false),
    ("one_receive_descriptor", |q| q.one_receive_descriptor = false),
    ("endless_receive_ring", |q| q.endless_receive_ring = false),
    ("ignores_receive_checksums", |q| q.ignores_receive_checksums = false),
    ("keeps_status", |q| q.keeps_status = false),
    ("promiscuous_hides_match", |q| q.promiscuous_hides_match = false),
    ("fcs_skips_padding", |q| q.fcs_skips_padding = false),
    ("pads_stripped", |q| q.pads_stripped = false),
    ("waits_for_capr", |q| q.waits_for_capr = false),
    ("takes_any_length", |q| q.takes_any_length = false),
    ("partial_tally", |q| q.partial_tally = false),
    ("loopback_cuts_tagged", |q| q.loopback_cuts_tagged = false),
    ("loopback_by_wire", |q| q.loopback_by_wire = false),
    ("loopback_pads", |q| q.loopback_pads = false),
];
/// Flags that say nothing while `staged_transmit` is set, which has all of them in it.
const BEHIND_STAGING: [(&str, Mend); 3] = [
    ("never_tells_dry", |q| q.never_tells_dry = false),
    ("ignores_high_priority", |q| q.ignores_high_priority = false),
    ("unpadded_transmit", |q| q.unpadded_transmit = false),
];

/// The scripts whose answers by `version` are kept, and those answers.
fn transcripts(version: &Version) -> Vec<String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/rtl8139");
    std::fs::read_dir(corpus.join(format!("qemu-{}", version.number())))
        .expect("the corpus is there")
        .map(|entry| entry.and_then(|entry| std::fs::read_to_string(entry.path())))
        .collect::<Result<_, _>>()
        .expect("the corpus can be read")
}

/// What ours answers, with the quirks of `version` but for what `mend` does.
fn answers(version: &Version, transcript: &str, mend: impl Fn(&mut Quirks)) -> String {
    let mut config = profile(version);
    mend(&mut config.quirks);
    let script = Script::parse(transcript).expect("the transcript is a script");
    let mut ours = Ours::new(config, version.owns_clock()).expect("there is memory for a guest");
    transcript::record(&mut ours, &script).expect("the script runs")
}

/// The flags that make no difference to any answer.
fn unnoticed(flags: &[(&'static str, Mend)], always: Mend) -> Vec<&'static str> {
    let versions = [Version::Unpacked52(PathBuf::new()), Version::Installed];
    let scripts = versions.map(|version| (transcripts(&version), version));
    let mut left = flags.to_vec();
    for (transcripts, version) in scripts {
        for transcript in transcripts {
            let usual = answers(&version, &transcript, always);
            left.retain(|(_, mend)| {
                let both = |quirks: &mut Quirks| {
                    always(quirks);
                    mend(quirks);
                };
                answers(&version, &transcript, both) == usual
            });
        }
    }
    left.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn every_flag_of_qemus_profiles_shows_in_a_transcript() {
    assert_eq!(unnoticed(&FLAGS, |_| ()), [""; 0]);
}

#[test]
fn every_flag_that_staging_hides_shows_without_it() {
    assert_eq!(unnoticed(&BEHIND_STAGING, |quirks| quirks.staged_transmit = false), [""; 0]);
}
