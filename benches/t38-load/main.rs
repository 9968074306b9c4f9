//! Many fax calls at once over loopback: one receiver, the real process; one sender, this one.
//!
//! `cargo run --release --example t38-load -- [CALLS] [PAUSE_MS] [THREADS] [FILE]`: places CALLS calls, one each PAUSE_MS, all in
//! progress together; compares every received page with what was sent, pixel by pixel; prints the receiver's processor share
//! and the longest that any of its calls waited for its tick.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use faxgate::decode::{self, Limits};
use faxgate::fax::{Format, Raster};
use faxgate::t38::sender::{Medium, Settings, Target, send};
use faxgate::t38::session::Sending;
use faxgate::t38::sip::Transport;

/// The kernel's clock ticks a second in `/proc/PID/stat`.
const TICKS_A_SECOND: f64 = 100.0;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: usize| args.get(at).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (calls, pause, threads) = (number(0, 200), number(1, 25), number(2, 16));
    let usual = root().join("fixtures/faxes/licensing-letter-en/original.tif");
    let file = args.get(3).map_or(usual, PathBuf::from);
    more_files();
    let house = tempfile::tempdir().expect("a folder");
    let (mut receiver, port, metrics) = receiver(house.path(), calls, threads);
    let settings = Settings {
        target: Target::parse(&format!("sip:1@127.0.0.1:{port}"), Transport::Udp).expect("a target"),
        from: "load".to_owned(),
        sending: Sending { tsi: "LOAD".to_owned(), ..Sending::default() },
        medium: Medium::T38,
        redundancy: None,
        loss: 0,
        login: None,
        roots: None,
        threads: 16,
        pause: Duration::from_millis(pause as u64),
    };
    let files = vec![file.clone(); calls];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let before = processor_seconds(receiver.id());
    let outcomes = runtime.block_on(send(&files, &settings, |_, _| {})).expect("calls can be placed");
    let lasted = began.elapsed().as_secs_f64();
    let used = processor_seconds(receiver.id()) - before;
    let told = asked(metrics);
    let gauge = |name: &str| {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap_or("");
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    let lag = gauge("faxgate_t38_tick_lag_longest_seconds ");
    let sent = outcomes.iter().filter(|outcome| outcome.is_sent()).count();
    let whole = identical(&house.path().join("spool"), &pages(&file));
    println!(
        "calls {calls}, one each {pause} ms, {threads} media threads: {sent} confirmed, {whole} identical, {lasted:.1} s; \
         receiver {used:.2} s of processor, {:.1} % of a core, {:.1} ms a call; longest tick lag {:.0} ms",
        100.0 * used / lasted,
        1000.0 * used / calls as f64,
        1000.0 * lag,
    );
    for outcome in outcomes.iter().filter(|outcome| !outcome.is_sent()).take(5) {
        println!("  {}", outcome.sentence());
    }
    // It may have ended already.
    let _ = receiver.kill();
    let _ = receiver.wait();
    if sent != calls || whole != calls {
        std::process::exit(1);
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The real process, from beside this program.
fn receiver(folder: &Path, calls: usize, threads: usize) -> (Child, u16, u16) {
    let metrics =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("loopback").port();
    std::fs::create_dir(folder.join("spool")).expect("a spool");
    let text = format!(
        "[t38]\nspool = \"spool\"\nlisten = [\"udp:127.0.0.1:0\"]\nmetrics = \"127.0.0.1:{metrics}\"\nports = \"20000-59999\"\n\
         most_calls = {}\nthreads = {threads}\n[[t38.trunk]]\nname = \"loop\"\nnetworks = [\"127.0.0.1\"]\n",
        calls.clamp(1, 1000)
    );
    std::fs::write(folder.join("faxgate.toml"), text).expect("a configuration");
    let here = std::env::current_exe().expect("this program");
    let binary = here.parent().and_then(Path::parent).expect("target folder").join("faxgate");
    let mut child = Command::new(&binary)
        .arg("--config")
        .arg(folder)
        .arg("t38")
        .env("FAXGATE_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("standard output"))
        .read_line(&mut line)
        .expect("it says where");
    let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    (child, port, metrics)
}

/// Faxes in the spool whose pages are those that were sent.
fn identical(spool: &Path, sent: &[Raster]) -> usize {
    let entries = std::fs::read_dir(spool).expect("the spool").filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter(|path| path.extension().is_some_and(|it| it == "tif") && pages(path) == sent).count()
}

fn pages(path: &Path) -> Vec<Raster> {
    let bytes = std::fs::read(path).expect("a file");
    let opened = decode::open(&bytes, Format::Tiff, &Limits::default()).expect("a TIFF");
    (0..opened.page_count()).map(|index| opened.page(index).expect("a page").raster).collect()
}

fn processor_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let after = stat.rsplit(") ").next().unwrap_or("");
    let ticks: f64 = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_A_SECOND
}

fn asked(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("metrics");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

fn more_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused, fewer calls can be placed, and the run says so.
    let _ = setrlimit(Resource::Nofile, limit);
}
