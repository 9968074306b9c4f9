//! An original's pages, decoded one after the other on a thread of their own.
//!
//! Async ends here: decoding is sync and may take its time. The channel holds one page, so that a long fax
//! needs the memory of the pages in hand and no more.

use std::collections::HashSet;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};

use crate::decode::{self, Limits};
use crate::fax::{Disposition, Fault, Format, Page};

/// Decoded pages waiting to be taken.
const AHEAD: usize = 1;

/// Pages that come one by one.
pub(super) struct Sheets {
    count: u32,
    pages: mpsc::Receiver<Result<(u32, Page), Fault>>,
    thread: Option<JoinHandle<()>>,
}

impl Sheets {
    /// Opens an original; pages (from 1) in `skip` are not decoded.
    pub(super) async fn open(
        bytes: Vec<u8>,
        format: Format,
        limits: Limits,
        skip: HashSet<u32>,
    ) -> Result<Self, Fault> {
        let (opened, count) = oneshot::channel();
        let (sender, pages) = mpsc::channel(AHEAD);
        let thread =
            tokio::task::spawn_blocking(move || decode_all(&bytes, format, &limits, &skip, opened, &sender));
        let Ok(count) = count.await else {
            return Err(thread.await.err().map_or_else(|| bug("the decoder ended early"), panicked));
        };
        Ok(Self { count: count?, pages, thread: Some(thread) })
    }

    /// Pages of the original, those skipped included.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The next page with its number, from 1. `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Result<(u32, Page), Fault>> {
        if let Some(page) = self.pages.recv().await {
            return Some(page);
        }
        // The channel is closed: by a thread that is done, or by one that died.
        self.thread.take()?.await.err().map(|error| Err(panicked(error)))
    }
}

fn decode_all(
    bytes: &[u8],
    format: Format,
    limits: &Limits,
    skip: &HashSet<u32>,
    opened: oneshot::Sender<Result<u32, Fault>>,
    pages: &mpsc::Sender<Result<(u32, Page), Fault>>,
) {
    let original = match decode::open(bytes, format, limits) {
        Ok(original) => original,
        Err(error) => {
            // Nobody waits for it any more if this fails.
            let _ = opened.send(Err(error.fault()));
            return;
        }
    };
    let count = original.page_count();
    if opened.send(Ok(count)).is_err() {
        return;
    }
    for number in (1..=count).filter(|number| !skip.contains(number)) {
        let page = original.page(number - 1).map(|page| (number, page)).map_err(|error| error.fault());
        let failed = page.is_err();
        if pages.blocking_send(page).is_err() || failed {
            return;
        }
    }
}

/// Runs work on pixels on a thread where it may take its time. A panic there is a fault of this fax.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(panicked(error)))
}

/// The fault of a task that did not end by itself.
pub(super) fn panicked(error: JoinError) -> Fault {
    if !error.is_panic() {
        return bug("a task was cut short");
    }
    let payload = error.into_panic();
    let said = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| payload.downcast_ref::<String>().cloned());
    bug(&said.unwrap_or_else(|| "a panic without words".to_owned()))
}

fn bug(detail: &str) -> Fault {
    let sentence = "faxgate itself failed on this fax; please report it with the fax's history.";
    Fault::new(super::runner::PANIC, Disposition::Retry, sentence).with_detail(detail)
}
