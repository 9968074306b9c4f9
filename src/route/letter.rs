//! What letters say of themselves in fixed words: for whose attention they are, and under which reference.
//!
//! English: "Attn: …", "Attention …", "For the attention of …", "To: …"; Chinese: 「致：…」, 「經辦人：…」, 「收件人：…」,
//! 「致…先生」. References: "Ref.", "Our ref", "Your ref", "File ref. no.", 檔號, 檔案編號, 本處檔號, 來函檔號. Real letters set
//! several of them on one line, leave the colon out or put the name on the next line; OCR loses dots and blanks. A name is
//! taken up to the next such word. Only what stands near the beginning counts, on the first pages and on the page: letters
//! enclosed quote others, and what a letter says below its salutation addresses nobody. 致 is also a verb (致電, 致力): without
//! a colon it counts only before a blank, or where the line ends as an address does. A title alone is a sender's as often
//! as an addressee's: it counts only in the top third, above a salutation, and under no 副本.

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
        | (?: 經辦人員? | 收件人 | 收件部門 | 收件單位 ) \s? [:;] | 致\ ?(?:to)? \s? [:;]
        | ^\W* (?: 經辦人員? | 收件人 | 收件部門 | 收件單位 )
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

/// The Chinese way without a colon: a name and how it is addressed; 收 and 台啟 are written to an addressee alone.
static ADDRESSED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"^\W*(?:致)?\s?([^:;,。]{1,24}(?:先生|女士|小姐|主任|經理|處長|署長|科長|(台啟|臺啟|收)))\W*$")
});

/// The line with which a letter begins to speak: what stands below it is no address any more.
static SALUTATION: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^\W*(?: *dear\b| *to whom it may concern|敬啟者|執事先生|[^致:;,。][^:;,。]{0,9}(?:先生|女士|小姐|主任|經理|處長|署長|科長)\s?:\W*$)",
    )
});

/// Lines of those who get a copy.
static COPY: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^\W*(?:副本|抄送|抄致|b?cc\b|b?c\.\s?c\b|cop(?:y|ies) to\b)"));

/// Words that begin with 致 and address nobody: 致電, 致函, 致力, 致謝 …
static NO_ADDRESS: LazyLock<String> =
    LazyLock::new(|| fold("電函力使令以謝送意歉敬命詞辭富勝死癌病殘於賀哀祭"));
/// Words that end in 收 and address nobody: 接收, 查收, 簽收 …
static NO_RECEIPT: LazyLock<String> =
    LazyLock::new(|| fold("接查簽點驗照回沒徵征吸代已未不没應實歲税稅秋豐失催追"));
static BARE: LazyLock<String> = LazyLock::new(|| fold("致"));
static RECEIPT: LazyLock<String> = LazyLock::new(|| fold("收"));
/// By whom: a sender, or whoever does something.
static BY: LazyLock<String> = LazyLock::new(|| fold("由"));

/// Nothing further down a page addresses anybody, as a share of its height: cover sheets say it in a table.
const ADDRESS_ENDS: f32 = 0.6;
/// What is marked by nothing but its title stands no further down.
const TITLES_END: f32 = 1.0 / 3.0;

/// The lines that may address somebody, and whether a salutation stands below them.
fn address(lines: &[Line]) -> (Vec<&Line>, bool) {
    let high = |line: &Line| line.down <= ADDRESS_ENDS;
    let spoken = lines.iter().position(|line| high(line) && SALUTATION.is_match(line.folded()));
    let above = lines.iter().take(spoken.unwrap_or(lines.len()));
    (above.filter(|line| high(line)).collect(), spoken.is_some())
}

/// The values of attention lines.
pub(super) fn attention(pages: &[SeenPage]) -> Vec<Marked> {
    let mut found = Vec::new();
    for (number, page) in (1..).zip(pages.iter().take(ATTENTION_PAGES)) {
        let (lines, spoken) = address(page.lines());
        let mut copies = false;
        for (at, line) in lines.iter().enumerate() {
            if COPY.is_match(line.folded()) {
                copies = true;
                continue;
            }
            let next = lines.get(at + 1).copied();
            match behind_marks(line, next) {
                Some(values) => {
                    let values = values.into_iter();
                    found.extend(
                        values.map(|(line, value)| marked(line.folded(), line.before, value, number)),
                    );
                }
                None if copies => {}
                None => found.extend(
                    titled(line, spoken).map(|name| marked(line.folded(), line.before, name, number)),
                ),
            }
        }
    }
    found.truncate(MOST_MARKED);
    found
}

/// A value and where it begins in its line, folded.
type Value<'a> = (&'a str, usize);

/// What stands behind each mark of a line, or below it. `None`: the line has no mark.
fn behind_marks<'a>(line: &'a Line, next: Option<&'a Line>) -> Option<Vec<(&'a Line, Value<'a>)>> {
    let folded = line.folded();
    let mut marks = ATTENTION.find_iter(folded).peekable();
    marks.peek()?;
    let mut values = Vec::new();
    for mark in marks {
        let rest = folded.get(mark.end()..).unwrap_or("");
        if mark.as_str().ends_with(&*BARE) && !addresses(line, rest) {
            continue;
        }
        let here = value(folded, mark.end());
        if !here.0.is_empty() {
            values.push((line, here));
        } else if !rest.contains(char::is_alphanumeric)
            && let Some(next) = next
            && !ATTENTION.is_match(next.folded())
            && !COPY.is_match(next.folded())
        {
            // the name stands below
            let below = value(next.folded(), 0);
            values.extend((!below.0.is_empty()).then_some((next, below)));
        }
    }
    Some(values)
}

/// A line that begins with 致 and has no colon behind it addresses somebody; `rest` is what stands behind.
fn addresses(line: &Line, rest: &str) -> bool {
    if rest.starts_with(|c| NO_ADDRESS.contains(c)) {
        return false;
    }
    // blanks beside Chinese characters are folded away, so the line is asked as it is written
    let written = line.text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let blank = written.chars().nth(1).is_none_or(char::is_whitespace);
    blank || ADDRESSED.captures(line.folded()).is_some_and(|captures| !is_verb(&captures))
}

/// A line without a mark that is a name and how it is addressed.
fn titled(line: &Line, spoken: bool) -> Option<Value<'_>> {
    let captures = ADDRESSED.captures(line.folded()).filter(|_| line.down <= TITLES_END)?;
    let name = captures.get(1)?;
    // a title alone may be a sender's: it addresses only above a salutation
    let addressed = (spoken || captures.get(2).is_some()) && !is_verb(&captures);
    (addressed && !name.as_str().contains(&*BY)).then_some((name.as_str(), name.start()))
}

/// It ends in 收, and that is a part of a word.
fn is_verb(captures: &regex::Captures<'_>) -> bool {
    let before = captures.get(1).and_then(|name| name.as_str().strip_suffix(RECEIPT.as_str()));
    captures.get(2).is_some() && before.is_some_and(|before| before.ends_with(|c| NO_RECEIPT.contains(c)))
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
            ("文件已由牌照科接收", vec![]),
            ("請福利科查收", vec![]),
            ("致牌照科接收", vec![]),
            ("副本送：\n福利科主任\n陳主任：", vec![]),
            ("c.c. Licensing Division (Attn: Mr Chan)", vec![]),
            ("Attn:\n副本送福利科", vec![]),
            ("致以問候福利科主任", vec![]),
            ("致 牌照科", vec!["牌照科"]),
            ("致\n牌照科", vec!["牌照科"]),
            ("致牌照科收", vec!["牌照科收"]),
            // 致 as a verb of which nobody thought
            ("致福利科申請人的信", vec![]),
            ("如收件人不在福利科", vec![]),
            ("1\n2\n3\n4\n福利科主任\n陳主任：", vec![]),
            ("1\n2\n3\n4\n福利科收", vec![]),
            ("1\n2\n3\n4\n致：福利科", vec!["福利科"]),
            ("1\n2\n3\n4\n5\n6\n7\n致：福利科", vec![]),
            // a salutation so far down begins nothing
            ("福利科主任\n1\n2\n3\n4\n5\n6\n7\n陳主任：\n致：福利科", vec![]),
            ("福利科社會福利署署長", vec![]),
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
