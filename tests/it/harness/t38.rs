//! A receiver of fax calls on loopback: the real process with its spool, and real senders.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A trunk that is this machine.
pub const LOOPBACK: &str = "[[t38.trunk]]\nname = \"loop\"\nnetworks = [\"127.0.0.0/8\"]\n";

/// A running `faxgate t38` in a folder of its own, gone with the test.
pub struct Receiver {
    folder: tempfile::TempDir,
    child: Child,
    listening: Vec<(String, SocketAddr)>,
    metrics: SocketAddr,
}

/// How a sender ended.
#[derive(Debug)]
pub struct Sent {
    /// Exit code.
    pub code: Option<i32>,
    /// What `--json` printed; null if it printed none.
    pub told: Value,
    /// Standard error.
    pub complained: String,
}

impl Receiver {
    /// Starts one. `settings` are lines of `[t38]` beside spool, listeners and metrics; `trunks` are `[[t38.trunk]]` tables.
    pub fn start(settings: &str, trunks: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("spool")).expect("an empty folder");
        let metrics = free_port();
        let listen = if settings.contains("listen =") { "" } else { "listen = [\"udp:127.0.0.1:0\"]\n" };
        let text = format!("[t38]\nspool = \"spool\"\n{listen}metrics = \"{metrics}\"\n{settings}\n{trunks}");
        std::fs::write(folder.path().join("faxgate.toml"), text).expect("the folder can be written");
        let (child, listening) = spawn(folder.path());
        Self { folder, child, listening, metrics }
    }

    /// Starts anew with the same configuration and spool, after [`Self::kill`] or [`Self::stop`].
    pub fn again(&mut self) {
        (self.child, self.listening) = spawn(self.folder.path());
    }

    /// A path below the folder.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Where it listens.
    pub fn at(&self, transport: &str) -> SocketAddr {
        let found = self.listening.iter().find(|(name, _)| name == transport);
        found.unwrap_or_else(|| panic!("no {transport} listener in {:?}", self.listening)).1
    }

    /// A sender of this file to this number, not started.
    pub fn sender(&self, file: &Path, number: &str, transport: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faxgate"));
        command.arg("t38").arg("--send").arg(file).args(["--json", "--transport", transport]).args(args);
        let host = if transport == "tls" { "localhost".to_owned() } else { "127.0.0.1".to_owned() };
        command.arg(format!("sip:{number}@{host}:{}", self.at(transport).port()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Sends a file over UDP and waits for the end.
    pub fn send(&self, file: &Path, number: &str, args: &[&str]) -> Sent {
        ended(self.sender(file, number, "udp", args).spawn().expect("the binary starts"))
    }

    /// Faxes in the spool with their records, by name.
    pub fn faxes(&self) -> Vec<(PathBuf, Value)> {
        let mut found: Vec<_> = files(&self.path("spool"), "tif")
            .into_iter()
            .map(|tif| {
                let record = std::fs::read(tif.with_extension("json")).expect("a record beside its TIFF");
                (tif, serde_json::from_slice(&record).expect("JSON"))
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Records of calls that brought no page.
    pub fn failed(&self) -> Vec<Value> {
        let read =
            |path: PathBuf| serde_json::from_slice(&std::fs::read(path).expect("a record")).expect("JSON");
        files(&self.path("spool/failed"), "json").into_iter().map(read).collect()
    }

    /// How many pages the calls in progress have on the disk.
    pub fn pages_in_progress(&self) -> u64 {
        let pages = |path: PathBuf| {
            let record: Value =
                std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())?;
            record["pages"].as_u64()
        };
        files(&self.path("spool/.part"), "partial").into_iter().filter_map(pages).sum()
    }

    /// Waits until something holds; panics with the log otherwise.
    pub fn wait(&self, what: &str, limit: Duration, holds: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !holds(self) {
            assert!(since.elapsed() < limit, "{what}: not within {limit:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    }

    /// Waits for its end.
    pub fn end(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// `/metrics`, as text.
    pub fn metrics(&self) -> String {
        self.asked("/metrics").1
    }

    /// The value of a metric, all its labels summed.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let lines =
            text.lines().filter(|line| line.starts_with(name) && line[name.len()..].starts_with([' ', '{']));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The status and body of a page of its own web server.
    pub fn asked(&self, page: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.metrics).expect("metrics are served");
        write!(stream, "GET {page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a sender.
pub fn ended(sender: Child) -> Sent {
    let output = sender.wait_with_output().expect("it ends");
    Sent {
        code: output.status.code(),
        told: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        complained: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The command that takes calls as this folder's configuration says.
pub fn receive(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faxgate"));
    command.arg("--config").arg(folder).arg("t38").stdin(Stdio::null());
    command
}

fn spawn(folder: &Path) -> (Child, Vec<(String, SocketAddr)>) {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log");
    let mut child = receive(folder).stdout(Stdio::piped()).stderr(log).spawn().expect("the binary starts");
    let mut listening = Vec::new();
    let wanted = std::fs::read_to_string(folder.join("faxgate.toml")).unwrap_or_default();
    let wanted = ["udp:", "tcp:", "tls:"]
        .iter()
        .map(|name| wanted.matches(&format!("\"{name}")).count())
        .sum::<usize>();
    let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    while listening.len() < wanted {
        let line = match lines.next() {
            Some(Ok(line)) => line,
            _ => panic!(
                "it did not start:\n{}",
                std::fs::read_to_string(folder.join("log")).unwrap_or_default()
            ),
        };
        let place = line.strip_prefix("listening at ").and_then(|place| place.split_once(':'));
        if let Some((name, address)) = place {
            listening.push((name.to_owned(), address.parse().expect("an address")));
        }
    }
    (child, listening)
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("an address")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect()
}
