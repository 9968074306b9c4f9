//! The child's side: limits itself, then answers requests until there are no more.

use std::io::{self, BufReader, BufWriter};
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Settings;
use super::engine::Engine;
use super::error::WorkerError;
use super::frame::{self, Answer, FrameError, Request};
use crate::enhance;
use crate::fax::{Disposition, Fault, Page};

/// Names the child's address space in bytes.
pub(super) const MEMORY: &str = "FAXGATE_WORKER_MEMORY";
/// Names the process whose end is the child's end.
pub(super) const PARENT: &str = "FAXGATE_WORKER_PARENT";
/// How often the child looks whether its parent lives. Between pages the closed pipe tells it at once.
const PARENT_LOOK: Duration = Duration::from_secs(1);

/// Address space that the program and its models take, with a reserve: 434 to 444 MiB were measured, of which 100 to
/// 140 are in use.
const MEMORY_ALWAYS: u64 = 480 << 20;
/// Bytes that one pixel of the private copy takes at the peak: 8 were measured.
const MEMORY_A_PIXEL: u64 = 12;

/// Exit codes, by sysexits.h.
const EX_OK: i32 = 0;
const EX_DATAERR: i32 = 65;
const EX_OSERR: i32 = 71;

/// The child's side: serves requests from standard input until it is closed. Returns the exit code.
pub fn child_main() -> i32 {
    if let Err(error) = limit_memory() {
        eprintln!("page-worker: {error}");
        return EX_OSERR;
    }
    end_with_parent();
    let mut from = BufReader::new(io::stdin().lock());
    let mut out = BufWriter::new(io::stdout().lock());
    let mut engine = None;
    loop {
        let (head, body) = match frame::read(&mut from) {
            Ok(Some(frame)) => frame,
            Ok(None) => return EX_OK,
            Err(error) => {
                eprintln!("page-worker: {error}");
                return EX_DATAERR;
            }
        };
        let answer = match answer(&mut engine, &head, body) {
            Ok(answer) => answer,
            Err(error) => {
                eprintln!("page-worker: {error}");
                return EX_DATAERR;
            }
        };
        if let Err(error) = frame::write(&mut out, &answer, &[]) {
            eprintln!("page-worker: {error}");
            return EX_DATAERR;
        }
        let spent = engine.as_ref().is_some_and(|(_, engine): &Running| engine.is_spent());
        if spent || is_bloated() {
            // The pool starts another: what leaked, or still runs, would one day cost a page its text.
            return EX_OK;
        }
    }
}

/// Refuses a page that will not fit. This cannot be left to the limit itself: Leptonica goes on after a
/// failed allocation, and the engine then finds an empty page, or never ends.
fn room_for(page: &Page) -> Result<(), Fault> {
    let needed = MEMORY_ALWAYS.saturating_add(enhance::copy_pixels(page).saturating_mul(MEMORY_A_PIXEL));
    match memory_limit() {
        Some(limit) if needed > limit => {
            let how = format!("about {} MiB of {} MiB", needed >> 20, limit >> 20);
            Err(WorkerError::OutOfMemory { how }.fault(""))
        }
        _ => Ok(()),
    }
}

/// So much is taken while no page is at work that the next may not fit.
fn is_bloated() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kibibytes = size.and_then(|size| size.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.zip(memory_limit()).is_some_and(|(size, limit)| size << 10 > limit / 2 + MEMORY_ALWAYS / 2)
}

fn memory_limit() -> Option<u64> {
    getrlimit(Resource::As).current
}

/// The engine in use and what it was made from.
type Running = (Settings, Engine);

fn answer(running: &mut Option<Running>, head: &[u8], body: Vec<u8>) -> Result<Answer, FrameError> {
    let request: Request = frame::from_json(head)?;
    let page = request.page(body)?;
    let wanted = Settings { enhance: request.enhance, recognize: request.recognize, ..Settings::default() };
    if let Err(fault) = room_for(&page) {
        return Ok(Answer::Failed(fault));
    }
    let mut read = || {
        let kept = running.take().filter(|(settings, _)| *settings == wanted);
        let (_, engine) = running.insert(match kept {
            Some(kept) => kept,
            None => (wanted.clone(), Engine::new(&wanted)?),
        });
        engine.transcribe(&page)
    };
    match panic::catch_unwind(AssertUnwindSafe(&mut read)) {
        Ok(Ok(transcript)) => Ok(Answer::Read(transcript)),
        Ok(Err(fault)) => Ok(Answer::Failed(fault)),
        Err(_) => {
            // Half-done work is thrown away with the engine that did it.
            *running = None;
            let words = "A page could not be read because of a mistake in faxgate: please report it.";
            Ok(Answer::Failed(Fault::new("worker.page.panicked", Disposition::Retry, words)))
        }
    }
}

/// Bounds the address space, and forbids core files: they would hold the fax.
fn limit_memory() -> Result<(), String> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| format!("core files cannot be forbidden: {error}"))?;
    let Ok(bytes) = std::env::var(MEMORY) else { return Ok(()) };
    let bytes: u64 = bytes.parse().map_err(|_| format!("{MEMORY} is no number"))?;
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::As, limit)
        .map_err(|error| format!("memory cannot be limited to {bytes} bytes: {error}"))
}

/// Ends this process when its parent is gone, also in the middle of a page that never ends.
///
/// Linux could signal that (`PR_SET_PDEATHSIG`), but it speaks of the parent's *thread*, and an async
/// runtime's threads come and go.
fn end_with_parent() {
    let parent = std::env::var(PARENT).ok().and_then(|id| id.parse::<u32>().ok());
    let Some(parent) = parent else { return };
    let watch = move || {
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(PARENT_LOOK);
        }
        std::process::exit(EX_OK);
    };
    // Without the thread the closed pipe still ends the child after its page.
    let _ = std::thread::Builder::new().name("parent".into()).stack_size(64 << 10).spawn(watch);
}
