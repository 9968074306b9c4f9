//! ITU-T T.4 (MH, MR) and T.6 (MMR): the codings of fax pages, in our own code.
//!
//! Written here and not taken from a library because of what real lines do: rows are damaged, EOLs are
//! missing or filled, tags lie. A picture library stops at the first bad code word; a fax gateway must
//! go on with the next row, and say how many it lost.
//!
//! Rows are handled as lists of changing elements, not as pixels. Code words are most significant bit
//! first; [`reverse_bits`] brings the other fill order to it.

mod bits;
mod breaks;
mod claim;
mod codes;
mod decode;
mod encode;
mod group3;
mod group4;
mod page;
mod row;
mod runs;
mod survey;
mod table;
#[cfg(test)]
mod tests;

pub use claim::{COMPRESSION_WRONG, Claim, FILL_ORDER_WRONG, Reading, in_order, read};
pub use decode::{DecodeOptions, Decoded, EndOfLine, decode};
pub use encode::{EncodeOptions, encode, encode_mmr, reverse_bits};
pub use survey::{RowWidths, row_widths, trailing_eols};
