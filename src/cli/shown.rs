//! Foreign text made safe for a terminal, and tables.

use comfy_table::{ContentArrangement, Table, presets};

use super::End;
use crate::fax::{Millis, StationId, is_unsafe_in_a_line, one_line};
use crate::ops::clock;

/// One line without control or reordering characters: a station name must not drive a terminal.
pub fn line(text: &str) -> String {
    one_line(text, StationId::SHOWN_CHARS)
}

/// The longest sentence that is shown: a fault's own words and a server's reply fit.
const SENTENCE_CHARS: usize = 600;

/// A sentence of ours that may quote foreign words: as safe as [`line()`], but not cut after a few words.
pub fn sentence(text: &str) -> String {
    one_line(text, SENTENCE_CHARS)
}

/// [`line()`] for an optional field; a dash where nothing is known.
pub fn or_dash<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| line(&value.to_string()))
}

/// A moment in local time, to the second.
pub fn moment(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(
        |_| "–".to_owned(),
        |at| at.to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// The moment that a person names: a time that ended now (`30d`, `12h`, `2 weeks`) or a day's beginning (`2026-11-01`).
/// What is neither is told of.
pub fn since(words: &str) -> Result<Millis, End> {
    let zone = jiff::tz::TimeZone::system();
    let now = jiff::Timestamp::from_millisecond(clock::now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let day = words.parse::<jiff::civil::Date>().and_then(|day| day.to_zoned_datetime(zone.clone()));
    let ago =
        || words.parse::<jiff::Span>().and_then(|span| now.to_zoned_datetime(zone).checked_sub(span.abs()));
    match day.or_else(|_| ago()) {
        Ok(moment) => Ok(moment.timestamp().as_millisecond()),
        Err(_) => {
            eprintln!("faxgate: \"{}\" is no time: write 30d, 12h, or a day such as 2026-11-01", line(words));
            Err(End::Usage)
        }
    }
}

/// Text of several lines made safe for a terminal: only line ends and tabs are left of what would drive it.
pub fn safe_lines(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        safe.push_str(&line[..indent]);
        let blank = |c: char| if c.is_control() || one_line(&c.to_string(), 1).is_empty() { ' ' } else { c };
        safe.extend(line[indent..].chars().map(blank));
        safe.push('\n');
    }
    safe
}

/// JSON for a terminal as well as for scripts: what would drive or reorder a terminal is written as an escape (RFC 8259
/// §7), and means the same. JSON itself demands that of U+0000 to U+001F alone.
pub fn json_text(value: &serde_json::Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        // Outside texts there is nothing but ASCII.
        if c != '\n' && is_unsafe_in_a_line(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// A cell of a CSV file: one line, and nothing that a spreadsheet takes for a formula (`=`, `+`, `-`, `@`, also in full width,
/// at the beginning or after blanks). Such text begins with an apostrophe, by which spreadsheets know text.
pub fn cell(text: &str) -> String {
    let line = one_line(text, usize::MAX);
    match line.chars().next() {
        Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠' | '−') => format!("'{line}"),
        _ => line,
    }
}

/// An empty table with these headings.
pub fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.iter().copied());
    table
}

/// A number of things in words that agree: `1 fax`, `2 faxes`.
pub fn counted(count: usize, thing: &str) -> String {
    match (count, thing.ends_with('x')) {
        (1, _) => format!("1 {thing}"),
        (_, true) => format!("{count} {thing}es"),
        (_, false) => format!("{count} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_start_no_formula() {
        for (text, safe) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            (" \t=1+1", "'=1+1"),
            ("+85223456789", "'+85223456789"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\r\n＝1", "'＝1"),
            ("Licensing", "Licensing"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(cell(text), safe, "{text:?}");
        }
    }

    #[test]
    fn json_drives_no_terminal_and_means_the_same() {
        let value =
            serde_json::json!({ "tsi": "A\u{9b}2J\u{202e}\u{7f}\u{e0041}\u{3000}\n長 \u{1f4e0}", "n": [1] });
        let told = json_text(&value);
        assert!(told.contains("A\\u009b2J\\u202e\\u007f\\udb40\\udc41\u{3000}\\n長 \u{1f4e0}"), "{told}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&told).unwrap(), value);
        assert_eq!(told.lines().count(), 6);
    }

    #[test]
    fn many_lines_are_safe_and_keep_their_shape() {
        assert_eq!(safe_lines("[a]\n\tto  = 1\u{1b}[2J\n"), "[a]\n\tto  = 1 [2J\n");
    }

    #[test]
    fn times_are_told_in_two_ways() {
        let now = clock::now();
        assert!((now - since("30d").unwrap() - 30 * 86_400_000).abs() < 7_200_000);
        assert!(since("2026-01-01").unwrap() < since("2026-01-02").unwrap());
        assert_eq!(since("yesterday-ish").unwrap_err(), End::Usage);
    }

    #[test]
    fn sentences_are_shown_whole_and_safe() {
        let said = "Refused for good: 550 no such user here. Correct the department's address or ask. [deliver.smtp.550]";
        assert_eq!(sentence(said), said);
        assert_eq!(sentence("a\u{1b}[31m\nb"), "a [31m b");
        assert!(line(said).len() < said.len());
    }
}
