//! Runs a command for the host.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{self, SigHandler, Signal, killpg};
use nix::unistd::{Pid, chdir, chroot};

use super::input::{self, InputQueue};
use super::outputs::Outputs;
use super::service::{Activities, Activity, Running, Sender, lock};
use super::{terminal, timer};
use crate::protocol::{Kind, Run, Stage, Status};

/// Argument that makes this program change its root directory before it becomes another.
pub const ENTER: &str = "enter";

/// Starts a command and the threads that look after it.
pub(super) fn start(activities: &Activities, sender: &Sender, id: u32, run: &Run) {
    match try_start(activities, sender, id, run) {
        Ok(()) => {}
        Err(error) => sender.fail(id, &error.to_string()),
    }
}

fn try_start(activities: &Activities, sender: &Sender, id: u32, run: &Run) -> io::Result<()> {
    let mut command = command(run).ok_or_else(|| io::Error::other("an empty command"))?;
    let terminal = match run.terminal {
        Some(size) => {
            let (host, end) = terminal::open(size)?;
            terminal::attach(&mut command, &end)?;
            Some(host)
        }
        None => None,
    };
    timer::mark(Stage::Command);
    let mut child = command.spawn()?;
    drop(command); // it holds the command's end of the terminal
    let outputs = Arc::new(Outputs::default());
    let forward = |output: OwnedFd, kind| outputs.forward(output, sender.clone(), kind, id);
    let mut input: Option<(File, &[u8])> = None;
    if let Some(host) = &terminal {
        forward(host.try_clone()?.into(), Kind::Stdout);
        input = Some((host.try_clone()?, &[terminal::END_OF_INPUT]));
    }
    if let Some(stdout) = child.stdout.take() {
        forward(stdout.into(), Kind::Stdout);
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr.into(), Kind::Stderr);
    }
    if let Some(stdin) = child.stdin.take() {
        input = Some((OwnedFd::from(stdin).into(), &[]));
    }
    let input = input.map(|(stdin, end)| {
        let (input, queue) = input::queue(sender, id);
        thread::spawn(move || feed(stdin, &queue, end));
        input
    });
    let group = child.id() as i32;
    let running = Running { group, input, terminal, outputs: Arc::clone(&outputs) };
    lock(activities).insert(id, Activity::Run(running));
    let (activities, sender) = (activities.clone(), sender.clone());
    thread::spawn(move || {
        let status = wait(child);
        outputs.wait_for_the_last();
        lock(&activities).remove(&id);
        sender.send(Kind::Exited, id, &status.to_bytes());
    });
    Ok(())
}

fn command(run: &Run) -> Option<Command> {
    let (program, arguments) = run.argv.split_first()?;
    let directory = run.cwd.as_deref().unwrap_or("/");
    let mut command = if let Some(root) = &run.root {
        let mut command = Command::new("/proc/self/exe");
        command.args([ENTER, root, directory, program]).args(arguments);
        command
    } else {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory);
        command
    };
    command.envs(&run.env);
    if run.terminal.is_none() {
        command
            .process_group(0)
            .stdin(if run.stdin { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }
    heed_signals(&mut command);
    Some(command)
}

/// Signals that whoever started us may have had us ignore, which a command would inherit.
const HEEDED: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGPIPE];

fn heed_signals(command: &mut Command) {
    let prepare = || {
        for heeded in HEEDED {
            // SAFETY: the default action is no handler that could do anything unsafe.
            #[allow(unsafe_code)]
            unsafe {
                signal::signal(heeded, SigHandler::SigDfl)?;
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes system calls that are async-signal-safe,
    // and allocates nothing.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(prepare);
    }
}

fn wait(mut child: Child) -> Status {
    match child.wait() {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Status::Exited(code),
            (None, signal) => Status::Signaled(signal.unwrap_or(0)),
        },
        Err(_) => Status::Exited(-1),
    }
}

/// Passes on what the host sends, then `end`.
fn feed(mut stdin: File, queue: &InputQueue, end: &[u8]) {
    let mut open = true;
    while let Some(data) = queue.next() {
        // A command that closed its input is not told so; what comes is taken and dropped.
        open = open && stdin.write_all(&data).is_ok();
        queue.taken(&data);
    }
    let _ = stdin.write_all(end); // it may have ended already
}

/// Lets a command know that nobody reads what it prints: by a broken pipe or, where there is a
/// terminal, by the signal for one that is gone.
pub(super) fn close_output(running: &Running, stderr: bool) {
    running.outputs.close(if stderr { Kind::Stderr } else { Kind::Stdout });
    if running.terminal.is_some() {
        signal(running.group, Signal::SIGHUP as i32);
    }
}

/// Sends a signal to a command and everything in its process group.
pub(super) fn signal(group: i32, signal: i32) {
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = killpg(Pid::from_raw(group), signal); // it may have ended already
    }
}

/// Becomes another program, to which the file system at another directory is the root. Returns only if
/// that fails.
///
/// It is moved over the old root, in a mount namespace of its own: a program whose root is merely
/// changed may not make user namespaces.
pub fn enter(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> String {
    let (Some(root), Some(directory), Some(program)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return format!("usage: {ENTER} ROOT DIRECTORY PROGRAM [ARGUMENT]...");
    };
    if let Err(error) = change_root(Path::new(&root)) {
        return format!("{}: {error}", root.display());
    }
    if let Err(error) = std::env::set_current_dir(&directory) {
        return format!("{}: {error}", directory.display());
    }
    let error = Command::new(&program).args(arguments).exec();
    format!("{}: {error}", program.display())
}

fn change_root(root: &Path) -> nix::Result<()> {
    let none: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    chdir(root)?;
    mount(Some("."), "/", none, MsFlags::MS_MOVE, none)?;
    chroot(".")
}
