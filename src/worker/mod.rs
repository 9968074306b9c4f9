//! Page workers: child processes in which the OCR engine's C++ runs, one page a request over a pipe.
//!
//! A child can be killed: by the clock, by its memory limit, by its own crash. Its death costs one page its text.

use std::time::Duration;

use crate::fax::{Fault, Page, PageText, Plan};
use crate::{enhance, recognize};

/// How workers are run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Number of child processes.
    pub workers: usize,
    /// Wall clock for one page; then the child is killed.
    pub page_time: Duration,
    /// Address space of one child, bytes.
    pub memory: u64,
    /// Enhancement.
    pub enhance: enhance::Settings,
    /// Recognition.
    pub recognize: recognize::Settings,
}

/// What a worker says of one page.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Transcript {
    /// What was read.
    pub text: PageText,
    /// How the private copy was made.
    pub plan: Plan,
    /// Milliseconds the page took in the worker.
    pub millis: u64,
}

/// A bounded set of children.
pub struct Pool {}

impl Pool {
    /// Makes a pool; children start at first use. `program` is this executable.
    pub fn new(_program: std::path::PathBuf, _settings: Settings) -> Self {
        Self {}
    }

    /// Enhances and reads one page in a child. Waits for a free child.
    pub async fn transcribe(&self, _page: &Page) -> Result<Transcript, Fault> {
        unimplemented!()
    }
}

/// The child's side: serves requests from standard input until it is closed. Returns the exit code.
pub fn child_main() -> i32 {
    unimplemented!()
}
