//! The control device: opened by name, without echo or any other processing.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use crate::protocol::Device;

/// Time in which the device must appear: its driver may still be at work.
const APPEARANCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// Opens the control device: a name in /dev (`ttyS1`, `hvc0`) or the name of a virtio port.
pub fn open(name: &str) -> Result<(File, Device), String> {
    let deadline = Instant::now() + APPEARANCE;
    loop {
        let path = device(name);
        let opened =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(&path);
        match opened {
            Ok(file) => {
                let kind = make_raw(&file);
                let kind = kind.map_err(|error| format!("{}: {error}", path.display()))?;
                return Ok((file, kind));
            }
            Err(error) if Instant::now() >= deadline => {
                return Err(format!("control device {}: {error}", path.display()));
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// A virtio port tells its name in sysfs; its device is called `vport0p1` or the like.
fn device(name: &str) -> PathBuf {
    let ports = fs::read_dir("/sys/class/virtio-ports").into_iter().flatten().flatten();
    for port in ports {
        if fs::read_to_string(port.path().join("name")).is_ok_and(|found| found.trim() == name) {
            return Path::new("/dev").join(port.file_name());
        }
    }
    Path::new("/dev").join(name)
}

/// The speed is left alone: an emulated UART has none.
fn make_raw(file: &File) -> nix::Result<Device> {
    let mut settings = match tcgetattr(file) {
        Err(nix::Error::ENOTTY | nix::Error::EINVAL) => return Ok(Device::Port), // a virtio port has none
        other => other?,
    };
    cfmakeraw(&mut settings);
    tcsetattr(file, SetArg::TCSANOW, &settings)?;
    Ok(Device::Uart)
}
