//! Why a worker gave no transcript.

use std::time::Duration;

use super::frame::FrameError;
use crate::fax::{Disposition, Fault};

/// What went wrong between the pool and a child. The tail of the child's standard error goes into the fault's
/// detail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// No child could be started.
    #[error("the page worker could not be started: {0}")]
    Start(String),
    /// The child took longer than it may and was killed.
    #[error("the page worker took longer than {} s for one page and was killed", .0.as_secs_f32())]
    KilledTime(Duration),
    /// The child ended in the middle of a page.
    #[error("the page worker ended while it read a page ({how})")]
    Crashed {
        /// Exit status or signal.
        how: String,
    },
    /// The child hit its memory limit.
    #[error("the page worker needed more memory than its limit allows ({how})")]
    OutOfMemory {
        /// Exit status or signal.
        how: String,
    },
    /// The child's answer is no answer.
    #[error("the page worker's answer cannot be understood: {0}")]
    Garbled(String),
    /// The page does not fit into a request.
    #[error("the page is too large for a page worker: {bytes} bytes, at most {most}")]
    TooLarge {
        /// Size of the raster.
        bytes: usize,
        /// [`super::frame::LARGEST_BODY`].
        most: usize,
    },
    /// The pool is being shut down.
    #[error("the gateway is shutting down")]
    Closed,
}

impl WorkerError {
    /// The error as operators see it.
    pub fn fault(&self, stderr_tail: &str) -> Fault {
        let (code, disposition, advice) = match self {
            Self::Start(_) => (
                "worker.start.failed",
                Disposition::Retry,
                "check that the program is installed and processes can be started",
            ),
            Self::KilledTime(_) => (
                "worker.page.killed-time",
                Disposition::Retry,
                "the page's text is lost if this repeats; its picture is delivered",
            ),
            Self::Crashed { .. } => (
                "worker.page.crashed",
                Disposition::Retry,
                "the page's text is lost if this repeats; its picture is delivered",
            ),
            Self::OutOfMemory { .. } => (
                "worker.page.out-of-memory",
                Disposition::Retry,
                "raise the workers' memory limit if this repeats",
            ),
            Self::Garbled(_) => (
                "worker.page.garbled",
                Disposition::Retry,
                "check that gateway and page worker are of one version",
            ),
            Self::TooLarge { .. } => {
                ("worker.page.too-large", Disposition::Refuse, "its picture is delivered without text")
            }
            Self::Closed => ("worker.pool.closed", Disposition::Retry, "the page is read after the restart"),
        };
        let said = self.to_string();
        let mut sentence = said.chars();
        let operator = match sentence.next() {
            Some(first) => format!("{}{}: {advice}.", first.to_uppercase(), sentence.as_str()),
            None => format!("{advice}."),
        };
        Fault::new(code, disposition, operator).with_detail(stderr_tail.trim_end())
    }
}

impl From<FrameError> for WorkerError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge { bytes, most } => Self::TooLarge { bytes, most },
            other => Self::Garbled(other.to_string()),
        }
    }
}
