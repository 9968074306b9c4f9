//! Page workers that misbehave: shell scripts stand in for the child, the processes are real.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use faxgate::fax::{Bitmap, Damage, Disposition, Page, PageText, Plan, Raster, Resolution, Turn};
use faxgate::worker::frame::{self, Answer, Lengths, PREFIX, Request};
use faxgate::worker::{Pool, Settings, Transcript};

const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A child that does what `script` says; `$HERE` is this stage's folder. Written by another process: while
    /// we had it open for writing, a test beside us might fork and keep it busy.
    fn child(&self, script: &str) -> PathBuf {
        let program = self.path("child");
        let mut install = Command::new("install")
            .args(["-m", "755", "/dev/stdin"])
            .arg(&program)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let here = self.folder.path().display();
        let mut input = install.stdin.take().unwrap();
        write!(input, "#!/bin/sh\nHERE={here}\necho $$ >> $HERE/started\n{script}\n").unwrap();
        drop(input);
        assert!(install.wait().unwrap().success());
        program
    }

    /// A child that reads requests for [`page`] and answers each with `transcript`.
    fn honest_child(&self, before_answer: &str) -> PathBuf {
        self.child_that_answers(before_answer, "")
    }

    fn child_that_answers(&self, before_answer: &str, after_answer: &str) -> PathBuf {
        let settings = settings();
        let head = frame::to_json(&Request::of(&page(), &settings.enhance, &settings.recognize)).unwrap();
        let request = PREFIX + head.len() + frame::raw(&page()).len();
        let mut answer = Vec::new();
        frame::write(&mut answer, &Answer::Read(transcript()), &[]).unwrap();
        std::fs::write(self.path("answer"), answer).unwrap();
        self.child(&format!(
            "while [ \"$(head -c {request} | wc -c)\" = {request} ]; do {before_answer} cat $HERE/answer{after_answer}; done"
        ))
    }

    fn started(&self) -> Vec<u32> {
        let ids = std::fs::read_to_string(self.path("started")).unwrap_or_default();
        ids.lines().map(|id| id.parse().unwrap()).collect()
    }
}

fn settings() -> Settings {
    Settings { workers: 1, page_time: PATIENCE, ..Settings::default() }
}

fn page() -> Page {
    let raster = Raster::Bilevel(Bitmap::white(1728, 100));
    Page { raster, resolution: Resolution::FINE, ccitt: None, damage: Damage::default() }
}

fn transcript() -> Transcript {
    let plan =
        Plan { scale_x: 1.0, scale_y: 1.0, skew: 0.0, turn: Turn::None, specks: 0, streaks: 0, blank: true };
    Transcript {
        text: PageText { blank: true, ..PageText::default() },
        codes: vec![],
        fingerprint: None,
        plan,
        millis: 7,
    }
}

fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Waits for what must come soon; says whether it came.
async fn soon(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

async fn fault_of(script: &str) -> faxgate::fax::Fault {
    let stage = Stage::new();
    let pool = Pool::new(stage.child(script), settings());
    let start = Instant::now();
    let fault = pool.transcribe(&page()).await.unwrap_err();
    assert!(start.elapsed() < PATIENCE, "noticed at once, not by the clock");
    assert_eq!(pool.free(), 1);
    let again = pool.transcribe(&page()).await.unwrap_err();
    assert_eq!(again.code, fault.code);
    assert_eq!(stage.started().len(), 2, "a dead child is replaced");
    assert!(soon(|| !stage.started().into_iter().any(runs)).await, "nobody is left behind");
    fault
}

#[tokio::test]
async fn a_child_that_dies_costs_one_page() {
    let fault = fault_of("echo boom >&2; kill -9 $$").await;
    assert_eq!((fault.code.as_str(), fault.disposition), ("worker.page.crashed", Disposition::Retry));
    assert!(fault.operator.contains("signal: 9"), "{}", fault.operator);
    assert_eq!(fault.detail, "boom");
    let fault = fault_of("head -c 20 > /dev/null; exit 3").await;
    assert_eq!(fault.code, "worker.page.crashed");
    assert!(fault.operator.contains("exit status: 3"), "{}", fault.operator);
}

#[tokio::test]
async fn rubbish_is_no_answer() {
    for script in [
        "head -c 100 /dev/zero",
        "echo hello there, this is no frame; exec sleep 600",
        "printf 'FXW1'",
        "cat > /dev/null & printf 'FXW1\\000\\000\\000\\004\\000\\000\\000\\000null'; exec sleep 600",
        "printf 'FXW1\\377\\377\\377\\377\\000\\000\\000\\000'; exec sleep 600",
        "printf 'FXW1\\000\\000\\000\\004\\000\\000\\000\\001null '; exec sleep 600",
    ] {
        let fault = fault_of(script).await;
        assert_eq!(
            (fault.code.as_str(), fault.disposition),
            ("worker.page.garbled", Disposition::Retry),
            "{script}"
        );
    }
}

#[tokio::test]
async fn memory_that_runs_out_is_told_from_other_crashes() {
    let fault = fault_of("echo 'memory allocation of 99 bytes failed' >&2; kill -6 $$").await;
    assert_eq!(fault.code, "worker.page.out-of-memory");
}

/// Leptonica goes on after a failed allocation and the engine finds an empty page: that is no reading.
#[tokio::test]
async fn an_answer_after_a_complaint_about_memory_is_not_believed() {
    let stage = Stage::new();
    let complaint = "echo 'Error in pixCreateNoInit: pixdata_malloc fail for data' >&2; sleep 0.1;";
    let pool = Pool::new(stage.honest_child(complaint), settings());
    let fault = pool.transcribe(&page()).await.unwrap_err();
    assert_eq!((fault.code.as_str(), fault.disposition), ("worker.page.out-of-memory", Disposition::Retry));
    assert!(soon(|| !runs(stage.started()[0])).await);
}

#[tokio::test]
async fn a_child_that_hangs_is_killed_by_the_clock() {
    let stage = Stage::new();
    let settings = Settings { page_time: Duration::from_millis(300), ..settings() };
    let pool = Pool::new(stage.child("trap '' TERM INT HUP; while :; do sleep 600; done"), settings);
    let start = Instant::now();
    let fault = pool.transcribe(&page()).await.unwrap_err();
    assert_eq!((fault.code.as_str(), fault.disposition), ("worker.page.killed-time", Disposition::Retry));
    assert!(start.elapsed() >= Duration::from_millis(300) && start.elapsed() < PATIENCE);
    assert!(soon(|| !runs(stage.started()[0])).await);
    assert_eq!(pool.free(), 1);
}

#[tokio::test]
async fn a_well_child_is_used_again_and_a_dead_one_replaced() {
    let stage = Stage::new();
    let pool = Pool::new(stage.honest_child(""), settings());
    for _ in 0..3 {
        assert_eq!(pool.transcribe(&page()).await.unwrap(), transcript());
    }
    let first = stage.started();
    assert_eq!(first.len(), 1);
    Command::new("kill").args(["-9", &first[0].to_string()]).status().unwrap();
    assert!(soon(|| !runs(first[0])).await);
    assert_eq!(pool.transcribe(&page()).await.unwrap(), transcript());
    assert_eq!(stage.started().len(), 2);
}

#[tokio::test]
async fn a_child_that_leaves_after_its_answer_costs_no_page() {
    let stage = Stage::new();
    // A bloated worker ends after its answer, and takes its time: it is asked again while it still lives.
    let pool = Pool::new(stage.child_that_answers("", "; sleep 0.1; exit 0"), settings());
    for children in 1..=3 {
        assert_eq!(pool.transcribe(&page()).await.unwrap(), transcript());
        assert_eq!(stage.started().len(), children);
    }
}

#[tokio::test]
async fn no_more_children_than_workers() {
    let stage = Stage::new();
    let pool = Pool::new(stage.honest_child("sleep 0.05;"), Settings { workers: 2, ..settings() });
    let page = page();
    let all = [(); 6].map(|()| pool.transcribe(&page));
    let [a, b, c, d, e, f] = all;
    let (a, b, c, d, e, f) = tokio::join!(a, b, c, d, e, f);
    for read in [a, b, c, d, e, f] {
        assert_eq!(read.unwrap(), transcript());
    }
    assert_eq!(stage.started().len(), 2);
}

#[tokio::test]
async fn a_page_nobody_waits_for_any_more_is_given_up() {
    let stage = Stage::new();
    let pool = Pool::new(stage.child("exec sleep 600"), settings());
    let page = page();
    let given_up = tokio::time::timeout(Duration::from_millis(200), pool.transcribe(&page)).await;
    assert!(given_up.is_err());
    assert!(soon(|| !stage.started().into_iter().any(runs)).await);
    assert_eq!(pool.free(), 1);
}

#[tokio::test]
async fn children_know_nothing_of_our_environment() {
    let stage = Stage::new();
    let pool = Pool::new(stage.child("env > $HERE/env; echo $1 > $HERE/argument; exit 1"), settings());
    pool.transcribe(&page()).await.unwrap_err();
    let env = std::fs::read_to_string(stage.path("env")).unwrap();
    let ours: Vec<&str> = env.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok() && !ours.contains(&"CARGO_MANIFEST_DIR"), "{env}");
    assert!(!ours.contains(&"HOME") && env.contains("OMP_THREAD_LIMIT=1"), "{env}");
    assert_eq!(std::fs::read_to_string(stage.path("argument")).unwrap().trim(), "page-worker");
}

#[tokio::test]
async fn shutdown_lets_children_end_and_takes_no_more_pages() {
    let stage = Stage::new();
    let pool = Pool::new(stage.honest_child(""), settings());
    pool.transcribe(&page()).await.unwrap();
    assert!(runs(stage.started()[0]));
    pool.shutdown().await;
    assert!(!runs(stage.started()[0]));
    let fault = pool.transcribe(&page()).await.unwrap_err();
    assert_eq!((fault.code.as_str(), fault.disposition), ("worker.pool.closed", Disposition::Retry));
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let pool = Pool::new(Path::new("/nonexistent/faxgate").into(), settings());
    let fault = pool.transcribe(&page()).await.unwrap_err();
    assert_eq!((fault.code.as_str(), fault.disposition), ("worker.start.failed", Disposition::Retry));
}

#[test]
fn a_page_that_fits_no_frame_is_refused() {
    let lengths = Lengths { head: 10, body: frame::LARGEST_BODY + 1 };
    let error = faxgate::worker::WorkerError::from(lengths.prefix().unwrap_err());
    assert_eq!(error.fault("").code, "worker.page.too-large");
    assert_eq!(error.fault("").disposition, Disposition::Refuse);
}
