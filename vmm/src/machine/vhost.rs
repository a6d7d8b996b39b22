//! A NIC whose frames the host's kernel moves: vhost-net, between the guest's rings and a tap.
//!
//! Doorbells go straight to the kernel, which sends the interrupts itself; this process sees registers
//! and the control queue. Where the guest has no MSI-X the kernel's call comes here instead, and rings the
//! queue's doorbell for the device to assert its line.

use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use devices::net::{Backend, Offloads, Tap};
use devices::virtio::net::{Carrier, Config, Ring, VirtioNet, receive_queue, transmit_queue};
use vhost::net::VhostNet;
use vhost::vhost_kern::net::Net;
use vhost::{VhostBackend, VhostUserMemoryRegionInfo, VringConfigData};
use vm_memory::{GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::Machine;
use super::error::{Error, Result};
use super::irqchip::MsiVectors;
use super::slot::Bell;
use super::worker::{Peer, Worker};

/// One pair's share of the kernel.
struct Vhost {
    net: Net<Arc<GuestMemoryMmap>>,
    tap: Tap,
    vectors: Arc<MsiVectors>,
    /// Rung by the guest.
    kicks: [EventFd; 2],
    /// Signalled by the kernel where there is no vector.
    calls: [EventFd; 2],
}

fn failed(error: vhost::Error) -> io::Error {
    match error {
        vhost::Error::IoctlError(error) | vhost::Error::VhostOpen(error) => error,
        other => io::Error::other(other),
    }
}

fn eventfds() -> Result<[EventFd; 2]> {
    let eventfd = || EventFd::new(EFD_NONBLOCK).map_err(|e| Error::System("eventfd", e));
    Ok([eventfd()?, eventfd()?])
}

/// The descriptor of an event.
#[allow(unsafe_code)]
fn owned(event: EventFd) -> OwnedFd {
    // SAFETY: the event gives its descriptor away, and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(event.into_raw_fd()) }
}

impl Machine {
    /// Adds a virtio-net in the next free slot whose pairs of queues the kernel joins with `taps`.
    pub fn add_vhost_nic(&mut self, config: Config, taps: Vec<Tap>) -> Result<()> {
        let vectors = self.vectors(config.vectors())?;
        let (mut carriers, mut bells, mut peers) = (Vec::new(), Vec::new(), Vec::new());
        for (tap, pair) in taps.into_iter().zip(0..) {
            let queues = [receive_queue(pair), transmit_queue(pair)].map(u32::from);
            let vhost = Vhost::new(&self.memory, tap, vectors.clone()).map_err(Error::Vhost)?;
            for (queue, (kick, call)) in queues.iter().zip(vhost.kicks.iter().zip(&vhost.calls)) {
                let copy = |event: &EventFd| {
                    event.try_clone().map_err(|e| Error::System("duplicate an eventfd", e))
                };
                bells.push(Bell { id: *queue, event: copy(kick)? });
                let descriptor = owned(copy(call)?);
                peers.push(Peer { descriptor, readable: *queue, writable: *queue });
            }
            carriers.push(Box::new(vhost) as Box<dyn Carrier>);
        }
        let function = VirtioNet::carried(config, carriers, self.dma_memory(), vectors)
            .map_err(|error| Error::Vhost(io::Error::other(error)))?;
        let others = bells.iter().map(|bell| bell.id).collect();
        let slot = self.pci.plug_with(self.next_slot, Box::new(function), None, bells)?;
        self.next_slot += 1;
        self.add_subscriber(Box::new(Worker::beside(slot, others).with(peers)));
        Ok(())
    }
}

impl Vhost {
    fn new(memory: &GuestMemoryMmap, tap: Tap, vectors: Arc<MsiVectors>) -> io::Result<Self> {
        let net = Net::new(Arc::new(memory.clone())).map_err(failed)?;
        net.set_owner().map_err(failed)?;
        let regions: Vec<_> = memory
            .iter()
            .map(|region| VhostUserMemoryRegionInfo {
                guest_phys_addr: region.start_addr().0,
                memory_size: region.len(),
                userspace_addr: region.as_ptr() as u64,
                mmap_offset: 0,
                mmap_handle: -1,
            })
            .collect();
        net.set_mem_table(&regions).map_err(failed)?;
        tap.prepare_for_vhost()?;
        let events = || eventfds().map_err(io::Error::other);
        Ok(Self { net, tap, vectors, kicks: events()?, calls: events()? })
    }

    fn start_ring(&self, index: usize, ring: &Ring) -> vhost::Result<()> {
        let net = &self.net;
        net.set_vring_num(index, ring.size)?;
        net.set_vring_base(index, ring.base)?;
        net.set_vring_addr(
            index,
            &VringConfigData {
                queue_max_size: ring.size,
                queue_size: ring.size,
                flags: 0,
                desc_table_addr: ring.descriptors,
                used_ring_addr: ring.used,
                avail_ring_addr: ring.available,
                log_addr: None,
            },
        )?;
        net.set_vring_kick(index, &self.kicks[index])?;
        let vector = ring.vector.and_then(|vector| self.vectors.event(vector));
        net.set_vring_call(index, vector.as_ref().unwrap_or(&self.calls[index]))
    }
}

impl Carrier for Vhost {
    fn start(&mut self, features: u64, rings: [Ring; 2]) -> io::Result<()> {
        let known = self.net.get_features().map_err(failed)?;
        self.net.set_features(features & known).map_err(failed)?;
        let device = self.tap.device();
        for (index, ring) in rings.iter().enumerate() {
            self.start_ring(index, ring).map_err(failed)?;
        }
        for index in 0..rings.len() {
            self.net.set_backend(index, Some(device)).map_err(failed)?;
        }
        Ok(())
    }

    fn stop(&mut self) -> [u16; 2] {
        [0, 1].map(|index| {
            if let Err(error) = self.net.set_backend(index, None) {
                tracing::error!("the kernel does not stop carrying a NIC's frames: {error}");
            }
            self.net.get_vring_base(index).unwrap_or(0) as u16
        })
    }

    fn deliver(&mut self, offloads: Offloads) {
        self.tap.deliver(offloads);
    }

    fn activate(&mut self, on: bool) {
        self.tap.activate(on);
    }
}
