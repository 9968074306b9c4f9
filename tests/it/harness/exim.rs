//! A real Exim on loopback: STARTTLS and implicit TLS, PLAIN and LOGIN after it, DSN, SIZE, one Maildir per
//! address.
//!
//! Exim and Postfix cannot be installed side by side on Debian, so `./install tests` unpacks Exim's package
//! below `target/tools/exim` and makes the user that it was built for. Needs root.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::postfix::{certificate, messages, two_free_ports};

const START_MOST: Duration = Duration::from_secs(30);
const USER: &str = "Debian-exim";
/// Accepted at RCPT, and returned a moment later.
pub const RETURNED: &str = "returned@example.test";
/// Refused for now.
pub const LATER: &str = "later@example.test";

/// The running Exim.
pub struct Exim {
    pub port: u16,
    pub tls_port: u16,
    pub ca_pem: PathBuf,
    pub user: String,
    pub password: String,
    folder: tempfile::TempDir,
    daemon: Child,
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/exim/usr/sbin/exim4")
}

impl Exim {
    /// With mailboxes for these local parts at `example.test`.
    pub fn start(local_parts: &[&str], size: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path();
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755)).expect("our folder");
        for part in ["spool", "log", "mail"] {
            std::fs::create_dir(place.join(part)).expect("our folder");
        }
        certificate(place);
        let (user, password) = ("faxgate".to_owned(), "correct horse".to_owned());
        let (port, tls_port) = two_free_ports();
        let conf = conf(&place.display().to_string(), local_parts, size, (port, tls_port));
        std::fs::write(place.join("exim.conf"), conf).expect("our folder");
        for part in ["spool", "log", "mail", "cert.pem", "key.pem"] {
            let done =
                Command::new("chown").arg("-R").arg(format!("{USER}:{USER}")).arg(place.join(part)).status();
            assert!(done.expect("chown").success(), "./install tests makes the user {USER}");
        }
        let daemon = Command::new(program())
            .arg("-C")
            .arg(place.join("exim.conf"))
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(place.join("stderr")).expect("our folder"))
            .spawn()
            .expect("./install tests unpacks Exim");
        let ca_pem = place.join("cert.pem");
        let mut exim = Self { port, tls_port, ca_pem, user, password, folder, daemon };
        let deadline = Instant::now() + START_MOST;
        while TcpStream::connect(("127.0.0.1", exim.port)).is_err() {
            let ended = exim.daemon.try_wait().expect("our child");
            assert!(ended.is_none() && Instant::now() < deadline, "Exim does not start: {}", exim.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        exim
    }

    /// All that Exim logged.
    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        [read("stderr"), read("log/mainlog"), read("log/rejectlog"), read("log/paniclog")].join("\n")
    }

    /// A file with the password, as the configuration wants it.
    pub fn password_file(&self) -> PathBuf {
        let file = self.folder.path().join("password");
        std::fs::write(&file, format!("{}\n", self.password)).expect("our folder");
        file
    }

    /// The messages in a mailbox, once there are at least `count`.
    pub fn mails_of(&self, local_part: &str, count: usize) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + START_MOST;
        loop {
            let mails = messages(&self.folder.path().join("mail").join(local_part).join("new"));
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < deadline, "{local_part} got {} of {count}: {}", mails.len(), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn conf(place: &str, local_parts: &[&str], size: usize, (port, tls_port): (u16, u16)) -> String {
    let exim = program().display().to_string();
    let boxes = local_parts.join(" : ");
    format!(
        "exim_path = {exim}
primary_hostname = mx.test
spool_directory = {place}/spool
log_file_path = {place}/log/%slog
log_selector = +smtp_connection +smtp_protocol_error +received_recipients
pid_file_path = {place}/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {place}/cert.pem
tls_privatekey = {place}/key.pem
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}{{}}}}
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
message_size_limit = {size}
deliver_drop_privilege
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
acl_smtp_data = accept

begin acl
rcpt:
  defer local_parts = later
        message = 4.7.1 greylisted, come back
  accept authenticated = *
         domains = example.test
         verify = recipient
  deny message = 5.7.1 relay not permitted

begin routers
returned:
  driver = redirect
  domains = example.test
  local_parts = returned
  allow_fail
  no_verify
  data = :fail: this inbox has moved away
waiting:
  driver = accept
  domains = example.test
  local_parts = returned
  verify_only
  transport = boxes
local:
  driver = accept
  domains = example.test
  local_parts = {boxes}
  transport = boxes

begin transports
boxes:
  driver = appendfile
  maildir_format
  create_directory
  directory = {place}/mail/$local_part_data
  user = {USER}
  group = {USER}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{faxgate}}}}{{eq{{$auth3}}{{correct horse}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{faxgate}}}}{{eq{{$auth2}}{{correct horse}}}}}}}}
  server_set_id = $auth1
"
    )
}
