//! Sipwise's rtpengine (Debian's rtpengine-daemon), in user space, as a gateway between G.711 and T.38; and a SIP proxy so
//! thin that it does nothing but ask rtpengine for the SDP that it passes on.
//!
//! rtpengine is asked over its ng protocol: a cookie, a blank and a bencoded dictionary in one datagram.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::modems::{end, leased};
use super::sipp::free_udp_port;

/// How long it may take to answer its first ping.
const START_MOST: Duration = Duration::from_secs(30);
/// An answer takes a millisecond.
const ANSWER_MOST: Duration = Duration::from_secs(5);
/// Media ports beside each other. A call takes four.
const PORTS: u16 = 40;

/// What rtpengine makes of the media of a call.
#[derive(Debug, Clone, Copy)]
pub enum Gateway {
    /// The caller's G.711 becomes T.38 towards the called.
    ToT38,
    /// The caller's T.38 becomes G.711 towards the called.
    ToG711,
}

/// A running rtpengine.
pub struct Rtpengine {
    control: SocketAddr,
    socket: UdpSocket,
    asked: AtomicU32,
    child: Child,
    folder: tempfile::TempDir,
}

/// A value of bencode, as far as it is needed here.
enum Value<'a> {
    Text(&'a str),
    List(&'a [&'a str]),
}

impl Rtpengine {
    /// Starts one on loopback.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let control = SocketAddr::from(([127, 0, 0, 1], free_udp_port()));
        let first = free_udp_port().min(u16::MAX - PORTS) & !1;
        let log = std::fs::File::create(folder.path().join("log")).expect("our folder");
        let child = leased("rtpengine")
            // No kernel module, no configuration of the system's, and in the foreground.
            .args(["--config-file=none", "--table=-1", "-f", "-E", "-L", "6", "--interface=127.0.0.1"])
            .arg(format!("--listen-ng={control}"))
            .arg(format!("--port-min={first}"))
            .arg(format!("--port-max={}", first + PORTS))
            .arg(format!("--pidfile={}", folder.path().join("pid").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Debian's rtpengine-daemon is installed");
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
        let engine = Self { control, socket, asked: AtomicU32::new(0), child, folder };
        engine.socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
        let deadline = Instant::now() + START_MOST;
        let ping = BTreeMap::from([("command", Value::Text("ping"))]);
        while !engine.asked_once(&ping).is_some_and(|said| said.contains("4:pong")) {
            assert!(Instant::now() < deadline, "rtpengine does not answer: {}", engine.log());
        }
        engine.socket.set_read_timeout(Some(ANSWER_MOST)).expect("a socket");
        engine
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The SDP that the called is to see.
    fn offer(&self, sdp: &str, gateway: Gateway) -> String {
        let how = match gateway {
            Gateway::ToT38 => "force",
            Gateway::ToG711 => "decode",
        };
        let how = [how];
        let mut question = question("offer", sdp);
        question.insert("T.38", Value::List(&how));
        self.sdp(&question)
    }

    /// The SDP that the caller is to see.
    fn answer(&self, sdp: &str) -> String {
        let mut question = question("answer", sdp);
        question.insert("to-tag", Value::Text("called"));
        self.sdp(&question)
    }

    fn sdp(&self, question: &BTreeMap<&str, Value<'_>>) -> String {
        let said = self.asked_once(question).unwrap_or_else(|| panic!("rtpengine is silent: {}", self.log()));
        assert!(said.contains("6:result2:ok"), "{said}\n{}", self.log());
        let (_, rest) = said.split_once("3:sdp").expect("an SDP");
        let (length, rest) = rest.split_once(':').expect("its length");
        rest[..length.parse::<usize>().expect("a number")].to_owned()
    }

    fn asked_once(&self, question: &BTreeMap<&str, Value<'_>>) -> Option<String> {
        let cookie = format!("c{} ", self.asked.fetch_add(1, Ordering::Relaxed));
        self.socket.send_to(format!("{cookie}{}", bencoded(question)).as_bytes(), self.control).ok()?;
        let mut buffer = vec![0; 65_535];
        loop {
            let length = self.socket.recv(&mut buffer).ok()?;
            // Answers to earlier questions are passed over.
            if let Some(said) = String::from_utf8_lossy(&buffer[..length]).strip_prefix(&cookie) {
                return Some(said.to_owned());
            }
        }
    }
}

impl Drop for Rtpengine {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn question<'a>(command: &'a str, sdp: &'a str) -> BTreeMap<&'a str, Value<'a>> {
    BTreeMap::from([
        ("command", Value::Text(command)),
        ("call-id", Value::Text("one")),
        ("from-tag", Value::Text("caller")),
        ("sdp", Value::Text(sdp)),
        ("ICE", Value::Text("remove")),
        ("replace", Value::List(&["origin", "session connection"])),
    ])
}

fn bencoded(question: &BTreeMap<&str, Value<'_>>) -> String {
    let text = |text: &str| format!("{}:{text}", text.len());
    let value = |value: &Value<'_>| match value {
        Value::Text(one) => text(one),
        Value::List(all) => format!("l{}e", all.iter().map(|one| text(one)).collect::<String>()),
    };
    let pairs: String = question.iter().map(|(key, of)| text(key) + &value(of)).collect();
    format!("d{pairs}e")
}

/// A proxy for one call: the caller's INVITE and what answers it pass here, and their SDP is rtpengine's. All that follows
/// goes from contact to contact.
pub struct Proxy {
    /// Whom the caller calls.
    pub at: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Rtpengine>>,
}

impl Proxy {
    /// In front of `called`.
    pub fn start(engine: Rtpengine, gateway: Gateway, called: SocketAddr) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
        let at = socket.local_addr().expect("bound");
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            pass(&socket, &engine, gateway, called, &until);
            engine
        });
        Self { at, stop, thread: Some(thread) }
    }

    /// The end of the call: rtpengine's log.
    pub fn end(mut self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        let engine = self.thread.take().expect("it was started").join().expect("the proxy ran to its end");
        engine.log()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn pass(socket: &UdpSocket, engine: &Rtpengine, gateway: Gateway, called: SocketAddr, stop: &AtomicBool) {
    let mut caller = None;
    // A repeated INVITE gets the SDP of the first, and so does a repeated 200.
    let (mut offered, mut answered) = (None, None);
    let mut buffer = vec![0; 65_535];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let Some((head, sdp)) = text.split_once("\r\n\r\n") else { continue };
        let (to, body) = if from == called {
            let body = match sdp {
                "" => String::new(),
                sdp => answered.get_or_insert_with(|| engine.answer(sdp)).clone(),
            };
            (caller, body)
        } else {
            caller = Some(from);
            let body = match sdp {
                "" => String::new(),
                sdp => offered.get_or_insert_with(|| engine.offer(sdp, gateway)).clone(),
            };
            (Some(called), body)
        };
        let Some(to) = to else { continue };
        let lines =
            head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
        let head: Vec<&str> = lines.collect();
        let message = format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len());
        // Who is gone is told nothing more.
        let _ = socket.send_to(message.as_bytes(), to);
    }
}
