//! One run's set-up: the path and two guests, up and reachable from each other.
//!
//! Everything lives in one scratch directory and in processes that die with this value.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::addresses::Role;
use super::command::{self, GuestCommand, Places, Record};
use super::error::Error;
use super::machine::{Job, Machine};
use super::parse;
use super::plan::{Accelerator, Arm, IpVersion, PathPlan, Plan};
use super::process::{Output, Part};
use super::progress::Progress;
use super::readings::Readings;
use super::stop::Stop;
use super::trace::{self, Packet};
use super::variant::{Variant, Vmm};
use super::wait::Watch;

/// The path has its sockets within this time, or something is wrong.
const PATH_START: Duration = Duration::from_secs(10);
/// How long the path may take to end by itself.
const PATH_GRACE: Duration = Duration::from_secs(2);
/// A VMM outlives every limit of the lab by this much before it gives up by itself.
const VMM_MARGIN: Duration = Duration::from_secs(60);

/// Asks until the other side answers, then measures the round trip.
const REACH: &str = "\
i=0
while ! ping -c 1 -W 1 \"$1\" >/dev/null 2>&1; do
  i=$((i + 1))
  if [ $i -ge \"$2\" ]; then echo \"no answer from $1\" >&2; ip addr >&2; exit 1; fi
done
ping -c 3 -i 0.2 -W 2 \"$1\"";

/// Tries to reach the other side.
const REACH_TRIES: &str = "15";

/// Where the path can be told to change.
const PATH_CONTROL: &str = "path.ctl";

/// A path and two guests.
#[derive(Debug)]
pub struct Bench {
    /// The guest with the NIC under test.
    pub server: Machine,
    /// The guest that downloads.
    pub client: Machine,
    /// What the path counts.
    pub readings: Readings,
    /// Whether all of it is still alive.
    pub watch: Watch,
    path: Rc<Part>,
    record: Record,
    // Last: removed after the processes that use it are gone.
    scratch: TempDir,
}

/// The directory of one run: where sockets are, and where what may be kept is.
struct Directory<'a> {
    sockets: &'a Path,
    logs: PathBuf,
}

impl Bench {
    /// Starts everything. `deadline` is the end of all patience.
    pub fn start(
        plan: &Plan,
        arm: &Arm,
        run: u32,
        stop: &Stop,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let scratch = tempfile::Builder::new()
            .prefix("nicvmm-")
            .tempdir()
            .map_err(|source| Error::System { action: "make a temporary directory", source })?;
        stop.set_scratch(Some(scratch.path().to_owned()));
        let logs = match &plan.keep {
            Some(keep) => keep.join(format!("{}-run-{run}", file_name(&arm.name))),
            None => scratch.path().to_owned(),
        };
        fs::create_dir_all(&logs).map_err(|source| Error::File {
            action: "create",
            path: logs.clone(),
            source,
        })?;
        let directory = Directory { sockets: scratch.path(), logs };

        let mut watch = Watch::new(stop.clone(), plan.limits.overall, deadline);
        // What is kept is for people; what is not, only for the trace.
        let logs = if plan.capture { &directory.logs } else { directory.sockets };
        let record = Record { directory: logs.to_owned(), whole: plan.capture };
        let (path, readings) = start_path(plan, arm, &directory, &record, &mut watch)?;
        let mut start = |nic, role| start_guest(plan, arm, nic, role, &directory, &mut watch);
        let server = start(&arm.nic, Role::Server)?;
        let client = start(&client_nic(plan.accelerator), Role::Client)?;
        Ok(Self { server, client, readings, watch, path, record, scratch })
    }

    /// Waits until both guests take commands; answers how long the slower one took.
    pub fn boot(&mut self, limit: Duration, progress: &Progress) -> Result<Duration, Error> {
        let Self { server, client, watch, .. } = self;
        let booted = watch.wait("booting the guests", limit, || {
            let (server, client) = (server.look()?, client.look()?);
            progress.detail(match (server, client) {
                (Some(_), _) => "server up, waiting for the client",
                (_, Some(_)) => "client up, waiting for the server",
                _ => "waiting for both",
            });
            Ok(server.zip(client).map(|(server, client)| server.max(client)))
        });
        booted.map_err(|error| {
            let late = if server.is_ready() { client } else { server };
            error.or_evidence(|| late.evidence())
        })
    }

    /// Gives both their addresses and waits until they reach each other; answers the shortest
    /// round trip seen, in milliseconds.
    pub fn connect(&self, path: &PathPlan, limit: Duration) -> Result<Option<f64>, Error> {
        self.server.configure(&self.watch, path, limit)?;
        self.client.configure(&self.watch, path, limit)?;
        let address = Role::Server.host(IpVersion::V4).to_string();
        let said = self.client.must(
            &self.watch,
            Job {
                what: "ping to the server",
                script: REACH,
                arguments: &[&address, REACH_TRIES],
                limit,
            },
        )?;
        Ok(parse::shortest_round_trip(&said))
    }

    /// The socket at which the path can be told to change.
    pub fn path_control(&self) -> PathBuf {
        self.scratch.path().join(PATH_CONTROL)
    }

    /// Ends the path, so that its last counters are read, and everything else with it. Answers what
    /// was recorded of the transfer.
    pub fn end(mut self, stop: &Stop) -> Vec<Packet> {
        self.path.end(PATH_GRACE);
        self.readings.join();
        let Self { server, client, watch, path, scratch, record, .. } = self;
        drop((server, client, watch, path));
        let packets = trace::read(&record.server(), trace::RECORDED.frames);
        let _ = scratch.close();
        stop.set_scratch(None);
        packets
    }
}

fn start_path(
    plan: &Plan,
    arm: &Arm,
    directory: &Directory<'_>,
    record: &Record,
    watch: &mut Watch,
) -> Result<(Rc<Part>, Readings), Error> {
    let [server, client] = [Role::Server, Role::Client].map(|role| directory.network(role));
    let mut command = command::path(&plan.program, &arm.path, &server, &client, record);
    command.arg("--control").arg(directory.sockets.join(PATH_CONTROL));
    let log = directory.logs.join("path.log");
    let (part, stdout) = Part::start("the path", command, &log, Output::Pipe, watch.stop())?;
    let part = Rc::new(part);
    watch.add(&part, None);
    let stdout = stdout.ok_or_else(|| Error::System {
        action: "read the path's counters",
        source: std::io::ErrorKind::BrokenPipe.into(),
    })?;
    let copy = plan.keep.is_some().then(|| directory.logs.join("path.jsonl"));
    let readings = Readings::follow(stdout, copy.as_deref());
    watch
        .wait("starting the path", PATH_START, || {
            Ok((server.exists() && client.exists()).then_some(()))
        })
        .map_err(|error| error.or_evidence(|| part.evidence(None)))?;
    Ok((part, readings))
}

fn start_guest(
    plan: &Plan,
    arm: &Arm,
    nic: &Variant,
    role: Role,
    directory: &Directory<'_>,
    watch: &mut Watch,
) -> Result<Machine, Error> {
    let places = Places {
        network: directory.network(role),
        control: directory.sockets.join(format!("{}.ctl", role.name())),
        console: directory.logs.join(format!("{}.console", role.name())),
        report: directory.logs.join(format!("{}.report.json", role.name())),
    };
    let command = GuestCommand {
        program: &plan.program,
        role,
        variant: nic,
        image: &plan.image,
        accelerator: plan.accelerator,
        places: &places,
        limit: plan.limits.boot + arm.download.time + plan.limits.command + VMM_MARGIN,
    };
    let log = directory.logs.join(format!("{}.log", role.name()));
    let name = format!("the {} guest's VMM", role.name());
    let (part, _) = Part::start(&name, command.build(), &log, Output::Log, watch.stop())?;
    let part = Rc::new(part);
    watch.add(&part, Some(places.console.clone()));
    Ok(Machine::new(role, part, places))
}

/// The client is the same in every run. Without KVM only QEMU can run it.
fn client_nic(accelerator: Accelerator) -> Variant {
    let vmm = match accelerator {
        Accelerator::Kvm => Vmm::Nicvmm,
        Accelerator::Tcg => Vmm::Qemu,
    };
    Variant { vmm: Some(vmm), model: "virtio-net".to_owned(), options: Vec::new() }
}

impl Directory<'_> {
    fn network(&self, role: Role) -> PathBuf {
        self.sockets.join(format!("{}.net", role.name()))
    }
}

/// An arm's name as part of a file name.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    name.chars().map(plain).collect()
}
