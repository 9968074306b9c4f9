//! A bounded set of children: started when needed, reused, replaced when they die.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::error::WorkerError;
use super::frame::Answer;
use super::process::Process;
use super::{Settings, Transcript};
use crate::fax::{Fault, Page};

/// After so many pages a child is replaced: what the engine leaks does not add up for ever.
const PAGES_A_CHILD: u32 = 200;

/// A bounded set of children.
pub struct Pool {
    program: PathBuf,
    settings: Settings,
    /// One permit a child; closed at shutdown.
    free: Semaphore,
    idle: Mutex<Vec<Process>>,
}

impl Pool {
    /// Makes a pool; children start at first use. `program` is this executable.
    pub fn new(program: PathBuf, settings: Settings) -> Self {
        let free = Semaphore::new(settings.workers.max(1));
        Self { program, settings, free, idle: Mutex::default() }
    }

    /// Enhances and reads one page in a child. Waits for a free child.
    ///
    /// If the future is dropped, the child that works on the page is killed.
    pub async fn transcribe(&self, page: &Page) -> Result<Transcript, Fault> {
        let closed = |_| WorkerError::Closed.fault("");
        let _permit = self.free.acquire().await.map_err(closed)?;
        loop {
            let mut process = match self.take_idle() {
                Some(process) => process,
                None => Process::start(&self.program, &self.settings).map_err(|error| error.fault(""))?,
            };
            match process.ask(page, &self.settings).await {
                Ok(answer) => {
                    self.put_back(process).await;
                    return match answer {
                        Answer::Read(transcript) => Ok(transcript),
                        Answer::Failed(fault) => Err(fault),
                    };
                }
                // Each such child was an idle one: at the latest a new one ends this.
                Err(error) if process.had_retired(&error).await => {}
                Err(error) => return Err(process.bury(error).await),
            }
        }
    }

    /// Pages that could start at once.
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// Process ids of the children that wait for a page: who measures them looks there between pages.
    pub fn waiting(&self) -> Vec<u32> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().filter_map(Process::id).collect()
    }

    /// Takes no more pages and lets the children end; those at work end after their page.
    pub async fn shutdown(&self) {
        self.free.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for process in idle {
            process.retire().await;
        }
    }

    /// A child that waits and lives.
    fn take_idle(&self) -> Option<Process> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut process) = idle.pop() {
            if process.lives() {
                return Some(process);
            }
        }
        None
    }

    async fn put_back(&self, process: Process) {
        let spent = process.pages >= PAGES_A_CHILD;
        let retiring = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            // Asked under the lock: after `shutdown` emptied the list nothing may join it.
            if spent || self.free.is_closed() {
                Some(process)
            } else {
                idle.push(process);
                None
            }
        };
        if let Some(process) = retiring {
            process.retire().await;
        }
    }
}
