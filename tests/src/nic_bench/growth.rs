//! Whether cost grows with the work and with nothing else: CPU time a byte with more NICs, more guests.

use std::fmt;
use std::thread;

use serde::Serialize;

use super::row::median;
use super::vm::{Kind, Vm};
use super::wire::Wire;
use super::workload::{Direction, Model, Size, Workload};

/// NICs of one guest.
const NICS: [usize; 3] = [1, 4, 16];
/// Guests with one NIC each.
const GUESTS: [usize; 3] = [1, 2, 4];

/// One point of the curve.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// Guests that work at once.
    pub guests: usize,
    /// NICs of each that work at once.
    pub nics: usize,
    /// Nanoseconds of CPU a byte, the median of several runs.
    pub cpu_per_byte: f64,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} | {:.3} |", self.guests, self.nics, self.cpu_per_byte)
    }
}

/// Measures them all with super-frames of `model`, which nobody takes.
pub fn points(model: Model, rounds: usize, ticks: u64) -> anyhow::Result<Vec<Point>> {
    let more_nics = NICS.into_iter().map(|nics| (1, nics));
    let more_guests = GUESTS.into_iter().skip(1).map(|guests| (guests, 1));
    more_nics
        .chain(more_guests)
        .map(|(guests, nics)| point(model, guests, nics, rounds, ticks))
        .collect()
}

fn point(
    model: Model,
    guests: usize,
    nics: usize,
    rounds: usize,
    ticks: u64,
) -> anyhow::Result<Point> {
    let workload = Workload {
        model,
        wire: Wire::Null,
        direction: Direction::Transmit,
        size: Size::Segment(1448),
        interrupts: false,
        target: None,
    };
    let start = |_| Vm::start(Kind::Nicvmm, model, Wire::Null, nics);
    let mut vms: Vec<Vm> = (0..guests).map(start).collect::<Result<_, _>>()?;
    let mut costs = Vec::new();
    for _ in 0..rounds {
        let samples: Vec<_> = thread::scope(|scope| {
            let run = |vm| scope.spawn(move || Vm::run(vm, &workload, ticks));
            let threads: Vec<_> = vms.iter_mut().map(run).collect();
            threads.into_iter().map(|thread| thread.join().expect("a run does not panic")).collect()
        });
        let (mut cpu, mut bytes) = (0.0, 0.0);
        for sample in samples {
            if let Some(sample) = sample? {
                cpu += sample.cpu;
                bytes += sample.bytes as f64;
            }
        }
        costs.push(cpu * 1e9 / bytes);
    }
    Ok(Point { guests, nics, cpu_per_byte: median(costs).unwrap_or(f64::NAN) })
}
