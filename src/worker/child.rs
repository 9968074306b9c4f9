//! The child's side: limits itself, then answers requests until there are no more.

use std::io::{self, BufReader, BufWriter};
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::engine::Engine;
use super::frame::{self, Answer, FrameError, Request};
use crate::fax::{Disposition, Fault};
use crate::{enhance, recognize};

/// Names the child's address space in bytes.
pub(super) const MEMORY: &str = "FAXGATE_WORKER_MEMORY";
/// Names the process whose end is the child's end.
pub(super) const PARENT: &str = "FAXGATE_WORKER_PARENT";
/// How often the child looks whether its parent lives. Between pages the closed pipe tells it at once.
const PARENT_LOOK: Duration = Duration::from_secs(1);

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
    }
}

/// The engine in use and what it was made from.
type Running = (enhance::Settings, recognize::Settings, Engine);

fn answer(running: &mut Option<Running>, head: &[u8], body: Vec<u8>) -> Result<Answer, FrameError> {
    let request: Request = frame::from_json(head)?;
    let page = request.page(body)?;
    let mut read = || {
        let wanted = (&request.enhance, &request.recognize);
        let kept = running.take().filter(|(enhance, recognize, _)| (enhance, recognize) == wanted);
        let (enhance, recognize) = (request.enhance.clone(), request.recognize.clone());
        let (.., engine) = running.insert(match kept {
            Some(kept) => kept,
            None => (enhance.clone(), recognize.clone(), Engine::new(enhance, recognize)?),
        });
        engine.transcribe(&page)
    };
    match panic::catch_unwind(AssertUnwindSafe(&mut read)) {
        Ok(Ok(transcript)) => Ok(Answer::Read(transcript)),
        Ok(Err(error)) => Ok(Answer::Failed(error.fault())),
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
