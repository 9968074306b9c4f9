//! A real Postfix on loopback: STARTTLS and implicit TLS with a certificate of the house, AUTH against a
//! password database, mail into one Maildir per address.
//!
//! It lives in a temporary folder with its own configuration, queue and data, and ends with the test; a
//! system's own Postfix is not touched. Needs root (Postfix itself insists), Debian's `postfix`,
//! `sasl2-bin` and `libsasl2-modules`.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Postfix may take to greet.
const START_MOST: Duration = Duration::from_secs(30);
/// It ends by itself after so many seconds, should a test be killed.
const LIFE_SECONDS: u32 = 900;
/// Mailboxes belong to `nobody`.
const MAIL_OWNER: u32 = 65534;
const DAEMONS: &str = "/usr/lib/postfix/sbin";

/// The running Postfix.
pub struct Postfix {
    /// Submission with STARTTLS, AUTH after it.
    pub port: u16,
    /// The same with TLS from the first byte.
    pub tls_port: u16,
    /// The certificate, for [`faxgate::deliver::Relay::roots`]. It is valid for `localhost`.
    pub ca_pem: PathBuf,
    pub user: String,
    pub password: String,
    folder: tempfile::TempDir,
    master: Child,
}

impl Postfix {
    /// With mailboxes for `addresses`, and no limit worth naming on the size of a message.
    pub fn start(addresses: &[&str]) -> Self {
        Self::start_limited(addresses, 100_000_000)
    }

    /// With a limit on the size of a message.
    pub fn start_limited(addresses: &[&str], size: usize) -> Self {
        Self::start_with(addresses, size, |_| String::new())
    }

    /// With further lines of main.cf, which count before ours. They may name files in the folder that they
    /// are given.
    pub fn start_with(addresses: &[&str], size: usize, further: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        open_to_all(folder.path());
        let (port, tls_port) = two_free_ports();
        let ca_pem = folder.path().join("cert.pem");
        certificate(folder.path());
        let (user, password) = ("faxgate@mx.test".to_owned(), "correct horse".to_owned());
        configure(folder.path(), addresses, size, (port, tls_port));
        let further = further(folder.path());
        let mut main = std::fs::OpenOptions::new().append(true).open(folder.path().join("etc/main.cf"));
        std::io::Write::write_all(main.as_mut().expect("our file"), further.as_bytes()).expect("our file");
        add_user(folder.path(), &password);
        done(Command::new("postfix").arg("-c").arg(folder.path().join("etc")).arg("check"));
        let master = Command::new(format!("{DAEMONS}/master"))
            .arg("-c")
            .arg(folder.path().join("etc"))
            .args(["-d", "-e", &LIFE_SECONDS.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Postfix is installed");
        let mut postfix = Self { port, tls_port, ca_pem, user, password, folder, master };
        postfix.wait_for_greeting();
        postfix
    }

    fn wait_for_greeting(&mut self) {
        let deadline = Instant::now() + START_MOST;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.master.try_wait().expect("our child");
            assert!(ended.is_none() && Instant::now() < deadline, "Postfix does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What Postfix logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("maillog")).unwrap_or_default()
    }

    /// A file with the password, as the configuration wants it.
    pub fn password_file(&self) -> PathBuf {
        let file = self.folder.path().join("password");
        std::fs::write(&file, format!("{}\n", self.password)).expect("our folder");
        file
    }

    /// The Maildir of an address.
    pub fn maildir_of(&self, address: &str) -> PathBuf {
        self.folder.path().join("mail").join(box_of(address))
    }

    /// The messages in an address's Maildir, once there are at least `count`.
    pub fn mails_of(&self, address: &str, count: usize) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + START_MOST;
        loop {
            let mails = messages(&self.maildir_of(address).join("new"));
            if mails.len() >= count {
                return mails;
            }
            assert!(
                Instant::now() < deadline,
                "{address} got {} of {count} mails: {}",
                mails.len(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // The master ends its daemons on SIGTERM; SIGKILL would orphan them.
        let _ = Command::new("kill").arg(self.master.id().to_string()).status();
        let _ = self.master.wait();
    }
}

/// Every message in one folder of a Maildir, by name.
pub fn messages(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a message")).collect()
}

fn box_of(address: &str) -> String {
    address.replace('@', "-at-")
}

/// Two ports on which nobody listens.
pub fn two_free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let (one, two) = (bind(), bind());
    let port = |listener: &TcpListener| listener.local_addr().expect("bound").port();
    (port(&one), port(&two))
}

fn open_to_all(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("our folder");
}

/// `cert.pem` and `key.pem` for `localhost`.
pub fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("our folder");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("our folder");
}

fn add_user(folder: &Path, password: &str) {
    let database = folder.join("sasldb2");
    let mut command = Command::new("saslpasswd2");
    command.args(["-p", "-c", "-u", "mx.test", "-f"]).arg(&database).arg("faxgate").stdin(Stdio::piped());
    let mut child = command.spawn().expect("sasl2-bin is installed");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), password.as_bytes())
        .expect("it reads");
    assert!(child.wait().expect("our child").success());
    done(Command::new("chown").arg("postfix").arg(&database));
}

fn configure(folder: &Path, addresses: &[&str], size: usize, (port, tls_port): (u16, u16)) {
    for part in ["etc", "etc/sasl", "queue", "data", "mail"] {
        std::fs::create_dir(folder.join(part)).expect("our folder");
        open_to_all(&folder.join(part));
    }
    std::os::unix::fs::chown(folder.join("mail"), Some(MAIL_OWNER), Some(MAIL_OWNER))
        .expect("tests run as root");
    done(Command::new("chown").arg("postfix").arg(folder.join("data")));
    let mut mailboxes = String::new();
    for address in addresses {
        writeln!(mailboxes, "{address} {}/", box_of(address)).expect("a string");
    }
    let place = folder.display();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("our folder");
    write("etc/mailboxes", &mailboxes);
    // Debian's Postfix looks for SASL's own configuration below its configuration directory.
    write(
        "etc/sasl/smtpd.conf",
        &format!(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {place}/sasldb2\nmech_list: PLAIN LOGIN\n"
        ),
    );
    write("etc/main.cf", &main_cf(&place.to_string(), size));
    write("etc/master.cf", &master_cf(port, tls_port));
}

fn main_cf(place: &str, size: usize) -> String {
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
myhostname = mx.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
alias_database =
biff = no
message_size_limit = {size}
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.test
virtual_mailbox_maps = texthash:{place}/etc/mailboxes
virtual_mailbox_base = {place}/mail
virtual_minimum_uid = 100
virtual_uid_maps = static:{MAIL_OWNER}
virtual_gid_maps = static:{MAIL_OWNER}
smtpd_tls_cert_file = {place}/cert.pem
smtpd_tls_key_file = {place}/key.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_local_domain = mx.test
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_client_restrictions =
smtpd_error_sleep_time = 0
default_transport = error:no mail leaves a test
"
    )
}

fn master_cf(port: u16, tls_port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
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

fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
