//! What letters say of themselves in fixed words: for whose attention they are, and under which reference.
//!
//! English: "Attn: …", "Attention …", "For the attention of …", "To: …"; Chinese: 「致：…」, 「經辦人：…」, 「收件人：…」,
//! 「致…先生」. References: "Ref.", "Our ref", "Your ref", "File ref. no.", 檔號, 檔案編號, 本處檔號, 來函檔號. Real letters set
//! several of them on one line, leave the colon out or put the name on the next line; OCR loses dots and blanks. A name is
//! taken up to the next such word. Only what stands near the beginning of a fax counts: letters enclosed quote others.

use std::sync::LazyLock;

use regex::Regex;

use super::confidence::Confidence;
use super::fold::{fold, fold_expression};
use super::page::{Line, SeenPage};
use super::place::Within;
use super::reference::plain;

/// Attention lines are sought on the cover sheet and on the letter's own first page.
const ATTENTION_PAGES: usize = 2;
/// References on so many pages: enclosures have their own.
const REFERENCE_PAGES: usize = 3;
/// So many are taken of a fax; one that has more is a list.
const MOST_MARKED: usize = 64;
/// Longest value, in characters.
const LONGEST: usize = 80;

/// What stood behind a mark.
#[derive(Debug)]
pub(super) struct Marked {
    /// The value, folded; a reference without blanks.
    pub(super) text: String,
    /// From 1.
    pub(super) page: usize,
    /// Letters and digits of the page before it.
    letters: usize,
}

impl Marked {
    /// How sure the reader is of some bytes of the value; `None`: it does not stand within.
    pub(super) fn sure(
        &self,
        pages: &[SeenPage],
        at: std::ops::Range<usize>,
        within: &Within,
    ) -> Option<Confidence> {
        if within.page.is_some_and(|spot| !spot.is(self.page, pages.len())) {
            return None;
        }
        let count = |to: usize| {
            let text = self.text.get(..to).unwrap_or(&self.text);
            self.letters + text.chars().filter(|c| c.is_alphanumeric()).count()
        };
        pages.get(self.page.checked_sub(1)?)?.sure(count(at.start)..count(at.end), within)
    }
}

/// Patterns are written as people write and see folded lines. An edge of a word is one of ASCII letters: beside a Chinese
/// character every English word ends, and the automaton need not give up there.
fn compiled(pattern: &str) -> Regex {
    Regex::new(&fold_expression(pattern).replace(r"\b", r"(?-u:\b)"))
        .expect("the pattern is a constant, compiled by a test")
}

/// A mark of attention; what follows is the name.
static ATTENTION: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?x)
        (?: ^|[^\p{L}\p{N}] )
        (?: for\ the\ attention\ of \s*[:;]? | for\ attention\ of \s*[:;]?
          | (?: attn|atten|attention|att|f\.?\s?a\.?\s?o ) \s?\.? \s? [:;] )
        | ^\W* (?: attn|attention ) \b \s?\.? (?: \ to\b )? (?: \ of\b )?
        | ^\W* to \s? [:;]
        | 經辦人(?:員)? [:;]? | 收件人 [:;]? | 收件(?:部門|單位) [:;]? | 致\ ?(?:to)? \s? [:;]
        | ^\W* 致 (?: to\b )?",
    )
});

/// Words that stand before a value of another kind: there a name ends.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?x)
        \b (?: from|fax|tel|telephone|phone|date|dated|pages?|no\.?\ of\ pages|re|subject|our|your|ref|reference|file|cc|c\.c\.|attn|attention|to|email|e-mail|time ) \b [^:;]{0,12} [:;]
        | (?: fax|tel|our\ ref|your\ ref ) \b
        | 來函 | 去函 | 本處 | 本署 | 本函 | 貴處 | 貴署 | 我方 | 你方 | 由\s?[:;] | 發件人 | 寄件人 | 日期 | 傳真 | 電話 | 頁數 | 副本 | 主旨 | 事由 | 檔號 | 檔案 | 地址 | 經辦人 | 收件人",
    )
});

/// The Chinese way without a colon: a name and how it is addressed.
static ADDRESSED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"^\W*(致)?\s?([^:;,。]{1,24}(?:先生|女士|小姐|主任|經理|處長|署長|科長|(台啟|臺啟|收)))\W*$")
});

/// The line with which a letter begins to speak: what stands below it is no address any more.
static SALUTATION: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^\W*(?: *dear\b| *to whom it may concern|敬啟者|執事先生|[^致:;,。][^:;,。]{0,9}(?:先生|女士|小姐|主任|經理|處長|署長|科長)\s?:\W*$)",
    )
});

/// Words that begin with 致 and address nobody: 致電, 致函, 致力, 致謝 …
const NO_ADDRESS: &str = "電函力使謝送意歉敬命詞辭富勝死癌病殘於";
/// Lines of copies and of senders.
const OF_OTHERS: &[&str] = &["副本", "抄送", "由", "cc", "c.c."];
/// The same as lines are seen: folded.
static BARE: LazyLock<String> = LazyLock::new(|| fold("致"));
static NO_ADDRESSES: LazyLock<String> = LazyLock::new(|| fold(NO_ADDRESS));
static OTHERS: LazyLock<Vec<String>> = LazyLock::new(|| OF_OTHERS.iter().map(|word| fold(word)).collect());
/// Where a page without a salutation still addresses anybody, as a share of its height.
const ADDRESS_ENDS: f32 = 0.6;

/// How many of a page's lines stand before what the letter says: up to its salutation, else the upper part.
fn address(lines: &[Line]) -> (usize, bool) {
    match lines.iter().position(|line| SALUTATION.is_match(line.folded())) {
        Some(at) => (at, true),
        None => (lines.iter().take_while(|line| line.down <= ADDRESS_ENDS).count(), false),
    }
}

/// The values of attention lines.
pub(super) fn attention(pages: &[SeenPage]) -> Vec<Marked> {
    let mut found = Vec::new();
    for (number, page) in (1..).zip(pages.iter().take(ATTENTION_PAGES)) {
        let (count, spoken) = address(page.lines());
        let lines: Vec<(&str, usize)> =
            page.lines().iter().take(count).map(|line| (line.folded(), line.before)).collect();
        for (at, (line, before)) in lines.iter().enumerate() {
            let mut seen = false;
            for mark in ATTENTION.find_iter(line) {
                seen = true;
                let rest = line.get(mark.end()..).unwrap_or("");
                if mark.as_str().ends_with(&*BARE) && rest.starts_with(|c| NO_ADDRESSES.contains(c)) {
                    continue;
                }
                let value = value(line, mark.end());
                if !value.0.is_empty() {
                    found.push(marked(line, *before, value, number));
                } else if line.get(mark.end()..).is_some_and(|rest| !rest.contains(char::is_alphanumeric))
                    && let Some((next, before)) = lines.get(at + 1)
                    && !ATTENTION.is_match(next)
                {
                    // the name stands below
                    let value = self::value(next, 0);
                    if !value.0.is_empty() {
                        found.push(marked(next, *before, value, number));
                    }
                }
            }
            let of_others = OTHERS.iter().any(|word| line.trim_start().starts_with(word.as_str()));
            if !seen
                && !of_others
                && let Some(captures) = ADDRESSED.captures(line)
                && let Some(name) = captures.get(2)
                // a title alone may be a sender's: it addresses only above a salutation
                && (spoken || captures.get(1).is_some() || captures.get(3).is_some())
            {
                found.push(marked(line, *before, (name.as_str(), name.start()), number));
            }
        }
    }
    found.truncate(MOST_MARKED);
    found
}

/// What stands behind byte `from`, up to the next label, and where it begins.
fn value(line: &str, from: usize) -> (&str, usize) {
    let rest = line.get(from..).unwrap_or("");
    let end = LABEL.find(rest).map_or(rest.len(), |label| label.start());
    let end = rest.char_indices().nth(LONGEST).map_or(end, |(at, _)| at.min(end));
    let rest = rest.get(..end).unwrap_or("");
    let start = rest.find(|c: char| !is_edge(c)).unwrap_or(rest.len());
    (rest.get(start..).unwrap_or("").trim_end_matches(is_edge), from + start)
}

fn is_edge(c: char) -> bool {
    c.is_whitespace() || matches!(c, ':' | ';' | '.' | ',' | '-' | '_' | '*' | '\u{ad}')
}

fn marked(line: &str, before: usize, (text, start): (&str, usize), page: usize) -> Marked {
    let letters = line.get(..start).unwrap_or("").chars().filter(|c| c.is_alphanumeric()).count();
    Marked { text: text.to_owned(), page, letters: before + letters }
}

/// A mark of a reference.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?x)
        (?: ^|[^\p{L}\p{N}] )
        (?: (?: our|your|file|my|case|application )? \ ?
            (?: ref | reference | refer\.? | file\ no | case\ no | application\ no ) \b
            (?: \s? \. )? \s? (?: no\b | number\b | nos\b )? \s? [.:;]* \s? (?: \(?in\)? \s? [:;] )? )
        | (?: 本處|本署|本科|本部|本會|本函|本公司|貴處|貴署|來函|去函|我方|你方 )? (?: 檔案?號碼?|檔案編號|參考編號|參考號碼?|案件編號|個案編號|申請編號|文件編號 ) (?: our\ ref | your\ ref | ref )? \.? [:;]?",
    )
});

/// What follows "reference" in a sentence: there it marks nothing.
const SENTENCE: &[&str] =
    &["to", "is", "was", "made", "for", "of", "the", "and", "or", "your", "our", "with", "from"];

/// What a reference is made of, from its first sign.
static REFERENCE_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^[\s:;.#]*((?:\(\s?\d*\s?\)\s?(?:in|at|of)\s)?[\p{L}\p{N}(#][\p{L}\p{N}()\[\]/\\.&_\- ]{1,60})",
    )
});

/// Reference numbers, each whole and up to its first blank.
pub(super) fn references(pages: &[SeenPage]) -> Vec<Marked> {
    let mut found: Vec<Marked> = Vec::new();
    for (number, page) in (1..).zip(pages.iter().take(REFERENCE_PAGES)) {
        for line in page.lines() {
            let folded = line.folded();
            for mark in REFERENCE.find_iter(folded) {
                let rest = folded.get(mark.end()..).unwrap_or("");
                let rest =
                    rest.get(..LABEL.find(rest).map_or(rest.len(), |label| label.start())).unwrap_or("");
                let Some(whole) = REFERENCE_VALUE.captures(rest).and_then(|captures| captures.get(1)) else {
                    continue;
                };
                let text = whole.as_str().trim_end_matches(is_edge);
                let first = text.split_whitespace().next().unwrap_or("");
                if SENTENCE.contains(&first) {
                    continue;
                }
                for text in [text, first] {
                    // a reference has a digit: "Ref: as above" is none
                    if text.contains(|c: char| c.is_ascii_digit())
                        && found.last().is_none_or(|last| last.text != plain(text) || last.page != number)
                    {
                        let mut one = marked(folded, line.before, (text, mark.end() + whole.start()), number);
                        one.text = plain(text);
                        found.push(one);
                    }
                }
            }
        }
    }
    found.truncate(MOST_MARKED);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(found: Vec<Marked>) -> Vec<String> {
        found.into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn attention_lines() {
        for (page, expected) in [
            ("Attn: Licensing Division", vec!["licensing division"]),
            ("ATTN.: Mr CHAN Tai-man   Fax: 2345 6789", vec!["mr chan tai-man"]),
            ("Attention Ms Wong", vec!["ms wong"]),
            ("For the attention of the Claims Counter", vec!["the claims counter"]),
            ("Fax 2345 6789 Attn : Claims Counter", vec!["claims counter"]),
            ("To: Director of Health From: ABC Ltd", vec!["director of health"]),
            ("致：牌照科主任", vec!["牌照科主任"]),
            ("致: 陳大文先生", vec!["陳大文先生"]),
            ("致 陳大文先生", vec!["陳大文先生"]),
            ("經辦人：李小姐 電話：2345 6789", vec!["李小姐"]),
            ("收件人 福利科", vec!["福利科"]),
            ("Attn:\nLicensing Division\nDear Sir", vec!["licensing division"]),
            ("致 To：福利科 BENEFITS DIVISION", vec!["福利科benefits division"]),
            ("Please pay attention to the fees", vec![]),
            ("We draw your attention to this", vec![]),
            ("The attention span of cats", vec![]),
            ("致力服務市民的機構", vec![]),
            ("致電福利科查詢", vec![]),
            ("致函牌照科", vec![]),
            ("牌照科陳主任\n陳主任：\n有關申請", vec!["牌照科陳主任"]),
            ("致牌照科陳主任", vec!["牌照科陳主任"]),
            ("福利科收", vec!["福利科收"]),
            // whose title it is, nobody says
            ("牌照科陳主任", vec![]),
            ("敬啟者：\n請與我聯絡\n福利科主任", vec![]),
            ("Dear Sir,\nAttn: Claims Counter", vec![]),
            ("副本送福利科主任\n陳主任：", vec![]),
            ("由牌照科接收\n陳主任：", vec![]),
            ("From: Licensing Division", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(texts(attention(&[SeenPage::of_text(page)])), expected, "{page}");
        }
    }

    #[test]
    fn reference_numbers() {
        for (page, expected) in [
            ("Ref: LIC/2026/17", vec!["lic/2026/17"]),
            ("Our Ref.: HAD/TW/816(27) Pt.6 Date: 6/7/2019", vec!["had/tw/816(27)pt.6", "had/tw/816(27)"]),
            ("Your ref no. B-1234 Our ref: C-99", vec!["b-1234", "c-99"]),
            ("本處檔號：LIC/１２ 來函檔號：X9", vec!["lic/12", "x9"]),
            ("檔案編號 HD 507/3", vec!["hd507/3", "hd"]),
            ("(12) in reference to nothing", vec![]),
            ("Ref: as above", vec![]),
            ("with reference to your letter of 3 May", vec![]),
            ("I refer to LIC", vec![]),
        ] {
            let expected: Vec<&str> =
                expected.into_iter().filter(|text| text.contains(|c: char| c.is_ascii_digit())).collect();
            assert_eq!(texts(references(&[SeenPage::of_text(page)])), expected, "{page}");
        }
    }
}
