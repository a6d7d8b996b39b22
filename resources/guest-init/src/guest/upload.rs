//! Writes a file that the host sends.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::service::{Activities, Activity, INPUT_QUEUE, Sender, lock};
use crate::protocol::{Kind, WriteFile};

/// Starts to write a file; its data comes later.
pub(super) fn start(activities: &Activities, sender: &Sender, id: u32, file: WriteFile) {
    let (input, queue) = sync_channel(INPUT_QUEUE);
    lock(activities).insert(id, Activity::Upload(input));
    let sender = sender.clone();
    thread::spawn(move || {
        let result = write(&file, &queue, &sender, id);
        sender.done(id, result.map_err(|error| error.to_string()));
    });
}

fn write(
    WriteFile { path, mode }: &WriteFile,
    queue: &Receiver<Vec<u8>>,
    sender: &Sender,
    id: u32,
) -> io::Result<()> {
    if let Some(directory) = Path::new(path).parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(*mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(*mode))?;
    for data in queue {
        file.write_all(&data)?;
        sender.send(Kind::Credit, id, &(data.len() as u32).to_le_bytes());
    }
    Ok(())
}
