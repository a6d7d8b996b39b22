//! What happens in the outer machine: the host's files are mounted, and the program runs on them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use guest_init::client::{Client, Command};
use guest_init::protocol::Run;

use super::error::{Error, Result};
use super::{MARK, Request};

/// Time for mounting.
const MOUNTING: Duration = Duration::from_secs(60);
/// Where the host's root is in the outer machine.
const ROOT: &str = "/host";
/// Variables that the program inside gets from here, beside all `NICVMM_` ones.
const PASSED_ON: [&str; 9] = [
    "COLUMNS",
    "HOME",
    "LANG",
    "LC_ALL",
    "NO_COLOR",
    "PATH",
    "RUST_BACKTRACE",
    "TERM",
    "XDG_CACHE_HOME",
];

/// A directory of the host in the outer machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// 9p mount tag.
    pub tag: String,
    /// Absolute path, here and in there.
    pub path: String,
    /// Whether the program may write there.
    pub writable: bool,
}

/// The shares of a request: the root, then what is writable.
pub fn shares(request: &Request) -> Result<Vec<Share>> {
    let mut shares = vec![Share { tag: "root".into(), path: "/".into(), writable: false }];
    for (number, path) in request.writable.iter().enumerate() {
        let absolute = path
            .canonicalize()
            .and_then(|path| path.read_dir().map(|_| path))
            .map_err(|source| Error::NoDirectory { path: path.clone(), source })?;
        let path = text(absolute.as_os_str())?;
        shares.push(Share { tag: format!("share{number}"), path, writable: true });
    }
    Ok(shares)
}

/// The command that runs the program, with its output going to ours.
pub fn command(request: &Request) -> Result<Command> {
    let argv = request.argv.iter().map(|word| text(word)).collect::<Result<Vec<_>>>()?;
    if argv.is_empty() {
        return Err(Error::NoCommand);
    }
    let directory = std::env::current_dir()
        .map_err(|error| Error::System("tell the current directory", error))?;
    let environment = environment(std::env::vars(), &request.variables);
    let run = Run {
        argv,
        env: environment,
        cwd: Some(text(directory.as_os_str())?),
        root: Some(ROOT.into()),
        ..Run::default()
    };
    Ok(request.streams.attach(run.into()))
}

fn environment(
    ours: impl Iterator<Item = (String, String)>,
    wanted: &[String],
) -> BTreeMap<String, String> {
    let mut passed: BTreeMap<String, String> = ours
        .filter(|(name, _)| {
            PASSED_ON.contains(&name.as_str())
                || name.starts_with("NICVMM_")
                || wanted.contains(name)
        })
        .collect();
    passed.insert(MARK.into(), "1".into());
    passed
}

fn text(word: &OsStr) -> Result<String> {
    word.to_str().map(Into::into).ok_or_else(|| Error::NotText(word.into()))
}

/// Mounts the shares, and the kernel's own file systems, for the program.
pub fn mount(client: &Client, shares: &[Share]) -> Result<()> {
    let script = script(shares);
    let output = client.run(["sh", "-ec", &script], MOUNTING)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Mount(output.stderr_text().trim().to_owned()))
}

/// Gives the outer machine's NIC what QEMU's user networking expects by default, and the program its
/// name server: the host's own may be one that only the host reaches.
pub fn reach_out(client: &Client) -> Result<()> {
    let script = format!(
        "ip address add 10.0.2.15/24 dev eth0\n\
         ip link set eth0 up\n\
         ip route add default via 10.0.2.2\n\
         echo nameserver 10.0.2.3 >/run/resolv.conf\n\
         file={ROOT}/etc/resolv.conf\n\
         if [ -L $file ]; then\n\
         target=$(readlink $file | sed 's,^\\.\\./,/,')\n\
         mkdir -p {ROOT}${{target%/*}}\n\
         cp /run/resolv.conf {ROOT}$target\n\
         elif [ -e $file ]; then mount --bind /run/resolv.conf $file\n\
         fi\n"
    );
    let output = client.run(["sh", "-ec", &script], MOUNTING)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Network(output.stderr_text().trim().to_owned()))
}

/// /tmp may hold the very program, or the current directory: there the host's files stay visible,
/// and changes go to memory.
fn script(shares: &[Share]) -> String {
    let mut script = format!(
        "mkdir -p {ROOT} /changes\n\
         mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root {ROOT}\n\
         mkdir -p /dev/shm\n\
         mount -t tmpfs none /dev/shm\n\
         for name in dev proc sys; do mount --rbind /$name {ROOT}/$name; done\n\
         mount -t tmpfs none {ROOT}/run\n\
         mount -t tmpfs none {ROOT}/var/tmp\n\
         mount -t tmpfs none /changes\n\
         mkdir /changes/new /changes/work\n\
         chmod 1777 /changes/new {ROOT}/var/tmp\n\
         mount -t overlay -o lowerdir={ROOT}/tmp,upperdir=/changes/new,workdir=/changes/work none \
         {ROOT}/tmp\n"
    );
    for Share { tag, path, .. } in shares.iter().filter(|share| share.writable) {
        let place = quote(&format!("{ROOT}{path}"));
        // A directory below /run is hidden by now.
        let _ = writeln!(
            script,
            "[ -d {place} ] || mkdir -p {place}\n\
             mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=mmap {tag} {place}"
        );
    }
    script
}

/// For a shell.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Whether this program runs in the nested machine.
pub fn is_inside() -> bool {
    std::env::var_os(MARK).is_some() && Path::new("/dev/kvm").exists()
}

#[cfg(test)]
#[path = "outer_tests.rs"]
mod tests;
