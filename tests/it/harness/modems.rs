//! A telephone line without telephones: two iaxmodems that call each other over loopback, Debian's HylaFAX answering on
//! one of them, and a sender on the other (HylaFAX's `faxsend`, or efax).
//!
//! Everything is run by hand in a temporary folder: no service, no `faxaddmodem`, no spool of the system's. Needs root
//! (the modems make their device in `/dev`, faxgetty changes to HylaFAX's own user), Debian's `iaxmodem`,
//! `hylafax-server` and `efax`.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::urgent::urgently;

/// How long a modem or faxgetty may take to be ready.
const START_MOST: Duration = Duration::from_secs(60);
/// How long a program may take to end when it is told to.
const END_MOST: Duration = Duration::from_secs(5);
/// A program of a test that was killed lives so long.
const LIFE_SECONDS: &str = "900";
/// Where Debian keeps the spool that ours is a copy of, and its settings.
const SPOOL: &str = "/var/spool/hylafax";
const SETTINGS: &str = "/etc/hylafax";

/// The caller's number and name, as its line announces them.
pub const CALLER: &str = "28101234";
/// The caller's name, likewise.
pub const CALLER_NAME: &str = "ACME LTD";
/// What the sending machines call themselves.
pub const TSI: &str = "+852 2810 1234";

/// Two modems, and a HylaFAX that answers on the second.
pub struct Line {
    folder: tempfile::TempDir,
    /// Devices below `/dev`: the sender's, the receiver's.
    devices: [String; 2],
    modems: Vec<Child>,
    getty: Option<Child>,
}

impl Line {
    /// Starts the modems; faxgetty is still to come, since it wants to know whom to call.
    pub fn new() -> Self {
        static LINES: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our folder");
        // HylaFAX makes a device's name of an underscore: there must be none.
        let line = format!("ttyFG{}x{}", std::process::id(), LINES.fetch_add(1, Ordering::Relaxed));
        let devices = [format!("{line}a"), format!("{line}b")];
        let ports = two_free_ports();
        let mut line = Self { folder, devices, modems: Vec::new(), getty: None };
        line.modem(0, ports[0], ports[1]);
        line.modem(1, ports[1], ports[0]);
        line.spool("sender", "");
        line.spool("receiver", "");
        line
    }

    /// The folder that HylaFAX receives into.
    pub fn received(&self) -> PathBuf {
        self.path("receiver/recvq")
    }

    /// HylaFAX's logs.
    pub fn logs(&self) -> PathBuf {
        self.path("receiver/log")
    }

    /// A path beside the spools, which HylaFAX's user can reach.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Gives a file or folder to HylaFAX's user.
    pub fn give(&self, path: &Path) {
        let owner = fs::metadata(SPOOL).expect("hylafax-server is installed");
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).expect("root may");
    }

    /// HylaFAX answers from now on; `dispatch` is its `etc/FaxDispatch`.
    pub fn answer(&mut self, dispatch: &str) {
        fs::write(self.path("receiver/etc/FaxDispatch"), dispatch).expect("our folder");
        let mut getty = leased("faxgetty");
        getty.arg("-q").arg(self.path("receiver")).arg(&self.devices[1]);
        getty.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.getty = Some(urgently(|| getty.spawn()).expect("Debian's HylaFAX is installed"));
        let status = self.path("receiver/status").join(&self.devices[1]);
        self.wait("faxgetty to be idle", || {
            fs::read_to_string(&status).is_ok_and(|text| text.contains("Running and idle"))
        });
    }

    /// HylaFAX's own sender calls `number`: all pages of a TIFF, no line of its own above them. Its words if it failed.
    pub fn faxsend(&self, file: &Path, pages: u32, number: &str) -> Result<(), String> {
        let spool = self.path("sender");
        fs::copy(file, spool.join("docq/doc1.tif")).expect("our folder");
        let job = job(&self.devices[0], pages, number);
        fs::write(spool.join("sendq/q1"), job).expect("our folder");
        for owned in ["docq/doc1.tif", "sendq/q1"] {
            self.give(&spool.join(owned));
        }
        let mut faxsend = Command::new("faxsend");
        faxsend.args(["-l", "-m", &self.devices[0], "sendq/q1"]).current_dir(&spool).stdin(Stdio::null());
        let ran = urgently(|| faxsend.output()).expect("Debian's HylaFAX is installed");
        let after = fs::read_to_string(spool.join("sendq/q1")).unwrap_or_default();
        let says = |line: &str| after.lines().any(|one| one == line);
        // send_done
        let sent = says("returned:2") && says(&format!("npages:{pages}"));
        if sent { Ok(()) } else { Err(format!("{ran:?}\n{after}\n{}", self.log("sender"))) }
    }

    /// efax calls `number` with one page. Its words if it failed.
    pub fn efax(&self, page: &Path, number: &str) -> Result<String, String> {
        let mut efax = Command::new("efax");
        efax.arg("-d")
            .arg(format!("/dev/{}", self.devices[0]))
            // Class 1; no hardware above 14,400 bit/s, standard or fine, no ECM: it has none.
            .args(["-o1", "-l", TSI, "-c", "1,5,0,2,0,0,0,0", "-h", "", "-i", "Z", "-i", "+FCLASS=1"])
            .args(["-t", number])
            .arg(page)
            .stdin(Stdio::null());
        let ran = urgently(|| efax.output()).expect("Debian's efax is installed");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        if ran.status.success() { Ok(said) } else { Err(format!("{said}\n{}", self.log("receiver"))) }
    }

    /// What HylaFAX logged of its sessions.
    pub fn log(&self, spool: &str) -> String {
        let Ok(entries) = fs::read_dir(self.path(spool).join("log")) else { return String::new() };
        entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
    }

    fn modem(&mut self, which: usize, port: u16, other: u16) {
        let device = format!("/dev/{}", self.devices[which]);
        let config = self.path(&format!("modem{which}"));
        let text = format!(
            "device {device}\nowner uucp:uucp\nmode 660\nport {port}\nrefresh 0\nserver 127.0.0.1:{other}\n\
             peername iaxmodem\nsecret password\ncidname {CALLER_NAME}\ncidnumber {CALLER}\ncodec slinear\n"
        );
        fs::write(&config, text).expect("our folder");
        let log = fs::File::create(self.path(&format!("modem{which}.log"))).expect("our folder");
        let mut modem = leased("iaxmodem");
        modem
            // It looks for its configuration below /etc/iaxmodem and nowhere else.
            .arg(format!("../..{}", config.display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log);
        self.modems.push(urgently(|| modem.spawn()).expect("Debian's iaxmodem is installed"));
        self.wait("a modem's device", || Path::new(&device).exists());
    }

    /// A copy of the system's spool, with the settings of one device.
    fn spool(&self, name: &str, more: &str) {
        let spool = self.path(name);
        copied(Path::new(SPOOL), &spool);
        // Debian mounts it there at start.
        copied(Path::new(SETTINGS), &spool.join("etc"));
        fs::create_dir_all(spool.join("locks")).expect("our folder");
        let device = &self.devices[usize::from(name == "receiver")];
        let text = format!(
            "CountryCode: 852\nAreaCode: 2\nFAXNumber: {TSI}\nLongDistancePrefix: 1\nInternationalPrefix: 001\n\
             ServerTracing: 0xFFF\nSessionTracing: 0xFFF\nRecvFileMode: 0640\nLogFileMode: 0640\nDeviceMode: 0600\n\
             RingsBeforeAnswer: 1\nSpeakerVolume: off\nLocalIdentifier: \"{TSI}\"\nMaxRecvPages: 200\n\
             UUCPLockDir: {}\nModemType: Class1\nClass1AdaptRecvCmd: AT+FAR=1\nClass1TMConnectDelay: 400\n\
             ModemResetCmds: AT+VCID=1\nPagerTTYParity: none\nCallIDPattern: \"NMBR=\"\nCallIDPattern: \"NAME=\"\n\
             CallIDPattern: \"ANID=\"\nCallIDPattern: \"NDID=\"\n{more}",
            spool.join("locks").display()
        );
        fs::write(spool.join("etc").join(format!("config.{device}")), text).expect("our folder");
        let owner = Command::new("chown").args(["-R", "--reference", SPOOL]).arg(&spool).status();
        assert!(owner.is_ok_and(|status| status.success()), "root may change owners");
    }

    fn wait(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + START_MOST;
        while !holds() {
            let log = || fs::read_to_string(self.path("modem1.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "waited in vain for {what}: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // A modem does not end while a program has its device open.
        self.getty.iter_mut().chain(&mut self.modems).for_each(end);
        for device in &self.devices {
            let _ = fs::remove_file(Path::new("/dev").join(device));
        }
    }
}

/// A program that ends by itself, should a test be killed.
pub(super) fn leased(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args([LIFE_SECONDS, program]);
    command
}

/// Asks a leased program to end, and insists.
pub(super) fn end(child: &mut Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let deadline = Instant::now() + END_MOST;
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// A job as `faxq` hands it to `faxsend` (sendq(5F)): documents converted, nothing to cut, no line above the page. Pages
/// of 1,728 pixels, unlimited length, 98 lines per inch, coded as both ends like best.
fn job(device: &str, pages: u32, number: &str) -> String {
    let more = "20S".repeat(pages.saturating_sub(1) as usize);
    format!(
        "tts:0\nkilltime:4102444800\nretrytime:0\nstate:6\nnpages:0\ntotpages:{pages}\nntries:0\nndials:0\n\
         totdials:0\nmaxdials:1\ntottries:0\nmaxtries:1\npagewidth:0\nresolution:98\npagelength:0\npriority:127\n\
         schedpri:127\nminbr:0\ndesiredbr:13\ndesiredst:0\ndesiredec:2\ndesireddf:3\ndesiredtl:0\nuseccover:0\n\
         external:{number}\nnumber:{number}\nmailaddr:root@localhost\nclient:localhost\nowner:root\nsender:test\n\
         jobid:1\njobtag:\npagehandling:{more}20P\nmodem:{device}\nfaxnumber:{TSI}\nnotify:none\npagechop:none\n\
         chopthreshold:3\njobtype:facsimile\nstatus:\ndoneop:remove\nfax:0::docq/doc1.tif\n"
    )
}

fn copied(from: &Path, to: &Path) {
    let done = Command::new("cp").args(["-aT"]).arg(from).arg(to).status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "{} is there: hylafax-server is installed",
        from.display()
    );
}

/// Two ports that are free now. Others may take them before the modems do; then the modems do not start.
fn two_free_ports() -> [u16; 2] {
    let bind = || UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
    let sockets = [bind(), bind()];
    sockets.map(|socket| socket.local_addr().expect("bound").port())
}
