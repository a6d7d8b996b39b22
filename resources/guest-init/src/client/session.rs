//! One session on a control channel: a writer, a reader thread, and what is pending between them.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::command::{OUTPUT_LIMIT, OnOutput, Stream};
use super::{Error, Output, Result, Status};
use crate::protocol::{
    CloseOutput, Device, Frame, FrameReader, Kind, MAX_PAYLOAD, Ready, Received, Request, encode,
};

/// Longest time in which a guest may take no byte at all.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How a request ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Ended(Output),
    Failed(String),
}

/// A request that was sent and not yet collected.
pub(super) struct Pending {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    lost: u64,
    credit: usize,
    on_output: Option<OnOutput>,
    end: Option<std::result::Result<Status, String>>,
}

impl Pending {
    fn new(on_output: Option<OnOutput>, credit: usize) -> Self {
        let (stdout, stderr) = (Vec::new(), Vec::new());
        Self { stdout, stderr, lost: 0, credit, on_output, end: None }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn take_outcome(&mut self) -> Option<Outcome> {
        let outcome = match self.end.clone()? {
            Ok(status) => {
                let stdout = std::mem::take(&mut self.stdout);
                let stderr = std::mem::take(&mut self.stderr);
                Outcome::Ended(Output { status, stdout, stderr, lost: self.lost })
            }
            Err(reason) => Outcome::Failed(reason),
        };
        Some(outcome)
    }

    pub(super) fn take_credit(&mut self, wish: usize) -> Option<usize> {
        let taken = wish.min(self.credit);
        self.credit -= taken;
        (taken > 0).then_some(taken)
    }

    fn keep(&mut self, stream: Stream, data: &[u8]) {
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let (keep, lose) = data.split_at(data.len().min(OUTPUT_LIMIT - kept.len()));
        kept.extend_from_slice(keep);
        self.lost += lose.len() as u64;
    }
}

/// What the reader thread learned.
#[derive(Default)]
pub(super) struct State {
    pub(super) ready: Option<Ready>,
    pub(super) pending: HashMap<u32, Pending>,
    end: Option<End>,
    requests: u32,
}

impl State {
    /// The guest's device; before it told, the one that takes less.
    fn device(&self) -> Device {
        self.ready.as_ref().map(|ready| ready.device).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
enum End {
    Closed,
    Corrupt,
}

/// A session; shared by the client, its processes and the reader thread.
pub(super) struct Session {
    writer: Mutex<UnixStream>,
    state: Mutex<State>,
    changed: Condvar,
    /// Upper half of every id, so that answers to a former session are not taken for ours.
    pub(super) number: u32,
}

impl Session {
    pub(super) fn start(stream: UnixStream) -> Result<Arc<Self>> {
        let reader = stream.try_clone()?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let session = Arc::new(Self {
            writer: Mutex::new(stream),
            state: Mutex::default(),
            changed: Condvar::new(),
            number: (RandomState::new().build_hasher().finish() as u32) << 16,
        });
        let shared = Arc::clone(&session);
        std::thread::Builder::new()
            .name("guest-control".into())
            .spawn(move || shared.listen(FrameReader::new(reader)))?;
        Ok(session)
    }

    pub(super) fn hello(&self) -> Result<()> {
        self.send(Kind::Hello, self.number, b"")
    }

    pub(super) fn send(&self, kind: Kind, id: u32, payload: &[u8]) -> Result<()> {
        let compressing = self.lock().device().compresses();
        let wire = encode(kind, id, payload, compressing);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&wire).map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset => Error::Closed,
            std::io::ErrorKind::WouldBlock => {
                Error::TimedOut { what: "sending to the guest".into(), after: WRITE_TIMEOUT }
            }
            _ => Error::Io(error),
        })
    }

    /// Sends a request and notes that its answer is awaited.
    pub(super) fn request(&self, request: &Request, on_output: Option<OnOutput>) -> Result<u32> {
        let id = {
            let mut state = self.lock();
            state.requests = (state.requests + 1) & 0xffff;
            let id = self.number | state.requests;
            let pending = Pending::new(on_output, state.device().window());
            state.pending.insert(id, pending);
            id
        };
        let sent = self.send_request(id, request);
        if sent.is_err() {
            self.forget(id);
        }
        sent.map(|()| id)
    }

    /// Sends a request whose answer is of no interest.
    pub(super) fn tell(&self, request: &Request) -> Result<()> {
        self.send_request(self.number, request)
    }

    fn send_request(&self, id: u32, request: &Request) -> Result<()> {
        let json = serde_json::to_vec(request).map_err(std::io::Error::from)?;
        if json.len() > MAX_PAYLOAD {
            return Err(Error::TooLong(json.len()));
        }
        self.send(Kind::Request, id, &json)
    }

    /// Waits until `test` finds something or time is over (`None`).
    pub(super) fn wait<T>(
        &self,
        deadline: Instant,
        mut test: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<Option<T>> {
        let mut state = self.lock();
        loop {
            if let Some(found) = test(&mut state) {
                return Ok(Some(found));
            }
            match state.end {
                Some(End::Closed) => return Err(Error::Closed),
                Some(End::Corrupt) => return Err(Error::Corrupt),
                None => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn peek<T>(&self, id: u32, look: impl FnOnce(&Pending) -> T) -> Option<T> {
        self.lock().pending.get(&id).map(look)
    }

    pub(super) fn forget(&self, id: u32) {
        self.lock().pending.remove(&id);
    }

    pub(super) fn close(&self, how: Shutdown) {
        // The socket may be gone already.
        let _ = self.writer.lock().unwrap_or_else(PoisonError::into_inner).shutdown(how);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, mut reader: FrameReader<UnixStream>) {
        let end = loop {
            match reader.receive() {
                Ok(Received::Frame(frame)) => self.take(frame),
                Ok(Received::Garbage) if self.lock().ready.is_some() => break End::Corrupt,
                Ok(Received::Garbage) => {}
                Ok(Received::End) | Err(_) => break End::Closed,
            }
        };
        self.lock().end = Some(end);
        self.changed.notify_all();
    }

    fn take(&self, frame: Frame) {
        let Frame { kind, id, payload } = frame;
        match kind {
            Kind::Ready if id == self.number => {
                self.lock().ready = serde_json::from_slice(&payload).ok();
            }
            // It says so by itself, or answers another host. What was sent before may have been
            // lost, in part too, and a piece of a hello would spoil the request that follows it.
            Kind::Ready => drop(self.hello()),
            Kind::Stdout => self.output(id, Stream::Stdout, &payload),
            Kind::Stderr => self.output(id, Stream::Stderr, &payload),
            Kind::Exited => self.end(
                id,
                Status::from_bytes(&payload).ok_or_else(|| "ended in an unknown way".into()),
            ),
            Kind::Done => self.end(id, Ok(Status::Exited(0))),
            Kind::Failed => self.end(id, Err(String::from_utf8_lossy(&payload).into_owned())),
            Kind::Credit => {
                if let (Some(pending), Ok(bytes)) =
                    (self.lock().pending.get_mut(&id), payload.as_slice().try_into())
                {
                    pending.credit += u32::from_le_bytes(bytes) as usize;
                }
            }
            Kind::Hello | Kind::Request | Kind::Stdin => {}
        }
        self.changed.notify_all();
    }

    fn end(&self, id: u32, end: std::result::Result<Status, String>) {
        if let Some(pending) = self.lock().pending.get_mut(&id) {
            pending.end.get_or_insert(end);
        }
    }

    fn output(&self, id: u32, stream: Stream, data: &[u8]) {
        let mut state = self.lock();
        let Some(pending) = state.pending.get_mut(&id) else { return };
        let Some(mut function) = pending.on_output.take() else {
            pending.keep(stream, data);
            return;
        };
        drop(state); // the function may take its time, or ask for other processes
        let taken = function(stream, data);
        if let Some(pending) = self.lock().pending.get_mut(&id) {
            pending.on_output = Some(function);
        }
        if taken.is_err() {
            let close = CloseOutput { run: id, stderr: stream == Stream::Stderr };
            // Without a guest there is no one to tell.
            let _ = self.tell(&Request::CloseOutput(close));
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("number", &self.number).finish_non_exhaustive()
    }
}
