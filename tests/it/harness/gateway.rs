//! A house with a gateway in it: a temporary folder with configuration and spools, and the real binary.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A configuration folder, spools and data, gone with the test.
pub struct House {
    folder: tempfile::TempDir,
}

impl House {
    /// Writes the three files of the configuration.
    pub fn new(machine: &str, departments: &str, rules: &str) -> Self {
        let house = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir(house.path("config")).expect("an empty folder");
        house.write("config/faxgate.toml", machine);
        house.write("config/departments.toml", departments);
        house.write("config/rules.toml", rules);
        house
    }

    /// A path in the house.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file in the house.
    pub fn write(&self, below: &str, text: &str) {
        std::fs::write(self.path(below), text).expect("the house can be written");
    }

    /// Makes a folder and those above it.
    pub fn make(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(&path).expect("the house can be written");
        path
    }

    /// The binary with this configuration, not yet started.
    pub fn faxgate(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faxgate"));
        command.arg("--config").arg(self.path("config")).args(args).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn done(&self, args: &[&str]) -> Output {
        self.faxgate(args).output().expect("the binary starts")
    }

    /// Runs a command to its end, wants this exit code, and gives standard output.
    pub fn told(&self, args: &[&str], code: i32) -> String {
        let output = self.done(args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}\n{complained}");
        said
    }

    /// The JSON that a command prints.
    pub fn asked(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.told(args, 0)).expect("JSON")
    }

    /// Starts the gateway; its log goes to `gateway.log` in the house, appended.
    pub fn start(&self) -> Running {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("gateway.log"))
            .expect("the house can be written");
        Running(self.faxgate(&["run"]).stdout(Stdio::null()).stderr(log).spawn().expect("the binary starts"))
    }

    /// The gateway's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("gateway.log")).unwrap_or_default()
    }
}

/// A running gateway; a test that fails does not leave it behind.
pub struct Running(Child);

impl std::ops::Deref for Running {
    type Target = Child;
    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Copies a tree; times are new.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the house can be written");
    for entry in std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let path = entry.expect("a readable folder").path();
        let target = to.join(path.file_name().expect("entries have names"));
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("the house can be written");
        }
    }
}

/// Names in a folder.
pub fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect()
}
