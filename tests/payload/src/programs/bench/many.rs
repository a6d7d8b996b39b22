//! Several NICs with work at once, one after the other.

use super::Driver;

/// The most of them.
const MOST: usize = 16;

/// NICs of one model.
pub struct Many<D> {
    nics: [Option<D>; MOST],
    count: usize,
    /// Whose turn it is.
    next: usize,
}

impl<D: Driver> Many<D> {
    /// The first `count`, each opened by its number; nothing if one cannot be.
    pub fn open(count: usize, open: impl Fn(usize) -> Option<D>) -> Option<Self> {
        assert!((1..=MOST).contains(&count), "1 to {MOST} NICs");
        let mut nics = [const { None }; MOST];
        for (number, place) in nics.iter_mut().take(count).enumerate() {
            *place = Some(open(number)?);
        }
        Some(Self { nics, count, next: 0 })
    }

    /// Asks each until one answers with something, starting with the one whose turn it is.
    fn first<T>(&mut self, mut ask: impl FnMut(&mut D) -> Option<T>) -> Option<T> {
        for _ in 0..self.count {
            let answer = self.nics[self.next].as_mut().and_then(&mut ask);
            self.next = (self.next + 1) % self.count;
            if answer.is_some() {
                return answer;
            }
        }
        None
    }

    /// How many of them answer yes.
    fn count(&mut self, ask: impl Fn(&mut D) -> bool) -> usize {
        self.nics.iter_mut().flatten().filter_map(|nic| ask(nic).then_some(())).count()
    }

    fn sum(&self, ask: impl Fn(&D) -> u64) -> u64 {
        self.nics.iter().flatten().map(ask).sum()
    }
}

impl<D: Driver> Driver for Many<D> {
    fn send(&mut self) -> bool {
        self.first(|nic| nic.send().then_some(())).is_some()
    }

    fn handle(&mut self) -> bool {
        self.count(D::handle) > 0
    }

    fn receive(&mut self) -> Option<usize> {
        self.first(D::receive)
    }

    fn rest(&mut self) -> bool {
        self.count(D::rest) > 0
    }

    fn idle(&mut self) -> bool {
        self.count(D::idle) == self.count
    }

    fn interrupts(&self) -> u64 {
        self.sum(D::interrupts)
    }

    fn doorbells(&self) -> u64 {
        self.sum(D::doorbells)
    }
}
