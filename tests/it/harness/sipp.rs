//! SIPp (Debian's sip-tester), an independent SIP stack, playing one scenario of `tests/sipp` against us.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The number that SIPp dials.
pub const DIALLED: &str = "30101101";
/// The caller's number in every scenario.
pub const CALLER: &str = "28101234";
/// The caller's name in every scenario.
pub const CALLER_NAME: &str = "ACME LTD";
/// SIPp gives up after so long: a scenario takes seconds.
const MOST: &str = "60";
/// How long a tunnel may take to stand.
const START_MOST: Duration = Duration::from_secs(20);

/// Where the scenarios are.
pub fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sipp")
}

/// One scenario, not yet played.
pub struct Sipp {
    scenario: String,
    folder: tempfile::TempDir,
    command: Command,
}

impl Sipp {
    /// A scenario against an address, over UDP from 127.0.0.1.
    pub fn new(scenario: &str, to: SocketAddr) -> Self {
        let mut sipp = Self::bare(scenario);
        sipp.command.arg(to.to_string());
        sipp.via("u1", "UDP").from("127.0.0.1").at(free_udp_port())
    }

    /// A scenario that waits to be called, at a port.
    pub fn server(scenario: &str, port: u16) -> Self {
        Self::bare(scenario).via("u1", "UDP").from("127.0.0.1").at(port)
    }

    fn bare(scenario: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sipp");
        let said = |name: &str| folder.path().join(name);
        command
            .arg("-sf")
            .arg(scenarios().join(format!("{scenario}.xml")))
            .args(["-m", "1", "-s", DIALLED, "-nostdin", "-bind_local", "-timeout", MOST, "-timeout_error"])
            // Ports that SDP names; nothing is sent from them.
            .args(["-mp", &free_udp_port().min(60_000).to_string()])
            .arg("-trace_err")
            .arg("-error_file")
            .arg(said("errors"))
            .arg("-trace_msg")
            .arg("-message_file")
            .arg(said("messages"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            // Its screen, once a second.
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Self { scenario: scenario.to_owned(), folder, command }
    }

    /// Over TCP.
    pub fn over_tcp(self) -> Self {
        self.via("t1", "TCP")
    }

    /// Over a tunnel that ends at a TLS listener: SIPp itself, as Debian builds it, speaks none.
    pub fn over_tls(self) -> Self {
        self.via("t1", "TLS")
    }

    fn via(self, transport: &str, name: &str) -> Self {
        self.with(&["-t", transport, "-key", "via", name])
    }

    /// From another address of this machine.
    pub fn from(self, address: &str) -> Self {
        self.with(&["-i", address])
    }

    fn at(self, port: u16) -> Self {
        self.with(&["-p", &port.to_string()])
    }

    /// With a login.
    pub fn login(self, user: &str, password: &str) -> Self {
        self.with(&["-au", user, "-ap", password])
    }

    /// Sets a word of the scenario, such as `fax_port`.
    pub fn key(self, name: &str, value: &str) -> Self {
        self.with(&["-key", name, value])
    }

    /// A pause without a time of its own lasts so long.
    pub fn pause(self, millis: u32) -> Self {
        self.with(&["-d", &millis.to_string()])
    }

    fn with(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// Plays it to its end and wants it to succeed.
    pub fn play(self) {
        self.start().wait();
    }

    /// Plays it and wants it to fail: proof that it can.
    pub fn fail(self) {
        let Playing { scenario, folder, child } = self.start();
        let output = child.wait_with_output().expect("our child");
        assert!(!output.status.success(), "{scenario} was to fail\n{}", told(&folder, &output));
    }

    /// Begins to play.
    pub fn start(mut self) -> Playing {
        let child = self.command.spawn().expect("Debian's sip-tester is installed");
        Playing { scenario: self.scenario, folder: self.folder, child }
    }
}

/// A scenario under way.
pub struct Playing {
    scenario: String,
    folder: tempfile::TempDir,
    child: Child,
}

impl Playing {
    /// Waits for its end and wants it to have succeeded.
    pub fn wait(self) {
        let output = self.child.wait_with_output().expect("our child");
        let Some(0) = output.status.code() else {
            panic!("{}: {}\n{}", self.scenario, output.status, told(&self.folder, &output));
        };
    }
}

fn told(folder: &tempfile::TempDir, output: &Output) -> String {
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap_or_default();
    let parts = [read("errors"), read("messages"), output.stderr.clone()];
    parts.map(|part| String::from_utf8_lossy(&part).into_owned()).join("\n")
}

/// A port that is free now.
pub fn free_udp_port() -> u16 {
    UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// OpenSSL between a TCP port and a TLS listener (Debian's socat). It wants a certificate that it can trust.
pub struct Tunnel {
    /// Where TCP goes in.
    pub entrance: SocketAddr,
    child: Child,
}

impl Tunnel {
    /// To a listener whose certificate these roots sign, for `localhost`.
    pub fn new(to: SocketAddr, roots: &Path) -> Self {
        let entrance =
            TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port");
        let child = Command::new("socat")
            .arg(format!("TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork", entrance.port()))
            .arg(format!("OPENSSL:{to},cafile={},commonname=localhost", roots.display()))
            .stdin(Stdio::null())
            .spawn()
            .expect("Debian's socat is installed");
        let deadline = Instant::now() + START_MOST;
        while TcpStream::connect(entrance).is_err() {
            assert!(Instant::now() < deadline, "socat does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { entrance, child }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // Its connections are processes of their own, and end with them.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
