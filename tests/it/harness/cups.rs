//! A real CUPS on loopback with one queue. It keeps every document that it took.
//!
//! It lives in a temporary folder with its own configuration and spool, and ends with the test; a system's own CUPS is not
//! touched. Needs root (its files belong to `lp`) and Debian's `cups-daemon`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_MOST: Duration = Duration::from_secs(30);

/// The running CUPS.
pub struct Cups {
    port: u16,
    folder: tempfile::TempDir,
    daemon: Child,
}

impl Cups {
    /// With a queue `hall` that throws paper away.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        configure(folder.path(), port);
        let daemon = Command::new("/usr/sbin/cupsd")
            .arg("-f")
            .arg("-c")
            .arg(folder.path().join("etc/cupsd.conf"))
            .arg("-s")
            .arg(folder.path().join("etc/cups-files.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("cupsd: ./install tests");
        let cups = Self { port, folder, daemon };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < START_MOST, "CUPS does not start: {}", cups.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        cups
    }

    /// The address of a queue; only `hall` is there.
    pub fn uri(&self, queue: &str) -> String {
        format!("ipp://127.0.0.1:{}/printers/{queue}", self.port)
    }

    /// The documents that it took, in order.
    pub fn documents(&self) -> Vec<Vec<u8>> {
        self.spooled('d')
    }

    /// What its jobs are called, by its own records (IPP as in RFC 8010).
    pub fn job_names(&self) -> Vec<String> {
        let name = |record: Vec<u8>| {
            let record = ipp::parser::IppParser::new(std::io::Cursor::new(record)).parse().expect("IPP");
            let jobs = record.attributes().groups_of(ipp::model::DelimiterTag::JobAttributes);
            jobs.filter_map(|job| Some(job.get("job-name")?.value().to_string())).collect::<Vec<_>>()
        };
        self.spooled('c').into_iter().flat_map(name).collect()
    }

    /// Its files of one kind, in order.
    fn spooled(&self, kind: char) -> Vec<Vec<u8>> {
        let mut files: Vec<_> = std::fs::read_dir(self.folder.path().join("spool"))
            .expect("a spool")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(kind)))
            .collect();
        files.sort();
        files.iter().map(|path| std::fs::read(path).expect("a file of the spool")).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log/error")).unwrap_or_default()
    }
}

impl Drop for Cups {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn configure(folder: &Path, port: u16) {
    for below in ["etc", "spool/tmp", "cache", "run", "log"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    let root = folder.display();
    let files = format!(
        "FileDevice Yes\nServerRoot {root}/etc\nStateDir {root}/run\nCacheDir {root}/cache\n\
         RequestRoot {root}/spool\nTempDir {root}/spool/tmp\nServerBin /usr/lib/cups\nDataDir /usr/share/cups\n\
         AccessLog {root}/log/access\nErrorLog {root}/log/error\nPageLog {root}/log/page\nSandboxing relaxed\n"
    );
    let everyone = "Order allow,deny\nAllow all\n";
    let server = format!(
        "Listen 127.0.0.1:{port}\nBrowsing Off\nDefaultAuthType None\nPreserveJobFiles Yes\nPreserveJobHistory Yes\n\
         WebInterface No\n<Location />\n{everyone}</Location>\n<Policy default>\n<Limit All>\n{everyone}</Limit>\n</Policy>\n"
    );
    let queue = "<Printer hall>\nInfo hall\nDeviceURI file:///dev/null\nState Idle\nAccepting Yes\nShared Yes\n</Printer>\n";
    for (name, text) in
        [("cups-files.conf", files.as_str()), ("cupsd.conf", &server), ("printers.conf", queue)]
    {
        std::fs::write(folder.join("etc").join(name), text).unwrap();
    }
}
