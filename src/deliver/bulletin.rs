//! Mails of the gateway's own: the digest of junk, and alarms. Plain text and the same as HTML.
//!
//! What stands in them may come from a phone line: every line is bounded and without control characters, and escaped
//! in HTML. The same bulletin gives the same bytes.

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;

use super::Settings;
use super::message::header_words;
use crate::fax::{Millis, Sha256, Target, one_line};

/// A cell or a paragraph is no longer than this.
const CELL_MOST: usize = 400;
/// A subject is no longer than this.
const SUBJECT_MOST: usize = 200;

/// What a bulletin says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bulletin {
    /// One line.
    pub subject: String,
    /// Paragraphs before the table.
    pub before: Vec<String>,
    /// Headings of the table.
    pub headings: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
    /// Paragraphs after it.
    pub after: Vec<String>,
}

/// Writes a bulletin to one target. `message_id` is without angle brackets and fixed for ever, as is `date`.
pub fn write(
    bulletin: &Bulletin,
    settings: &Settings,
    to: &Target,
    message_id: &str,
    date: Millis,
) -> Vec<u8> {
    let digest = Sha256::of(message_id.as_bytes()).to_string();
    let boundary = format!("=_b_{}", digest.get(..24).unwrap_or_default());
    let body = MimePart::new(
        ContentType::new("multipart/alternative").attribute("boundary", boundary),
        vec![MimePart::new("text/plain", plain(bulletin)), MimePart::new("text/html", html(bulletin))],
    );
    let to = match to {
        Target::Mail(address) => Address::new_address(None::<&str>, address.as_str()),
        _ => Address::new_group(Some("undisclosed-recipients"), Vec::new()),
    };
    let builder = MessageBuilder::new()
        .message_id(MessageId::new(message_id.to_owned()))
        .date(Date::new(date.div_euclid(1000)))
        .from(Address::new_address(Some("faxgate"), settings.from.as_str()))
        .to(to)
        .subject(Text::new(header_words(&bulletin.subject, SUBJECT_MOST)))
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .header("X-Auto-Response-Suppress", Raw::new("All"))
        .body(body);
    let mut bytes = Vec::new();
    builder.serialize(&mut bytes);
    bytes
}

fn plain(bulletin: &Bulletin) -> String {
    let mut text = String::new();
    let mut paragraph = |line: &str| {
        text.push_str(&one_line(line, CELL_MOST));
        text.push_str("\r\n\r\n");
    };
    bulletin.before.iter().for_each(|line| paragraph(line));
    for row in &bulletin.rows {
        for (heading, cell) in bulletin.headings.iter().zip(row) {
            text.push_str(&format!("{heading}: {}\r\n", one_line(cell, CELL_MOST)));
        }
        text.push_str("\r\n");
    }
    for line in &bulletin.after {
        text.push_str(&one_line(line, CELL_MOST));
        text.push_str("\r\n");
    }
    text
}

fn html(bulletin: &Bulletin) -> String {
    let mut html = String::from(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\"></head>\
         <body style=\"font-family:Arial,sans-serif;font-size:14px\">",
    );
    let paragraphs = |html: &mut String, lines: &[String]| {
        for line in lines {
            html.push_str(&format!("<p>{}</p>\r\n", escaped(line)));
        }
    };
    paragraphs(&mut html, &bulletin.before);
    if !bulletin.rows.is_empty() {
        html.push_str(
            "<table border=\"1\" cellpadding=\"5\" cellspacing=\"0\" style=\"border-collapse:collapse\"><tr>",
        );
        bulletin.headings.iter().for_each(|cell| {
            html.push_str(&format!("<th align=\"left\">{}</th>", escaped(cell)));
        });
        html.push_str("</tr>\r\n");
        for row in &bulletin.rows {
            html.push_str("<tr>");
            row.iter().for_each(|cell| html.push_str(&format!("<td valign=\"top\">{}</td>", escaped(cell))));
            html.push_str("</tr>\r\n");
        }
        html.push_str("</table>\r\n");
    }
    paragraphs(&mut html, &bulletin.after);
    html.push_str("</body></html>\r\n");
    html
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text, CELL_MOST).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_leave_neither_their_cell_nor_their_line() {
        let bulletin = Bulletin {
            subject: "Junk\r\nBcc: x@y".into(),
            headings: vec!["from".into()],
            rows: vec![vec!["<script>alert(1)</script>\r\nX: \u{202e}evil".into()]],
            ..Bulletin::default()
        };
        assert!(html(&bulletin).contains("&lt;script&gt;alert(1)&lt;/script&gt; X: evil"));
        assert!(plain(&bulletin).contains("from: <script>alert(1)</script> X: evil\r\n"));
    }
}
