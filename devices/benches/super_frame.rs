//! What cutting a super-frame costs, beside what touching its bytes costs anyway.
//!
//! The road measured is the one really taken: descriptors in guest memory, the doorbell, one round
//! of the NIC, and a port that takes the frames, headers in the batch and payload as pieces of guest
//! memory. Beside it, over the same bytes: a memcpy, and a plain pass of the Internet checksum. All
//! arms take turns, and of several rounds the best counts: other work only costs time. Run it by
//! `cargo bench -p devices --bench super_frame`.

#[path = "../tests/super_frame/guest.rs"]
mod guest;

use std::hint::black_box;
use std::time::{Duration, Instant};

use devices::ethernet::checksum::Sum;
use guest::{Counting, FRAME, Guest, RAM, frame};

/// Rounds, and super-frames in each round of each arm.
const ROUNDS: usize = 40;
const TURNS: u32 = 100;
/// Segment sizes: a path of 1500 bytes with timestamps, and the least that everyone must take.
const SIZES: [u16; 2] = [1448, 536];

/// Nanoseconds a super-frame that `work` takes, the best of several rounds.
struct Arm {
    name: String,
    best: Duration,
    work: Box<dyn FnMut()>,
}

fn arm(name: impl Into<String>, work: impl FnMut() + 'static) -> Arm {
    Arm { name: name.into(), best: Duration::MAX, work: Box::new(work) }
}

fn send(mss: u16) -> Arm {
    let mut guest = Guest::new(RAM);
    let mut port = Counting::default();
    let slots = guest.queue(&frame(), mss);
    arm(format!("cut and checksum, MSS {mss}"), move || {
        guest.give(&slots);
        guest.send(&mut port);
    })
}

fn main() {
    let bytes = frame();
    let (source, mut copy) = (bytes.clone(), vec![0; FRAME]);
    let mut arms = vec![
        arm("memcpy", move || {
            copy.copy_from_slice(black_box(&source));
            black_box(&mut copy);
        }),
        arm("checksum pass", move || {
            let mut sum = Sum::default();
            sum.add(black_box(&bytes));
            black_box(sum.finish());
        }),
    ];
    arms.extend(SIZES.map(send));
    for _ in 0..ROUNDS {
        for arm in &mut arms {
            let start = Instant::now();
            (0..TURNS).for_each(|_| (arm.work)());
            arm.best = arm.best.min(start.elapsed() / TURNS);
        }
    }
    println!("a super-frame of {FRAME} bytes, {ROUNDS} rounds of {TURNS}, the best");
    println!("{:28} {:>10} {:>8} {:>10} {:>12}", "", "ns each", "GB/s", "x memcpy", "x checksum");
    let [memcpy, checksum] = [&arms[0], &arms[1]].map(|arm| arm.best.as_nanos() as f64);
    for Arm { name, best, .. } in &arms {
        let each = best.as_nanos() as f64;
        let speed = FRAME as f64 / each;
        let ratios = (each / memcpy, each / checksum);
        println!("{name:28} {each:10.0} {speed:8.2} {:10.2} {:12.2}", ratios.0, ratios.1);
    }
}
