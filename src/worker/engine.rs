//! Enhancing and reading a page in this process.

use std::time::Instant;

use super::{Settings, Transcript};
use crate::enhance;
use crate::fax::{Fault, Page};
use crate::recognize::{self, Recognizer};

/// Enhancement and OCR with models that stay loaded. Serves one thread.
///
/// Tesseract's own threads are limited by `OMP_THREAD_LIMIT`, which must stand in the environment before the
/// process starts: the pool does that for its children. Without it Tesseract takes every core.
pub struct Engine {
    enhance: enhance::Settings,
    recognizer: Box<dyn Recognizer>,
}

impl Engine {
    /// Takes the steps and models that `settings` name. Fails if a model is not there.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let recognizer = recognize::open(&settings.recognize).map_err(|error| error.fault())?;
        Ok(Self { enhance: settings.enhance.clone(), recognizer })
    }

    /// Enhances and reads one page. There is no time limit here: hostile pages belong into the pool.
    pub fn transcribe(&mut self, page: &Page) -> Result<Transcript, Fault> {
        let start = Instant::now();
        let clean = enhance::clean(page, &self.enhance);
        let text = self.recognizer.read(&clean).map_err(|error| error.fault())?;
        let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut plan = clean.plan;
        plan.turn = text.turn;
        Ok(Transcript { text, codes: Vec::new(), fingerprint: None, plan, millis })
    }
}

/// Enhances and reads one page in this process, loading the models for it alone. For many pages keep an
/// [`Engine`].
pub fn in_process(page: &Page, settings: &Settings) -> Result<Transcript, Fault> {
    Engine::new(settings)?.transcribe(page)
}
