//! A backend's descriptor as an event loop knows it.
//!
//! The backend may close its descriptor and open another one under the same number. So what is watched
//! is a duplicate of our own, which can be taken off the loop afterwards.

use std::os::fd::OwnedFd;

use devices::net::Backend;
use event_manager::{EventOps, Events};
use vmm_sys_util::epoll::EventSet;

/// A descriptor on the loop, or off it while there is nothing to wait for.
pub struct Watched {
    connection: u64,
    duplicate: OwnedFd,
    data: u32,
    interest: EventSet,
}

impl Watched {
    /// Has `watched` be what `backend` has to wait on now, with events of `data` for `interest`.
    pub fn follow(
        watched: &mut Option<Self>,
        backend: &dyn Backend,
        data: u32,
        interest: EventSet,
        ops: &mut EventOps,
    ) -> Result<(), String> {
        let descriptor = backend.descriptor();
        let connection = descriptor.map(|_| backend.connection());
        if let Some(mut old) = watched.take_if(|old| Some(old.connection) != connection) {
            let _ = old.change(EventSet::empty(), ops);
        }
        let watched = match (watched, descriptor, connection) {
            (Some(watched), ..) => watched,
            (none, Some(descriptor), Some(connection)) => {
                let duplicate = descriptor.try_clone_to_owned().map_err(|e| e.to_string())?;
                none.insert(Self { connection, duplicate, data, interest: EventSet::empty() })
            }
            _ => return Ok(()),
        };
        watched.change(interest, ops)
    }

    /// Changes what the descriptor is watched for. With no interest it is off the loop: a hang-up
    /// that nobody attends to would be reported without end.
    fn change(&mut self, interest: EventSet, ops: &mut EventOps) -> Result<(), String> {
        if self.interest == interest {
            return Ok(());
        }
        let events = |set| Events::with_data(&self.duplicate, self.data, set);
        let changed = if interest.is_empty() {
            ops.remove(events(self.interest))
        } else if self.interest.is_empty() {
            ops.add(events(interest))
        } else {
            ops.modify(events(interest))
        };
        self.interest = interest;
        changed.map_err(|error| format!("{error:?}"))
    }
}
