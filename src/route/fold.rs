//! Folding: what two spellings of the same words have in common.
//!
//! Full-width letters and digits become ASCII (Unicode block *Halfwidth and Fullwidth Forms*, U+FF01–U+FF5E), runs
//! of blanks become one, and blanks beside a Chinese character vanish: OCR engines put blanks and line ends
//! between Chinese characters where the writer had none. Invisible characters are dropped.

/// One line: widths, case and blanks folded, line ends too. For phrases and station names.
pub(super) fn fold(text: &str) -> String {
    join(text.chars().map(narrow).flat_map(char::to_lowercase))
}

/// Widths and blanks folded within each line, case and line ends kept, empty lines dropped. For regular expressions.
pub(super) fn fold_lines(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| join(line.chars().map(narrow))).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// A character that belongs to a word whose neighbours are set off by blanks or marks.
pub(super) fn is_spaced_word(c: char) -> bool {
    c.is_alphanumeric() && !is_unspaced(c)
}

fn join(chars: impl Iterator<Item = char>) -> String {
    let mut folded = String::new();
    let mut last = None;
    let mut blank = false;
    for c in chars.filter(|c| !is_invisible(*c)) {
        if c.is_whitespace() || c.is_control() {
            blank = true;
            continue;
        }
        if blank && last.is_some_and(|before| !is_unspaced(before) && !is_unspaced(c)) {
            folded.push(' ');
        }
        folded.push(c);
        (last, blank) = (Some(c), false);
    }
    folded
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// Scripts written without blanks: ideographs, kana, bopomofo and their marks.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{20000}'..='\u{3ffff}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_meet() {
        for (text, folded) in [
            ("  Change \n of\tAddress ", "change of address"),
            ("ＬＩＣＥＮＣＥ　Ｎｏ．１２", "licence no.12"),
            ("牌 照\n申 請", "牌照申請"),
            ("ABC 牌照 2026", "abc牌照2026"),
            ("re\u{ad}new\u{200b}al", "renewal"),
            (" \n ", ""),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }

    #[test]
    fn lines_stay_lines_for_expressions() {
        assert_eq!(fold_lines("Ref:  LIC/１２ \n\n 牌 照\n"), "Ref: LIC/12\n牌照");
    }
}
