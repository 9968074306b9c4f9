//! The decoder of pages: what goes in, what comes out, and what both codings share. How rows are found, and how
//! reading goes on after damage, is in `group3` and `group4`.

use super::bits::BitReader;
use super::breaks::Ending;
use super::page::Rows;
use super::runs::close;
use crate::fax::{Bitmap, Coding, Damage};

/// What is known of the data before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// How the rows are coded.
    pub coding: Coding,
    /// Pixels across.
    pub width: u32,
    /// Rows that the page should have. `None`: as many as there are.
    pub rows: Option<u32>,
    /// Rows start on bytes (TIFF compression 2, PDF `EncodedByteAlign`).
    pub byte_align: bool,
    /// No picture gets more rows, whatever the data say.
    pub most_rows: u32,
}

/// How the page's rows were set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOfLine {
    /// No EOL was seen before a row.
    Never,
    /// Each row had one before it.
    Always,
    /// Some had.
    Sometimes,
}

/// A decoded page. There always is one; how good it is stands in `damage`.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The picture: `rows` rows if they were announced (white where they are missing), else what was found.
    pub map: Bitmap,
    /// Bad and missing rows.
    pub damage: Damage,
    /// Rows that were read without repair.
    pub good_rows: u32,
    /// Every code word was where the standard wants it: the data say exactly this picture to any decoder.
    pub exact: bool,
    /// How rows were set apart.
    pub end_of_line: EndOfLine,
    /// Rows started on bytes.
    pub byte_aligned: bool,
    /// RTC or EOFB was found.
    pub end_of_page: bool,
    /// Bytes up to the end of the last row, or of RTC or EOFB.
    pub used: usize,
}

/// Decodes a page. Ends within the data's length whatever they are, and never fails.
pub fn decode(data: &[u8], options: &DecodeOptions) -> Decoded {
    let mut page = Decoder::new(data, options);
    if options.width > 0 {
        match options.coding {
            Coding::Mmr => page.group4(),
            Coding::Mh | Coding::Mr => page.group3(),
        }
    }
    page.finish()
}

/// Without EOLs, all searches for a row together may read the data so many times.
const SEARCH_READINGS: usize = 16;

/// What is known while a page is read.
pub(super) struct Decoder<'a> {
    pub(super) reader: BitReader<'a>,
    pub(super) options: DecodeOptions,
    pub(super) rows: Rows,
    /// The row being read; afterwards scrap.
    pub(super) changes: Vec<u32>,
    /// A row that is only tried.
    pub(super) tried: Vec<u32>,
    pub(super) eol_before: u32,
    pub(super) exact: bool,
    pub(super) end_of_page: bool,
    pub(super) cut: bool,
    pub(super) used_bits: usize,
    /// MR: the row above is repaired or missing; two-dimensional rows mean little.
    pub(super) reference_lost: bool,
    /// Rows when several EOLs came in a row and no good row has come since.
    pub(super) tail_from: Option<u32>,
    pub(super) no_eol_ahead: bool,
    /// The reader stands at an EOL that has wrong bits.
    pub(super) at_damaged_eol: bool,
    /// Bits of the last good row, with its EOL: of a two-dimensional one, of a one-dimensional one.
    pub(super) usual_bits: [usize; 2],
    pub(super) ending: Ending,
    pub(super) data_bytes: usize,
    /// Bits that may still be read in search of rows: keeps hostile data from costing more than a few
    /// readings of themselves.
    pub(super) search_bits: usize,
}

impl<'a> Decoder<'a> {
    fn new(data: &'a [u8], options: &DecodeOptions) -> Self {
        let most = options.rows.unwrap_or(options.most_rows).min(options.most_rows);
        Self {
            reader: BitReader::new(data),
            options: *options,
            rows: Rows::new(options.width, most),
            changes: Vec::new(),
            tried: Vec::new(),
            eol_before: 0,
            exact: true,
            end_of_page: false,
            cut: false,
            used_bits: 0,
            reference_lost: false,
            tail_from: None,
            no_eol_ahead: false,
            at_damaged_eol: false,
            usual_bits: [0; 2],
            ending: Ending::Cut,
            data_bytes: data.len(),
            search_bits: data.len().saturating_mul(8 * SEARCH_READINGS),
        }
    }

    /// Puts rows in for what could not be read.
    pub(super) fn lose(&mut self, rows: u32) {
        self.rows.add_lost(rows);
        self.exact = false;
        self.reference_lost = true;
    }

    /// Makes a row of what came of it before its first bad code word: the rest is white.
    pub(super) fn close_part(&mut self) {
        let width = self.options.width;
        while self.changes.last().is_some_and(|&last| last >= width) {
            self.changes.pop();
        }
        if self.changes.len() % 2 == 1 {
            // What would be black to the margin is more likely white.
            self.changes.pop();
        }
        close(&mut self.changes, width);
    }

    /// Keeps what came of the row within which the data end.
    pub(super) fn keep_part(&mut self) {
        self.close_part();
        self.rows.add(&mut self.changes, true);
        self.exact = false;
        self.cut |= self.options.rows.is_none_or(|rows| self.rows.count() < rows);
    }

    fn finish(mut self) -> Decoded {
        if let Some(rows) = self.options.rows {
            let lost = self.rows.bad();
            let missing = self.rows.fit(rows, self.ending);
            // Rows that lost their EOL were counted as one: so many may be missing without a cut.
            self.cut |= missing > lost;
            self.exact &= missing == 0;
        } else {
            self.exact &= !self.rows.full();
        }
        let eol_before = self.eol_before;
        let end_of_line = match eol_before {
            0 => EndOfLine::Never,
            all if all == self.rows.count() => EndOfLine::Always,
            _ => EndOfLine::Sometimes,
        };
        // Where rows were set apart now so, now so, we had to look ahead: others may read otherwise.
        self.exact &= end_of_line != EndOfLine::Sometimes;
        let byte_aligned = self.options.byte_align && eol_before == 0;
        let (map, damage) = self.rows.finish(self.cut);
        Decoded {
            good_rows: map.height().saturating_sub(damage.bad_rows),
            damage,
            exact: self.exact,
            end_of_line,
            byte_aligned,
            end_of_page: self.end_of_page,
            // The tag bit of a last EOL may lie beyond the data.
            used: self.used_bits.div_ceil(8).min(self.data_bytes),
            map,
        }
    }
}
