//! The comparison on damaged pages: damage with fixed seeds, the readers, and the count of rows that are right.
//!
//! A row is right if it equals the undamaged page's row of the same number, every pixel.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use faxgate::decode::{Limits, open, t4, tiff};
use faxgate::fax::{Bitmap, Coding, Format, Raster};

use super::tiff_file::{self, Coded};

/// A page as it was before the line.
pub struct Truth {
    pub name: String,
    pub page: Bitmap,
}

/// What happens to the code words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// So many bits are turned.
    Flips(u32),
    /// So many stretches of 16 to 63 bits become noise.
    Bursts(u32),
    /// So many stretches of 16 to 255 bytes are missing.
    Gaps(u32),
    /// The data end between half and nine tenths of them.
    Cut,
}

pub const HARMS: [Harm; 8] = [
    Harm::Flips(1),
    Harm::Flips(5),
    Harm::Flips(25),
    Harm::Flips(125),
    Harm::Bursts(5),
    Harm::Gaps(1),
    Harm::Gaps(3),
    Harm::Cut,
];

impl Harm {
    /// Does the harm; the same seed does the same.
    pub fn apply(self, data: &[u8], chance: &mut Chance) -> Vec<u8> {
        let mut data = data.to_vec();
        match self {
            Self::Flips(count) => (0..count).for_each(|_| {
                let bit = chance.below(data.len() * 8);
                data[bit / 8] ^= 0x80 >> (bit % 8);
            }),
            Self::Bursts(count) => (0..count).for_each(|_| {
                let start = chance.below(data.len() * 8);
                let end = (start + 16 + chance.below(48)).min(data.len() * 8);
                (start..end)
                    .filter(|_| chance.below(2) == 0)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|bit| data[bit / 8] ^= 0x80 >> (bit % 8));
            }),
            Self::Gaps(count) => (0..count).for_each(|_| {
                let start = chance.below(data.len());
                let end = (start + 16 + chance.below(240)).min(data.len());
                data.drain(start..end);
            }),
            Self::Cut => data.truncate(data.len() / 2 + chance.below(data.len() * 4 / 10 + 1)),
        }
        data
    }
}

/// Numbers that a seed decides (a 64-bit linear congruential generator, its upper half).
pub struct Chance(u64);

impl Chance {
    /// A seed from what names the case.
    pub fn of(name: &str) -> Self {
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// What is smaller than this, across or down, is no page.
const LEAST: u32 = 100;

/// Every bilevel page under a folder that arrived whole, once each.
pub fn truths(folder: &Path) -> Vec<Truth> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder that can be read").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut found: Vec<Truth> = Vec::new();
    for file in files {
        let is_tiff = file.extension().is_some_and(|end| end == "tif" || end == "tiff");
        if !is_tiff {
            continue;
        }
        for (at, page) in pages(&file).into_iter().enumerate() {
            let is_page = page.width() >= LEAST && page.height() >= LEAST;
            if is_page && !found.iter().any(|known| known.page == page) {
                let name = file.strip_prefix(folder).unwrap_or(&file).display();
                found.push(Truth { name: format!("{name}:{at}"), page });
            }
        }
    }
    found
}

fn pages(file: &Path) -> Vec<Bitmap> {
    let bytes = std::fs::read(file).expect("a file that can be read");
    let limits = Limits::default();
    let Ok(opened) = open(&bytes, Format::Tiff, &limits) else { return Vec::new() };
    let read = (0..opened.page_count()).filter_map(|at| opened.page(at).ok());
    read.filter(|page| !page.damage.worth_saying()).filter_map(|page| bilevel(page.raster)).collect()
}

fn bilevel(raster: Raster) -> Option<Bitmap> {
    match raster {
        Raster::Bilevel(map) => Some(map),
        _ => None,
    }
}

/// Rows that are as they were.
pub fn rows_right(truth: &Bitmap, read: Option<&Bitmap>) -> u32 {
    let Some(read) = read.filter(|read| read.width() == truth.width()) else { return 0 };
    (0..truth.height()).filter(|&y| read.row(y) == truth.row(y)).count() as u32
}

/// faxgate's reading of the code words in a TIFF.
pub fn faxgate(coded: &Coded) -> Option<Bitmap> {
    let file = tiff_file::of_coded(coded);
    let opened = open(&file, Format::Tiff, &Limits::default()).ok()?;
    bilevel(opened.page(0).ok()?.raster)
}

/// libtiff's programs, and a folder for their files.
pub struct Libtiff {
    folder: tempfile::TempDir,
}

impl Libtiff {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A page coded by libtiff's encoder.
    pub fn encode(&self, page: &Bitmap, coding: Coding) -> Option<Coded> {
        let scheme = match coding {
            Coding::Mh => "g3:1d",
            Coding::Mr => "g3:2d",
            Coding::Mmr => "g4",
        };
        std::fs::write(
            self.path("plain.tif"),
            tiff_file::file(page.width(), page.height(), 1, None, page.bits()),
        )
        .ok()?;
        let rows = page.height().to_string();
        let (from, to) = (self.path("plain.tif"), self.path("coded.tif"));
        run(Command::new("tiffcp")
            .args(["-C", "-c", scheme, "-f", "msb2lsb", "-r", &rows])
            .arg(from)
            .arg(&to));
        first_strip(&std::fs::read(to).ok()?, coding)
    }

    /// What `tiffcp` makes of the code words in a TIFF, read errors ignored.
    pub fn tiffcp(&self, coded: &Coded) -> Option<Bitmap> {
        let (from, to) = (self.path("damaged.tif"), self.path("read.tif"));
        std::fs::write(&from, tiff_file::of_coded(coded)).ok()?;
        self.plain(&from, &to, coded.height)
    }

    /// What `fax2tiff` makes of the bare code words: it repeats the row above for one that is bad.
    pub fn fax2tiff(&self, coded: &Coded) -> Option<Bitmap> {
        let (raw, made, read) = (self.path("damaged.raw"), self.path("made.tif"), self.path("read.tif"));
        std::fs::write(&raw, &coded.data).ok()?;
        let coding = match coded.coding {
            Coding::Mh => "-1",
            Coding::Mr => "-2",
            Coding::Mmr => "-4",
        };
        let _ = std::fs::remove_file(&made);
        let width = coded.width.to_string();
        run(Command::new("fax2tiff")
            .args([coding, "-M", "-8", "-m", "-X", &width, "-o"])
            .arg(&made)
            .arg(raw));
        self.plain(&made, &read, 1_000_000)
    }

    fn plain(&self, from: &Path, to: &Path, rows: u32) -> Option<Bitmap> {
        let _ = std::fs::remove_file(to);
        let rows = rows.to_string();
        run(Command::new("tiffcp")
            .args(["-C", "-i", "-c", "none", "-f", "msb2lsb", "-r", &rows])
            .arg(from)
            .arg(to));
        let bytes = std::fs::read(to).ok()?;
        let opened = open(&bytes, Format::Tiff, &Limits::default()).ok()?;
        bilevel(opened.page(0).ok()?.raster)
    }
}

/// Damaged files are complained about, and may end a program: what it wrote is what counts.
fn run(command: &mut Command) {
    let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(ended.is_ok(), "{command:?} cannot be started: ./install tests installs libtiff-tools");
}

/// The first strip of a TIFF that libtiff wrote.
fn first_strip(file: &[u8], coding: Coding) -> Option<Coded> {
    let walk = tiff::walk(file).ok()?;
    let ifd = walk.ifds.first()?;
    let [strip] = *ifd.strips() else { return None };
    let data = t4::in_order(ifd.strip_bytes(strip), ifd.fill_order() == Some(2)).into_owned();
    Some(Coded { coding, width: ifd.width()?, height: ifd.height()?, data })
}

/// Rows right in one cell of the table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    pub rows: u64,
    pub faxgate: u64,
    pub tiffcp: u64,
    pub fax2tiff: u64,
}

pub const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr, Coding::Mmr];

/// One page, one coding, one encoder, one harm: who gets how many rows right.
pub fn score(libtiff: &Libtiff, truth: &Truth, clean: &Coded, encoder: &str, harm: Harm) -> Score {
    let mut chance = Chance::of(&format!("{} {:?} {encoder} {harm:?}", truth.name, clean.coding));
    let damaged = Coded { data: harm.apply(&clean.data, &mut chance), ..clean.clone() };
    let right = |read: Option<Bitmap>| u64::from(rows_right(&truth.page, read.as_ref()));
    Score {
        rows: u64::from(truth.page.height()),
        faxgate: right(faxgate(&damaged)),
        tiffcp: right(libtiff.tiffcp(&damaged)),
        fax2tiff: right(libtiff.fax2tiff(&damaged)),
    }
}

impl std::ops::AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.faxgate += other.faxgate;
        self.tiffcp += other.tiffcp;
        self.fax2tiff += other.fax2tiff;
    }
}
