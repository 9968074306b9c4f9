//! The font of the invisible text: one per document, no letter shapes, real Unicode.
//!
//! A Type0 font over a hand-made TrueType file of three glyphs: `.notdef`, a half-width and a full-width
//! rectangle. Rectangles, since MuPDF drops glyphs without an outline from extraction; nobody sees them,
//! the text is painted in mode 3. Each character gets a CID from 1 up, in the order of first use; ToUnicode
//! tells what it means, CIDToGIDMap which rectangle it takes, and `W` how wide that is (they must agree:
//! ISO 19005-2 §6.2.11.5). GID 0 is never used (§6.2.11.8), nor U+0000, U+FEFF, U+FFFE (§6.2.11.7.2).

use std::collections::HashMap;
use std::fmt::Write as _;

use lopdf::{Document, Object, ObjectId, dictionary};

use super::Conformance;
use super::document::packed;

/// The font's units: an em is 1000, so TrueType and PDF widths are the same numbers.
pub(super) const EM: u16 = 1000;
/// Share of the em below the baseline.
pub(super) const DESCENT: u16 = 200;
const ASCENT: u16 = EM - DESCENT;
const HALF: u16 = EM / 2;

/// PDF name. The six letters and the plus say "subset", as PDF/A-1 wants of a font with a CIDSet.
const NAME: &str = "FAXGTE+FaxgateInvisible";

/// Codes have two bytes.
const MAX_CID: usize = 0xffff;

/// ToUnicode blocks hold at most 100 entries (Adobe Technical Note 5014).
const BFCHAR_BLOCK: usize = 100;

/// The characters of one document and their CIDs.
#[derive(Debug, Default)]
pub(super) struct Glyphs {
    cids: HashMap<char, u16>,
    used: Vec<char>,
}

impl Glyphs {
    /// The CID of a character, new or known. `None` for characters that must not or cannot be in a font.
    pub fn cid(&mut self, c: char) -> Option<u16> {
        let c = if c.is_whitespace() { ' ' } else { c };
        if !is_text(c) {
            return None;
        }
        if let Some(cid) = self.cids.get(&c) {
            return Some(*cid);
        }
        if self.used.len() >= MAX_CID {
            return None;
        }
        self.used.push(c);
        let cid = u16::try_from(self.used.len()).ok()?;
        self.cids.insert(c, cid);
        Some(cid)
    }

    /// Writes the font into the document under the id `font`.
    pub fn write(&self, doc: &mut Document, font: ObjectId, conformance: Conformance) -> lopdf::Result<()> {
        let file = doc.add_object(packed(dictionary! {}, font_file())?);
        let mut descriptor = dictionary! {
            "Type" => "FontDescriptor", "FontName" => NAME, "Flags" => 4, "ItalicAngle" => 0,
            "FontBBox" => vec![0.into(), (-i64::from(DESCENT)).into(), EM.into(), ASCENT.into()],
            "Ascent" => ASCENT, "Descent" => -i64::from(DESCENT), "CapHeight" => ASCENT, "StemV" => 80,
            "FontFile2" => file,
        };
        if conformance == Conformance::A1b {
            let set = doc.add_object(packed(dictionary! {}, self.cid_set())?);
            descriptor.set("CIDSet", set);
        }
        let descriptor = doc.add_object(descriptor);
        let map = doc.add_object(packed(dictionary! {}, self.cid_to_gid())?);
        let descendant = doc.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => NAME,
            "CIDSystemInfo" => dictionary! {
                "Registry" => Object::string_literal("Adobe"),
                "Ordering" => Object::string_literal("Identity"),
                "Supplement" => 0,
            },
            "FontDescriptor" => descriptor, "CIDToGIDMap" => map, "DW" => HALF, "W" => self.widths(),
        });
        let meaning = doc.add_object(packed(dictionary! {}, self.to_unicode().into_bytes())?);
        let type0 = dictionary! {
            "Type" => "Font", "Subtype" => "Type0", "BaseFont" => NAME, "Encoding" => "Identity-H",
            "DescendantFonts" => vec![descendant.into()], "ToUnicode" => meaning,
        };
        doc.objects.insert(font, type0.into());
        Ok(())
    }

    /// `W`: a run for each stretch of full-width characters; all others have the default width.
    fn widths(&self) -> Vec<Object> {
        let mut runs = Vec::new();
        let mut first = None;
        for (cid, wide) in (1i64..).zip(self.used.iter().map(|c| is_wide(*c)).chain([false])) {
            match (wide, first) {
                (true, None) => first = Some(cid),
                (false, Some(start)) => {
                    runs.extend([start.into(), (cid - 1).into(), Object::from(EM)]);
                    first = None;
                }
                _ => {}
            }
        }
        runs
    }

    fn cid_to_gid(&self) -> Vec<u8> {
        let glyphs = self.used.iter().map(|c| if is_wide(*c) { 2u16 } else { 1 });
        [0u16].into_iter().chain(glyphs).flat_map(u16::to_be_bytes).collect()
    }

    /// One bit a CID, the highest bit first; CID 0 is always there.
    fn cid_set(&self) -> Vec<u8> {
        let mut set = vec![0u8; self.used.len() / 8 + 1];
        for cid in 0..=self.used.len() {
            set[cid / 8] |= 0x80 >> (cid % 8);
        }
        set
    }

    fn to_unicode(&self) -> String {
        let mut cmap = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        let mut cid = 0;
        for block in self.used.chunks(BFCHAR_BLOCK) {
            let _ = writeln!(cmap, "{} beginbfchar", block.len());
            for c in block {
                cid += 1;
                let _ = write!(cmap, "<{cid:04X}> <");
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(cmap, "{unit:04X}");
                }
                cmap.push_str(">\n");
            }
            cmap.push_str("endbfchar\n");
        }
        cmap.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        cmap
    }
}

/// Advance width of a character, in thousandths of the em.
pub(super) fn advance(c: char) -> u16 {
    if is_wide(c) { EM } else { HALF }
}

/// Characters that may stand in a text layer: no controls, no noncharacters.
fn is_text(c: char) -> bool {
    let code = c as u32;
    !c.is_control() && c != '\u{feff}' && code & 0xfffe != 0xfffe && !(0xfdd0..=0xfdef).contains(&code)
}

/// Wide and fullwidth characters, by block (Unicode Standard Annex #11).
fn is_wide(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x20000..=0x3fffd)
}

/// The TrueType file: the tables that ISO 32000-1 §9.9 asks of an embedded CIDFontType2, and `post`.
fn font_file() -> Vec<u8> {
    const TABLES: u16 = 7;
    let glyphs = [rectangle(HALF), rectangle(HALF), rectangle(EM)];
    // Sorted by tag, as the format wants.
    let mut tables: [(&[u8; 4], Vec<u8>); TABLES as usize] = [
        (b"glyf", glyphs.concat()),
        (b"head", head()),
        (b"hhea", hhea()),
        (b"hmtx", words(&[HALF, 0, HALF, 0, EM, 0])),
        (b"loca", words(&offsets(&glyphs))),
        (b"maxp", words(&[1, 0, 3, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])),
        (b"post", words(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    ];
    let mut file = words(&[1, 0, TABLES, 64, 2, TABLES * 16 - 64]);
    let start = 12 + usize::from(TABLES) * 16;
    let head_at = start + tables[0].1.len().next_multiple_of(4);
    let mut at = start;
    for (tag, table) in &tables {
        file.extend_from_slice(*tag);
        for number in [checksum(table), at as u32, table.len() as u32] {
            file.extend(number.to_be_bytes());
        }
        at += table.len().next_multiple_of(4);
    }
    for (_, table) in &mut tables {
        table.resize(table.len().next_multiple_of(4), 0);
        file.append(table);
    }
    let adjust = 0xb1b0_afba_u32.wrapping_sub(checksum(&file));
    file[head_at + 8..head_at + 12].copy_from_slice(&adjust.to_be_bytes());
    file
}

/// One glyph: a rectangle as wide as its advance and as high as the em.
fn rectangle(width: u16) -> Vec<u8> {
    let (low, high) = (DESCENT.wrapping_neg(), ASCENT);
    let mut glyph = words(&[1, 0, low, width, high, 3, 0]);
    glyph.extend([1, 1, 1, 1]); // four points on the curve, long coordinates
    glyph.extend(words(&[0, 0, width, 0])); // x: differences
    glyph.extend(words(&[low, EM, 0, EM.wrapping_neg()])); // y
    glyph.resize(glyph.len().next_multiple_of(4), 0);
    glyph
}

/// Short `loca`: half of each offset.
fn offsets(glyphs: &[Vec<u8>]) -> Vec<u16> {
    let mut at = 0;
    let ends = glyphs.iter().map(|glyph| {
        at += glyph.len() as u16 / 2;
        at
    });
    [0].into_iter().chain(ends).collect()
}

fn head() -> Vec<u8> {
    let (low, high) = (DESCENT.wrapping_neg(), ASCENT);
    // version, revision, checksum (set later), magic, flags, em, created, modified, box, style, ppem, direction, loca
    words(&[1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 3, EM, 0, 0, 0, 0, 0, 0, 0, 0, 0, low, EM, high, 0, 8, 2, 0, 0])
}

fn hhea() -> Vec<u8> {
    // version, ascent, descent, gap, widest, bearings, extent, caret, reserved, format, metrics
    words(&[1, 0, ASCENT, DESCENT.wrapping_neg(), 0, EM, 0, 0, EM, 1, 0, 0, 0, 0, 0, 0, 0, 3])
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn checksum(table: &[u8]) -> u32 {
    table.chunks(4).fold(0u32, |sum, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_numbered_by_first_use_and_never_zero() {
        let mut glyphs = Glyphs::default();
        let cids: Vec<_> = "a𠮷a\u{3000}傳".chars().map(|c| glyphs.cid(c)).collect();
        assert_eq!(cids, [Some(1), Some(2), Some(1), Some(3), Some(4)]);
        for c in ['\0', '\u{1b}', '\u{feff}', '\u{fffe}', '\u{ffff}', '\u{1fffe}', '\u{fdd0}'] {
            assert_eq!(glyphs.cid(c), None, "{c:?}");
        }
        assert_eq!(glyphs.cid_to_gid(), [0, 0, 0, 1, 0, 2, 0, 1, 0, 2]);
        assert_eq!(glyphs.cid_set(), [0b1111_1000]);
        assert_eq!(
            glyphs.widths(),
            [2.into(), 2.into(), 1000.into(), 4.into(), 4.into(), Object::from(1000)]
        );
        let cmap = glyphs.to_unicode();
        for entry in ["4 beginbfchar", "<0001> <0061>", "<0002> <D842DFB7>", "<0003> <0020>", "<0004> <50B3>"]
        {
            assert!(cmap.contains(entry), "{entry} in {cmap}");
        }
    }

    #[test]
    fn tounicode_blocks_are_short_and_codes_end() {
        let mut glyphs = Glyphs::default();
        let all = (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| glyphs.cid(*c).is_some()).count();
        assert_eq!(glyphs.used.len(), MAX_CID);
        assert!(all >= MAX_CID);
        let cmap = glyphs.to_unicode();
        assert!(cmap.contains("100 beginbfchar") && cmap.contains("<FFFF> <") && !cmap.contains("<10000>"));
    }

    #[test]
    fn the_file_is_a_sound_truetype_font() {
        let file = font_file();
        assert_eq!(checksum(&file), 0xb1b0_afba);
        let tables: Vec<_> = file[12..12 + 7 * 16].chunks(16).collect();
        assert!(tables.is_sorted_by_key(|entry| &entry[..4]));
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap()) as usize;
        for entry in tables {
            let (at, length) = (number(&entry[8..12]), number(&entry[12..16]));
            assert!(at % 4 == 0 && at + length <= file.len(), "{entry:?}");
            if &entry[..4] != b"head" {
                assert_eq!(checksum(&file[at..at + length]) as usize, number(&entry[4..8]), "{entry:?}");
            }
        }
    }
}
