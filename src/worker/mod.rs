//! Page workers: child processes in which the OCR engine's C++ runs, one page a request over a pipe.
//!
//! A child can be killed: by the clock, by its memory limit, by its own crash. Its death costs one page its
//! text and nothing else: the [`Pool`] starts another. A child knows no secret (its environment is cleared),
//! no database and no file but the models; it ends when its standard input is closed or its parent is gone.
//!
//! [`Engine`] does the same work in the process that calls it: in a child, and in tests.

mod child;
mod engine;
mod error;
pub mod frame;
mod pool;
mod process;

use std::time::Duration;

pub use child::child_main;
pub use engine::{Engine, in_process};
pub use error::WorkerError;
pub use pool::Pool;

use crate::fax::{Fingerprint, PageCode, PageText, Plan};
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

impl Default for Settings {
    /// A worker a core, a minute and a half a page, 2 GiB a worker.
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            page_time: Duration::from_secs(90),
            memory: 2 << 30,
            enhance: enhance::Settings::default(),
            recognize: recognize::Settings::default(),
        }
    }
}

/// What a worker says of one page.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Transcript {
    /// What was read.
    pub text: PageText,
    /// Barcodes and QR codes, of page 1 here: a worker knows one page only.
    #[serde(default)]
    pub codes: Vec<PageCode>,
    /// The page's fingerprint; `None`: it is blank.
    #[serde(default)]
    pub fingerprint: Option<Fingerprint>,
    /// How the private copy was made.
    pub plan: Plan,
    /// Milliseconds the page took in the worker.
    pub millis: u64,
}
