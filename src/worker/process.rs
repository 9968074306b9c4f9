//! One child process as the pool sees it: started, asked, ended.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::error::WorkerError;
use super::frame::{self, Answer, Lengths, PREFIX, Request};
use super::{Settings, child};
use crate::fax::{Fault, Page};

/// Of what a child says on standard error, so many last bytes are kept.
const STDERR_TAIL: usize = 4096;
/// A child whose input was closed has so long to end before it is killed.
const FAREWELL: Duration = Duration::from_secs(2);
/// After a child's death its last words are waited for so long.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A running child and its pipes.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    said: Arc<Mutex<Said>>,
    listener: JoinHandle<()>,
    /// Pages it has answered.
    pub pages: u32,
}

impl Process {
    /// Starts a child with a cleared environment. It is killed when this value is dropped.
    pub fn start(program: &Path, settings: &Settings) -> Result<Self, WorkerError> {
        let mut command = Command::new(program);
        command
            .arg("page-worker")
            .env_clear()
            .env("OMP_THREAD_LIMIT", "1")
            .env("LC_ALL", "C.UTF-8")
            .env(child::MEMORY, settings.memory.to_string())
            .env(child::PARENT, std::process::id().to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // The one thing a relocated installation needs to find its libraries.
        if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", path);
        }
        let mut child = command.spawn().map_err(|error| WorkerError::Start(error.to_string()))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(WorkerError::Start("it has no pipes".into()));
        };
        let said = Arc::default();
        let listener = tokio::spawn(listen(errors, Arc::clone(&said)));
        Ok(Self { child, input, output, said, listener, pages: 0 })
    }

    /// Its process id, while it lives.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// True if it can be asked: it has not ended by itself.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks for one page. After an error the child is of no more use.
    pub async fn ask(&mut self, page: &Page, settings: &Settings) -> Result<Answer, WorkerError> {
        let head = frame::to_json(&Request::of(page, &settings.enhance, &settings.recognize))?;
        let body = frame::raw(page);
        let prefix = Lengths { head: head.len(), body: body.len() }.prefix()?;
        let Self { input, output, .. } = self;
        let send = async {
            input.write_all(&prefix).await?;
            input.write_all(&head).await?;
            input.write_all(body).await?;
            input.flush().await
        };
        let exchange = async {
            tokio::pin!(send);
            let receive = receive(output);
            tokio::pin!(receive);
            // An answer may come before the question was taken: then it is rubbish, and waiting for the
            // question to be taken would be waiting for ever.
            tokio::select! {
                biased;
                answer = &mut receive => match answer {
                    Ok(_) => Err(WorkerError::Garbled("it came before the page was sent".into())),
                    Err(error) => Err(error),
                },
                // A child that does not take the question has died or is about to answer rubbish.
                _ = &mut send => receive.await,
            }
        };
        let answer = timeout(settings.page_time, exchange).await;
        let answer = answer.unwrap_or(Err(WorkerError::KilledTime(settings.page_time)))?;
        self.pages += 1;
        // The child refuses pages that will not fit, and this is the second net: an engine that complained
        // of memory may have read half a page. What it said before it answered is in the pipe by now.
        tokio::task::yield_now().await;
        match self.said.lock().map(|said| said.of_memory) {
            Ok(false) => Ok(answer),
            _ => Err(WorkerError::OutOfMemory { how: "it complained and went on".into() }),
        }
    }

    /// True if it had ended well after its last answer, as a bloated one does, and never saw this page: `lives`
    /// may be asked before it is gone.
    pub async fn had_retired(&mut self, error: &WorkerError) -> bool {
        let closed = self.pages > 0 && matches!(error, WorkerError::Crashed { .. });
        closed && matches!(timeout(LAST_WORDS, self.child.wait()).await, Ok(Ok(status)) if status.success())
    }

    /// Kills the child and tells its last words with the error.
    pub async fn bury(mut self, error: WorkerError) -> Fault {
        // A child that closed its pipe is ending by itself: how, says more than our signal.
        let ended = match error {
            WorkerError::Crashed { .. } => {
                timeout(LAST_WORDS, self.child.wait()).await.ok().and_then(Result::ok)
            }
            _ => None,
        };
        if ended.is_none() {
            // Fails only if it is gone already.
            let _ = self.child.kill().await;
        }
        let _ = timeout(LAST_WORDS, &mut self.listener).await;
        self.listener.abort();
        let (said, of_memory) = match self.said.lock() {
            Ok(said) => (String::from_utf8_lossy(&said.tail).into_owned(), said.of_memory),
            Err(_) => (String::new(), false),
        };
        let error = match (error, ended) {
            (WorkerError::Crashed { .. }, status) => {
                let how = status.map_or_else(|| "it closed its pipe".to_owned(), |status| status.to_string());
                if of_memory { WorkerError::OutOfMemory { how } } else { WorkerError::Crashed { how } }
            }
            (error, _) => error,
        };
        error.fault(&said)
    }

    /// Lets the child end by closing its input; kills it if it will not.
    pub async fn retire(self) {
        let Self { mut child, input, output, listener, .. } = self;
        drop(input);
        if timeout(FAREWELL, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
        drop(output);
        listener.abort();
    }
}

/// What a child said on standard error.
#[derive(Default)]
struct Said {
    /// The last of it.
    tail: Vec<u8>,
    /// Among all of it was a complaint about memory.
    of_memory: bool,
}

impl Said {
    /// What Rust, C++ and Leptonica say when an allocation fails.
    const COMPLAINTS: [&str; 4] =
        ["memory allocation of", "bad_alloc", "malloc fail", "Cannot allocate memory"];

    fn hear(&mut self, words: &[u8]) {
        self.tail.extend_from_slice(words);
        let heard = String::from_utf8_lossy(&self.tail);
        self.of_memory |= Self::COMPLAINTS.iter().any(|complaint| heard.contains(complaint));
        let over = self.tail.len().saturating_sub(STDERR_TAIL);
        self.tail.drain(..over);
    }
}

/// Reads one answer.
async fn receive(output: &mut ChildStdout) -> Result<Answer, WorkerError> {
    let closed = |_| WorkerError::Crashed { how: "it closed its pipe".into() };
    let mut prefix = [0; PREFIX];
    let mut filled = 0;
    while filled < PREFIX {
        match output.read(&mut prefix[filled..]).await.map_err(closed)? {
            0 if filled == 0 => return Err(WorkerError::Crashed { how: "it closed its pipe".into() }),
            0 => return Err(WorkerError::Garbled(format!("it is {filled} bytes long"))),
            count => filled += count,
        }
    }
    let lengths = Lengths::parse(prefix)?;
    if lengths.body > 0 {
        return Err(WorkerError::Garbled(format!("it brings {} bytes of pixels", lengths.body)));
    }
    let mut head = vec![0; lengths.head];
    output.read_exact(&mut head).await.map_err(closed)?;
    Ok(frame::from_json(&head)?)
}

/// Keeps the tail of what the child says; reads on so that it never blocks.
async fn listen(mut errors: ChildStderr, said: Arc<Mutex<Said>>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        let Ok(mut said) = said.lock() else { return };
        said.hear(&buffer[..count]);
    }
}
