//! A guest of the lab: its VMM's process and the control channel into it.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use guest_init::client::{Client, Command, Configure, Error as ControlError, Output, Ready};

use super::addresses::Role;
use super::command::Places;
use super::error::{Error, Evidence};
use super::exits::Exits;
use super::plan::PathPlan;
use super::process::Part;
use super::wait::Watch;

/// How long what has ended may take to be collected.
const COLLECT: Duration = Duration::from_secs(5);
/// A VMM that tells its exits does it again within this time.
const REPORT_LATE: Duration = Duration::from_secs(3);
/// How often a guest is asked whether it is up.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

/// A guest that is booting or has booted.
#[derive(Debug)]
pub struct Machine {
    role: Role,
    part: Rc<Part>,
    places: Places,
    started: Instant,
    asked: Instant,
    control: Option<Client>,
    ready: Option<(Ready, Duration)>,
}

impl Machine {
    /// A guest whose VMM was just started.
    pub fn new(role: Role, part: Rc<Part>, places: Places) -> Self {
        let started = Instant::now();
        let asked = started;
        Self { role, part, places, started, asked, control: None, ready: None }
    }

    /// Its VMM's process.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Whether it takes commands.
    pub fn is_ready(&self) -> bool {
        self.ready.is_some()
    }

    /// Release of its kernel; nothing before it is ready.
    pub fn kernel(&self) -> &str {
        self.ready.as_ref().map_or("", |(ready, _)| &ready.kernel)
    }

    /// The last lines of its VMM and console.
    pub fn evidence(&self) -> Evidence {
        self.part.evidence(Some(&self.places.console))
    }

    /// Exits of its VMM so far, as last told; nothing if it does not tell.
    pub fn exits(&self) -> Option<Exits> {
        Exits::reported(&self.places.report).map(|(exits, _)| exits)
    }

    /// Exits of its VMM until `moment` or a little later, once they are told.
    pub fn exits_until(&self, watch: &Watch, moment: SystemTime) -> Result<Option<Exits>, Error> {
        if self.exits().is_none() {
            return Ok(None);
        }
        let deadline = Instant::now() + REPORT_LATE;
        watch.wait("hearing of the exits", REPORT_LATE * 2, || {
            let told = Exits::reported(&self.places.report);
            let (exits, late) = (told.map(|told| told.0), Instant::now() >= deadline);
            Ok((late || told.is_some_and(|told| told.1 > moment)).then_some(exits))
        })
    }

    /// Looks whether it has come up, for a moment. Answers how long that took.
    pub fn look(&mut self) -> Result<Option<Duration>, Error> {
        if let Some((_, took)) = self.ready {
            return Ok(Some(took));
        }
        if self.control.is_none() {
            // Nobody listens yet while the VMM starts.
            self.control = Client::connect(&self.places.control, Duration::ZERO).ok();
        }
        let Some(control) = &self.control else { return Ok(None) };
        // It says so by itself; asked too often while it boots, it has to answer all of it later.
        let ready = if self.asked.elapsed() < ASK_INTERVAL {
            control.ready()
        } else {
            self.asked = Instant::now();
            match control.wait_ready(Duration::ZERO) {
                Err(ControlError::TimedOut { .. }) => Ok(None),
                result => result.map(Some),
            }
        };
        let took = self.started.elapsed();
        self.ready = ready
            .map_err(|error| self.fault("boot", &error.to_string()))?
            .map(|ready| (ready, took));
        Ok(self.ready.as_ref().map(|_| took))
    }

    /// Gives it its addresses on a path, and the MTU of the path's ends.
    pub fn configure(&self, watch: &Watch, path: &PathPlan, limit: Duration) -> Result<(), Error> {
        let PathPlan { mtu, ends, .. } = *path;
        let configure = Configure {
            interface: self.role.mac(),
            addresses: self.role.prefixes(mtu),
            gateways: self.role.gateways(mtu),
            mtu: ends.map(u32::from),
        };
        self.client()?
            .configure(configure, limit)
            .map_err(|error| watch.explain(self.fault("network set-up", &error.to_string())))
    }

    /// Starts a command that goes on beside others.
    pub fn start(
        &self,
        what: &str,
        command: impl Into<Command>,
    ) -> Result<guest_init::client::Process, Error> {
        self.client()?.start(command).map_err(|error| self.fault(what, &error.to_string()))
    }

    /// Runs a script to its end; `tell` is called while it runs.
    pub fn script(
        &self,
        watch: &Watch,
        job: Job<'_>,
        mut tell: impl FnMut() -> Result<(), Error>,
    ) -> Result<Output, Error> {
        let mut argv = vec!["sh", "-c", job.script, "sh"];
        argv.extend(job.arguments);
        let process = self.start(job.what, Command::new(argv))?;
        let fault = |error: ControlError| self.fault(job.what, &error.to_string());
        let what = format!("{} in the {} guest", job.what, self.role.name());
        let look = || {
            tell()?;
            process.has_ended().map(|ended| ended.then_some(())).map_err(fault)
        };
        watch.wait(&what, job.limit, look).map_err(|error| {
            error.or_evidence(|| {
                let said = process.stderr_so_far();
                Evidence::none().with("it said", &String::from_utf8_lossy(&said))
            })
        })?;
        process.wait(COLLECT).map_err(fault)
    }

    /// Like [`Machine::script`], for what has to succeed; answers its standard output.
    pub fn must(&self, watch: &Watch, job: Job<'_>) -> Result<String, Error> {
        let output = self.script(watch, job, || Ok(()))?;
        if output.status.success() {
            return Ok(output.stdout_text().into_owned());
        }
        let reason = format!("{}: {}", output.status, output.stderr_text().trim());
        Err(self.fault(job.what, &reason))
    }

    /// An error about something this guest did.
    pub fn fault(&self, command: &str, reason: &str) -> Error {
        Error::Guest {
            guest: self.role.name(),
            command: command.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn client(&self) -> Result<&Client, Error> {
        self.control.as_ref().ok_or_else(|| self.fault("control", "it has not come up yet"))
    }
}

/// Something to run in a guest.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What it is, for messages.
    pub what: &'a str,
    /// A shell script.
    pub script: &'a str,
    /// Its `$1`, `$2`...
    pub arguments: &'a [&'a str],
    /// The longest it may take.
    pub limit: Duration,
}
