//! The download: a file, a web server in one guest, GNU wget in the other, and what was seen.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use super::addresses::Role;
use super::bench::Bench;
use super::during::Agenda;
use super::error::{Error, Evidence};
use super::kernel_counters::{self, KernelCounters};
use super::machine::Job;
use super::outcome::{GuestFigures, PathFacts, ProcessFigures, RunOutcome};
use super::parse;
use super::plan::{Arm, Plan};
use super::progress::Progress;
use super::socket;
use super::units::rate;

/// What `timeout -s KILL` makes of a command that it had to end: 128 + SIGKILL, or its own 124.
const TIME_WAS_OVER: [i32; 2] = [137, 124];
/// A live rate is taken over this span.
const RATE_SPAN: Duration = Duration::from_secs(1);

/// Makes the file out of random bytes and has nginx serve it, by sendfile(2) and with the header
/// in the first segment, as busy web servers are set up.
const PREPARE: &str = "\
set -e
mkdir -p /run/www /var/lib/nginx
cd /run/www
head -c 1048576 /dev/urandom >chunk
i=0
while [ $i -lt \"$1\" ]; do cat chunk; i=$((i + 1)); done >file
rm chunk
cat >/run/nginx.conf <<'END'
user root;
worker_processes 1;
pid /run/nginx.pid;
events {}
http {
  access_log off;
  sendfile on;
  sendfile_max_chunk 0;
  tcp_nopush on;
  server { listen 80; listen [::]:80; root /run/www; }
}
END
nginx -e stderr -c /run/nginx.conf";

/// Downloads for at most `$1` seconds from `$2`; prints start, end, exit status and size.
const DOWNLOAD: &str = "\
read start rest </proc/uptime
timeout -s KILL \"$1\" wget -nv --tries=1 -O /run/file \"$2\"
status=$?
read end rest </proc/uptime
echo $start $end $status $(stat -c %s /run/file 2>/dev/null || echo 0)";

/// What a scenario's commands in the server guest may use.
const VARIABLES: &str = "\
set -e
GATEWAY=$1
CLIENT=$2
for NIC in /sys/class/net/*; do if [ -e $NIC/device ]; then break; fi; done
NIC=${NIC##*/}
";

/// A feature list of the first real interface.
const OFFLOADS: &str = "\
for i in /sys/class/net/*; do
  if [ -e $i/device ]; then exec ethtool -k ${i##*/}; fi
done
echo no network interface >&2
exit 1";

/// Makes one run on a bench that has just booted.
pub fn run(
    plan: &Plan,
    arm: &Arm,
    bench: &Bench,
    boot: Duration,
    number: u32,
    progress: &Progress,
) -> Result<RunOutcome, Error> {
    let limit = plan.limits.command;
    progress.detail("configuring the network");
    let round_trip = bench.connect(&arm.path, limit)?;
    progress.detail("writing the file and starting the web server");
    let (server, watch) = (&bench.server, &bench.watch);
    let ask = |what, script, arguments: &[&str]| {
        server.must(watch, Job { what, script, arguments, limit })
    };
    ask("web server", PREPARE, &[&arm.download.file_mib.to_string()])?;
    let gateway = Role::Server.router(arm.download.ip).to_string();
    let client = Role::Client.host(arm.download.ip).to_string();
    for command in &arm.server {
        progress.detail(command);
        let script = format!("{VARIABLES}{command}");
        let arguments: &[&str] = &[&gateway, &client];
        server.must(watch, Job { what: command, script: &script, arguments, limit })?;
    }
    let lspci = ask("lspci", "exec lspci", &[])?;
    let ethtool = ask("ethtool -k", OFFLOADS, &[])?;
    let counters = || {
        let said = ask("kernel counters", kernel_counters::SCRIPT, &[])?;
        KernelCounters::parse(&said)
            .ok_or_else(|| server.fault("kernel counters", "/proc/net/snmp has no Tcp: lines"))
    };

    let before = counters()?;
    let sampler = server.start("ss", ["sh", "-c", socket::SCRIPT])?;
    let exits_before = server.exits();
    let usage_before = server.part().usage().unwrap_or_default();
    let start = Instant::now();
    let (download, said) = download(plan, arm, bench, progress, start)?;
    let (end, end_time) = (Instant::now(), SystemTime::now());
    let usage = server.part().usage().unwrap_or_default();
    let sampled = sampler.kill(limit).map_err(|error| server.fault("ss", &error.to_string()))?;
    let counted = counters()?.since(before);
    settle(plan, bench, end)?;
    let exits = server.exits_until(watch, end_time)?;

    Ok(RunOutcome {
        number,
        boot_seconds: boot.as_secs_f64(),
        round_trip_ms: round_trip,
        bytes: download.bytes,
        seconds: download.seconds,
        whole_file: download.status == 0,
        client_said: said,
        goodput_bytes_per_second: download.bytes as f64 / download.seconds.max(0.01),
        path: bench.readings.between(start, end),
        guest: GuestFigures {
            tcp_retransmits: counted.retransmits,
            tcp_segments_sent: counted.segments_sent,
            cpu_seconds: counted.cpu_seconds,
            nic_interrupts: counted.nic_interrupts,
            lspci: parse::network_controller(&lspci).unwrap_or_default(),
            offloads: parse::offloads(&ethtool),
            kernel: server.kernel().to_owned(),
        },
        vmm_process: ProcessFigures {
            cpu_seconds: usage.cpu_seconds - usage_before.cpu_seconds,
            max_rss_bytes: usage.max_rss_bytes,
            exits: exits.zip(exits_before).map(|(exits, before)| exits.since(before)),
        },
        timeline: bench.readings.timeline(start, end),
        sockets: socket::samples(&sampled.stdout_text()),
        trace: Vec::new(),
    })
}

/// Runs wget; answers how it went and, if it failed by itself, its last line.
fn download(
    plan: &Plan,
    arm: &Arm,
    bench: &Bench,
    progress: &Progress,
    start: Instant,
) -> Result<(parse::Download, Option<String>), Error> {
    let seconds = arm.download.time.as_secs_f64().to_string();
    let url = match Role::Server.host(arm.download.ip) {
        IpAddr::V4(ip) => format!("http://{ip}/file"),
        IpAddr::V6(ip) => format!("http://[{ip}]/file"),
    };
    let job = Job {
        what: "wget",
        script: DOWNLOAD,
        arguments: &[&seconds, &url],
        limit: arm.download.time + plan.limits.command,
    };
    let mut agenda = Agenda::new(bench.path_control(), &arm.during);
    let output = bench.client.script(&bench.watch, job, || {
        alive(plan, bench, start)?;
        agenda.keep()?;
        progress.rate(start.elapsed().as_secs_f64(), bench.readings.rate(RATE_SPAN));
        Ok(())
    })?;
    let download = parse::download(&output.stdout_text()).ok_or_else(|| {
        let said = format!("{}{}", output.stdout_text(), output.stderr_text());
        bench.client.fault("wget", said.trim())
    })?;
    let failed = download.status != 0 && !TIME_WAS_OVER.contains(&download.status);
    let said =
        output.stderr_text().lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned);
    Ok((download, said.filter(|_| failed)))
}

/// The path has to tell its counters all the time.
fn alive(plan: &Plan, bench: &Bench, start: Instant) -> Result<(), Error> {
    let heard = bench.readings.latest().map_or(start, |reading| reading.at.max(start));
    if heard.elapsed() < plan.limits.silence {
        return Ok(());
    }
    let unread = bench.readings.unreadable().unwrap_or_default();
    Err(Error::TimedOut {
        what: "hearing from the path".to_owned(),
        limit: plan.limits.silence,
        evidence: Evidence::none().with("a line that was not understood", &unread),
    })
}

/// Waits for the first counters after the end, so that everything is in them.
fn settle(plan: &Plan, bench: &Bench, end: Instant) -> Result<(), Error> {
    bench.watch.wait("hearing the path's last counters", plan.limits.silence, || {
        Ok(bench.readings.since(end).map(drop))
    })
}

impl RunOutcome {
    /// One line about it.
    pub fn line(&self, path: &PathFacts) -> String {
        let rest = match self.path.frag_needed_sent {
            0 => "no ICMP error".to_owned(),
            many => format!("{many} ICMP need to frag (mtu {})", path.mtu),
        };
        format!("{} in {:.1} s, {rest}", rate(self.goodput_bytes_per_second), self.seconds)
    }
}
