//! Runs a command for the host.

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::outputs::Outputs;
use super::service::{Activities, Activity, INPUT_QUEUE, Sender, lock};
use crate::protocol::{Kind, Run, Status};

/// Argument that makes this program change its root directory before it becomes another.
pub const ENTER: &str = "enter";

/// Starts a command and the threads that look after it.
pub(super) fn start(activities: &Activities, sender: &Sender, id: u32, run: &Run) {
    let Some(mut command) = command(run) else {
        return sender.fail(id, "an empty command");
    };
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return sender.fail(id, &error.to_string()),
    };
    let outputs = Arc::new(Outputs::default());
    if let Some(stdout) = child.stdout.take() {
        outputs.forward(stdout, sender.clone(), Kind::Stdout, id);
    }
    if let Some(stderr) = child.stderr.take() {
        outputs.forward(stderr, sender.clone(), Kind::Stderr, id);
    }
    let input = child.stdin.take().map(|stdin| {
        let (input, queue) = sync_channel(INPUT_QUEUE);
        let sender = sender.clone();
        thread::spawn(move || feed(stdin, &queue, &sender, id));
        input
    });
    let group = child.id() as i32;
    lock(activities).insert(id, Activity::Run { group, input });
    let (activities, sender) = (activities.clone(), sender.clone());
    thread::spawn(move || {
        let status = wait(child);
        lock(&activities).remove(&id);
        outputs.wait_for_the_last();
        sender.send(Kind::Exited, id, &status.to_bytes());
    });
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
    command
        .envs(&run.env)
        .process_group(0)
        .stdin(if run.stdin { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(command)
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

fn feed(mut stdin: impl Write, queue: &Receiver<Vec<u8>>, sender: &Sender, id: u32) {
    let mut open = true;
    for data in queue {
        // A command that closed its input is not told so; what comes is taken and dropped.
        open = open && stdin.write_all(&data).is_ok();
        sender.send(Kind::Credit, id, &(data.len() as u32).to_le_bytes());
    }
}

/// Sends a signal to a command and everything in its process group.
pub(super) fn signal(group: i32, signal: i32) {
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = killpg(Pid::from_raw(group), signal); // it may have ended already
    }
}

/// Becomes another program under another root directory. Returns only if that fails.
pub fn enter(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> String {
    let (Some(root), Some(directory), Some(program)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return format!("usage: {ENTER} ROOT DIRECTORY PROGRAM [ARGUMENT]...");
    };
    if let Err(error) = nix::unistd::chroot(root.as_os_str()) {
        return format!("{}: {error}", root.display());
    }
    if let Err(error) = std::env::set_current_dir(&directory) {
        return format!("{}: {error}", directory.display());
    }
    let error = Command::new(&program).args(arguments).exec();
    format!("{}: {error}", program.display())
}
