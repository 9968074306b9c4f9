//! PDF pages that a scanner dropped, rendered at 200 pixels an inch.
//!
//! The renderer (hayro) meets foreign files and may panic on them; that is caught and becomes an error of
//! that page. It has no clock of its own: whoever decodes PDFs from strangers does so in a process that
//! can be killed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

use super::{DecodeError, Limits, png};
use crate::fax::{Damage, Page, Resolution};

pub(super) const SIGNATURE: &[u8; 5] = b"%PDF-";

/// Pixels an inch. Office scanners' own choice, and close to fine fax.
const DPI: f32 = 200.0;
const POINTS_PER_INCH: f32 = 72.0;

/// Opens a PDF.
pub(super) fn load(bytes: &[u8]) -> Result<Pdf, DecodeError> {
    match guarded(|| Pdf::new(bytes.to_vec()))? {
        Ok(pdf) => Ok(pdf),
        Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => Err(DecodeError::EncryptedPdf),
        Err(LoadPdfError::Decryption(other)) => {
            Err(DecodeError::BrokenPdf(format!("its encryption is not understood ({other:?})")))
        }
        Err(LoadPdfError::Invalid) => Err(DecodeError::BrokenPdf("it has no PDF structure".into())),
    }
}

/// Pages in it.
pub(super) fn page_count(pdf: &Pdf) -> Result<u32, DecodeError> {
    guarded(|| pdf.pages().len() as u32)
}

/// Renders page `index`, which the caller knows to be there.
pub(super) fn page(pdf: &Pdf, index: u32, limits: &Limits) -> Result<Page, DecodeError> {
    let scale = DPI / POINTS_PER_INCH;
    let (across, down) = guarded(|| {
        let page = pdf.pages().get(index as usize)?;
        Some(page.render_dimensions())
    })?
    .ok_or(DecodeError::NoSuchPage(index))?;
    let (width, height) = ((across * scale).round() as u64, (down * scale).round() as u64);
    // The renderer counts pixels in 16 bits.
    limits.check("width", width, u64::from(limits.width.min(u32::from(u16::MAX))))?;
    limits.check("rows", height, u64::from(limits.rows.min(u32::from(u16::MAX))))?;
    limits.check("pixels", width * height, limits.pixels)?;
    if width == 0 || height == 0 {
        return Err(DecodeError::BrokenPdf(format!("page {} has no size", index + 1)));
    }
    let rgba = guarded(|| {
        let page = pdf.pages().get(index as usize)?;
        // The renderer cuts fractions of a pixel off: a hair more keeps the last one.
        let exactly = |pixels: u64, points: f32| (pixels as f32 + 0.002) / points;
        let (x_scale, y_scale) = (exactly(width, across), exactly(height, down));
        let settings = PixmapSettings { x_scale, y_scale, bg_color: WHITE };
        let cache = RenderCache::new();
        let interpreter = InterpreterSettings::default();
        let pixmap = render(page, &cache, &interpreter, &RenderSettings::default(), &settings);
        Some((u32::from(pixmap.width()), u32::from(pixmap.height()), pixmap.data_as_u8_slice().to_vec()))
    })?;
    let (width, height, rgba) = rgba.ok_or(DecodeError::NoSuchPage(index))?;
    let resolution = Resolution { x: f64::from(DPI), y: f64::from(DPI) };
    Ok(Page { raster: png::raster(width, height, rgba), resolution, ccitt: None, damage: Damage::default() })
}

/// Runs the renderer's code; its panics are the file's fault.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, DecodeError> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| DecodeError::BrokenPdf("the renderer gave up on it".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::Raster;

    /// One page of an inch by two, with a black square of half an inch in its lower left corner.
    fn small() -> Vec<u8> {
        let content = "0 g 0 0 36 36 re f";
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 144]/Contents 4 0 R/Resources<<>>>>".to_owned(),
            format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        ];
        let mut file = String::from("%PDF-1.4\n");
        let mut table = String::from("0000000000 65535 f \n");
        for (at, object) in objects.iter().enumerate() {
            table += &format!("{:010} 00000 n \n", file.len());
            file += &format!("{} 0 obj\n{object}\nendobj\n", at + 1);
        }
        let start = file.len();
        file += &format!("xref\n0 5\n{table}trailer<</Size 5/Root 1 0 R>>\nstartxref\n{start}\n%%EOF");
        file.into_bytes()
    }

    #[test]
    fn pages_are_rendered_at_their_true_size() {
        let pdf = load(&small()).unwrap();
        assert_eq!(page_count(&pdf), Ok(1));
        let page = page(&pdf, 0, &Limits::default()).unwrap();
        assert_eq!(page.raster.size(), (200, 400));
        let Raster::Bilevel(map) = &page.raster else { panic!("black and white: {:?}", page.raster.size()) };
        assert!(map.black(5, 395) && !map.black(150, 395) && !map.black(5, 5));
        assert_eq!(map.black_count(), 100 * 100);
    }

    #[test]
    fn what_is_no_pdf_or_too_large_is_refused() {
        assert!(matches!(load(b"%PDF-1.4 and nothing more"), Err(DecodeError::BrokenPdf(_))));
        let pdf = load(&small()).unwrap();
        let narrow = Limits { width: 199, ..Limits::default() };
        assert!(matches!(page(&pdf, 0, &narrow), Err(DecodeError::Limit { what: "width", .. })));
        assert_eq!(page(&pdf, 1, &Limits::default()), Err(DecodeError::NoSuchPage(1)));
    }
}
