//! The text of a PDF as poppler's `pdftotext` finds it, asked twice: `-bbox` for words with their boxes, `-raw -bbox`
//! for the order of the file.
//!
//! Without `-raw` poppler makes an order of its own from the boxes; the order of the file is what copying in most
//! viewers follows. With `-raw` it breaks words wherever a line is not level, so words are taken from the other.
//!
//! Poppler gives words of a page with `/Rotate` as they are seen, but the page's size as if it were not turned.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;

use super::score::{Leaf, Placed};
use crate::fax::{Disposition, Fault};

const PROGRAM: &str = "pdftotext";

/// Says clearly if the program is missing.
pub fn present() -> Result<(), Fault> {
    match Command::new(PROGRAM).arg("-v").output() {
        Ok(_) => Ok(()),
        Err(error) => Err(missing(&error)),
    }
}

fn missing(error: &std::io::Error) -> Fault {
    let sentence = "pdftotext cannot be started: install poppler's tools (Debian: poppler-utils).";
    Fault::new("eval.pdftotext.missing", Disposition::Refuse, sentence).with_detail(error)
}

/// The pages of a PDF.
pub fn leaves(pdf: &Path) -> Result<Vec<Leaf>, Fault> {
    let mut leaves = asked(pdf, &[])?;
    for (leaf, raw) in leaves.iter_mut().zip(asked(pdf, &["-raw"])?) {
        leaf.flow = raw.words;
    }
    Ok(leaves)
}

fn asked(pdf: &Path, more: &[&str]) -> Result<Vec<Leaf>, Fault> {
    let run = Command::new(PROGRAM).args(more).arg("-bbox").arg(pdf).arg("-").output();
    let run = run.map_err(|error| missing(&error))?;
    if !run.status.success() {
        let sentence = format!("pdftotext cannot read {}: {}.", pdf.display(), run.status);
        return Err(Fault::new("eval.pdftotext.failed", Disposition::Refuse, sentence)
            .with_detail(String::from_utf8_lossy(&run.stderr)));
    }
    Ok(parsed(&String::from_utf8_lossy(&run.stdout), &on_their_side(pdf)))
}

/// For each page, whether it is shown turned by a quarter (ISO 32000-1 §7.7.3.3). What cannot be told is upright.
fn on_their_side(pdf: &Path) -> Vec<bool> {
    let Ok(document) = lopdf::Document::load(pdf) else { return Vec::new() };
    let turned = |page: lopdf::ObjectId| {
        let rotate = document.get_dictionary(page).and_then(|page| page.get(b"Rotate")?.as_i64());
        rotate.unwrap_or(0).rem_euclid(180) == 90
    };
    document.get_pages().into_values().map(turned).collect()
}

/// Takes poppler's XHTML apart: it is written line by line, by a program and not by people.
fn parsed(html: &str, on_their_side: &[bool]) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = Vec::new();
    for found in ELEMENT.captures_iter(html) {
        let number = |name: &str| found.name(name).and_then(|number| number.as_str().parse::<f64>().ok());
        if let (Some(width), Some(height)) = (number("width"), number("height")) {
            let turned = on_their_side.get(leaves.len()).copied().unwrap_or(false);
            let (width, height) = if turned { (height, width) } else { (width, height) };
            leaves.push(Leaf { width, height, ..Leaf::default() });
            continue;
        }
        let edges = (number("x0"), number("y0"), number("x1"), number("y1"));
        let (Some(leaf), (Some(x0), Some(y0), Some(x1), Some(y1))) = (leaves.last_mut(), edges) else {
            continue;
        };
        let (x, y) = ((x0 + x1) / 2.0 / leaf.width, (y0 + y1) / 2.0 / leaf.height);
        let text = found.name("text").map_or("", |text| text.as_str());
        if x.is_finite() && y.is_finite() {
            leaf.words.push(Placed { text: unescaped(text), x, y });
        }
    }
    leaves
}

static ELEMENT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r#"<page width="(?<width>[\d.]+)" height="(?<height>[\d.]+)">"#,
        r#"|<word xMin="(?<x0>[-\d.]+)" yMin="(?<y0>[-\d.]+)" xMax="(?<x1>[-\d.]+)" yMax="(?<y1>[-\d.]+)">"#,
        r#"(?<text>(?s:.*?))</word>"#
    );
    Regex::new(pattern).expect("the pattern is a constant, compiled by a test")
});

fn unescaped(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_page_by_page_with_their_middles() {
        let html = "<doc>\n  <page width=\"200.0\" height=\"100.0\">\n\
            <word xMin=\"10.0\" yMin=\"20.0\" xMax=\"30.0\" yMax=\"40.0\">&lt;R&amp;D&gt;</word>\n  </page>\n\
            <page width=\"50.0\" height=\"100.0\">\n\
            <word xMin=\"-2.0\" yMin=\"0.0\" xMax=\"4.0\" yMax=\"2.0\">香港</word>\n  </page>\n</doc>";
        let leaves = parsed(html, &[false, true]);
        assert_eq!(leaves.len(), 2);
        assert_eq!(leaves[0].words, [Placed { text: "<R&D>".into(), x: 0.1, y: 0.3 }]);
        assert_eq!(leaves[1].words, [Placed { text: "香港".into(), x: 0.01, y: 0.02 }]);
    }

    #[test]
    fn an_escaped_ampersand_is_not_unescaped_twice() {
        assert_eq!(unescaped("&amp;lt;"), "&lt;");
    }
}
