//! TIFF class F (RFC 2306) and its relatives, read by our own small reader.
//!
//! Our own, because a fax gateway needs what picture libraries hide: strips as they were received, to be
//! passed on untouched; private tags with the call's facts, as bytes; and a judgement whether the file is
//! whole. What receivers really write: RowsPerStrip of 0xFFFFFFFF, 0, or more than the height; no
//! StripByteCounts; ImageLength 0 in files that were never closed; resolutions of 1×1 or none; pages
//! that differ from each other in width, resolution and coding; fill orders and codings that lie.

mod ifd;
mod jpeg;
mod page;
mod samples;
mod second_look;
mod walk;

#[cfg(test)]
mod tests;

pub use ifd::{ByteOrder, Ifd, Strip};
pub use walk::{MOST_IFDS, Walk, walk};

pub(super) use page::{pages, pass_through};

/// Makes a page of a directory.
pub(super) fn page(ifd: &Ifd<'_>, limits: &super::Limits) -> Result<crate::fax::Page, super::DecodeError> {
    page::decode(ifd, limits)
}
