//! A device in its slot, driven as the machine drives it, and what must hold of it.

use std::sync::{Arc, Mutex};

use devices::bus::Action;
use devices::interrupt::{Message, Messages};
use devices::memory::DmaMemory;
use devices::net::{Backend, Offloads, Sent, Transmit};
use devices::pci::Function;
use devices::sync::lock;
use devices::virtio::block::{self, Block, Outcome, Request};
use devices::virtio::console::{self, Console};
use devices::virtio::net::{Config as NetConfig, VirtioNet};
use devices::virtio::rng::Rng;
use devices::virtio::share::{Exchange, Share};
use devices::virtio::vsock::Vsock;
use vm_memory::{GuestAddress, GuestMemoryMmap};

use super::host::{Bench, Host};
use crate::wire::Wire;

/// Bytes of guest memory.
pub const RAM: u64 = 1 << 20;
/// The BAR of the registers, and that of the MSI-X table.
pub const BAR: usize = 4;
pub const MSIX_BAR: usize = 1;

const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// The status register of configuration space, and its interrupt bit.
const STATUS: usize = 0x06;
const STATUS_INTERRUPT: u16 = 1 << 3;
/// Rounds of a worker until others have their turn.
const ROUNDS: usize = 8;
/// More rounds than chains that all queues could hold.
const MOST_ROUNDS: usize = 4096;
/// More jobs than chains that all queues of a disk could hold.
const MOST_JOBS: usize = 4 * 256;
const VECTORS: usize = 128;

/// Looks that no message leaves by a vector that nobody programmed.
#[derive(Debug)]
struct Watch(Mutex<[bool; VECTORS]>);

impl Messages for Watch {
    fn program(&self, vector: u16, message: Option<Message>) {
        let mut programmed = lock(&self.0);
        programmed[usize::from(vector)] = message.is_some();
    }

    fn send(&self, vector: u16) {
        let programmed = lock(&self.0);
        assert!(programmed[usize::from(vector)], "vector {vector} was sent and is masked");
    }
}

/// The device, the memory that it reaches, and its other side.
pub struct Card {
    /// The device.
    pub function: Box<dyn Function>,
    /// Guest memory as the guest sees it: never closed.
    pub memory: DmaMemory,
    /// The wire of a NIC.
    pub wire: Wire,
    /// The other side of ports and streams.
    pub host: Host,
    /// What a disk is asked for.
    pub disk: Bench<Request>,
    /// What a shared directory is asked for.
    pub share: Bench<Exchange>,
    /// Number of queues.
    pub queues: u16,
}

impl Card {
    /// One of the devices, with everything that decodes and DMA switched on.
    pub fn new(choice: u8) -> Self {
        let ranges = [(GuestAddress(0), RAM as usize)];
        let ram = GuestMemoryMmap::from_ranges(&ranges).expect("there is memory for a guest");
        let memory = DmaMemory::new(ram.clone());
        memory.set_enabled(true);
        let host = Host::default();
        let (disk, share) = (Bench::default(), Bench::default());
        let dma = DmaMemory::new(ram);
        let watch = Arc::new(Watch(Mutex::new([false; VECTORS])));
        let (function, queues): (Box<dyn Function>, u16) = match choice % 6 {
            0 => {
                let all = Offloads { checksum: true, tso4: true, tso6: true };
                let delivers = if choice & 0x40 == 0 { all } else { Offloads::default() };
                let mergeable = choice & 0x80 == 0;
                let config = NetConfig { delivers, mergeable, ..NetConfig::new(MAC) };
                (Box::new(VirtioNet::function(config, dma, watch).expect("it fits")), 2)
            }
            1 => {
                let config = block::Config {
                    sectors: 1 << 20,
                    read_only: choice & 0x40 != 0,
                    discard: true,
                    serial: "serial".into(),
                    queues: 2,
                };
                let executor = Box::new(disk.clone());
                (Box::new(Block::function(config, executor, dma, watch).expect("it fits")), 2)
            }
            2 => {
                let port = |name: &str, console| console::Config {
                    name: name.into(),
                    console,
                    port: Box::new(host.clone()),
                };
                let ports = vec![port("first", true), port("second", false)];
                (Box::new(Console::function(ports, dma, watch).expect("it fits")), 6)
            }
            3 => {
                let source = Box::new(std::io::repeat(0x5a));
                (Box::new(Rng::function(source, dma, watch).expect("it fits")), 1)
            }
            4 => {
                let other = Box::new(host.clone());
                (Box::new(Vsock::function(other, dma, watch).expect("it fits")), 3)
            }
            _ => {
                let executor = Box::new(share.clone());
                (Box::new(Share::function("tag", executor, dma, watch).expect("it fits")), 1)
            }
        };
        let mut card = Self { function, memory, wire: Wire::default(), host, disk, share, queues };
        card.configure(4, &7u16.to_le_bytes());
        card
    }

    /// Writes guest memory; what is none is lost.
    pub fn store(&self, address: u64, bytes: &[u8]) {
        let _ = self.memory.write(address, bytes);
    }

    /// Writes registers; what asks for service gets it.
    pub fn write(&mut self, bar: usize, offset: u64, data: &[u8]) {
        if self.function.write_bar(bar, offset, data) == Action::Service {
            self.serve();
        }
    }

    /// Writes a register of `width` bytes as a driver does.
    pub fn set(&mut self, offset: u64, width: usize, value: u64) {
        self.write(BAR, offset, &value.to_le_bytes()[..width]);
    }

    /// Writes configuration space, by which registers can be reached as well.
    pub fn configure(&mut self, offset: usize, data: &[u8]) {
        let action = self.function.write_config(offset, data);
        if action == Action::Service || self.function.unfinished().is_some() {
            self.serve();
        }
    }

    /// Kicks a queue.
    pub fn ring(&mut self, id: u32) {
        self.function.ring(id);
        self.serve();
    }

    /// What the machine's worker does when it is woken.
    pub fn serve(&mut self) {
        let mut rounds = 0;
        while let Some(id) = self.function.unfinished() {
            self.function.ring(id);
            rounds += 1;
            assert!(rounds < MOST_ROUNDS, "doorbell {id} is never done");
        }
        let Some(nic) = self.function.as_nic() else { return };
        if self.wire.resume() == Sent::All {
            for _ in 0..ROUNDS {
                if nic.transmit(&mut self.wire) != Transmit::More {
                    break;
                }
            }
        }
        let _ = nic.receive_run(&mut self.wire, usize::MAX);
    }

    /// Has the host do what was asked for last.
    pub fn work(&mut self, choice: u8) {
        let requests = self.disk.work(|request| {
            let (memory, data) = (request.memory.clone(), request.data.clone());
            let mut block = [0; 512];
            let _ = request.buffers.copy(&memory, data.clone(), &mut block);
            let _ = request.buffers.write(&memory, data.start, &block);
            request.outcome = match choice % 3 {
                0 => Outcome::Done,
                1 => Outcome::Failed,
                _ => Outcome::Unsupported,
            };
        });
        let exchanges = self.share.work(|exchange| {
            exchange.answer.clone_from(&exchange.message);
            exchange.answer.resize(usize::from(choice) << 4, choice);
        });
        assert!(requests.max(exchanges) <= MOST_JOBS, "{requests} requests wait");
    }

    /// What must hold after each step.
    pub fn check(&mut self) {
        let mut status = [0; 2];
        self.function.read_config(STATUS, &mut status);
        let told = u16::from_le_bytes(status) & STATUS_INTERRUPT != 0;
        assert!(told || !self.function.level(), "the line is high, and the status is silent");
    }
}
