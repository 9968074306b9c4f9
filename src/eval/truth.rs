//! What truly stands on the pages of a folder, and the files to be read.
//!
//! Two shapes of folder are understood, also in one another's company:
//!
//! - loose pages: `<page>.json` and beside it the page's TIFFs of one page, `<page>.tif` or `<page>.<more>.tif`
//!   (`en0.std.thr.tif`, `en0.fine.ed.tif`: one sheet as several machines would have sent it);
//! - faxes: `<name>/original.tif` and, for each of its pages, `<name>/truth-<number>.json`.
//!
//! Heights (`y`) are the middles of lines as shares of the sheet *before* it was fed askew; `profile` says how it lay:
//! `skew` in degrees, `dy` downwards in pixels of the `H` high sheet, `turn`. Which way `skew` counts differs between
//! generators, so the scorer tries both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fax::{Disposition, Fault};

/// Language of a page's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    En,
    /// Chinese.
    Zh,
    /// Both on one page.
    Mix,
}

impl Language {
    /// As truths call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
            Self::Mix => "mix",
        }
    }

    /// As Tesseract's command line calls it.
    pub fn tesseract(self) -> &'static str {
        match self {
            Self::En => "eng",
            Self::Zh => "chi_tra",
            Self::Mix => "chi_tra+eng",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct TrueLine {
    /// Its text.
    #[serde(rename = "t")]
    pub text: String,
    /// Its middle, as a share of the sheet's height.
    pub y: f64,
}

/// How the sheet lay in the machine.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Degrees; its sign is the generator's affair.
    pub skew: f64,
    /// Shift downwards, in the pixels of [`Truth::height`].
    pub dy: f64,
    /// `none`, or how the sheet lay otherwise.
    pub turn: Option<String>,
    /// Chinese set downwards: one height says nothing of such a line's place, so such pages are not judged.
    pub vertical: bool,
}

/// The truth of one page.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Truth {
    /// Language.
    pub lang: Language,
    /// Lines in reading order.
    pub lines: Vec<TrueLine>,
    /// The line that the sending machine printed; it is there but is not counted.
    #[serde(default)]
    pub header: Option<TrueLine>,
    /// How the sheet lay.
    #[serde(default)]
    pub profile: Profile,
    /// Height of the sheet in the pixels that `profile.dy` is in.
    #[serde(rename = "H", default)]
    pub height: f64,
    /// Halftoning, where the truth knows it: `diffusion`, `true`, `none`, …
    #[serde(default)]
    pub dither: serde_json::Value,
}

impl Truth {
    /// Reads one.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Shift downwards as a share of the height.
    pub fn shift(&self) -> f64 {
        if self.height > 0.0 { self.profile.dy / self.height } else { 0.0 }
    }

    /// True if the sheet lay sideways or upside down.
    pub fn turned(&self) -> bool {
        self.profile.turn.as_deref().is_some_and(|turn| turn != "none")
    }

    /// True if the page was halftoned by error diffusion: the file's name says so (`.ed.`, `.thr.`), else the truth.
    pub fn dithered(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if name.contains(".ed.") || name.contains(".thr.") {
            return name.contains(".ed.");
        }
        match &self.dither {
            serde_json::Value::Bool(dither) => *dither,
            serde_json::Value::String(dither) => {
                !matches!(dither.as_str(), "" | "none" | "threshold" | "thr")
            }
            _ => false,
        }
    }
}

/// One file to be read and the truths of its pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheaf {
    /// The TIFF.
    pub tif: PathBuf,
    /// Its name in reports, relative to the folder.
    pub name: String,
    /// The truth of each page.
    pub truths: Vec<Truth>,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Folder {
    /// Files to be read, by name.
    pub sheaves: Vec<Sheaf>,
    /// TIFFs of which no truth is known.
    pub without_truth: Vec<String>,
}

/// Looks through a folder.
pub fn folder(dir: &Path) -> Result<Folder, Fault> {
    let mut found = Folder::default();
    let (mut truths, mut tifs) = (BTreeMap::new(), Vec::new());
    for path in entries(dir)? {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        if path.is_dir() {
            found.sheaves.extend(fax(&path, &name)?);
        } else if let Some(page) = name.strip_suffix(".json") {
            truths.insert(page.to_owned(), read(&path)?);
        } else if name.ends_with(".tif") || name.ends_with(".tiff") {
            tifs.push((name, path));
        }
    }
    for (name, tif) in tifs {
        match page_of(&name, &truths) {
            Some(truth) => found.sheaves.push(Sheaf { tif, name, truths: vec![truth.clone()] }),
            None => found.without_truth.push(name),
        }
    }
    found.sheaves.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The truth with the longest name that begins a file's name: `en10.std.tif` is of `en10` and not of `en1`.
fn page_of<'a>(file: &str, truths: &'a BTreeMap<String, Truth>) -> Option<&'a Truth> {
    let of = |page: &String| {
        file.strip_prefix(page.as_str()).is_some_and(|rest| rest.starts_with(['.', '-', '_']))
    };
    truths.iter().filter(|(page, _)| of(page)).max_by_key(|(page, _)| page.len()).map(|(_, truth)| truth)
}

/// A fax in a folder of its own, if it is one.
fn fax(dir: &Path, name: &str) -> Result<Option<Sheaf>, Fault> {
    let tif = dir.join("original.tif");
    if !tif.is_file() {
        return Ok(None);
    }
    let mut truths = Vec::new();
    for number in 1.. {
        let path = dir.join(format!("truth-{number}.json"));
        if !path.is_file() {
            break;
        }
        truths.push(read(&path)?);
    }
    let sheaf = Sheaf { tif, name: name.to_owned(), truths };
    Ok((!sheaf.truths.is_empty()).then_some(sheaf))
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    let unreadable = |error: std::io::Error| fault(dir, &error);
    let entries: Result<Vec<_>, _> =
        std::fs::read_dir(dir).map_err(unreadable)?.map(|entry| entry.map(|entry| entry.path())).collect();
    entries.map_err(unreadable)
}

fn read(path: &Path) -> Result<Truth, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| fault(path, &error))?;
    Truth::parse(&text).map_err(|error| fault(path, &error))
}

fn fault(path: &Path, error: &dyn std::error::Error) -> Fault {
    let sentence = format!("{} cannot be read as truth: {error}.", path.display());
    Fault::new("eval.truth.unreadable", Disposition::Refuse, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(more: &str) -> Truth {
        Truth::parse(&format!(r#"{{"lang": "en", "H": 7015, "lines": [{{"t": "one", "y": 0.1}}]{more}}}"#))
            .unwrap()
    }

    #[test]
    fn the_longest_page_name_that_begins_the_file_is_meant() {
        let truths: BTreeMap<_, _> = [("en1", 0.1), ("en10", 0.2)]
            .map(|(name, dy)| (name.to_owned(), truth(&format!(r#","profile":{{"dy":{dy}}}"#))))
            .into();
        let dy = |file: &str| page_of(file, &truths).map(|truth| truth.profile.dy);
        assert_eq!(dy("en1.std.tif"), Some(0.1));
        assert_eq!(dy("en10.std.tif"), Some(0.2));
        assert_eq!(dy("en100.std.tif"), None);
        assert_eq!(dy("en1.tif"), Some(0.1));
    }

    #[test]
    fn a_files_name_tells_the_halftone_before_the_truth_does() {
        let diffused = truth(r#","dither":"diffusion""#);
        assert!(diffused.dithered(Path::new("a.tif")) && diffused.dithered(Path::new("a.ed.tif")));
        assert!(!diffused.dithered(Path::new("a.thr.tif")));
        assert!(!truth("").dithered(Path::new("a.tif")) && truth("").dithered(Path::new("a.std.ed.tif")));
        assert!(!truth(r#","dither":"none""#).dithered(Path::new("a.tif")));
        assert!(truth(r#","dither":true"#).dithered(Path::new("a.tif")));
    }

    #[test]
    fn shift_is_a_share_and_a_missing_profile_is_a_straight_sheet() {
        assert_eq!(truth("").shift(), 0.0);
        assert!(!truth("").turned() && truth(r#","profile":{"turn":"half"}"#).turned());
        assert!((truth(r#","profile":{"dy":70.15}"#).shift() - 0.01).abs() < 1e-9);
    }
}
