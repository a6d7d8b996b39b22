//! The work of a device without a worker of its own: chain by chain, as it is kicked.

use super::{ActiveQueue, Chain, Fault, Transport, Used};
use crate::memory::DmaMemory;

/// Chains served in one go, so that others have their turn.
const MAX_CHAINS: usize = 256;

/// What became of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It is done with; so many bytes were written into it.
    Done(u32),
    /// It is being worked on, and will be given back later.
    Taken,
    /// Not now: it stays available, and nothing more is served.
    Later,
}

/// Has `work` serve the chains of queue `index`, and signals the driver once. Answers true when
/// it stopped at the cap. A fault stops the device.
pub fn serve(
    transport: &mut Transport,
    index: u16,
    mut work: impl FnMut(Chain<'_>, &DmaMemory) -> Result<Served, Fault>,
) -> bool {
    let Some(mut queue) = transport.queue(index) else { return false };
    let end = round(&mut queue, &mut work);
    drop(queue);
    match end {
        Ok(more) => more,
        Err(fault) => {
            transport.fail(fault);
            false
        }
    }
}

fn round(
    queue: &mut ActiveQueue<'_>,
    work: &mut dyn FnMut(Chain<'_>, &DmaMemory) -> Result<Served, Fault>,
) -> Result<bool, Fault> {
    let mut more = true;
    for _ in 0..MAX_CHAINS {
        let position = queue.position();
        let chain = match queue.pop()? {
            Some(chain) => chain,
            None if queue.await_kick()? => queue.pop()?.ok_or(Fault::AvailableIndex)?,
            None => {
                more = false;
                break;
            }
        };
        let head = chain.head_index();
        match work(chain, queue.memory())? {
            Served::Done(length) => queue.complete(&[Used { head, length }])?,
            Served::Taken => {}
            Served::Later => {
                queue.rewind(position);
                more = false;
                break;
            }
        }
    }
    queue.signal()?;
    Ok(more)
}
