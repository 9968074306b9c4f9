//! Pages and texts → a PDF and what is worth saying of it. Sync: it runs on a thread of its own.

use std::collections::HashMap;

use crate::compose::{self, Composer, Conformance};
use crate::decode::{self, t4::encode_mmr};
use crate::fax::{Document, Fault, PageText};
use crate::store::Fax;

/// Width in pixels of the first page's picture in a mail.
const PREVIEW_WIDTH: u32 = 640;

/// A document before it has an address.
pub(super) struct Made {
    pub(super) pdf: Vec<u8>,
    pub(super) preview: Option<Vec<u8>>,
    pub(super) document: Document,
}

/// Sets the pages one by one, so that one page is in memory and not all.
pub(super) fn typeset(
    fax: &Fax,
    bytes: &[u8],
    mut texts: HashMap<u32, PageText>,
    limits: &decode::Limits,
    conformance: Conformance,
) -> Result<Made, Fault> {
    let facts =
        compose::Facts { id: &fax.id, call: &fax.call, at: fax.arrival.at, original: fax.original.sha256 };
    let mut composer = Composer::new(&facts, conformance, encode_mmr);
    let sheets = decode::open(bytes, fax.original.format, limits).map_err(|error| error.fault())?;
    let mut document = Document {
        pdf: fax.original.sha256,
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
