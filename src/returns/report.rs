//! Delivery reports: what became of which address of which message. Pure.
//!
//! Standards: RFC 3464 (delivery status notifications), RFC 6522 (multipart/report), RFC 3461 §4 (ENVID and ORCPT as
//! xtext), RFC 3463 (status codes), RFC 6533 (`message/global-delivery-status`).
//!
//! What real servers do otherwise: Exim and Gmail name the addresses in `X-Failed-Recipients`, older Exims without any
//! status part; qmail writes QSBMF, prose with `<address>:` before each reason and a copy below; Exchange writes a status
//! part but no Original-Envelope-Id; some return the whole message, some its headers as `text/rfc822-headers`, some as
//! prose. A report that says none of this is no report that can be acted on: its fates stay empty.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use serde::Serialize;

use crate::fax::one_line;

/// Addresses of one report that are looked at.
const FATES_MOST: usize = 200;
/// Names (Message-IDs, envelope ids) of one report that are looked at.
const NAMES_MOST: usize = 8;
/// Lines of prose that are looked at.
const LINES_MOST: usize = 2_000;
/// A server's words are kept to this length.
const WORDS_MOST: usize = 240;
/// Longest name or address.
const NAME_MOST: usize = 254;

/// What became of an address (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It will never arrive.
    Failed,
    /// Not yet; the server goes on trying.
    Delayed,
    /// It arrived, or was handed to a system that makes no reports, or to a list.
    Arrived,
}

/// One address's fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// The address as it was when it failed.
    pub recipient: Option<String>,
    /// The address as we had given it (ORCPT).
    pub original: Option<String>,
    /// What the two may stand for besides, should a server have left an encoding on them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<String>,
    /// What became of it.
    pub action: Action,
    /// RFC 3463 status such as `5.1.1`.
    pub status: Option<String>,
    /// The refusing server's words.
    pub words: Option<String>,
}

impl Fate {
    /// The addresses that it may be about, as we may have given them, the likeliest first.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let written = [self.original.as_deref(), self.recipient.as_deref()].into_iter().flatten();
        written.chain(self.readings.iter().map(String::as_str))
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Report {
    /// Which message it is about: the envelope id first, then Message-IDs of what was returned.
    pub names: Vec<String>,
    /// What became of which address; empty where that is said in prose alone.
    pub fates: Vec<Fate>,
}

/// Reads a report; `None`: the mail is none.
pub(super) fn read(mail: &Message<'_>, from_nobody: bool) -> Option<Report> {
    let mut report = Report::default();
    let status = mail.parts.iter().find(|part| {
        part.is_content_type("message", "delivery-status")
            || part.is_content_type("message", "global-delivery-status")
    });
    if let Some(part) = status {
        status_part(&String::from_utf8_lossy(part.contents()), &mut report);
    } else if from_nobody {
        prose(mail, &mut report);
    } else {
        return None;
    }
    returned_names(mail, &mut report.names);
    report.fates.truncate(FATES_MOST);
    Some(report)
}

/// RFC 3464 §2: fields of the message, then fields of each recipient, each group after an empty line.
fn status_part(text: &str, report: &mut Report) {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for group in text.split("\n\n") {
        let fields = fields(group);
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if let Some(id) = field("original-envelope-id") {
            // RFC 3464 §2.2.1 wants it decoded; not every server does so.
            add_name(&mut report.names, id);
            add_name(&mut report.names, &xtext(id));
        }
        let recipient = field("final-recipient").and_then(address);
        let original = field("original-recipient").and_then(address);
        let action = match field("action").map(str::to_ascii_lowercase).as_deref() {
            Some("failed") => Action::Failed,
            Some("delayed") => Action::Delayed,
            Some("delivered" | "relayed" | "expanded") => Action::Arrived,
            // No action, no fate: it is not for us to guess.
            _ => continue,
        };
        if recipient.is_none() && original.is_none() {
            continue;
        }
        let status = field("status").and_then(status_code);
        let words = field("diagnostic-code").map(|words| {
            let words = words.split_once(';').map_or(words, |(_, words)| words);
            one_line(words, WORDS_MOST)
        });
        let readings = [&original, &recipient].into_iter().flatten().filter_map(|one| other_reading(one));
        let readings = readings.collect();
        report.fates.push(Fate { recipient, original, readings, action, status, words });
    }
}

/// `Name: value` lines with their continuations, names in lower case.
fn fields(group: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in group.lines() {
        match (line.starts_with([' ', '\t']), fields.last_mut()) {
            (true, Some((_, value))) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            _ => {
                if let Some((name, value)) = line.split_once(':') {
                    fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
        }
    }
    fields
}

/// What an address stands for if its xtext was left on it: RFC 3464 §2.3.1 wants it off, and then a `+3F` is the
/// address's own.
fn other_reading(address: &str) -> Option<String> {
    let plain = xtext(&address.to_ascii_uppercase()).to_ascii_lowercase();
    (plain != address && plain.contains('@') && plain.len() <= NAME_MOST).then_some(plain)
}

/// The address of `rfc822; user@host`, with or without brackets, comments cut off; of `utf-8; …` with its `\x{…}` undone
/// (RFC 6533 §3).
fn address(value: &str) -> Option<String> {
    let (kind, rest) = value.split_once(';')?;
    let kind = kind.trim().to_ascii_lowercase();
    if !["rfc822", "utf-8"].contains(&kind.as_str()) {
        return None;
    }
    let rest = rest.trim().trim_start_matches('<');
    let end = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
    let found = rest.get(..end)?.to_ascii_lowercase();
    let found = if kind == "utf-8" { unicode_xtext(&found) } else { found };
    (found.contains('@') && found.len() <= NAME_MOST).then_some(found)
}

/// RFC 3463: class, subject, detail.
fn status_code(value: &str) -> Option<String> {
    let code = value.split_whitespace().next()?;
    let parts: Vec<&str> = code.split('.').collect();
    let good = parts.len() == 3
        && ["2", "4", "5"].contains(&parts[0])
        && parts[1..]
            .iter()
            .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    good.then(|| code.to_owned())
}

/// RFC 3461 §4: `+` and two hexadecimal digits stand for a byte. What is no xtext stays as it is: an address may well
/// hold a `+`.
fn xtext(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|two| byte == b'+' && two.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b)))
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok())
            .filter(|byte| byte.is_ascii_graphic());
        match hex {
            Some(decoded) => {
                plain.push(decoded);
                rest = &after[2..];
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// RFC 6533 §3: `\x{…}` holds the hexadecimal number of a character. What is none stays as it is.
fn unicode_xtext(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x{") {
        plain.push_str(before);
        let character = after.split_once('}').and_then(|(hex, after)| {
            let number = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() <= 6)?;
            char::from_u32(number).filter(|c| !c.is_control()).map(|c| (c, after))
        });
        rest = match character {
            Some((character, after)) => {
                plain.push(character);
                after
            }
            None => {
                plain.push_str("\\x{");
                after
            }
        };
    }
    plain.push_str(rest);
    plain
}

/// Message-IDs of the message that was returned, whole, as headers, or as prose.
pub(super) fn returned_names(mail: &Message<'_>, names: &mut Vec<String>) {
    for part in mail.parts.iter().skip(1) {
        match &part.body {
            PartType::Message(inner) => {
                if let Some(id) = inner.message_id() {
                    add_name(names, id);
                }
            }
            _ if part.is_content_type("text", "rfc822-headers")
                || part.is_content_type("message", "global-headers") =>
            {
                names_in(&String::from_utf8_lossy(part.contents()), names);
            }
            _ => {}
        }
    }
    if names.is_empty()
        && let Some(text) = text_of(mail)
    {
        names_in(text, names);
    }
}

/// `Message-ID:` lines, also where the value stands on the next line.
fn names_in(text: &str, names: &mut Vec<String>) {
    let mut lines = text.lines().take(LINES_MOST).peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_start_matches(['>', ' ', '\t']);
        let Some((name, value)) = line.split_once(':') else { continue };
        if !name.eq_ignore_ascii_case("message-id") {
            continue;
        }
        let value = if value.trim().is_empty() { lines.peek().copied().unwrap_or("") } else { value };
        if let Some(id) = value.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
            add_name(names, id.0);
        }
    }
}

fn add_name(names: &mut Vec<String>, name: &str) {
    let name = name.trim().trim_matches(['<', '>']).to_ascii_lowercase();
    let good = !name.is_empty() && name.len() <= NAME_MOST && name.bytes().all(|b| b.is_ascii_graphic());
    if good && names.len() < NAMES_MOST && !names.contains(&name) {
        names.push(name);
    }
}

fn text_of<'a>(mail: &'a Message<'_>) -> Option<&'a str> {
    let part: &MessagePart<'_> = mail.text_part(0)?;
    part.text_contents()
}

/// Exim's and Gmail's header, else QSBMF.
fn prose(mail: &Message<'_>, report: &mut Report) {
    let failed = |recipient: &str, words: Option<String>| Fate {
        recipient: Some(recipient.trim().trim_matches(['<', '>']).to_ascii_lowercase()),
        original: None,
        readings: vec![],
        action: Action::Failed,
        status: words.as_deref().and_then(status_in),
        words,
    };
    if let Some(list) = mail.header_raw("X-Failed-Recipients") {
        report.fates.extend(list.split(',').filter(|one| one.contains('@')).map(|one| failed(one, None)));
        return;
    }
    let Some(text) = text_of(mail) else { return };
    // QSBMF: https://cr.yp.to/proto/qsbmf.txt
    if !text.trim_start().starts_with("Hi. This is the") {
        return;
    }
    let text = text.replace("\r\n", "\n");
    for paragraph in text.split("\n\n").skip(1).take_while(|one| !one.trim_start().starts_with('-')) {
        let paragraph = paragraph.trim_start();
        let Some((recipient, reason)) = paragraph.strip_prefix('<').and_then(|rest| rest.split_once(">:"))
        else {
            continue;
        };
        report.fates.push(failed(recipient, Some(one_line(reason, WORDS_MOST))));
    }
}

/// The first RFC 3463 code in a server's words.
fn status_in(words: &str) -> Option<String> {
    words
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .find_map(|word| status_code(word.trim_matches('.')))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;

    fn report(mail: &str) -> Option<Report> {
        let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
        read(&mail, true)
    }

    const POSTFIX: &str = "From: MAILER-DAEMON@mx.test\r\nContent-Type: multipart/report; \
         report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\
         Original-Envelope-Id: 01k9zt3q8m-7h2kq4xa.licensing\r\n\r\n\
         Final-Recipient: rfc822; clerk@inner.test\r\nOriginal-Recipient: rfc822;licensing+2Bfax@harbour.example\r\n\
         Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such\r\n user here\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: a fax\r\n\
         Message-ID: <01K9ZT3Q8M-7H2KQ4XA.licensing@fax.harbour.example>\r\n\r\n--b--\r\n";

    #[test]
    fn a_status_notification_is_read_whole() {
        let report = report(POSTFIX).unwrap();
        assert_eq!(
            report.names,
            ["01k9zt3q8m-7h2kq4xa.licensing", "01k9zt3q8m-7h2kq4xa.licensing@fax.harbour.example"]
        );
        let fate = &report.fates[0];
        assert_eq!(fate.action, Action::Failed);
        assert_eq!(fate.recipient.as_deref(), Some("clerk@inner.test"));
        assert_eq!(fate.original.as_deref(), Some("licensing+2bfax@harbour.example"));
        assert_eq!(fate.readings, ["licensing+fax@harbour.example"]);
        assert_eq!(fate.status.as_deref(), Some("5.1.1"));
        assert_eq!(fate.words.as_deref(), Some("550 5.1.1 no such user here"));
    }

    #[test]
    fn an_address_is_read_as_it_stands_and_as_a_server_may_have_encoded_it() {
        let mut report = Report::default();
        for field in
            ["rfc822; fax+3F@h", "rfc822;licensing+25@h", "rfc822; fax@h", "utf-8; \\x{724C}\\x{7167}+25@h"]
        {
            status_part(&format!("Final-Recipient: {field}\nAction: failed\n"), &mut report);
        }
        let read: Vec<Vec<&str>> = report.fates.iter().map(|fate| fate.addresses().collect()).collect();
        assert_eq!(
            read,
            [
                vec!["fax+3f@h", "fax?@h"],
                vec!["licensing+25@h", "licensing%@h"],
                vec!["fax@h"],
                vec!["牌照+25@h", "牌照%@h"]
            ]
        );
        for (written, plain) in
            [("\\x{41}@h", "A@h"), ("\\x{}@h", "\\x{}@h"), ("\\x{D800}\\x{0a}", "\\x{D800}\\x{0a}")]
        {
            assert_eq!(unicode_xtext(written), plain);
        }
    }

    #[test]
    fn exchange_returns_headers_without_an_envelope_id() {
        let mail = "From: postmaster@tenant.test\r\nSubject: Undeliverable: Fax\r\nContent-Type: multipart/report; \
             report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: multipart/alternative; \
             boundary=\"c\"\r\n\r\n--c\r\nContent-Type: text/html\r\n\r\n<b>Your message couldn't be delivered</b>\r\n\
             --c--\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns;SG2PR01MB0001.apcprd01.prod.outlook.test\r\nReceived-From-MTA: dns;mx.test\r\n\
             Arrival-Date: Mon, 30 Nov 2026 01:00:00 +0000\r\n\r\nFinal-Recipient: rfc822;licensing@harbour.example\r\n\
             Action: failed\r\nStatus: 5.1.10\r\n\
             Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found\r\n\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <X.licensing@fax.harbour.example>\r\n\
             Subject: Fax\r\n\r\nbody\r\n--b--\r\n";
        let report = report(mail).unwrap();
        assert_eq!(report.names, ["x.licensing@fax.harbour.example"]);
        assert_eq!(report.fates[0].status.as_deref(), Some("5.1.10"));
        assert_eq!(report.fates[0].recipient.as_deref(), Some("licensing@harbour.example"));
        assert_eq!(
            report.fates[0].words.as_deref(),
            Some("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found")
        );
    }

    #[test]
    fn exim_and_qmail_write_prose() {
        let exim = "From: Mailer-Daemon@mx.test\r\nX-Failed-Recipients: a@harbour.example,\r\n b@harbour.example\r\n\
             Subject: Mail delivery failed\r\n\r\nThis message was created automatically.\r\n\r\n\
             ------ This is a copy of the message ------\r\n\r\nMessage-ID:\r\n <m.x@gw.test>\r\n";
        let found = report(exim).unwrap();
        assert_eq!(found.names, ["m.x@gw.test"]);
        let addresses: Vec<&str> = found.fates.iter().flat_map(Fate::addresses).collect();
        assert_eq!(addresses, ["a@harbour.example", "b@harbour.example"]);

        let qmail = "From: MAILER-DAEMON@mx.test\r\n\r\nHi. This is the qmail-send program at mx.test.\r\n\
             I'm afraid I wasn't able to deliver.\r\n\r\n<a@harbour.example>:\r\n550 5.2.2 mailbox full\r\n\r\n\
             --- Below this line is a copy of the message.\r\n\r\nMessage-Id: <m.x@gw.test>\r\n\r\n<c@d.test>:\r\nno\r\n";
        let found = report(qmail).unwrap();
        assert_eq!(found.names, ["m.x@gw.test"]);
        assert_eq!(found.fates.len(), 1, "what stands in the copy is no report");
        assert_eq!(found.fates[0].status.as_deref(), Some("5.2.2"));
    }

    #[test]
    fn what_only_warns_or_only_talks_gives_no_fate() {
        let warning = "From: Mailer-Daemon@mx.test\r\nSubject: Warning: message delayed 24 hours\r\n\r\n\
             The address to which it has not yet been delivered is: a@harbour.example\r\nMessage-ID: <m.x@gw.test>\r\n";
        let found = report(warning).unwrap();
        assert_eq!((found.fates.len(), found.names.len()), (0, 1));
        let odd = POSTFIX.replace("Action: failed", "Action: perhaps");
        assert_eq!(report(&odd).unwrap().fates, []);
        let delayed = POSTFIX.replace("Action: failed", "Action: delayed").replace("5.1.1", "4.4.1");
        assert_eq!(report(&delayed).unwrap().fates[0].action, Action::Delayed);
    }

    #[test]
    fn xtext_is_decoded_and_plain_plus_signs_stay() {
        for (written, plain) in
            [("a+2Bb@c", "a+b@c"), ("a+fax@c", "a+fax@c"), ("+3D", "="), ("a+", "a+"), ("+0D+0AX", "+0D+0AX")]
        {
            assert_eq!(xtext(written), plain);
        }
    }

    proptest! {
        #[test]
        fn no_status_part_breaks_the_reader(text in "\\PC{0,400}") {
            let mut report = Report::default();
            status_part(&text, &mut report);
            names_in(&text, &mut report.names);
            prop_assert!(report.names.iter().all(|name| !name.contains(char::is_control)));
        }

        #[test]
        fn no_mail_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let text = String::from_utf8_lossy(&bytes).replace('x', "\r\nContent-Type: message/delivery-status\r\n\r\n");
            if let Some(mail) = MessageParser::default().parse(text.as_bytes()) {
                let _ = read(&mail, true);
            }
        }
    }
}
