//! Writes a file that the host sends.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;

use super::input::{self, InputQueue};
use super::service::{Activities, Activity, Sender, lock};
use crate::protocol::WriteFile;

/// Starts to write a file; its data comes later.
pub(super) fn start(activities: &Activities, sender: &Sender, id: u32, file: WriteFile) {
    let (input, queue) = input::queue(sender, id);
    lock(activities).insert(id, Activity::Upload(input));
    let sender = sender.clone();
    thread::spawn(move || {
        let result = write(&file, &queue);
        sender.done(id, result.map_err(|error| error.to_string()));
    });
}

fn write(WriteFile { path, mode }: &WriteFile, queue: &InputQueue) -> io::Result<()> {
    if let Some(directory) = Path::new(path).parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(*mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(*mode))?;
    while let Some(data) = queue.next() {
        file.write_all(&data)?;
        queue.taken(&data);
    }
    Ok(())
}
