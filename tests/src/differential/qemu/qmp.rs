//! QMP: QEMU told by JSON what a person at the machine would do.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// One end of a QMP conversation.
pub struct Qmp {
    to: UnixStream,
    from: BufReader<UnixStream>,
    number: u64,
    version: String,
}

impl Qmp {
    /// Talks through `socket`; waits until QEMU is up.
    pub fn new(socket: UnixStream) -> anyhow::Result<Self> {
        let from = BufReader::new(socket.try_clone()?);
        let mut new = Self { to: socket, from, number: 0, version: String::new() };
        let greeting = new.receive().context("QEMU does not come up")?;
        let version = &greeting["QMP"]["version"]["qemu"];
        new.version = format!("{}.{}", version["major"], version["minor"]);
        new.execute("qmp_capabilities", &json!({}))?;
        Ok(new)
    }

    /// QEMU's version, as in `7.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn receive(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        ensure!(self.from.read_line(&mut line)? > 0, "QEMU is gone");
        Ok(serde_json::from_str(&line)?)
    }

    /// Carries out `command`, whose effect is there when this returns.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> anyhow::Result<()> {
        self.ask(command, arguments).map(drop)
    }

    /// Carries out `command`, and gives what it returns.
    pub fn ask(&mut self, command: &str, arguments: &Value) -> anyhow::Result<Value> {
        self.send(command, arguments)?;
        let (number, own) = (self.number, |message: &Value| message["id"].as_u64());
        let mut answer = self.until(|message| own(message) == Some(number))?;
        let returned = answer.get_mut("return").map(Value::take);
        returned.with_context(|| format!("QEMU refuses {command} {arguments}: {answer}"))
    }

    /// Accesses so far by all vCPUs, of registers in memory, that left the guest for QEMU.
    pub fn register_exits(&mut self) -> anyhow::Result<u64> {
        let arguments = json!({ "target": "vcpu", "providers": [{ "provider": "kvm" }] });
        let answer = self.ask("query-stats", &arguments)?;
        let cpus = answer.as_array().into_iter().flatten();
        let stats = cpus.flat_map(|cpu| cpu["stats"].as_array().into_iter().flatten());
        let exits = stats.filter(|stat| stat["name"] == "mmio_exits");
        let count = |stat: &Value| stat["value"].as_u64().unwrap_or(0);
        exits.map(count).reduce(|a, b| a + b).context("this kernel counts no exits for QEMU")
    }

    /// Resets the machine.
    pub fn reset(&mut self) -> anyhow::Result<()> {
        self.send("system_reset", &json!({}))?;
        // The command is answered when the reset is ordered.
        self.until(|message| message["event"] == "RESET")?;
        Ok(())
    }

    fn send(&mut self, command: &str, arguments: &Value) -> anyhow::Result<()> {
        self.number += 1;
        let message = json!({ "execute": command, "arguments": arguments, "id": self.number });
        writeln!(self.to, "{message}").context("QEMU takes no more orders")
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        loop {
            let message = self.receive()?;
            if wanted(&message) {
                return Ok(message);
            }
        }
    }
}
