//! Page → text, by whoever reads pages.

use serde::{Deserialize, Serialize};

use super::Context;
use crate::fax::{Fault, Fingerprint, Page, PageCode, PageText, Plan};

/// What is kept of one page's reading.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PageRecord {
    /// The text, or why there is none.
    pub text: PageText,
    /// Barcodes and QR codes, with the number of their page.
    pub codes: Vec<PageCode>,
    /// The page's fingerprint; `None`: it is blank, or was lost to the reader.
    pub fingerprint: Option<Fingerprint>,
    /// How the private copy was made; `None` where the page was lost to the reader.
    pub plan: Option<Plan>,
    /// Milliseconds that the page took.
    pub millis: u64,
}

/// So often a fax waits for models or workers to be mended; then it goes out without text.
pub(super) const PATIENCE: u32 = 6;

/// Page → text. A worker that fails on the page is tried once more; then the page goes without text, and
/// says so. What fails for every page alike (a missing model) is the gateway's fault, and the fax waits.
pub(super) async fn read(ctx: &Context, page: &Page, patient: bool) -> Result<PageRecord, Fault> {
    let mut again = true;
    loop {
        let fault = match ctx.reader.read(page).await {
            Ok(read) => {
                let label = if read.text.blank { "blank" } else { "read" };
                metrics::counter!("faxgate_pages_total", "text" => label).increment(1);
                metrics::histogram!("faxgate_page_seconds").record(read.millis as f64 / 1000.0);
                return Ok(PageRecord {
                    text: read.text,
                    codes: read.codes,
                    fingerprint: read.fingerprint,
                    plan: Some(read.plan),
                    millis: read.millis,
                });
            }
            Err(fault) => fault,
        };
        if patient && fails_for_all(&fault) {
            return Err(fault);
        }
        if !again {
            tracing::warn!(code = fault.code, detail = fault.detail, "a page goes without text");
            metrics::counter!("faxgate_pages_total", "text" => "lost").increment(1);
            let text = PageText { lost: Some(fault.code), ..PageText::default() };
            return Ok(PageRecord { text, ..PageRecord::default() });
        }
        again = false;
    }
}

/// True for faults that have nothing to do with the page.
fn fails_for_all(fault: &Fault) -> bool {
    ["recognize.model.", "worker.start.", "worker.pool."].iter().any(|family| fault.code.starts_with(family))
}
