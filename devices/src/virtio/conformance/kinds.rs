//! Every queue that a request can be put on, of every device.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::subject::{ANSWERED, AnyDriver, Empty, SIZE, Subject};
use crate::ethernet::testing::pattern;
use crate::net::{Loop, Metadata};
use crate::virtio::testing::*;
use crate::virtio::{WOKEN, block, console, net, rng, share, vsock};

/// Bytes of the frames that NICs move.
const FRAME: usize = 60;

/// Shows every subject to `rule`.
pub fn every(rule: impl Fn(Subject)) {
    let makers = [
        net_transmit,
        net_receive,
        net_control,
        block_read,
        block_write,
        entropy,
        console_receive,
        console_transmit,
        console_control,
        vsock_receive,
        vsock_transmit,
        exchange,
    ];
    for make in makers {
        rule(make());
    }
}

fn subject(
    name: &'static str,
    driver: Box<AnyDriver>,
    (queues, queue): (u16, u16),
    (readable, writable): (&[u8], u32),
) -> Subject {
    let (readable, done) = (readable.to_vec(), Arc::default());
    let (work, empty) = (Box::new(|_: &mut AnyDriver| ()), Empty::Done);
    Subject { name, driver, queues, queue, readable, writable, written: 0, empty, work, done }
}

fn nic() -> Box<AnyDriver> {
    Box::new(Driver::new(net::VirtioNet::new(net::Config::new([2, 0, 0, 0, 0, 1]))))
}

fn net_transmit() -> Subject {
    let base = subject("net, transmit", nic(), (3, 1), (&plain(FRAME), 0));
    let done = base.done.clone();
    let work = move |driver: &mut AnyDriver| {
        let mut wire = Loop::default();
        let _ = driver.transmit(&mut wire);
        done.fetch_add(wire.sent.len(), Ordering::Relaxed);
    };
    Subject { work: Box::new(work), ..base }
}

/// There is a frame for every buffer.
fn net_receive() -> Subject {
    let base = subject("net, receive", nic(), (3, 0), (&[], 2048));
    let done = base.done.clone();
    let work = move |driver: &mut AnyDriver| {
        for _ in 0..SIZE {
            let _ = driver.nic().receive(&pattern(FRAME), Metadata::default());
            done.fetch_add(1, Ordering::Relaxed);
        }
        driver.nic().flush();
    };
    let written = 12 + FRAME as u32;
    Subject { written, empty: Empty::Stays, work: Box::new(work), ..base }
}

/// Its request: whatever is sent to more than one. Nobody but the device sees it, so its answers count.
fn net_control() -> Subject {
    let base = subject("net, control", nic(), (3, 2), (&[0, 1, 1], 1));
    let done = base.done.clone();
    let work = move |driver: &mut AnyDriver| {
        done.fetch_add(usize::from(driver.bytes(ANSWERED, 1) == [0]), Ordering::Relaxed);
    };
    Subject { written: 1, empty: Empty::Fault, work: Box::new(work), ..base }
}

/// A device whose jobs are done by `bench`.
fn deferred<W: Send + 'static>(base: Subject, bench: Workbench<W>) -> Subject {
    let done = base.done.clone();
    let work = move |driver: &mut AnyDriver| {
        done.fetch_add(bench.waiting(), Ordering::Relaxed);
        bench.work();
        driver.function.ring(WOKEN);
    };
    Subject { empty: Empty::Fault, work: Box::new(work), ..base }
}

fn disk(name: &'static str, kind: u8, (data, room): (usize, u32)) -> Subject {
    let bench = Workbench::new(|request: &mut block::Request| {
        let (memory, data) = (request.memory.clone(), request.data.clone());
        let _ = match request.operation {
            block::Operation::Read(_) => request.buffers.write(&memory, 0, &vec![7; data.len()]),
            _ => request.buffers.copy(&memory, data, &mut [0; 512]).map(|_| ()),
        };
        request.outcome = block::Outcome::Done;
    });
    let config = block::Config {
        sectors: 1 << 20,
        read_only: false,
        discard: true,
        serial: String::new(),
        queues: 2,
    };
    let driver = Box::new(Driver::new(block::Block::new(config, Box::new(bench.clone()))));
    let header = [[kind, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]].concat();
    let readable = [header, vec![1; data]].concat();
    let base = subject(name, driver, (2, 1), (&readable, room));
    Subject { written: room, ..deferred(base, bench) }
}

fn block_read() -> Subject {
    disk("block, read", 0, (0, 513))
}

fn block_write() -> Subject {
    disk("block, write", 1, (512, 1))
}

/// A directory that answers with what it is told.
fn exchange() -> Subject {
    let bench = Workbench::new(|exchange: &mut share::Exchange| {
        exchange.answer.clone_from(&exchange.message);
    });
    let driver = Box::new(Driver::new(share::Share::new("/tag", Box::new(bench.clone()))));
    let base = subject("share", driver, (1, 0), (b"hello", 64));
    Subject { written: 5, ..deferred(base, bench) }
}

/// A source of what looks random to nobody.
struct Source(Arc<AtomicUsize>);

impl io::Read for Source {
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        data.fill(0x5a);
        Ok(data.len())
    }
}

fn entropy() -> Subject {
    let done = Arc::default();
    let source = Box::new(Source(Arc::clone(&done)));
    let driver = Box::new(Driver::new(rng::Rng::new(source)));
    Subject { written: 64, done, ..subject("rng", driver, (1, 0), (&[], 64)) }
}

/// A port that takes everything, and has ten bytes whenever it is asked.
struct Chatterbox(Arc<AtomicUsize>);

impl console::Port for Chatterbox {
    fn write(&mut self, data: &[u8]) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed);
        data.len()
    }

    fn read(&mut self, data: &mut [u8]) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed);
        data.len().min(10)
    }

    fn guest_opened(&mut self, _open: bool) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn terminal(name: &'static str, queue: u16, request: (&[u8], u32), written: u32) -> Subject {
    let done = Arc::<AtomicUsize>::default();
    let port = |name: &str, console| {
        let port = Box::new(Chatterbox(done.clone()));
        console::Config { name: name.into(), console, port }
    };
    let device = console::Console::new(vec![port("console", true), port("other", false)]);
    let driver = Box::new(Driver::new(device.unwrap()));
    Subject { written, done, ..subject(name, driver, (6, queue), request) }
}

fn console_receive() -> Subject {
    terminal("console, receive", 0, (&[], 64), 10)
}

fn console_transmit() -> Subject {
    terminal("console, transmit", 1, (b"ten bytes.", 0), 0)
}

/// Its message: somebody opened port 0.
fn console_control() -> Subject {
    terminal("console, control", 3, (&[0, 0, 0, 0, 6, 0, 1, 0], 0), 0)
}

/// A host on which everybody listens, and somebody always calls.
struct Callers(u32, Arc<AtomicUsize>);

/// Somebody who hears half of what is said, and says nothing.
struct Silent;

impl vsock::Host for Callers {
    fn connect(&mut self, _key: vsock::Key) -> Option<Box<dyn vsock::Stream>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Some(Box::new(Silent))
    }

    fn accept(&mut self) -> Option<(vsock::Key, Box<dyn vsock::Stream>)> {
        self.0 += 1;
        self.1.fetch_add(1, Ordering::Relaxed);
        Some((vsock::Key { guest: 22, host: 0x1000 + self.0 }, Box::new(Silent)))
    }

    fn woken(&mut self) -> Vec<vsock::Key> {
        Vec::new()
    }
}

impl vsock::Stream for Silent {
    fn read(&mut self, _data: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(data.len() / 2)
    }

    fn finish_writing(&mut self) {}
}

fn sockets(name: &'static str, queue: u16, request: (&[u8], u32), written: u32) -> Subject {
    let done = Arc::default();
    let host = Box::new(Callers(0, Arc::clone(&done)));
    let driver = Box::new(Driver::new(vsock::Vsock::new(host)));
    let base = subject(name, driver, (3, queue), request);
    Subject { written, done, empty: Empty::Fault, ..base }
}

/// There is a caller for every buffer; each asks for a connection by a header alone.
fn vsock_receive() -> Subject {
    sockets("vsock, receive", 0, (&[], 4096), 44)
}

/// Its request: a connection from port 1000 to port 80.
fn vsock_transmit() -> Subject {
    let mut header = [0; 44];
    (header[0], header[8], header[28], header[30]) = (3, 2, 1, 1);
    header[16..20].copy_from_slice(&1000u32.to_le_bytes());
    header[20] = 80;
    sockets("vsock, transmit", 1, (&header, 0), 0)
}
