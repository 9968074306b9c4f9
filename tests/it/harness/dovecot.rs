//! A real Dovecot as a mail server's password checker (SASL over a socket): PLAIN, LOGIN, and XOAUTH2 against
//! an OAuth server. Needs root and Debian's `dovecot-core`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::oauth::OAuth;

const START_MOST: Duration = Duration::from_secs(30);

/// The running Dovecot.
pub struct Dovecot {
    folder: tempfile::TempDir,
    master: Child,
}

impl Dovecot {
    /// Offers `mechanisms`, such as `plain login`; knows one user by password, and others by `oauth`'s tokens.
    pub fn start(mechanisms: &str, (user, password): (&str, &str), oauth: Option<&OAuth>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path();
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755)).expect("our folder");
        let write = |name: &str, text: String| std::fs::write(place.join(name), text).expect("our folder");
        write("users", format!("{user}:{{PLAIN}}{password}\n"));
        let mut passdb = format!(
            "passdb {{\n  driver = passwd-file\n  mechanisms = plain login\n  args = {}/users\n}}\n",
            place.display()
        );
        if let Some(oauth) = oauth {
            write(
                "oauth2.conf.ext",
                format!(
                    "tokeninfo_url = http://127.0.0.1:{}/tokeninfo?access_token=\nusername_attribute = email\n",
                    oauth.port
                ),
            );
            passdb.push_str(&format!(
                "passdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {}/oauth2.conf.ext\n}}\n",
                place.display()
            ));
        }
        write("dovecot.conf", conf(&place.display().to_string(), mechanisms, &passdb));
        let master = Command::new("dovecot")
            .arg("-F")
            .arg("-c")
            .arg(place.join("dovecot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dovecot-core is installed");
        let mut dovecot = Self { folder, master };
        let deadline = Instant::now() + START_MOST;
        while std::os::unix::net::UnixStream::connect(dovecot.socket()).is_err() {
            let ended = dovecot.master.try_wait().expect("our child");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "Dovecot does not start: {}",
                dovecot.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        dovecot
    }

    /// Where a mail server asks it.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("auth")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // The master ends its services on SIGTERM.
        let _ = Command::new("kill").arg(self.master.id().to_string()).status();
        let _ = self.master.wait();
    }
}

fn conf(place: &str, mechanisms: &str, passdb: &str) -> String {
    format!(
        "base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
ssl = no
protocols =
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_debug = yes
auth_failure_delay = 0
{passdb}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {place}/auth {{
    mode = 0666
  }}
}}
# no waiting after wrong passwords: tests try some
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"
    )
}
