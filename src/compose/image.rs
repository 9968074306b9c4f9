//! A page's picture as a PDF image: what was received, pixel by pixel, and no pixel more.
//!
//! Received code words are passed on untouched. What has none is coded anew without loss: bilevel pages to
//! ITU-T T.6, gray and colour with Flate. Colour spaces are calibrated (`CalGray`, `CalRGB`), so that PDF/A
//! needs no output intent (ISO 19005-2 §6.2.4).

use lopdf::{Dictionary, Object, Stream, dictionary};

use super::document::raw;
use super::{Coded, ComposeError, EncodeG4, Picture, jbig2};
use crate::fax::{Ccitt, Coding, Page, Raster};

/// Equal-energy white. With D65, the usual choice, poppler shows paper in a yellowish (255, 249, 244).
const WHITE: [f32; 3] = [1.0, 1.0, 1.0];
const GAMMA: f32 = 2.2;
/// sRGB's primaries, adapted to that white (Bradford): X, Y and Z of red, then green, then blue.
const PRIMARIES: [f32; 9] = [0.4385, 0.2229, 0.0173, 0.3921, 0.7087, 0.1105, 0.1694, 0.0684, 0.8722];

/// Which colour space a picture needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Gray,
    Rgb,
}

impl Colour {
    /// The colour space array (ISO 32000-1 §8.6.5.2 and §8.6.5.3).
    pub fn space(self) -> Object {
        let reals = |values: &[f32]| Object::Array(values.iter().map(|value| (*value).into()).collect());
        match self {
            Self::Gray => {
                let gray = dictionary! { "WhitePoint" => reals(&WHITE), "Gamma" => GAMMA };
                vec!["CalGray".into(), gray.into()].into()
            }
            Self::Rgb => {
                let rgb = dictionary! {
                    "WhitePoint" => reals(&WHITE), "Gamma" => reals(&[GAMMA; 3]), "Matrix" => reals(&PRIMARIES),
                };
                vec!["CalRGB".into(), rgb.into()].into()
            }
        }
    }
}

/// Which colour space the page's picture needs; `None` where there is no pixel to show.
pub(super) fn colour(page: &Page) -> Option<Colour> {
    let (width, height) = page.raster.size();
    if width == 0 || height == 0 {
        return None;
    }
    Some(if matches!(page.raster, Raster::Rgb { .. }) { Colour::Rgb } else { Colour::Gray })
}

/// The image object of a page that has pixels, and how it was coded. `space` is its colour space.
pub(super) fn stream(
    page: &Page,
    space: Object,
    wish: Picture,
    encode: EncodeG4,
) -> Result<(Stream, Coded), ComposeError> {
    let (width, height) = page.raster.size();
    let mut dict = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => width, "Height" => height, "ColorSpace" => space,
    };
    let map = match &page.raster {
        Raster::Bilevel(map) => map,
        Raster::Gray { samples, .. } => return flate(dict, samples, u64::from(width) * u64::from(height)),
        Raster::Rgb { samples, .. } => return flate(dict, samples, u64::from(width) * u64::from(height) * 3),
    };
    dict.set("BitsPerComponent", 1);
    let jbig2 = (wish == Picture::Jbig2).then(|| jbig2::coded(map, jbig2::encode));
    let refused = jbig2 == Some(None);
    let received = page.ccitt.as_ref();
    if let Some(data) = jbig2.flatten().filter(|data| received.is_none_or(|it| data.len() < it.data.len())) {
        dict.set("Filter", "JBIG2Decode");
        return Ok((raw(dict, data), Coded::Jbig2));
    }
    let (ccitt, coded) = match received {
        Some(ccitt) => (ccitt.clone(), Coded::Received),
        None => (anew(encode(map)), Coded::Anew),
    };
    dict.set("Filter", "CCITTFaxDecode");
    dict.set("DecodeParms", parameters(&ccitt, width, height));
    Ok((raw(dict, ccitt.data), if refused { Coded::Refused } else { coded }))
}

/// What the Group 4 coder made.
fn anew(data: Vec<u8>) -> Ccitt {
    Ccitt { coding: Coding::Mmr, data, byte_aligned: false, end_of_line: false }
}

fn flate(mut dict: Dictionary, samples: &[u8], expected: u64) -> Result<(Stream, Coded), ComposeError> {
    if samples.len() as u64 != expected {
        return Err(ComposeError::Samples { expected, found: samples.len() as u64 });
    }
    dict.set("BitsPerComponent", 8);
    let mut stream = raw(dict, samples.to_vec());
    stream.compress().map_err(ComposeError::writer)?;
    Ok((stream, Coded::Anew))
}

/// Parameters of the CCITT filter (ISO 32000-1 table 11). Black runs are black: `BlackIs1` stays false and
/// 0 is black in a gray space.
fn parameters(ccitt: &Ccitt, width: u32, height: u32) -> Dictionary {
    let k = match ccitt.coding {
        Coding::Mmr => -1,
        Coding::Mh => 0,
        // Any positive number: readers take the tag bit after each EOL, not K, to choose the coding.
        Coding::Mr => 4,
    };
    let mut parameters = dictionary! { "K" => k, "Columns" => width, "Rows" => height };
    if ccitt.end_of_line {
        parameters.set("EndOfLine", true);
    }
    if ccitt.byte_aligned {
        parameters.set("EncodedByteAlign", true);
    }
    if ccitt.coding != Coding::Mmr {
        // Machines leave RTC out or write it wrong; the number of rows is known.
        parameters.set("EndOfBlock", false);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Bitmap, Damage, Resolution};

    fn page(raster: Raster, ccitt: Option<Ccitt>) -> Page {
        Page { raster, resolution: Resolution::FINE, ccitt, damage: Damage::default() }
    }

    fn encode(_: &Bitmap) -> Vec<u8> {
        vec![1, 2, 3]
    }

    fn made(page: &Page, wish: Picture) -> (Stream, Coded) {
        stream(page, Object::Null, wish, encode).unwrap()
    }

    #[test]
    fn received_code_words_are_passed_on_untouched() {
        for (coding, k) in [(Coding::Mh, 0), (Coding::Mr, 4), (Coding::Mmr, -1)] {
            let data = vec![0x26, 0xa0, 0xff, 0x00, 0x0d];
            let ccitt = Ccitt { coding, data: data.clone(), byte_aligned: k == 0, end_of_line: k >= 0 };
            let page = page(Raster::Bilevel(Bitmap::white(16, 3)), Some(ccitt));
            // JBIG2 would be longer here.
            for wish in [Picture::Received, Picture::Jbig2] {
                let (stream, coded) = made(&page, wish);
                assert_eq!((&stream.content, coded), (&data, Coded::Received));
                let parameters = stream.dict.get(b"DecodeParms").unwrap().as_dict().unwrap();
                assert_eq!(parameters.get(b"K").unwrap().as_i64().unwrap(), k);
                assert_eq!(parameters.get(b"Columns").unwrap().as_i64().unwrap(), 16);
                assert_eq!(parameters.get(b"Rows").unwrap().as_i64().unwrap(), 3);
                assert_eq!(parameters.has(b"EncodedByteAlign"), k == 0);
                assert_eq!(parameters.has(b"EndOfLine"), k >= 0);
            }
        }
    }

    #[test]
    fn pages_without_code_words_are_coded_anew() {
        let white = page(Raster::Bilevel(Bitmap::white(8, 8)), None);
        let (bilevel, coded) = made(&white, Picture::Received);
        assert_eq!((bilevel.content, coded), (vec![1, 2, 3], Coded::Anew));
        let (bilevel, coded) = made(&white, Picture::Jbig2);
        assert_eq!((bilevel.content, coded), (jbig2::encode(&Bitmap::white(8, 8)), Coded::Jbig2));
        let gray = Raster::Gray { width: 100, height: 100, samples: vec![7; 10_000] };
        let (gray, _) = made(&page(gray, None), Picture::Jbig2);
        assert_eq!(gray.decompressed_content().unwrap(), vec![7; 10_000]);
        let short = Raster::Rgb { width: 10, height: 10, samples: vec![7; 299] };
        let error = stream(&page(short, None), Object::Null, Picture::Received, encode).unwrap_err();
        assert_eq!(error, ComposeError::Samples { expected: 300, found: 299 });
    }
}
