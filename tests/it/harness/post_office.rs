//! A real Postfix between a gateway and an office: it takes the gateway's mail, keeps the office's boxes, hands mail for
//! the gateway's address to the gateway's LMTP socket, and relays one domain to a server that may refuse.
//!
//! It differs from [`Postfix`](super::postfix) in that mail goes both ways and nobody logs in.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use super::postfix::messages;
use super::postfix_master::{Master, boxes, give_to_nobody};

/// The running Postfix.
pub struct PostOffice {
    pub port: u16,
    master: Master,
}

/// How mail for the gateway's own addresses reaches it.
#[derive(Clone, Copy)]
pub enum Door<'a> {
    /// By LMTP over this socket.
    Lmtp(&'a Path),
    /// Postfix puts it into [`PostOffice::returned`].
    Maildir,
}

impl PostOffice {
    /// Boxes for addresses of `harbour.example`; `gateway.example` goes to the gateway; `elsewhere.example` goes to the
    /// server on port `elsewhere`.
    pub fn start(addresses: &[&str], gateway: Door<'_>, elsewhere: u16) -> Self {
        let mut boxes = boxes(addresses);
        boxes.push(("@gateway.example".to_owned(), "returned".to_owned()));
        let folder = Master::folder(&boxes);
        let place = folder.path();
        // As an admin makes it before the first mail comes.
        for part in ["mail/returned", "mail/returned/new", "mail/returned/cur", "mail/returned/tmp"] {
            std::fs::create_dir(place.join(part)).expect("our folder");
            give_to_nobody(&place.join(part));
        }
        let gateway = match gateway {
            Door::Lmtp(socket) => format!("lmtp:unix:{}", socket.display()),
            Door::Maildir => "virtual:".to_owned(),
        };
        let transport =
            format!("gateway.example {gateway}\nelsewhere.example smtp:[127.0.0.1]:{elsewhere}\n");
        std::fs::write(place.join("etc/transport"), transport).expect("our folder");
        let settings = settings(&place.display().to_string());
        let port = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("bound").port();
        let doors = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
        Self { port, master: Master::start(folder, port, &settings, &doors) }
    }

    /// What Postfix logged.
    pub fn log(&self) -> String {
        self.master.log()
    }

    /// The mails in an address's box, as text.
    pub fn mails_of(&self, address: &str) -> Vec<String> {
        messages(&self.master.maildir_of(address).join("new"))
            .into_iter()
            .map(|mail| String::from_utf8_lossy(&mail).into_owned())
            .collect()
    }

    /// The Maildir of what came back to the gateway.
    pub fn returned(&self) -> PathBuf {
        self.master.path().join("mail/returned")
    }

    /// A person, or anybody, sends a mail.
    pub fn send(&self, from: &str, to: &str, mail: &str) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("Postfix listens");
        let mut wire = BufReader::new(stream);
        let mut say = |line: &str, wanted: &str| {
            if !line.is_empty() {
                wire.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("Postfix reads");
            }
            let mut reply = String::new();
            while reply.as_bytes().get(3) != Some(&b' ') {
                reply.clear();
                wire.read_line(&mut reply).expect("Postfix answers");
            }
            assert!(reply.starts_with(wanted), "{line}: {reply}");
        };
        say("", "220");
        say("EHLO clerk.harbour.example", "250");
        say(&format!("MAIL FROM:<{from}>"), "250");
        say(&format!("RCPT TO:<{to}>"), "250");
        say("DATA", "354");
        say(&format!("{}\r\n.", mail.replace('\n', "\r\n")), "250");
        say("QUIT", "221");
    }
}

fn settings(place: &str) -> String {
    format!(
        "myhostname = mx.harbour.example
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_host_lookup = native
virtual_mailbox_domains = harbour.example
relay_domains = gateway.example elsewhere.example
transport_maps = texthash:{place}/etc/transport
smtpd_relay_restrictions = permit_mynetworks, reject
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"
    )
}
