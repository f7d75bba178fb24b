//! PipeWire without a desktop, and without hardware.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::{self, Background, run, text};

/// A server for the programs that enter this, and nothing of this user's or of the desktop's.
pub struct Session {
    folder: PathBuf,
    server: Background,
}

impl Session {
    pub fn new(folder: &Path) -> Self {
        let set_up = |command: &mut Command| {
            enter(command, folder);
        };
        let mut server = programs::start("pipewire", set_up, folder);
        let socket = server.wait_for(|_| folder.join("pipewire-0").exists().then_some(()));
        assert!(socket.is_some(), "{}", server.text());
        Self { folder: folder.into(), server }
    }

    /// Makes a program use it.
    pub fn enter<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        enter(command, &self.folder)
    }

    /// What the server has printed.
    pub fn text(&self) -> String {
        self.server.text()
    }

    /// Waits until a program has a port; gives its name out of a list that `pw-link` prints.
    pub fn port(&self, of: &mut Background, list: &str, node: &str) -> String {
        let found = of.wait_for(|_| {
            let output = run(self.enter(Command::new("pw-link").arg(list)), &self.folder);
            let start = format!("{node}:");
            text(&output).lines().find(|line| line.starts_with(&start)).map(str::to_string)
        });
        found.unwrap_or_else(|| panic!("{node} has no port:\n{}", of.text()))
    }

    /// Connects two ports, as a desktop's session manager does.
    pub fn link(&self, from: &str, to: &str) {
        let output = run(self.enter(Command::new("pw-link").args([from, to])), &self.folder);
        assert!(output.status.success(), "{from} to {to}: {}", text(&output));
    }
}

fn enter<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command
        .envs(["HOME", "XDG_RUNTIME_DIR", "PIPEWIRE_RUNTIME_DIR"].map(|name| (name, folder)))
        .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
}
