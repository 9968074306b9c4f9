//! Enhancing and reading a page in this process.

use std::time::Instant;

use super::{Settings, Transcript};
use crate::enhance;
use crate::fax::{Fault, Page};
use crate::recognize::tesseract::Tesseract;
use crate::recognize::{self, RecognizeError, Recognizer};

/// Enhancement and OCR with models that stay loaded. Serves one thread.
///
/// The engine's own threads are limited by `OMP_THREAD_LIMIT`, which must stand in the environment before the
/// process starts: the pool does that for its children. Without it Tesseract takes every core.
pub struct Engine {
    enhance: enhance::Settings,
    recognizer: Tesseract,
}

impl Engine {
    /// Fails if a model is not there.
    pub fn new(enhance: enhance::Settings, recognize: recognize::Settings) -> Result<Self, RecognizeError> {
        Ok(Self { enhance, recognizer: Tesseract::new(recognize)? })
    }

    /// Enhances and reads one page.
    pub fn transcribe(&mut self, page: &Page) -> Result<Transcript, RecognizeError> {
        let start = Instant::now();
        let clean = enhance::clean(page, &self.enhance);
        let text = self.recognizer.read(&clean)?;
        let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut plan = clean.plan;
        plan.turn = text.turn;
        Ok(Transcript { text, plan, millis })
    }
}

/// Enhances and reads one page in this process, loading the models for it alone. For many pages keep an
/// [`Engine`]. There is no time limit here: hostile pages belong into the pool.
pub fn in_process(page: &Page, settings: &Settings) -> Result<Transcript, Fault> {
    Engine::new(settings.enhance.clone(), settings.recognize.clone())
        .and_then(|mut engine| engine.transcribe(page))
        .map_err(|error| error.fault())
}
