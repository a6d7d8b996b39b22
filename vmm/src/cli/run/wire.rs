//! `net=`: where the frames of a NIC go.

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Result;
use devices::net::capture::CaptureFile;
use devices::net::{Backend, Capture, Null, Offloads, Share, Stream, Tap, TapError};

use super::passt::Passt;

/// What `net=` takes.
pub const CHOICES: &str = "null, user, stream:PATH, tap:NAME or tap:fd=N[:N...]";

/// Where frames go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Nowhere.
    Null,
    /// Over a unix stream socket that somebody listens on.
    Stream(PathBuf),
    /// Through a tap interface of this name.
    Tap(String),
    /// Through the tap behind these descriptors, which are inherited: one for each of its queues.
    Inherited(Vec<RawFd>),
    /// Into the world by way of passt, without root.
    User,
}

/// An open wire: a backend for each pair of queues, and what has to live as long as they.
pub struct Opened {
    pub backends: Vec<Box<dyn Backend>>,
    pub passt: Option<Passt>,
}

impl FromStr for Wire {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "null" => Ok(Self::Null),
            None if text == "user" => Ok(Self::User),
            Some(("stream", path)) => Ok(Self::Stream(path.into())),
            Some(("tap", name)) => match name.strip_prefix("fd=") {
                Some(numbers) => descriptors(numbers).map(Self::Inherited),
                None => Ok(Self::Tap(name.into())),
            },
            _ => Err(format!("net={text:?} is unknown: use {CHOICES}")),
        }
    }
}

/// The numbers of `3` or `3:4:5`. Those below 3 are the standard streams.
fn descriptors(text: &str) -> Result<Vec<RawFd>, String> {
    let numbers = text.split(':').map(|number| number.parse().ok().filter(|fd| *fd > 2));
    numbers.collect::<Option<_>>().ok_or_else(|| {
        format!("net=tap:fd={text:?} is unknown: use numbers of descriptors above 2, as 3 or 3:4")
    })
}

impl Wire {
    /// Whether it leads to something else on this host.
    pub fn reaches_out(&self) -> bool {
        !matches!(self, Self::Null | Self::User)
    }

    /// Whether it may hand over frames unfinished.
    pub fn is_tap(&self) -> bool {
        matches!(self, Self::Tap(_) | Self::Inherited(_))
    }

    /// Pairs of queues that it has by itself, if it says so.
    pub fn queues(&self) -> Option<usize> {
        match self {
            Self::Inherited(descriptors) => Some(descriptors.len()),
            _ => None,
        }
    }

    /// The queues of the tap, if it is one.
    pub fn taps(&self, pairs: usize, delivers: Offloads) -> Result<Vec<Tap>, TapError> {
        match self {
            Self::Tap(name) => Tap::open_queues(name, pairs, delivers),
            Self::Inherited(descriptors) => {
                let inherit = |fd: &RawFd| Tap::inherit(*fd, pairs > 1, delivers);
                descriptors.iter().map(inherit).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Opens it for `pairs` pairs of queues of NIC number `index`, whose address is `mac`, and which
    /// takes what `delivers` says unfinished. What passes is recorded in file `capture`, if that is
    /// given.
    pub fn open(
        &self,
        pairs: usize,
        (index, mac): (usize, [u8; 6]),
        delivers: Offloads,
        capture: Option<&Path>,
    ) -> Result<Opened> {
        let mut passt = None;
        let backends = match self {
            Self::Null => (0..pairs).map(|_| Box::new(Null) as _).collect(),
            Self::Stream(path) => share(Stream::open(path)?, pairs)?,
            Self::Tap(_) | Self::Inherited(_) => boxed(self.taps(pairs, delivers)?),
            Self::User => {
                let (running, stream) = Passt::start(index, mac)?;
                passt = Some(running);
                share(stream, pairs)?
            }
        };
        let backends = match capture {
            None => backends,
            Some(path) => boxed(Capture::all(backends, CaptureFile::create(path, "nic")?)),
        };
        Ok(Opened { backends, passt })
    }
}

/// `stream` for this many pairs of queues.
fn share(stream: Stream, pairs: usize) -> Result<Vec<Box<dyn Backend>>> {
    Ok(if pairs > 1 { boxed(Share::split(Box::new(stream), pairs)?) } else { boxed(vec![stream]) })
}

fn boxed(backends: Vec<impl Backend + 'static>) -> Vec<Box<dyn Backend>> {
    backends.into_iter().map(|backend| Box::new(backend) as _).collect()
}
