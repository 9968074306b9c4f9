//! A real Postfix between a gateway and an office: it takes the gateway's mail, keeps the office's boxes, hands mail for
//! the gateway's address to the gateway's LMTP socket, and relays one domain to a server that may refuse.
//!
//! It differs from [`Postfix`](super::postfix) in that mail goes both ways and nobody logs in. Needs root and Debian's
//! `postfix`. Everything lies in a temporary folder and ends with the test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::postfix::messages;

const START_MOST: Duration = Duration::from_secs(30);
/// It ends by itself after so many seconds, should a test be killed.
const LIFE_SECONDS: u32 = 900;
const MAIL_OWNER: u32 = 65534;
const DAEMONS: &str = "/usr/lib/postfix/sbin";

/// The running Postfix.
pub struct PostOffice {
    pub port: u16,
    folder: tempfile::TempDir,
    master: Child,
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
        let folder = tempfile::tempdir().expect("a temporary folder");
        open(folder.path(), 0o755);
        let port = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("bound").port();
        let place = folder.path();
        for part in ["etc", "queue", "data"] {
            std::fs::create_dir(place.join(part)).expect("our folder");
            open(&place.join(part), 0o755);
        }
        // As an admin makes it before the first mail comes.
        for part in ["mail", "mail/returned", "mail/returned/new", "mail/returned/cur", "mail/returned/tmp"] {
            std::fs::create_dir_all(place.join(part)).expect("our folder");
            std::os::unix::fs::chown(place.join(part), Some(MAIL_OWNER), Some(MAIL_OWNER)).expect("root");
        }
        done(Command::new("chown").arg("postfix").arg(place.join("data")));
        let boxes: String = addresses.iter().map(|one| format!("{one} {}/\n", box_of(one))).collect();
        let boxes = format!("{boxes}@gateway.example returned/\n");
        let gateway = match gateway {
            Door::Lmtp(socket) => format!("lmtp:unix:{}", socket.display()),
            Door::Maildir => "virtual:".to_owned(),
        };
        std::fs::write(place.join("etc/mailboxes"), boxes).expect("our folder");
        let transport =
            format!("gateway.example {gateway}\nelsewhere.example smtp:[127.0.0.1]:{elsewhere}\n");
        std::fs::write(place.join("etc/transport"), transport).expect("our folder");
        std::fs::write(place.join("etc/main.cf"), main_cf(&place.display().to_string())).expect("our folder");
        std::fs::write(place.join("etc/master.cf"), master_cf(port)).expect("our folder");
        done(Command::new("postfix").arg("-c").arg(place.join("etc")).arg("check"));
        let master = Command::new(format!("{DAEMONS}/master"))
            .arg("-c")
            .arg(place.join("etc"))
            .args(["-d", "-e", &LIFE_SECONDS.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Postfix is installed");
        let mut office = Self { port, folder, master };
        let deadline = Instant::now() + START_MOST;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = office.master.try_wait().expect("our child");
            assert!(ended.is_none() && Instant::now() < deadline, "Postfix does not start: {}", office.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        office
    }

    /// What Postfix logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("maillog")).unwrap_or_default()
    }

    /// The mails in an address's box, as text.
    pub fn mails_of(&self, address: &str) -> Vec<String> {
        let new: PathBuf = self.folder.path().join("mail").join(box_of(address)).join("new");
        messages(&new).into_iter().map(|mail| String::from_utf8_lossy(&mail).into_owned()).collect()
    }

    /// The Maildir of what came back to the gateway.
    pub fn returned(&self) -> PathBuf {
        self.folder.path().join("mail").join("returned")
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

impl Drop for PostOffice {
    fn drop(&mut self) {
        // The master ends its daemons on SIGTERM; SIGKILL would orphan them.
        let _ = Command::new("kill").arg(self.master.id().to_string()).status();
        let _ = self.master.wait();
    }
}

fn box_of(address: &str) -> String {
    address.replace('@', "-at-")
}

fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our folder");
}

fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn main_cf(place: &str) -> String {
    format!(
        "compatibility_level = 3.6
queue_directory = {place}/queue
data_directory = {place}/data
command_directory = /usr/sbin
daemon_directory = {DAEMONS}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {place}/maillog
maillog_file_prefixes = {place}
myhostname = mx.harbour.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
biff = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
virtual_mailbox_limit = 0
virtual_mailbox_domains = harbour.example
virtual_mailbox_maps = texthash:{place}/etc/mailboxes
virtual_mailbox_base = {place}/mail
virtual_minimum_uid = 100
virtual_uid_maps = static:{MAIL_OWNER}
virtual_gid_maps = static:{MAIL_OWNER}
relay_domains = gateway.example elsewhere.example
transport_maps = texthash:{place}/etc/transport
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_restrictions =
smtpd_error_sleep_time = 0
default_transport = error:no mail leaves a test
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}
