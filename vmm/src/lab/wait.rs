//! Waiting for something while everything it depends on is watched.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::error::{Error, Evidence};
use super::process::Part;
use super::stop::Stop;

/// How often a wait looks again.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A part under watch, and the file with its guest's console.
type Watched = (Rc<Part>, Option<PathBuf>);

/// Whatever may end a wait early: a signal, the end of all patience, the death of a part.
#[derive(Debug)]
pub struct Watch {
    stop: Stop,
    overall: Duration,
    deadline: Instant,
    parts: Vec<Watched>,
}

impl Watch {
    /// Watches `stop`, and the time until `deadline`, which lies `overall` after the start.
    pub fn new(stop: Stop, overall: Duration, deadline: Instant) -> Self {
        Self { stop, overall, deadline, parts: Vec::new() }
    }

    /// What to hand to parts that are started.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Watches `part` too; `console` is shown if it dies.
    pub fn add(&mut self, part: &Rc<Part>, console: Option<PathBuf>) {
        self.parts.push((Rc::clone(part), console));
    }

    /// Fails if there is a reason to go no further.
    pub fn check(&self) -> Result<(), Error> {
        self.stop.check()?;
        for (part, console) in &self.parts {
            part.check(console.as_deref()).or_else(|error| self.stop.check().and(Err(error)))?;
        }
        if Instant::now() >= self.deadline {
            return Err(Error::TimedOut {
                what: "the comparison".to_owned(),
                limit: self.overall,
                evidence: Evidence::none(),
            });
        }
        Ok(())
    }

    /// Calls `look` until it finds something, for at most `limit`; `what` is waited for.
    pub fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        loop {
            match look() {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => self.check()?,
                Err(error) => return Err(self.explain(error)),
            }
            if start.elapsed() >= limit {
                let (what, evidence) = (what.to_owned(), Evidence::none());
                return Err(Error::TimedOut { what, limit, evidence });
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// When a connection breaks because its other end died, the death is the better explanation.
    /// The death follows the broken connection by a moment.
    pub fn explain(&self, error: Error) -> Error {
        let deadline = Instant::now() + Duration::from_secs(1);
        while Instant::now() < deadline {
            if let Err(reason) = self.check() {
                return reason;
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        error
    }
}
