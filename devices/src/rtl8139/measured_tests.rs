//! What real models did: frames that QEMU 5.2 (historical cut) and 7.2 (segment size obeyed) sent
//! for the same descriptors.
//!
//! A line of `measured/*.txt` is: command bits of word 0, word 1, the frame's first bytes, its
//! length, then length and CRC-32 of each frame that came out. What follows the first bytes is the
//! usual pattern. All numbers but the lengths are hexadecimal. The headers were drawn at random,
//! and some of them damaged; those given to 7.2 carry nothing in which we differ on purpose (PSH,
//! FIN, CWR, frames without payload or with a tag of their own).

use super::*;
use crate::ethernet::testing::{frames, memory, pattern, scatter};

fn hexadecimal(text: &str) -> u32 {
    u32::from_str_radix(text, 16).unwrap()
}

fn replay(line: &str, rules: Rules) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut frame: Vec<u8> = words[2]
        .as_bytes()
        .chunks(2)
        .map(|pair| hexadecimal(std::str::from_utf8(pair).unwrap()) as u8)
        .collect();
    let length: usize = words[3].parse().unwrap();
    frame.extend(pattern(length - frame.len()));
    let memory = memory();
    let gather = scatter(&memory, &frame, &[77, 1200, 2]);
    let request = Request { command: hexadecimal(words[0]), tag: hexadecimal(words[1]) };
    let mut batch = Batch::default();
    push(&memory, &gather, request, rules, Offloads::default(), &mut batch).unwrap();
    let sent = frames(&memory, &batch);
    let sent = sent.iter().map(|(out, _)| format!(" {}:{:08x}", out.len(), crc32fast::hash(out)));
    [words[..4].join(" "), sent.collect()].concat()
}

#[test]
fn the_historical_nic_sends_what_qemu_5_2_sends_byte_for_byte() {
    for line in include_str!("measured/qemu-5.2.txt").lines() {
        assert_eq!(replay(line, Rules::QEMU_5_2), line);
    }
}

#[test]
fn the_profile_of_qemu_7_2_sends_what_qemu_7_2_sends_byte_for_byte() {
    for line in include_str!("measured/qemu-7.2.txt").lines() {
        assert_eq!(replay(line, Rules::QEMU_7_2), line);
    }
}

#[test]
fn the_corrected_nic_sends_what_qemu_7_2_sends_but_for_the_flags() {
    for line in include_str!("measured/qemu-7.2.txt").lines() {
        assert_eq!(replay(line, Rules::NONE), line);
    }
}
