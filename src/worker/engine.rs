//! Enhancing and reading a page in this process.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{Settings, Transcript};
use crate::enhance::{self, Sketch};
use crate::fax::{CleanPage, Fault, Page, PageCode, Resolution};
use crate::recognize::{self, Recognizer, codes};

/// So long barcodes are looked for on one page. Pages take a fraction of a second; a drawing made to keep the reader
/// busy must not cost the page its text.
const CODES_TIME: Duration = Duration::from_secs(10);
/// Stack of the thread that does it.
const CODES_STACK: usize = 4 << 20;

/// Enhancement and OCR with models that stay loaded. Serves one thread.
///
/// Tesseract's own threads are limited by `OMP_THREAD_LIMIT`, which must stand in the environment before the
/// process starts: the pool does that for its children. Without it Tesseract takes every core.
pub struct Engine {
    enhance: enhance::Settings,
    recognizer: Box<dyn Recognizer>,
    spent: bool,
}

impl Engine {
    /// Takes the steps and models that `settings` name. Fails if a model is not there.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let recognizer = recognize::open(&settings.recognize).map_err(|error| error.fault())?;
        Ok(Self { enhance: settings.enhance.clone(), recognizer, spent: false })
    }

    /// Enhances and reads one page. There is no time limit here: hostile pages belong into the pool.
    pub fn transcribe(&mut self, page: &Page) -> Result<Transcript, Fault> {
        let start = Instant::now();
        let clean = enhance::clean(page, &self.enhance);
        let text = self.recognizer.read(&clean).map_err(|error| error.fault())?;
        let sketch = (!clean.plan.blank).then(|| Sketch::of(&clean, page.resolution, &text));
        let fingerprint = sketch.and_then(|sketch| enhance::fingerprint(&sketch));
        let mut plan = clean.plan.clone();
        plan.turn = text.turn;
        let codes = if clean.plan.blank { Vec::new() } else { self.codes(clean, page.resolution) };
        let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Transcript { text, codes, fingerprint, plan, millis })
    }

    /// A search for codes was given up and still runs somewhere: this process should end after its answer.
    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    /// The page's codes. A search that panics or takes too long costs the codes and nothing else.
    fn codes(&mut self, clean: CleanPage, resolution: Resolution) -> Vec<PageCode> {
        let (sender, found) = mpsc::channel();
        let search = move || {
            let codes = panic::catch_unwind(AssertUnwindSafe(|| codes::find(&clean, resolution)));
            // Nobody waits any more if this fails.
            let _ = sender.send(codes.unwrap_or_default());
        };
        if std::thread::Builder::new().name("codes".into()).stack_size(CODES_STACK).spawn(search).is_err() {
            return Vec::new();
        }
        match found.recv_timeout(CODES_TIME) {
            Ok(codes) => codes,
            Err(_) => {
                eprintln!("page-worker: looking for barcodes took too long and was given up");
                self.spent = true;
                Vec::new()
            }
        }
    }
}

/// Enhances and reads one page in this process, loading the models for it alone. For many pages keep an
/// [`Engine`].
pub fn in_process(page: &Page, settings: &Settings) -> Result<Transcript, Fault> {
    Engine::new(settings)?.transcribe(page)
}
