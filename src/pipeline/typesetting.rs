//! Pages and texts → a PDF and what is worth saying of it. Sync: it runs on a thread of its own.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crate::compose::{self, Coded, ComposeError, Composer, View};
use crate::decode::{Opened, t4::encode_mmr};
use crate::enhance;
use crate::fax::{Bitmap, CleanPage, Document, Fault, Page, PageText, Raster, Turn};

/// Width in pixels of the first page's picture in a mail.
const PREVIEW_WIDTH: u32 = 640;

/// A sample of the cleaned copy darker than this is ink.
const INK: u8 = 128;

/// How documents are set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Typography {
    /// Standard, coding, view, enhanced copies.
    pub pdf: compose::Settings,
    /// How enhanced copies are cleaned.
    pub enhance: enhance::Settings,
}

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
    texts: HashMap<u32, PageText>,
    how: &Typography,
) -> Result<Made, Fault> {
    typeset_pages(facts, sheets, texts, how, 1..=sheets.page_count())
}

/// The same with some of the pages; the preview is of the first of them.
pub fn typeset_pages(
    facts: &compose::Facts<'_>,
    sheets: &Opened<'_>,
    mut texts: HashMap<u32, PageText>,
    how: &Typography,
    pages: RangeInclusive<u32>,
) -> Result<Made, Fault> {
    let mut composer = Composer::new(facts, &how.pdf, encode_mmr);
    let mut document = Document {
        pdf: facts.original,
        bytes: 0,
        preview: None,
        pages: pages.clone().count().try_into().unwrap_or(u32::MAX),
        damage: Vec::new(),
        without_text: Vec::new(),
        resolution: String::new(),
    };
    let mut preview = None;
    let first = *pages.start();
    for number in pages {
        let mut page = sheets.page(number - 1).map_err(|error| error.fault())?;
        let reports = facts.call.page_damage.iter().filter(|report| report.page == number);
        reports.for_each(|report| page.damage.reported(report));
        let text = texts.remove(&number).unwrap_or_else(|| PageText {
            lost: Some("pipeline.text.missing".to_owned()),
            ..PageText::default()
        });
        let coded = composer.add(&page, &text).map_err(|error| error.fault())?;
        if coded == Coded::Refused {
            tracing::warn!(fax = %facts.id, page = number, "JBIG2 did not give the page back; Group 4 instead");
        }
        if how.pdf.enhanced {
            enhanced(&mut composer, number, &page, text.turn, how).map_err(|error| error.fault())?;
        }
        if number == first {
            document.resolution = page.resolution.name();
            let turn = match how.pdf.view {
                View::Upright | View::Straight => text.turn,
                View::AsReceived => Turn::None,
            };
            // A mail without the picture is better than no mail.
            preview = compose::preview(&page, turn, PREVIEW_WIDTH).ok();
        }
        document.without_text.extend(text.lost.map(|code| (number, code)));
        document.damage.push(page.damage);
    }
    let pdf = composer.finish().map_err(|error| error.fault())?;
    Ok(Made { pdf, preview, document })
}

/// Adds the page's cleaned copy, upright. A scanner's gray or colour page has none: black and white would
/// show less of it, not more; nor has a blank page.
fn enhanced(
    composer: &mut Composer,
    number: u32,
    page: &Page,
    turn: Turn,
    how: &Typography,
) -> Result<(), ComposeError> {
    if !matches!(page.raster, Raster::Bilevel(_)) {
        return Ok(());
    }
    let copy = enhance::clean(page, &how.enhance);
    if copy.plan.blank {
        return Ok(());
    }
    let copy = if turn == Turn::None { copy } else { enhance::turned(&copy, turn) };
    composer.add_enhanced(number, &bilevel(&copy), f64::from(copy.dpi))
}

/// The copy in black and white, as small as a fax.
fn bilevel(copy: &CleanPage) -> Bitmap {
    let mut map = Bitmap::white(copy.width, copy.height);
    for (y, row) in (0..copy.height).zip(copy.samples.chunks_exact((copy.width as usize).max(1))) {
        for (byte, samples) in map.row_mut(y).iter_mut().zip(row.chunks(8)) {
            let bits = samples.iter().fold(0u16, |bits, sample| bits << 1 | u16::from(*sample < INK));
            *byte = (bits << (8 - samples.len())) as u8;
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::Plan;

    #[test]
    fn gray_becomes_ink_pixel_by_pixel() {
        let samples: Vec<u8> = (0..11 * 3).map(|at| if at % 4 == 0 { 127 } else { 128 }).collect();
        let plan = Plan {
            scale_x: 1.0,
            scale_y: 1.0,
            skew: 0.0,
            turn: Turn::None,
            specks: 0,
            streaks: 0,
            blank: false,
        };
        let map = bilevel(&CleanPage { width: 11, height: 3, samples, dpi: 200, plan });
        for at in 0..33 {
            assert_eq!(map.black(at % 11, at / 11), at % 4 == 0, "{at}");
        }
    }
}
