//! The line that a sending machine prints across the head of every page: date, time, its number and name,
//! the page. ITU-T T.30 asks for none of it in a fixed form; the US FCC (47 CFR 68.318(d)) asks for date,
//! time and number in the margin, and each maker prints them in its own order.
//!
//! The sender's machine writes what its owner set: a claim. Taking a letter's own line for it would hide that
//! line from text rules; leaving it in would let any sender choose his department. So the form must be
//! plain: a time with a date, page or number, or a page in machine form with a date or number.

use std::sync::LazyLock;

use regex::Regex;

/// Longer lines are text.
const LONGEST: usize = 140;
/// A sentence has more small words than any machine prints.
const MOST_SMALL_WORDS: usize = 4;
/// A line that tells date and time and nothing else that machines tell has fewer still.
const FEW_SMALL_WORDS: usize = 1;
/// A sender's name has fewer Han characters than a sentence.
const MOST_HAN: usize = 16;
/// So many digits make a telephone number.
const NUMBER_DIGITS: usize = 7;

/// Patterns are written for lines in upper case whose misread digits were mended.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?x)
        \b\d{1,4}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?\d{2,4}\b
        | \b\d{1,2}[-/.\s,]*(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]{0,6}\b
        | \b(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]{0,6}[-/.\s,]*\d{1,2}\b
        | \d{1,4}\s?年\s?\d{1,2}\s?月\s?\d{1,2}\s?日",
    )
});
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?x)
        \b([01]?\d|2[0-3])\s?[:;]\s?[0-5]\d(\s?[:;]\s?[0-5]\d)?\s?(AM?|PM?|HRS)?\b
        | \b([01]?\d|2[0-3])H[0-5]\d\b
        | [0-2]?\d\s?時\s?[0-5]?\d\s?分",
    )
});
/// Any way of telling the page.
static PAGE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?x)
        \b(P|PG|PAGE|PAGES)\s?[.:,]?\s?\d{1,3}\b
        | \b\d{1,3}\s?(/|OF)\s?\d{1,3}\b
        | 第\s?\d{1,3}\s?頁 | 頁\s?[.:]?\s?\d{1,3}",
    )
});
/// Ways of telling the page that no letter uses: `P.1`, `P. 01/03`, `P001`, `001/003`, and `P1` as the last word.
static MACHINE_PAGE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?x)
        \bP\s?[.,]\s?\d{1,3}(\s?/\s?\d{1,3})?\b
        | \bP\s?\d{1,3}\s?/\s?\d{1,3}\b
        | \bP\s?0\d{1,2}\b
        | \b0\d{1,2}\s?/\s?0?\d{1,3}\b
        | \bP\s?\d{1,3}$",
    )
});
/// A letter's or memo's own date and time bear labels.
static LABELS: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(\bDATE\b|日期).*(\bTIME\b|時間)|(\bTIME\b|時間).*(\bDATE\b|日期)"));
/// Digits as in telephone numbers, with what stands between them.
static DIGITS: LazyLock<Regex> = LazyLock::new(|| compiled(r"\+?\(?\d[\d\s()\-+]{5,}\d"));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant, compiled by a test")
}

/// True if a line at the head of a page has the form of a sending machine's line.
pub fn is_machine_line(line: &str) -> bool {
    let chars = line.chars().count();
    let small_words = line.split_whitespace().filter(|word| is_small_word(word)).count();
    let han = line.chars().filter(|c| super::is_han(*c)).count();
    if chars > LONGEST || small_words > MOST_SMALL_WORDS || han > MOST_HAN {
        return false;
    }
    let line = mended(line).to_uppercase();
    let date = DATE.is_match(&line);
    // A date's own digits are no page and no number.
    let rest = DATE.replace_all(&line, " | ");
    let time = TIME.is_match(&rest);
    let rest = TIME.replace_all(&rest, " | ");
    let number = DIGITS
        .find_iter(&rest)
        .any(|digits| digits.as_str().chars().filter(char::is_ascii_digit).count() >= NUMBER_DIGITS);
    let page = PAGE.is_match(&rest);
    if time && date && !page && !number && (small_words > FEW_SMALL_WORDS || LABELS.is_match(&line)) {
        // "Hearing on 12 March 2024 at 10:30", "Date: 12.3.2024 Time: 14:30".
        return false;
    }
    (time && (date || page)) || (MACHINE_PAGE.is_match(rest.trim_end()) && (date || number))
}

/// A word of running text: small letters alone, but for a comma or full stop after it.
fn is_small_word(word: &str) -> bool {
    let letters = word.trim_end_matches([',', '.', ';']);
    letters.chars().count() >= 2
        && letters.chars().all(|c| c.is_ascii_lowercase())
        && !matches!(letters, "from" | "to" | "fax" | "tel" | "page" | "of" | "no" | "am" | "pm" | "hrs")
}

/// Letters that stand where digits belong, as the engine misreads them in small print, made digits.
fn mended(line: &str) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    // Twice, since a mended digit may mend its neighbour.
    for _ in 0..2 {
        for at in 0..chars.len() {
            let digit = match chars[at] {
                'O' | 'o' => '0',
                'l' | 'I' | '|' => '1',
                _ => continue,
            };
            let beside = |step: isize| {
                let near = at.checked_add_signed(step);
                let far = at.checked_add_signed(2 * step);
                let separated = near.is_some_and(|near| matches!(chars.get(near), Some(':' | '.' | '/')));
                is_digit(near.and_then(|near| chars.get(near)))
                    || (separated && is_digit(far.and_then(|far| chars.get(far))))
            };
            if beside(-1) || beside(1) {
                chars[at] = digit;
            }
        }
    }
    chars.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_machines() {
        let table = [
            "2024-03-12 10:23 852 2345 6789 P.001/003",
            "MAR-12-2024 15:45 ABC TRADING CO LTD P.01",
            "FROM : ABC TRADING CO   FAX NO. : 2345 6789   Mar. 12 2024 03:45PM P1",
            "12/03 '24 TUE 15:45 FAX 852 2345 6789 ABC LTD 001/003",
            "Thu Apr 4 2024 10:23 From: 85223456789 Page 1 of 3",
            "HP LASERJET FAX 4 Apr 2024 9:05 p.2",
            "Received: 12 Mar 2024 10:23:45 from +852 2345 6789 page 1/3",
            "+852 2345 6789 ABC CLINIC P. 2/5",
            "12-MAR-24 1O:23 ABC P.O1",
            "2024年3月12日 10時23分 某某診所 頁 1/3",
            "04/04/2024 09:05 85223456789 PAGE 01/02",
            "ABC LTD 2345 6789 p.l/3",
            "12/03/2024 14:33 2345 6789 ABC CO LTD PAGE 01/03",
            "2024-MAR-12(TUE) 14:33 ABC CO (FAX)2345 6789 P.001/003",
            "2024 Mar 12 14:33 ABC CO. 23456789 p.1",
            "12.MAR.2024 14:33 ABC CO LTD NO.0417 P. 1/3",
            "12-03-2024 14:33 FROM-ABC CO LTD +852 2345 6789 T-417 P.001/003 F-417",
            "From: ABC To: 30101001 Page: 1/3 Date: 12/03/2024 14:33:05",
            "From 85223456789 | Tue Mar 12 14:33:05 2024 | Page 1 of 3",
            "2024/3/12 14:33 ABC 公司 FAX:23456789 頁 1",
            "2024年03月12日(二) 14:33 某某診所 傳真:2345 6789 P.001/003",
            "12/03 '24 14:33 FAX 23456789 ABC @001",
            "Fax Server 3/12/2024 2:33:05 PM PAGE 1/003 Fax Server",
            "SENT BY: ABC CO ; 12- 3-24 ; 2:33PM ; 23456789→ 30101001;# 1/ 3",
            "Received Time Mar. 12. 2024 2:33PM No. 0417",
            "2024 03/12 TUE 14:33 FAX 23456789 ABC 001/003",
            "Mar 12 24 02:33p ABC CO",
            "12 Mar 24 14.33 ABC Co 23456789 p1",
            "(TUE) MAR 12 2024 14:33/ST. 14:32/NO. 7500000417 P 1",
            "12-MAR-2024 14:33 ABC CLINIC",
            "TIME: 12/03/2024 14:33 NAME: ABC FAX: 2345 6789",
        ];
        for line in table {
            assert!(is_machine_line(line), "{line}");
        }
    }

    #[test]
    fn lines_of_letters() {
        let table = [
            "Tel: 2581 2130 Fax: 2519 9816",
            "ABC Trading Co. Ltd., 12/F, Nan Fung Centre, Tsuen Wan",
            "12 March 2024",
            "URGENT BY FAX",
            "Page 2 of 3",
            "Page 2 12 March 2024",
            "電話: 2581 2130 傳真: 2519 9816 網址: www.example.hk",
            "On 12 March 2024 at 10:30 we met the board of the company and agreed",
            "Our Ref.: HAD/TW/816(27) Pt.6 Date: 6/7/2019",
            "Office hours 9:00 - 17:00 Tel 2581 2130",
            "P.O. Box 1234 Hong Kong",
            "會議將於2024年3月12日10時23分在香港中環花園道美利大廈十八樓舉行敬請出席",
            "",
            "香港中環花園道美利大廈18樓",
            "Hearing on 12 March 2024 at 10:30 a.m.",
            "Date: 12 March 2024 Time: 14:30",
            "日期：2024年3月12日 時間：14:30",
            "Chan Tai Man (Case 23456789), car park level P1, Harbour House",
        ];
        for line in table {
            assert!(!is_machine_line(line), "{line}");
        }
    }

    #[test]
    fn letters_among_digits_are_mended() {
        assert_eq!(mended("1O:23 P.OO1 TO ABC p.l/3"), "10:23 P.001 TO ABC p.1/3");
    }
}
