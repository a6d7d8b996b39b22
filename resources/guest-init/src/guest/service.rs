//! Answers the host.
//!
//! One thread reads the control device and hands each frame to its run or upload; every run has
//! threads of its own for its input, its two outputs and its end. All of them write whole frames
//! to the device through [`Sender`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::reboot::{RebootMode, reboot};

use super::input::Input;
use super::outputs::Outputs;
use super::{network, process, terminal, upload};
use crate::protocol::{Device, Frame, FrameReader, Kind, Ready, Received, Request, encode};

/// How the host wants the guest to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Power the machine off.
    PowerOff,
    /// Restart it.
    Reboot,
    /// The host's end of the channel is closed for good.
    Closed,
}

/// Writes frames to the host; cloned into every thread that has something to say.
#[derive(Clone)]
pub struct Sender {
    writer: Arc<Mutex<dyn Write + Send>>,
    device: Device,
    /// Upper half of the ids of the session that is on.
    session: Arc<AtomicU32>,
}

impl Sender {
    /// A sender on a device of this kind.
    pub fn new(writer: impl Write + Send + 'static, device: Device) -> Self {
        Self { writer: Arc::new(Mutex::new(writer)), device, session: Arc::default() }
    }

    pub(super) fn device(&self) -> Device {
        self.device
    }

    /// Takes an id's session for the one that is on.
    fn adopt(&self, id: u32) {
        self.session.store(id & 0xffff_0000, Ordering::Relaxed);
    }

    /// Sends one frame. What belongs to a former session is dropped: its host is gone.
    pub(super) fn send(&self, kind: Kind, id: u32, payload: &[u8]) {
        if kind != Kind::Ready && id & 0xffff_0000 != self.session.load(Ordering::Relaxed) {
            return;
        }
        let wire = encode(kind, id, payload, self.device.compresses());
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a host there is nobody to tell.
        let _ = writer.write_all(&wire).and_then(|()| writer.flush());
    }

    pub(super) fn done(&self, id: u32, result: Result<(), String>) {
        match result {
            Ok(()) => self.send(Kind::Done, id, b""),
            Err(reason) => self.fail(id, &reason),
        }
    }

    pub(super) fn fail(&self, id: u32, reason: &str) {
        let end = reason.len().min(crate::protocol::MAX_PAYLOAD);
        self.send(Kind::Failed, id, reason.as_bytes().get(..end).unwrap_or_default());
    }
}

/// What goes on under an id and takes further frames.
pub(super) enum Activity {
    Run(Running),
    Upload(Input),
}

/// A command that runs.
pub(super) struct Running {
    /// Its process group.
    pub(super) group: i32,
    /// Its standard input, while that is open.
    pub(super) input: Option<Input>,
    /// The host's end of its terminal, if it has one.
    pub(super) terminal: Option<File>,
    pub(super) outputs: Arc<Outputs>,
}

pub(super) type Activities = Arc<Mutex<HashMap<u32, Activity>>>;

/// Serves one host until it asks for the end. `warnings` is told in every Ready.
pub fn serve(reader: impl Read, sender: &Sender, warnings: Vec<String>) -> io::Result<Ending> {
    let mut reader = FrameReader::new(reader);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let ready = Ready {
        version: crate::protocol::VERSION,
        kernel: kernel.trim().into(),
        warnings,
        device: sender.device(),
    };
    let ready = serde_json::to_vec(&ready)?;
    let activities = Activities::default();
    sender.send(Kind::Ready, 0, &ready);
    loop {
        match reader.receive()? {
            Received::End => return Ok(Ending::Closed),
            Received::Frame(Frame { kind: Kind::Hello, id, .. }) => {
                sender.adopt(id);
                sender.send(Kind::Ready, id, &ready);
            }
            Received::Frame(Frame { kind: Kind::Stdin, id, payload }) => {
                give(&activities, sender, id, payload);
            }
            Received::Frame(Frame { kind: Kind::Request, id, payload }) => {
                // Its hello may have been lost before the device was open.
                sender.adopt(id);
                match serde_json::from_slice(&payload) {
                    Ok(Request::PowerOff) => {
                        sender.done(id, Ok(()));
                        return Ok(Ending::PowerOff);
                    }
                    Ok(Request::Reboot) => {
                        sender.done(id, Ok(()));
                        return Ok(Ending::Reboot);
                    }
                    Ok(request) => answer(&activities, sender, id, request),
                    Err(error) => sender.fail(id, &format!("not understood: {error}")),
                }
            }
            Received::Garbage | Received::Frame(_) => {}
        }
    }
}

fn answer(activities: &Activities, sender: &Sender, id: u32, request: Request) {
    match request {
        Request::Run(run) => process::start(activities, sender, id, &run),
        Request::Configure(network) => {
            let sender = sender.clone();
            std::thread::spawn(move || sender.done(id, network::configure(&network)));
        }
        Request::WriteFile(file) => upload::start(activities, sender, id, file),
        Request::Signal(signal) => {
            if let Some(Activity::Run(running)) = lock(activities).get(&signal.run) {
                process::signal(running.group, signal.signal);
            }
        }
        Request::Resize(resize) => {
            if let Some(Activity::Run(Running { terminal: Some(terminal), .. })) =
                lock(activities).get(&resize.run)
            {
                let _ = terminal::resize(terminal, resize.size); // it may have ended already
            }
        }
        Request::CloseOutput(close) => {
            if let Some(Activity::Run(running)) = lock(activities).get(&close.run) {
                process::close_output(running, close.stderr);
            }
        }
        Request::PowerOff | Request::Reboot => {}
    }
}

fn give(activities: &Activities, sender: &Sender, id: u32, data: Vec<u8>) {
    let mut activities = lock(activities);
    let Some(activity) = activities.get_mut(&id) else { return };
    let (Activity::Run(Running { input: Some(input), .. }) | Activity::Upload(input)) = activity
    else {
        return;
    };
    if !data.is_empty() {
        if !input.give(data) {
            sender.fail(id, "more input than its window allows");
        }
        return;
    }
    match activity {
        Activity::Run(running) => running.input = None,
        Activity::Upload(_) => drop(activities.remove(&id)),
    }
}

pub(super) fn lock(activities: &Activities) -> std::sync::MutexGuard<'_, HashMap<u32, Activity>> {
    activities.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the machine, once what was said to the host has left the device.
pub fn end_machine(ending: Ending, device: &File) {
    let _ = nix::sys::termios::tcdrain(device); // a virtio port has nothing to drain
    nix::unistd::sync();
    if ending != Ending::Reboot {
        let _ = reboot(RebootMode::RB_POWER_OFF); // returns where the machine has no power switch
    }
    let _ = reboot(RebootMode::RB_AUTOBOOT);
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
