//! A tmux session, as people have one: a shell in a window, keys, and what the window shows.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::wait::within;

/// What takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(240);

/// A session with one window on a server of its own, gone when dropped.
pub struct Session {
    /// Where the shell is, and the server's socket.
    directory: TempDir,
}

impl Session {
    /// Starts a plain shell with the prompt `> ` in a window of 30 lines of 100 columns.
    pub fn start() -> Self {
        let session = Self { directory: TempDir::new().expect("a temporary directory") };
        let directory = session.directory.path().to_str().expect("it is UTF-8");
        let size = ["-x", "100", "-y", "30"];
        session.tmux(
            &[&["new-session", "-d", "-c", directory], &size[..], &["env", "PS1=> ", "sh"]]
                .concat(),
        );
        session
    }

    /// Types a line into the shell.
    pub fn type_line(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.press("Enter");
    }

    /// Presses a key, by tmux's name for it.
    pub fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Waits until a line of the window is `text`: what was typed does not count.
    pub fn expect(&self, text: &str) {
        let is_shown = || self.shown().lines().any(|line| line.trim() == text).then_some(());
        assert!(within(PATIENCE, is_shown).is_some(), "no {text:?} in: {}", self.shown());
    }

    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = tmux(self.directory.path(), arguments);
        let output = output.expect("tmux is there: resources/install-packages test");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = tmux(self.directory.path(), &["kill-server"]);
    }
}

fn tmux(directory: &Path, arguments: &[&str]) -> std::io::Result<std::process::Output> {
    let socket = directory.join("tmux.sock");
    Command::new("tmux").arg("-S").arg(socket).args(["-f", "/dev/null"]).args(arguments).output()
}
