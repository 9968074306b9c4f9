//! Folding: what two spellings of the same words have in common.
//!
//! Compatibility forms become plain ones (Unicode NFKC, UAX #15: full- and half-width letters, kana and marks,
//! ideographs of the compatibility blocks, Kangxi radicals, ligatures), forms of one Chinese character become one
//! ([`variants`]), runs of blanks become one, and blanks beside a Chinese character vanish: OCR engines put blanks
//! and line ends between Chinese characters where the writer had none. Invisible characters are dropped. Text
//! layers keep what was read: folding is for rules alone.

mod variants;

use unicode_normalization::UnicodeNormalization;
use variants::one_form;

/// Stands in a folded text where a line ended in a hyphen: the word is written with one, or in one.
const BROKEN: char = '\u{ad}';

/// One line: forms, case, quotes and blanks folded, line ends too. For phrases and station names. See [`readings`].
pub(super) fn fold(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| plain(&softened(line))).collect();
    let mut whole = String::with_capacity(text.len());
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).and_then(|next| next.trim_start().chars().next());
        let word = line.trim_end().strip_suffix(['-', '\u{2010}']);
        match word
            .filter(|word| next.is_some_and(is_letter) && word.chars().next_back().is_some_and(is_letter))
        {
            Some(word) => whole.extend([word, "\u{ad}"]),
            None => whole.extend([line.as_str(), "\n"]),
        }
    }
    join(whole.chars().map(simple_mark).flat_map(char::to_lowercase))
}

/// What a folded text may say: as it is, or where lines end in hyphens, with and without them.
pub(super) fn readings(folded: &str) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
    let broken = folded.contains(BROKEN);
    let both = broken.then(|| [folded.replace(BROKEN, ""), folded.replace(BROKEN, "-")]);
    (!broken).then(|| folded.into()).into_iter().chain(both.into_iter().flatten().map(Into::into))
}

/// Forms and blanks folded within each line, case and line ends kept, empty lines dropped. For regular expressions.
pub(super) fn fold_lines(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| join(plain(line).chars())).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// A regular expression as it must be written to find folded text: Chinese characters and full-width letters, digits
/// and marks folded; a full-width mark stays a mark, whatever its narrow form would mean to the expression.
pub(super) fn fold_expression(expression: &str) -> String {
    let mut folded = String::with_capacity(expression.len());
    for c in expression.chars() {
        match c {
            '\u{ff01}'..='\u{ff5e}' => {
                let narrow = char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c);
                if regex_syntax::is_meta_character(narrow) {
                    folded.push('\\');
                }
                folded.push(narrow);
            }
            // Each of these has one character for its plain form.
            '\u{2e80}'..='\u{2fdf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}' => {
                folded.extend(std::iter::once(c).nfkc().map(one_form));
            }
            _ => folded.push(one_form(c)),
        }
    }
    folded
}

/// A character that belongs to a word whose neighbours are set off by blanks or marks.
pub(super) fn is_spaced_word(c: char) -> bool {
    c.is_alphanumeric() && !is_unspaced(c)
}

/// A letter of a word that may be broken at the end of a line.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !is_unspaced(c)
}

/// A soft hyphen at the end of a line is a hyphen; elsewhere it is invisible.
fn softened(line: &str) -> std::borrow::Cow<'_, str> {
    match line.trim_end().strip_suffix('\u{ad}') {
        Some(word) => format!("{word}-").into(),
        None => line.into(),
    }
}

/// Compatibility forms and forms of one character folded, invisible characters dropped.
fn plain(line: &str) -> String {
    // what office papers are made of is its own plain form, or has one that is known without a table
    let quick = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{3000}' => Some(' '),
        '\u{3001}' | '\u{3002}' | '\u{300a}'..='\u{300d}' | '\u{4e00}'..='\u{9fff}' => Some(one_form(c)),
        c => c.is_ascii().then_some(c),
    };
    if let Some(plain) = line.chars().map(quick).collect() {
        return plain;
    }
    line.nfkc().filter(|c| !is_invisible(*c)).map(one_form).collect()
}

/// Quotes and dashes that OCR engines give for each other.
fn simple_mark(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ => c,
    }
}

fn join(chars: impl Iterator<Item = char>) -> String {
    let mut folded = String::new();
    let mut last = None;
    let mut blank = false;
    for c in chars {
        if c.is_whitespace() || c.is_control() {
            blank = true;
            continue;
        }
        let set_off = |before: char| before != BROKEN && !is_unspaced(before) && !is_unspaced(c);
        if blank && last.is_some_and(set_off) {
            folded.push(' ');
        }
        folded.push(c);
        (last, blank) = (Some(c), false);
    }
    folded
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
            ("食物環境\n衞生署", "食物環境衛生署"),
            ("灣仔道（港元）：２０", "灣仔道(港元):20"),
            ("\u{f9e4}\u{2f00}\u{fa1b} ﬁle № ㎡", "理一福file no m2"),
            ("𠝹 𨋢\n𡃁", "𠝹𨋢𡃁"),
            ("ｱﾊﾟｰﾄ", "アパート"),
            ("the applicant’s “form” – A", "the applicant's \"form\" - a"),
            ("人々\n〇 ㄅㄆ", "人々〇ㄅㄆ"),
            (" \n ", ""),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["為爲 ＡＢ　ｃ", "衞生署\n 牌 照", "ﬁ № Straße İ", "a - b -", "裏裡 – “x”"]
        {
            assert_eq!(fold(&fold(text)), fold(text), "{text:?}");
        }
    }

    #[test]
    fn words_broken_at_line_ends_have_two_readings() {
        let read = |text: &str| readings(&fold(text)).map(|reading| reading.into_owned()).collect::<Vec<_>>();
        assert_eq!(read("Environ-\n  mental Hygiene"), ["environmental hygiene", "environ-mental hygiene"]);
        assert_eq!(read("Environ\u{ad}\nmental"), ["environmental", "environ-mental"]);
        assert_eq!(read("Tai-man"), ["tai-man"]);
        // No word goes on: a dash, a list, a number, a Chinese line, the end.
        assert_eq!(read("fees -\nnone"), ["fees - none"]);
        assert_eq!(read("form a-\n\nnext"), ["form a- next"]);
        assert_eq!(read("2345-\n6789"), ["2345- 6789"]);
        assert_eq!(read("ABC-\n牌照"), ["abc-牌照"]);
        assert_eq!(read("end-"), ["end-"]);
    }

    #[test]
    fn lines_stay_lines_for_expressions() {
        assert_eq!(fold_lines("Ref:  LIC/１２ \n\n 牌 照\n"), "Ref: LIC/12\n牌照");
        assert_eq!(fold_lines("衞生署\nEnviron-\nmental"), "衛生署\nEnviron-\nmental");
    }

    #[test]
    fn expressions_are_folded_without_a_change_of_meaning() {
        assert_eq!(
            fold_expression(r"^衞生(署|處)\s*\d+[０-９]（港元）＊"),
            r"^衛生(署|處)\s*\d+[0-9]\(港元\)\*"
        );
        assert_eq!(fold_expression("\u{f9e4}a"), "理a");
    }
}
