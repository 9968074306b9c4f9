//! A mail server that does exactly what a test tells it: the faults that no real server makes on demand.
//!
//! One [`Script`] for each connection, the last one for all that follow. It runs on threads of its own, so
//! it serves async tests and child processes alike, and it notes every line and every message.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does at one point.
#[derive(Debug, Clone)]
pub enum Act {
    /// Says this line.
    Say(&'static str),
    /// Says nothing and keeps the connection open.
    Silence,
    /// Closes the connection.
    Hangup,
}

/// How one connection goes.
#[derive(Debug, Clone)]
pub struct Script {
    pub greeting: Act,
    pub ehlo: Act,
    /// Extension lines after EHLO, such as `SIZE 1000`.
    pub offers: Vec<String>,
    pub auth: Act,
    pub rset: Act,
    pub mail: Act,
    pub rcpt: Act,
    /// For single addresses.
    pub rcpt_of: Vec<(&'static str, Act)>,
    pub data: Act,
    pub dot: Act,
    /// Keep the message whatever `dot` is: the server took it, and only its answer is lost.
    pub keep: bool,
}

impl Default for Script {
    /// Takes everything.
    fn default() -> Self {
        Self {
            greeting: Act::Say("220 scripted ESMTP"),
            ehlo: Act::Say("250 "),
            offers: vec!["8BITMIME".into()],
            auth: Act::Say("235 2.7.0 welcome"),
            rset: Act::Say("250 2.0.0 forgotten"),
            mail: Act::Say("250 2.1.0 ok"),
            rcpt: Act::Say("250 2.1.5 ok"),
            rcpt_of: Vec::new(),
            data: Act::Say("354 go on"),
            dot: Act::Say("250 2.0.0 queued as SCRIPT1"),
            keep: false,
        }
    }
}

/// A message that the server took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    /// As sent, dots unstuffed.
    pub bytes: Vec<u8>,
}

#[derive(Default)]
struct Log {
    connections: usize,
    open: usize,
    most_open: usize,
    lines: Vec<String>,
    taken: Vec<Taken>,
}

/// The running server.
pub struct ScriptedSmtp {
    pub port: u16,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
}

impl ScriptedSmtp {
    /// On a port of its own.
    pub fn start(scripts: Vec<Script>) -> Self {
        Self::serve(TcpListener::bind(("127.0.0.1", 0)).expect("a free port"), scripts)
    }

    /// On a given port: a server that comes back.
    pub fn start_on(port: u16, scripts: Vec<Script>) -> Self {
        Self::serve(TcpListener::bind(("127.0.0.1", port)).expect("the port is free"), scripts)
    }

    fn serve(listener: TcpListener, scripts: Vec<Script>) -> Self {
        let port = listener.local_addr().expect("bound").port();
        let server = Self { port, log: Arc::default(), stop: Arc::default() };
        let (log, stop) = (server.log.clone(), server.stop.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { return };
                let at = {
                    let mut log = log.lock().unwrap();
                    log.connections += 1;
                    log.connections - 1
                };
                let script = scripts.get(at).or(scripts.last()).expect("at least one script").clone();
                let log = log.clone();
                // A client that goes away in the middle is part of the game.
                std::thread::spawn(move || {
                    {
                        let mut log = log.lock().unwrap();
                        log.open += 1;
                        log.most_open = log.most_open.max(log.open);
                    }
                    let _ = converse(stream, &script, &log);
                    log.lock().unwrap().open -= 1;
                });
            }
        });
        server
    }

    pub fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// The most connections that were open at a time.
    pub fn most_open(&self) -> usize {
        self.log.lock().unwrap().most_open
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.log.lock().unwrap().open
    }

    /// Every command line that came, without its line end.
    pub fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap().lines.clone()
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.log.lock().unwrap().taken.clone()
    }
}

impl Drop for ScriptedSmtp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&([127, 0, 0, 1], self.port).into(), Duration::from_secs(1));
    }
}

/// A port on which nobody listens.
pub fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).expect("a free port").local_addr().expect("bound").port()
}

/// `None`: the connection is over.
fn act(stream: &mut TcpStream, act: &Act) -> Option<()> {
    match act {
        Act::Say(line) => stream.write_all(format!("{line}\r\n").as_bytes()).ok(),
        Act::Silence => {
            // Until the client gives up.
            let _ = std::io::copy(stream, &mut std::io::sink());
            None
        }
        Act::Hangup => None,
    }
}

fn converse(mut stream: TcpStream, script: &Script, log: &Mutex<Log>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    act(&mut stream, &script.greeting)?;
    let mut mail = Taken { from: String::new(), to: Vec::new(), bytes: Vec::new() };
    loop {
        let line = line(&mut reader)?;
        log.lock().unwrap().lines.push(line.clone());
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("EHLO") {
            ehlo(&mut stream, script)?;
        } else if upper.starts_with("AUTH") {
            auth(&mut stream, &mut reader, &upper, script)?;
        } else if upper.starts_with("MAIL FROM:") {
            mail = Taken { from: path(&line), to: Vec::new(), bytes: Vec::new() };
            act(&mut stream, &script.mail)?;
        } else if upper.starts_with("RCPT TO:") {
            let to = path(&line);
            let special = script.rcpt_of.iter().find(|(address, _)| *address == to).map(|(_, act)| act);
            let chosen = special.unwrap_or(&script.rcpt);
            if matches!(chosen, Act::Say(reply) if reply.starts_with('2')) {
                mail.to.push(to);
            }
            act(&mut stream, chosen)?;
        } else if upper == "DATA" {
            act(&mut stream, &script.data)?;
            if matches!(script.data, Act::Say(reply) if reply.starts_with('3')) {
                mail.bytes = body(&mut reader)?;
                if script.keep || matches!(script.dot, Act::Say(reply) if reply.starts_with('2')) {
                    log.lock().unwrap().taken.push(mail.clone());
                }
                act(&mut stream, &script.dot)?;
            }
        } else if upper == "RSET" {
            act(&mut stream, &script.rset)?;
        } else if upper == "QUIT" {
            return act(&mut stream, &Act::Say("221 bye"));
        } else {
            act(&mut stream, &Act::Say("500 5.5.1 what?"))?;
        }
    }
}

fn ehlo(stream: &mut TcpStream, script: &Script) -> Option<()> {
    if !matches!(script.ehlo, Act::Say(reply) if reply.starts_with('2')) {
        return act(stream, &script.ehlo);
    }
    let mut reply = String::from("250-scripted\r\n");
    for offer in &script.offers {
        reply.push_str(&format!("250-{offer}\r\n"));
    }
    stream.write_all(format!("{reply}250 ENHANCEDSTATUSCODES\r\n").as_bytes()).ok()
}

/// PLAIN and LOGIN lead to the script's answer; any other mechanism is a challenge without a right answer.
fn auth(stream: &mut TcpStream, reader: &mut impl BufRead, upper: &str, script: &Script) -> Option<()> {
    let challenges: &[&str] = match upper.split(' ').nth(1) {
        Some("PLAIN") => &[],
        Some("LOGIN") => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
        _ => &["334 PDEuMkBzY3JpcHRlZD4="],
    };
    for challenge in challenges {
        stream.write_all(format!("{challenge}\r\n").as_bytes()).ok()?;
        line(reader)?;
    }
    let known = challenges.len() != 1;
    act(stream, if known { &script.auth } else { &Act::Say("535 5.7.8 wrong answer") })
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes).ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
}

fn body(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
        match line.as_slice() {
            b".\r\n" => return Some(message),
            [b'.', rest @ ..] => message.extend_from_slice(rest),
            all => message.extend_from_slice(all),
        }
    }
}

fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
