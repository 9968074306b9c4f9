//! The file: page tree, catalogue, trailer. Same input, same bytes.
//!
//! Classic cross-reference table and no object streams in either variant, so that old readers and PDF/A-1
//! are served by the same writer. Each page becomes finished objects as it is added; what is kept of it is
//! its compressed picture and its compressed text, nothing else.

use lopdf::xref::XrefType;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

use super::geometry::PageFrame;
use super::glyphless_font::Glyphs;
use super::image::{self, Colour};
use super::metadata::Metadata;
use super::text_layer;
use super::{Coded, ComposeError, Conformance, EncodeG4, Settings, View, enhanced};
use crate::fax::{Bitmap, Page, PageText, Turn};

/// Bytes of one file: cross-reference offsets have 32 bits in the writer, mail servers far less patience.
const MAX_BYTES: usize = 2 << 30;

/// Four bytes above 127 after the header, so that transports see a binary file (ISO 19005-1 §6.1.2).
const BINARY_MARK: [u8; 4] = [0xe2, 0xe3, 0xcf, 0xd3];

/// A document in the making.
pub(super) struct Draft {
    doc: Document,
    settings: Settings,
    encode: EncodeG4,
    metadata: Metadata,
    glyphs: Glyphs,
    tree: ObjectId,
    pages: Vec<ObjectId>,
    /// Enhanced copies and the pages that they are of.
    copies: Vec<(u32, ObjectId)>,
    font: Option<ObjectId>,
    gray: Option<ObjectId>,
    rgb: Option<ObjectId>,
    tally: Tally,
    bytes: usize,
}

impl Draft {
    pub fn new(metadata: Metadata, settings: &Settings, encode: EncodeG4) -> Self {
        let version = match settings.conformance {
            Conformance::A2u => "1.7",
            Conformance::A1b => "1.4",
        };
        let mut doc = Document::with_version(version);
        doc.binary_mark = BINARY_MARK.to_vec();
        doc.reference_table.cross_reference_type = XrefType::CrossReferenceTable;
        let tree = doc.new_object_id();
        Self {
            doc,
            settings: settings.clone(),
            encode,
            metadata,
            glyphs: Glyphs::default(),
            tree,
            pages: Vec::new(),
            copies: Vec::new(),
            font: None,
            gray: None,
            rgb: None,
            tally: Tally::default(),
            bytes: 0,
        }
    }

    pub fn add(&mut self, page: &Page, text: &PageText) -> Result<Coded, ComposeError> {
        let mut frame = PageFrame::new(page.raster.size(), page.resolution, text.turn);
        if self.settings.view == View::Straight {
            frame = frame.straightened(text.skew.unwrap_or(0.0));
        }
        let mut content = String::new();
        let mut resources = Dictionary::new();
        let mut coded = Coded::Received;
        if let Some(colour) = image::colour(page) {
            let space = self.space(colour);
            let picture;
            (picture, coded) = image::stream(page, space.into(), self.settings.picture, self.encode)?;
            let picture = self.stream(picture)?;
            resources.set("XObject", dictionary! { "Im0" => picture });
            content = placed(&frame);
        }
        let before = content.len();
        text_layer::write(&mut content, text, &frame, &mut self.glyphs);
        if content.len() > before {
            let font = *self.font.get_or_insert_with(|| self.doc.new_object_id());
            resources.set("Font", dictionary! { "F0" => font });
            self.tally.add(text);
        }
        let rotate = match self.settings.view {
            View::AsReceived => 0,
            View::Upright | View::Straight => frame.rotate(),
        };
        let leaf = self.leaf(resources, content, (frame.width, frame.height), rotate)?;
        self.pages.push(leaf);
        self.metadata.page(&page.damage, text.lost.as_deref());
        Ok(coded)
    }

    pub fn add_enhanced(&mut self, of: u32, copy: &Bitmap, dpi: f64) -> Result<(), ComposeError> {
        let page = enhanced::page(copy, dpi);
        let frame = PageFrame::new(page.raster.size(), page.resolution, Turn::None);
        let Some(colour) = image::colour(&page) else { return Ok(()) };
        let space = self.space(colour);
        let (picture, _) = image::stream(&page, space.into(), self.settings.picture, self.encode)?;
        let picture = self.stream(picture)?;
        let resources = dictionary! {
            "XObject" => dictionary! { "Im0" => picture }, "ColorSpace" => dictionary! { "Cs0" => space },
        };
        let content = placed(&frame) + &enhanced::label(of, &frame);
        let size = (frame.width, frame.height + enhanced::BAND);
        let leaf = self.leaf(resources, content, size, 0)?;
        self.copies.push((of, leaf));
        self.metadata.copy();
        Ok(())
    }

    /// Adds a page object; it joins the tree in the end.
    fn leaf(
        &mut self,
        resources: Dictionary,
        content: String,
        (width, height): (f64, f64),
        rotate: i64,
    ) -> Result<ObjectId, ComposeError> {
        let content = packed(dictionary! {}, content.into_bytes()).map_err(ComposeError::writer)?;
        let content = self.stream(content)?;
        Ok(self.doc.add_object(dictionary! {
            "Type" => "Page", "Parent" => self.tree, "Resources" => resources, "Contents" => content,
            "MediaBox" => vec![0.into(), 0.into(), real(width), real(height)], "Rotate" => rotate,
        }))
    }

    fn stream(&mut self, stream: Stream) -> Result<ObjectId, ComposeError> {
        self.bytes = self.bytes.saturating_add(stream.content.len());
        if self.bytes > MAX_BYTES {
            return Err(ComposeError::TooLarge { limit: MAX_BYTES as u64 });
        }
        Ok(self.doc.add_object(stream))
    }

    pub fn finish(mut self) -> Result<Vec<u8>, ComposeError> {
        if self.pages.is_empty() {
            return Err(ComposeError::NoPages);
        }
        if let Some(font) = self.font {
            self.glyphs
                .write(&mut self.doc, font, self.settings.conformance)
                .map_err(ComposeError::writer)?;
        }
        let kids: Vec<Object> =
            self.pages.iter().chain(self.copies.iter().map(|(_, id)| id)).map(|id| (*id).into()).collect();
        let count = kids.len() as i64;
        let tree = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
        self.doc.objects.insert(self.tree, tree.into());
        let language = self.tally.language();
        let xmp = self.metadata.xmp(self.settings.conformance, language);
        let xmp = self.doc.add_object(raw(dictionary! { "Type" => "Metadata", "Subtype" => "XML" }, xmp));
        let mut catalogue = dictionary! {
            "Type" => "Catalog", "Pages" => self.tree, "Metadata" => xmp,
            "ViewerPreferences" => dictionary! { "DisplayDocTitle" => true },
        };
        if let Some(language) = language {
            catalogue.set("Lang", Object::string_literal(language));
        }
        enhanced::mark(&mut self.doc, &mut catalogue, &self.pages, &self.copies);
        let root = self.doc.add_object(catalogue);
        let info = self.doc.add_object(self.metadata.info());
        self.doc.trailer.set("Root", root);
        self.doc.trailer.set("Info", info);
        self.doc.trailer.set("ID", self.metadata.file_id());
        let mut file = Vec::with_capacity(self.bytes + 4096);
        self.doc.save_to(&mut file).map_err(ComposeError::writer)?;
        file.push(b'\n');
        Ok(file)
    }

    /// The shared object of a colour space.
    fn space(&mut self, colour: Colour) -> ObjectId {
        let slot = match colour {
            Colour::Gray => &mut self.gray,
            Colour::Rgb => &mut self.rgb,
        };
        *slot.get_or_insert_with(|| self.doc.add_object(colour.space()))
    }
}

/// Paints the picture where it lies.
fn placed(frame: &PageFrame) -> String {
    let [a, b, c, d, e, f] =
        frame.picture_matrix().map(|points| text_layer::number((points * 1000.0).round() as i64));
    format!("q {a} {b} {c} {d} {e} {f} cm /Im0 Do Q\n")
}

#[expect(clippy::cast_possible_truncation, reason = "PDF reals are single precision; pages are short")]
fn real(value: f64) -> Object {
    Object::Real(value as f32)
}

/// What the text is mostly written in, for readers aloud.
#[derive(Debug, Default)]
struct Tally {
    han: u64,
    latin: u64,
}

impl Tally {
    fn add(&mut self, text: &PageText) {
        let words = text.lines.iter().flat_map(|line| &line.words);
        for c in words.flat_map(|word| word.text.chars()) {
            if matches!(u32::from(c), 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3fffd)
            {
                self.han += 1;
            } else if c.is_alphabetic() {
                self.latin += 1;
            }
        }
    }

    /// A Han character says about as much as two letters and a half.
    fn language(&self) -> Option<&'static str> {
        match (self.han, self.latin) {
            (0, 0) => None,
            (han, latin) if han * 5 > latin * 2 => Some("zh-Hant"),
            _ => Some("en"),
        }
    }
}

/// A stream whose bytes stay as they are.
pub(super) fn raw(dict: Dictionary, content: Vec<u8>) -> Stream {
    Stream::new(dict, content).with_compression(false)
}

/// A stream with its bytes deflated where that makes it smaller.
pub(super) fn packed(dict: Dictionary, content: Vec<u8>) -> lopdf::Result<Stream> {
    let mut stream = raw(dict, content);
    stream.compress()?;
    Ok(stream)
}
