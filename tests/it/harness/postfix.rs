//! A real Postfix on loopback: STARTTLS and implicit TLS with a certificate of the house, AUTH against a
//! password database, mail into one Maildir per address.
//!
//! Needs root, Debian's `postfix`, `sasl2-bin` and `libsasl2-modules`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::postfix_master::{Master, START_MOST, boxes, done, open_to_all};

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
    master: Master,
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
        let folder = Master::folder(&boxes(addresses));
        let (port, tls_port) = two_free_ports();
        let ca_pem = folder.path().join("cert.pem");
        certificate(folder.path());
        let (user, password) = ("faxgate@mx.test".to_owned(), "correct horse".to_owned());
        add_user(folder.path(), &password);
        let settings = settings(folder.path(), size) + &further(folder.path());
        let doors = format!(
            "127.0.0.1:{port} inet n - n - - smtpd\n127.0.0.1:{tls_port} inet n - n - - smtpd\n  -o \
             smtpd_tls_wrappermode=yes\n"
        );
        let master = Master::start(folder, port, &settings, &doors);
        Self { port, tls_port, ca_pem, user, password, master }
    }

    /// What Postfix logged.
    pub fn log(&self) -> String {
        self.master.log()
    }

    /// A file with the password, as the configuration wants it.
    pub fn password_file(&self) -> PathBuf {
        let file = self.master.path().join("password");
        std::fs::write(&file, format!("{}\n", self.password)).expect("our folder");
        file
    }

    /// The Maildir of an address.
    pub fn maildir_of(&self, address: &str) -> PathBuf {
        self.master.maildir_of(address)
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

/// Every message in one folder of a Maildir, by name.
pub fn messages(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a message")).collect()
}

/// Two ports on which nobody listens.
pub fn two_free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let (one, two) = (bind(), bind());
    let port = |listener: &TcpListener| listener.local_addr().expect("bound").port();
    (port(&one), port(&two))
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

fn settings(folder: &Path, size: usize) -> String {
    let place = folder.display();
    // Debian's Postfix looks for SASL's own configuration below its configuration directory.
    let sasl = folder.join("etc/sasl");
    std::fs::create_dir(&sasl).expect("our folder");
    open_to_all(&sasl);
    let database = format!(
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {place}/sasldb2\nmech_list: PLAIN LOGIN\n"
    );
    std::fs::write(sasl.join("smtpd.conf"), database).expect("our folder");
    format!(
        "myhostname = mx.test
mynetworks =
message_size_limit = {size}
virtual_mailbox_domains = example.test
smtpd_tls_cert_file = {place}/cert.pem
smtpd_tls_key_file = {place}/key.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_local_domain = mx.test
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"
    )
}
