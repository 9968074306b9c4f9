//! Pages and texts → a PDF and what is worth saying of it. Sync: it runs on a thread of its own.

use std::collections::HashMap;

use crate::compose::{self, Composer, Conformance};
use crate::decode::{Opened, t4::encode_mmr};
use crate::fax::{Document, Fault, PageText};

/// Width in pixels of the first page's picture in a mail.
const PREVIEW_WIDTH: u32 = 640;

/// A document before it has an address.
pub struct Made {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// The first page's picture, a PNG.
    pub preview: Option<Vec<u8>>,
    /// What is worth saying of it; its addresses and length are not known yet.
    pub document: Document,
}

/// Sets the pages one by one, so that one page is in memory and not all. `texts` are by page number, from 1.
pub fn typeset(
    facts: &compose::Facts<'_>,
    sheets: &Opened<'_>,
    mut texts: HashMap<u32, PageText>,
    conformance: Conformance,
) -> Result<Made, Fault> {
    let mut composer = Composer::new(facts, conformance, encode_mmr);
    let mut document = Document {
        pdf: facts.original,
        bytes: 0,
        preview: None,
        pages: sheets.page_count(),
        damage: Vec::new(),
        without_text: Vec::new(),
        resolution: String::new(),
    };
    let mut preview = None;
    for number in 1..=sheets.page_count() {
        let page = sheets.page(number - 1).map_err(|error| error.fault())?;
        let text = texts.remove(&number).unwrap_or_else(|| PageText {
            lost: Some("pipeline.text.missing".to_owned()),
            ..PageText::default()
        });
        composer.add(&page, &text).map_err(|error| error.fault())?;
        if number == 1 {
            document.resolution = page.resolution.name();
            // A mail without the picture is better than no mail.
            preview = compose::preview(&page, text.turn, PREVIEW_WIDTH).ok();
        }
        document.without_text.extend(text.lost.map(|code| (number, code)));
        document.damage.push(page.damage);
    }
    let pdf = composer.finish().map_err(|error| error.fault())?;
    Ok(Made { pdf, preview, document })
}
