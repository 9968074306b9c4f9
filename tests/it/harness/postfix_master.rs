//! What every Postfix of these stories has in common: a folder of its own with configuration, queue, data and Maildirs,
//! started by its master and ended with the test. A system's own Postfix is not touched.
//!
//! Needs root (Postfix itself insists) and Debian's `postfix`.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Postfix may take to greet, and to put a mail into a box.
pub const START_MOST: Duration = Duration::from_secs(30);
/// It ends by itself after so many seconds, should a test be killed.
const LIFE_SECONDS: u32 = 900;
/// Mailboxes belong to `nobody`.
pub const MAIL_OWNER: u32 = 65534;
const DAEMONS: &str = "/usr/lib/postfix/sbin";

/// The running master and its folder.
pub struct Master {
    folder: tempfile::TempDir,
    child: Child,
}

impl Master {
    /// Folders, and a Maildir for each of `boxes`: an address or `@domain`, and the box's name.
    pub fn folder(boxes: &[(String, String)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        open_to_all(folder.path());
        for part in ["etc", "queue", "data", "mail"] {
            std::fs::create_dir(folder.path().join(part)).expect("our folder");
            open_to_all(&folder.path().join(part));
        }
        give_to_nobody(&folder.path().join("mail"));
        done(Command::new("chown").arg("postfix").arg(folder.path().join("data")));
        let mut mailboxes = String::new();
        for (address, name) in boxes {
            writeln!(mailboxes, "{address} {name}/").expect("a string");
        }
        std::fs::write(folder.path().join("etc/mailboxes"), mailboxes).expect("our folder");
        folder
    }

    /// Starts it and waits for its greeting on `port`. `settings`: lines of main.cf beside the common ones; a later line
    /// counts. `doors`: lines of master.cf for where it listens.
    pub fn start(folder: tempfile::TempDir, port: u16, settings: &str, doors: &str) -> Self {
        let etc = folder.path().join("etc");
        let main = format!("{}{settings}", common(&folder.path().display().to_string()));
        std::fs::write(etc.join("main.cf"), main).expect("our folder");
        std::fs::write(etc.join("master.cf"), format!("{doors}{SERVICES}")).expect("our folder");
        done(Command::new("postfix").arg("-c").arg(&etc).arg("check"));
        let child = Command::new(format!("{DAEMONS}/master"))
            .arg("-c")
            .arg(&etc)
            .args(["-d", "-e", &LIFE_SECONDS.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Postfix is installed");
        let mut master = Self { folder, child };
        let deadline = Instant::now() + START_MOST;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = master.child.try_wait().expect("our child");
            assert!(ended.is_none() && Instant::now() < deadline, "Postfix does not start: {}", master.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        master
    }

    /// Where it lives.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What Postfix logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("maillog")).unwrap_or_default()
    }

    /// The Maildir of an address.
    pub fn maildir_of(&self, address: &str) -> PathBuf {
        self.path().join("mail").join(box_of(address))
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // The master ends its daemons on SIGTERM; SIGKILL would orphan them.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// A box for each address.
pub fn boxes(addresses: &[&str]) -> Vec<(String, String)> {
    addresses.iter().map(|one| ((*one).to_owned(), box_of(one))).collect()
}

fn box_of(address: &str) -> String {
    address.replace('@', "-at-")
}

/// Everybody may look.
pub fn open_to_all(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("our folder");
}

/// A folder that Postfix delivers into.
pub fn give_to_nobody(folder: &Path) {
    std::os::unix::fs::chown(folder, Some(MAIL_OWNER), Some(MAIL_OWNER)).expect("tests run as root");
}

/// Runs a command that must succeed.
pub fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn common(place: &str) -> String {
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
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
biff = no
virtual_mailbox_limit = 0
virtual_mailbox_maps = texthash:{place}/etc/mailboxes
virtual_mailbox_base = {place}/mail
virtual_minimum_uid = 100
virtual_uid_maps = static:{MAIL_OWNER}
virtual_gid_maps = static:{MAIL_OWNER}
smtpd_client_restrictions =
smtpd_error_sleep_time = 0
default_transport = error:no mail leaves a test
"
    )
}

/// As Debian has them; and `moved`, by which every delivery fails for good.
const SERVICES: &str = "pickup unix n - n 60 1 pickup
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
moved unix - n n - - pipe
  user=nobody argv=/bin/false
";
