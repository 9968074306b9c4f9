//! Questions about raw T.4 data that are asked before they are decoded.

use super::bits::{BitReader, EOL_ZEROS};
use super::row::run;
use crate::fax::Coding;

/// One-dimensional rows between EOLs, and what their runs add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowWidths {
    /// Widths of the rows that were read from EOL to EOL.
    pub widths: Vec<u32>,
    /// Rows that should have been readable: in MR those tagged one-dimensional.
    pub looked_at: usize,
    /// Bit at which the first EOL's zeros begin.
    pub first_eol: usize,
}

/// Adds up the runs of each one-dimensional row, without knowing the width. Data are most significant bit
/// first. Rows wider than `widest` are not rows.
pub fn row_widths(data: &[u8], coding: Coding, widest: u32, most_rows: usize) -> RowWidths {
    let mut found = RowWidths { widths: Vec::new(), looked_at: 0, first_eol: 0 };
    let mut reader = BitReader::new(data);
    if !reader.seek_eol() {
        return found;
    }
    found.first_eol = reader.position();
    while found.looked_at < most_rows {
        let (zeros, one) = reader.zeros();
        if !one {
            break;
        }
        reader.seek(reader.position() + zeros + 1);
        let mut is_row = true;
        if coding == Coding::Mr {
            is_row = reader.peek() >> 63 == 1;
            reader.skip(1);
        }
        let at_next_eol = |reader: &BitReader<'_>| {
            let (zeros, one) = reader.zeros();
            one && zeros >= EOL_ZEROS
        };
        if is_row && !at_next_eol(&reader) {
            found.looked_at += 1;
            if let Some(width) = row_width(&mut reader, widest)
                && at_next_eol(&reader)
            {
                found.widths.push(width);
            }
        }
        if !reader.seek_eol() {
            break;
        }
    }
    found
}

fn row_width(reader: &mut BitReader<'_>, widest: u32) -> Option<u32> {
    let mut width = 0;
    let mut black = false;
    loop {
        let before = *reader;
        match run(reader, black, widest - width) {
            Ok(length) => width += length,
            Err(_) => {
                *reader = before;
                return (width > 0).then_some(width);
            }
        }
        black = !black;
    }
}

/// EOLs that stand one behind the other at the end of the data, tag bits and fill allowed. Data are most
/// significant bit first.
pub fn trailing_eols(data: &[u8]) -> u32 {
    let mut reader = BitReader::new(data);
    let mut in_a_row = 0;
    while reader.seek_eol() {
        let start = reader.position();
        let (zeros, _) = reader.zeros();
        reader.seek(start + zeros + 1);
        in_a_row += 1;
        // Only a tag bit may stand between two EOLs.
        let tagged = reader.peek() >> 63;
        let mut ahead = reader;
        ahead.skip(tagged as u32);
        let (zeros, one) = ahead.zeros();
        if !one {
            return in_a_row;
        }
        if zeros < EOL_ZEROS {
            in_a_row = 0;
        }
    }
    0
}
