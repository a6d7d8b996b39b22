//! The file systems of a guest.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};

struct Mount {
    target: &'static str,
    kind: &'static str,
    flags: MsFlags,
    options: &'static str,
}

const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

const MOUNTS: [Mount; 6] = [
    Mount { target: "/proc", kind: "proc", flags: SAFE, options: "" },
    Mount { target: "/sys", kind: "sysfs", flags: SAFE, options: "" },
    Mount { target: "/dev", kind: "devtmpfs", flags: MsFlags::MS_NOSUID, options: "mode=0755" },
    Mount { target: "/dev/pts", kind: "devpts", flags: MsFlags::MS_NOSUID, options: "mode=0620" },
    Mount { target: "/run", kind: "tmpfs", flags: SAFE, options: "size=90%" },
    Mount { target: "/tmp", kind: "tmpfs", flags: SAFE, options: "size=90%" },
];

/// Mounts what every program expects; returns what failed, one line each.
pub fn mount_all() -> Vec<String> {
    MOUNTS.iter().filter_map(|entry| entry.mount().err()).collect()
}

impl Mount {
    fn mount(&self) -> Result<(), String> {
        let Self { target, kind, flags, options } = *self;
        if !Path::new(target).exists() {
            fs::create_dir_all(target).map_err(|error| format!("making {target}: {error}"))?;
        }
        match mount(Some(kind), target, Some(kind), flags, Some(options)) {
            // The kernel may have mounted /dev by itself.
            Ok(()) | Err(nix::Error::EBUSY) => Ok(()),
            Err(error) => Err(format!("mounting {kind} on {target}: {error}")),
        }
    }
}
