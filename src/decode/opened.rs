//! [`open`]: one face for all formats, page by page.

use hayro::hayro_syntax::Pdf;

use super::raw_g3::{self, BundledPage};
use super::tiff::{self, Ifd};
use super::{DecodeError, Limits, pdf, png};
use crate::fax::{Format, Page};

/// An original opened for reading page by page, so that a long fax needs the memory of one page.
pub struct Opened<'a> {
    pages: Pages<'a>,
    limits: Limits,
}

enum Pages<'a> {
    Tiff(Vec<Ifd<'a>>),
    G3(Vec<BundledPage<'a>>),
    Png(&'a [u8]),
    Pdf { pdf: Box<Pdf>, count: u32 },
}

/// What the bytes are, from how they begin. `None`: nothing that can be opened.
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    /// A PDF may have so much before its header (ISO 32000-1, Annex H.3, note 13).
    const PDF_HEADER_WITHIN: usize = 1_024;
    if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        return Some(Format::Tiff);
    }
    if raw_g3::is_bundle(bytes) {
        return Some(Format::G3Bundle);
    }
    if bytes.starts_with(png::SIGNATURE) {
        return Some(Format::Png);
    }
    let head = bytes.get(..PDF_HEADER_WITHIN).unwrap_or(bytes);
    let signature = pdf::SIGNATURE;
    head.windows(signature.len()).any(|window| window == signature).then_some(Format::Pdf)
}

/// Opens an original. Cheap: no pixels are decoded.
///
/// # Errors
/// The bytes are not of the format, hold no page, or more pages or bytes than the limits allow.
pub fn open<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> Result<Opened<'a>, DecodeError> {
    limits.check("bytes", bytes.len() as u64, limits.bytes)?;
    let pages = match format {
        Format::Tiff => Pages::Tiff(tiff::pages(tiff::walk(bytes)?.ifds)),
        Format::G3Bundle => Pages::G3(raw_g3::unbundle(bytes, limits)?),
        Format::Png => Pages::Png(bytes),
        Format::Pdf => {
            let pdf = Box::new(pdf::load(bytes)?);
            let count = pdf::page_count(&pdf)?;
            Pages::Pdf { pdf, count }
        }
    };
    let opened = Opened { pages, limits: limits.clone() };
    limits.check("pages", u64::from(opened.page_count()), u64::from(limits.pages))?;
    if opened.page_count() == 0 { Err(DecodeError::NoPages) } else { Ok(opened) }
}

impl Opened<'_> {
    /// Pages in the original; at least one.
    pub fn page_count(&self) -> u32 {
        match &self.pages {
            Pages::Tiff(ifds) => ifds.len() as u32,
            Pages::G3(pages) => pages.len() as u32,
            Pages::Png(_) => 1,
            Pages::Pdf { count, .. } => *count,
        }
    }

    /// Decodes page `index`, from 0. Each page is decoded for itself: one that fails says nothing of the
    /// others.
    ///
    /// # Errors
    /// There is no such page, or nothing of it could be read, or it is larger than the limits allow.
    pub fn page(&self, index: u32) -> Result<Page, DecodeError> {
        let missing = DecodeError::NoSuchPage(index);
        let limits = &self.limits;
        match &self.pages {
            Pages::Tiff(ifds) => tiff::page(ifds.get(index as usize).ok_or(missing)?, limits),
            Pages::G3(pages) => {
                let page = pages.get(index as usize).ok_or(missing)?;
                raw_g3::page(page.name, page.data, limits)
            }
            Pages::Png(bytes) if index == 0 => png::page(bytes, limits),
            Pages::Pdf { pdf, count } if index < *count => pdf::page(pdf, index, limits),
            Pages::Png(_) | Pages::Pdf { .. } => Err(missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert_eq!(sniff(b"II*\0\x08\0\0\0"), Some(Format::Tiff));
        assert_eq!(sniff(b"MM\0*\0\0\0\x08"), Some(Format::Tiff));
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n...."), Some(Format::Png));
        assert_eq!(sniff(b"junk\n%PDF-1.7"), Some(Format::Pdf));
        assert_eq!(sniff(&raw_g3::bundle(&[])), Some(Format::G3Bundle));
        assert_eq!(sniff(b"%!PS"), None);
        assert_eq!(sniff(b""), None);
    }

    #[test]
    fn nothing_is_opened_that_has_no_page_or_too_many() {
        let limits = Limits { pages: 1, bytes: 100, ..Limits::default() };
        let none = raw_g3::bundle(&[]);
        assert_eq!(open(&none, Format::G3Bundle, &limits).err(), Some(DecodeError::NoPages));
        let page = ("fn01.01".to_owned(), vec![0u8; 9]);
        let two = raw_g3::bundle(&[page.clone(), page.clone()]);
        assert!(matches!(
            open(&two, Format::G3Bundle, &limits),
            Err(DecodeError::Limit { what: "pages", .. })
        ));
        let long = raw_g3::bundle(&[(page.0, vec![0; 100])]);
        assert!(matches!(
            open(&long, Format::G3Bundle, &limits),
            Err(DecodeError::Limit { what: "bytes", .. })
        ));
        assert_eq!(open(b"II*\0\0\0\0\0", Format::Tiff, &limits).err(), Some(DecodeError::NoPages));
    }
}
