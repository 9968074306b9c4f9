//! What goes over the pipe: a frame is two lengths, a head in JSON and a raw body.
//!
//! ```text
//! u32 magic "FXW1" · u32 head length · u32 body length · head · body        big endian
//! ```
//!
//! The pixels travel raw: as text they would be four times as many. Lengths are checked before anything is
//! allocated; the pool trusts a child no more than a child trusts a page.

use std::io::{Read, Write};

use crate::fax::{Bitmap, Damage, Fault, Page, Raster, Resolution};
use crate::{enhance, recognize};

use super::Transcript;

/// Start of every frame; the digit is the version.
pub const MAGIC: [u8; 4] = *b"FXW1";
/// Bytes before the head.
pub const PREFIX: usize = 12;
/// No head is longer: a page of ten thousand words.
pub const LARGEST_HEAD: usize = 8 << 20;
/// No body is longer: an A4 page in colour at 600 dpi, twice over.
pub const LARGEST_BODY: usize = 256 << 20;

/// Why bytes are no frame, or pixels no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Does not start with [`MAGIC`].
    #[error("it does not start like a frame: {0:02x?}")]
    Magic([u8; 4]),
    /// A head longer than [`LARGEST_HEAD`].
    #[error("its head would be {0} bytes")]
    HeadTooLong(usize),
    /// A body longer than [`LARGEST_BODY`].
    #[error("{bytes} bytes of pixels are more than {most}")]
    TooLarge {
        /// Announced.
        bytes: usize,
        /// Allowed.
        most: usize,
    },
    /// The head is not what it should be.
    #[error("its head is wrong: {0}")]
    Head(String),
    /// The body has not the length that the head announces.
    #[error("its body does not fit its head")]
    Body,
    /// The pipe.
    #[error("the pipe broke: {0}")]
    Pipe(String),
}

impl From<std::io::Error> for FrameError {
    fn from(error: std::io::Error) -> Self {
        Self::Pipe(error.to_string())
    }
}

/// The two lengths of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes of JSON.
    pub head: usize,
    /// Bytes after it.
    pub body: usize,
}

impl Lengths {
    /// Reads and checks a frame's first bytes.
    pub fn parse(prefix: [u8; PREFIX]) -> Result<Self, FrameError> {
        let [m0, m1, m2, m3, h0, h1, h2, h3, b0, b1, b2, b3] = prefix;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(FrameError::Magic([m0, m1, m2, m3]));
        }
        let head = u32::from_be_bytes([h0, h1, h2, h3]) as usize;
        let body = u32::from_be_bytes([b0, b1, b2, b3]) as usize;
        Self { head, body }.checked()
    }

    /// A frame's first bytes.
    pub fn prefix(self) -> Result<[u8; PREFIX], FrameError> {
        let Self { head, body } = self.checked()?;
        let mut prefix = [0; PREFIX];
        prefix[..4].copy_from_slice(&MAGIC);
        prefix[4..8].copy_from_slice(&(head as u32).to_be_bytes());
        prefix[8..].copy_from_slice(&(body as u32).to_be_bytes());
        Ok(prefix)
    }

    fn checked(self) -> Result<Self, FrameError> {
        if self.head > LARGEST_HEAD {
            return Err(FrameError::HeadTooLong(self.head));
        }
        if self.body > LARGEST_BODY {
            return Err(FrameError::TooLarge { bytes: self.body, most: LARGEST_BODY });
        }
        Ok(self)
    }
}

/// How the body's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pixels {
    /// Packed rows, as in [`Bitmap`].
    Bilevel,
    /// A byte a pixel.
    Gray,
    /// Three.
    Rgb,
}

/// A request's head.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Request {
    /// What the body holds.
    pub pixels: Pixels,
    /// Pixels across.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The page's resolution.
    pub resolution: Resolution,
    /// Enhancement.
    pub enhance: enhance::Settings,
    /// Recognition.
    pub recognize: recognize::Settings,
}

/// An answer's head; its body is empty.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The page was read.
    Read(Transcript),
    /// It was not, and the child is well.
    Failed(Fault),
}

impl Request {
    /// The head for `page`; its pixels are [`raw`]. What a page cannot be read by (damage, code words) stays.
    pub fn of(page: &Page, enhance: &enhance::Settings, recognize: &recognize::Settings) -> Self {
        let (width, height) = page.raster.size();
        let pixels = match page.raster {
            Raster::Bilevel(_) => Pixels::Bilevel,
            Raster::Gray { .. } => Pixels::Gray,
            Raster::Rgb { .. } => Pixels::Rgb,
        };
        // JSON has no infinity; 0 is as unbelievable.
        let told = |dpi: f64| if dpi.is_finite() { dpi } else { 0.0 };
        let resolution = Resolution { x: told(page.resolution.x), y: told(page.resolution.y) };
        Self { pixels, width, height, resolution, enhance: enhance.clone(), recognize: recognize.clone() }
    }

    /// The page back from head and body.
    pub fn page(&self, body: Vec<u8>) -> Result<Page, FrameError> {
        let (width, height) = (self.width, self.height);
        let samples = u64::from(width) * u64::from(height);
        let fits = |bytes: u64| if body.len() as u64 == bytes { Ok(()) } else { Err(FrameError::Body) };
        let raster = match self.pixels {
            Pixels::Bilevel => {
                Raster::Bilevel(Bitmap::from_rows(width, height, body).ok_or(FrameError::Body)?)
            }
            Pixels::Gray => {
                fits(samples)?;
                Raster::Gray { width, height, samples: body }
            }
            Pixels::Rgb => {
                fits(samples.saturating_mul(3))?;
                Raster::Rgb { width, height, samples: body }
            }
        };
        Ok(Page { raster, resolution: self.resolution, ccitt: None, damage: Damage::default() })
    }
}

/// A page's pixels as a request's body.
pub fn raw(page: &Page) -> &[u8] {
    match &page.raster {
        Raster::Bilevel(map) => map.bits(),
        Raster::Gray { samples, .. } | Raster::Rgb { samples, .. } => samples,
    }
}

/// A head as bytes.
pub fn to_json(head: &impl serde::Serialize) -> Result<Vec<u8>, FrameError> {
    serde_json::to_vec(head).map_err(|error| FrameError::Head(error.to_string()))
}

/// A head from bytes.
pub fn from_json<T: serde::de::DeserializeOwned>(head: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(head).map_err(|error| FrameError::Head(error.to_string()))
}

/// Writes one frame: the child's side.
pub fn write(out: &mut impl Write, head: &impl serde::Serialize, body: &[u8]) -> Result<(), FrameError> {
    let head = to_json(head)?;
    out.write_all(&Lengths { head: head.len(), body: body.len() }.prefix()?)?;
    out.write_all(&head)?;
    out.write_all(body)?;
    out.flush()?;
    Ok(())
}

/// Head and body.
pub type Frame = (Vec<u8>, Vec<u8>);

/// Reads one frame: the child's side. `None`: the pipe was closed between frames.
pub fn read(from: &mut impl Read) -> Result<Option<Frame>, FrameError> {
    let mut prefix = [0; PREFIX];
    let mut filled = 0;
    while filled < PREFIX {
        match from.read(&mut prefix[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(FrameError::Pipe("it was closed inside a frame".into())),
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let lengths = Lengths::parse(prefix)?;
    let mut head = vec![0; lengths.head];
    from.read_exact(&mut head)?;
    let mut body = vec![0; lengths.body];
    from.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(raster: Raster) -> Page {
        let resolution = Resolution { x: f64::NAN, y: 98.0 };
        Page { raster, resolution, ccitt: None, damage: Damage::default() }
    }

    #[test]
    fn pages_travel_unchanged() {
        let mut map = Bitmap::white(11, 3);
        map.set(10, 2, true);
        let rasters = [
            Raster::Bilevel(map),
            Raster::Gray { width: 2, height: 2, samples: vec![1, 2, 3, 4] },
            Raster::Rgb { width: 1, height: 2, samples: vec![1, 2, 3, 4, 5, 6] },
            Raster::Bilevel(Bitmap::white(0, 0)),
        ];
        for raster in rasters {
            let page = page(raster);
            let request = Request::of(&page, &enhance::Settings::default(), &recognize::Settings::default());
            let mut wire = Vec::new();
            write(&mut wire, &request, raw(&page)).unwrap();
            let (head, body) = read(&mut wire.as_slice()).unwrap().unwrap();
            let back: Request = from_json(&head).unwrap();
            assert_eq!(back, request);
            assert_eq!(back.page(body).unwrap().raster, page.raster);
        }
    }

    #[test]
    fn lies_about_lengths_are_refused_before_memory_is_taken() {
        let mut prefix = [0; PREFIX];
        assert!(matches!(Lengths::parse(prefix), Err(FrameError::Magic(_))));
        prefix[..4].copy_from_slice(&MAGIC);
        prefix[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(Lengths::parse(prefix), Err(FrameError::HeadTooLong(u32::MAX as usize)));
        prefix[4..].copy_from_slice(&[0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff]);
        assert!(matches!(Lengths::parse(prefix), Err(FrameError::TooLarge { .. })));
        let request = Request {
            pixels: Pixels::Rgb,
            width: u32::MAX,
            height: u32::MAX,
            resolution: Resolution::FINE,
            enhance: enhance::Settings::default(),
            recognize: recognize::Settings::default(),
        };
        assert_eq!(request.page(vec![0; 9]), Err(FrameError::Body));
        assert_eq!(Request { pixels: Pixels::Bilevel, ..request }.page(vec![0; 9]), Err(FrameError::Body));
    }

    #[test]
    fn a_pipe_closed_between_frames_is_an_end_and_inside_one_an_error() {
        assert_eq!(read(&mut [].as_slice()), Ok(None));
        assert!(matches!(read(&mut b"FXW1".as_slice()), Err(FrameError::Pipe(_))));
        let mut wire = Vec::new();
        write(&mut wire, &"head", b"body").unwrap();
        wire.pop();
        assert!(matches!(read(&mut wire.as_slice()), Err(FrameError::Pipe(_))));
    }
}
