//! A mail that came to the gateway's own address: who wrote it, what it answers, what kind of mail it is. Pure.
//!
//! Standards: RFC 5322 (headers), RFC 3834 (`Auto-Submitted`), RFC 5965 (complaints, ARF), RFC 8098 (receipts, MDN), and
//! [`report`](mod@super::report) for delivery reports. Everything in such a mail can be made up by anybody; what may be
//! done because of it is judged elsewhere.

use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders};

use super::report::{self, Report};
use crate::fax::one_line;

/// Messages that a mail may refer to and that are looked at: threads grow long.
const REFERENCES_MOST: usize = 50;
/// Lines of a reply that are looked at.
const LINES_MOST: usize = 200;
/// A subject or sender is kept to this length.
const LINE_MOST: usize = 200;
/// A reason in a reply is kept to this length.
const REASON_MOST: usize = 500;

/// What a mail says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The one address of `From`, in lower case; `None`: there is none, or there are several.
    pub author: Option<String>,
    /// Its subject, one safe line.
    pub subject: String,
    /// Its own Message-ID, in lower case.
    pub id: Option<String>,
    /// Message-IDs of what it answers, nearest first.
    pub answers: Vec<String>,
    /// A program sent it (RFC 3834), or a list did: it is never answered.
    pub automatic: bool,
    /// What kind of mail it is.
    pub kind: Kind,
}

/// What kind of mail it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A delivery report.
    Report(Report),
    /// A complaint about one of our mails (ARF), with the Message-IDs that it returns.
    Complaint(Vec<String>),
    /// A reader's program tells that a mail was opened or thrown away (MDN).
    Receipt,
    /// A person's words, or a program's that says nothing we know.
    Words {
        /// The first line of the writer's own words.
        first: String,
        /// The rest of them, one line, without quotations and signature.
        rest: String,
    },
}

/// Reads a mail. `envelope` is the sender that the server gave, empty for the null sender; `None`: not known, and then
/// `Return-Path` counts. `None` back: it is no mail at all.
pub fn read(bytes: &[u8], envelope: Option<&str>) -> Option<Mail> {
    let mail = MessageParser::default().parse(bytes)?;
    let author = author(&mail);
    let from_nobody = from_nobody(&mail, envelope, author.as_deref());
    let has = |kind: &str, subtype: &str| mail.parts.iter().any(|part| part.is_content_type(kind, subtype));
    let kind = if has("message", "feedback-report") {
        let mut names = Vec::new();
        report::returned_names(&mail, &mut names);
        Kind::Complaint(names)
    } else if has("message", "disposition-notification") {
        Kind::Receipt
    } else {
        report::read(&mail, from_nobody).map_or_else(|| words(&mail), Kind::Report)
    };
    Some(Mail {
        subject: one_line(mail.subject().unwrap_or_default(), LINE_MOST),
        id: mail.message_id().map(str::to_ascii_lowercase),
        answers: answers(&mail),
        automatic: from_nobody || automatic(&mail),
        author,
        kind,
    })
}

/// The `From` header's one address. Two authors are nobody whose word counts.
fn author(mail: &Message<'_>) -> Option<String> {
    let mut headers = mail.header_values("From");
    let from = headers.next()?.as_address()?;
    if headers.next().is_some() {
        return None;
    }
    let mut addresses = from.iter().filter_map(|one| one.address());
    match (addresses.next(), addresses.next()) {
        (Some(one), None) => Some(one.to_ascii_lowercase()),
        _ => None,
    }
}

/// No person: the null sender, or a server's own mailbox.
fn from_nobody(mail: &Message<'_>, envelope: Option<&str>, author: Option<&str>) -> bool {
    let path = match envelope {
        Some(envelope) => Some(envelope.to_owned()),
        None => mail.header_raw("Return-Path").map(|path| path.trim().trim_matches(['<', '>']).to_owned()),
    };
    let server = |address: &str| {
        let local = address.split('@').next().unwrap_or("").to_ascii_lowercase();
        ["mailer-daemon", "postmaster"].contains(&local.as_str()) || local.starts_with("microsoftexchange")
    };
    path.is_some_and(|path| path.is_empty()) || author.is_some_and(server)
}

fn automatic(mail: &Message<'_>) -> bool {
    let word = |name: &'static str| mail.header_raw(name).map(|value| value.trim().to_ascii_lowercase());
    word("Auto-Submitted").is_some_and(|value| !value.starts_with("no"))
        || word("Precedence")
            .is_some_and(|value| ["bulk", "junk", "list", "auto_reply"].contains(&value.as_str()))
        || ["List-Id", "X-Autoreply", "X-Autorespond", "X-Faxgate-Id"]
            .iter()
            .any(|name| mail.header_raw(*name).is_some())
}

/// `In-Reply-To`, then `References` from the end.
fn answers(mail: &Message<'_>) -> Vec<String> {
    let list = |value: &HeaderValue<'_>| -> Vec<String> {
        match value {
            HeaderValue::Text(one) => vec![one.to_ascii_lowercase()],
            HeaderValue::TextList(all) => all.iter().map(|one| one.to_ascii_lowercase()).collect(),
            _ => Vec::new(),
        }
    };
    let mut ids = list(mail.in_reply_to());
    ids.extend(list(mail.references()).into_iter().rev());
    let mut known = std::collections::HashSet::new();
    ids.retain(|id| known.insert(id.clone()));
    ids.truncate(REFERENCES_MOST);
    ids
}

/// The writer's own words: quotations, what announces them, and the signature are left out.
fn words(mail: &Message<'_>) -> Kind {
    let text = mail.body_text(0).unwrap_or_default();
    let mut first = String::new();
    let mut rest = String::new();
    for line in text.lines().take(LINES_MOST) {
        let bare = line.trim();
        // RFC 3676 §4.3: the signature's separator; and what Outlook writes before what it quotes.
        if line.trim_end_matches('\r') == "-- " || quotes_follow(bare) {
            break;
        }
        if bare.is_empty() || bare.starts_with('>') {
            continue;
        }
        if first.is_empty() {
            first = one_line(bare, LINE_MOST);
        } else {
            rest.push_str(bare);
            rest.push(' ');
        }
    }
    Kind::Words { first, rest: one_line(&rest, REASON_MOST) }
}

/// Lines that mail programs write above a quotation.
fn quotes_follow(line: &str) -> bool {
    let starts = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
    starts(&["-----Original Message", "-----原始郵件", "________________"])
        || line.starts_with("On ") && line.ends_with("wrote:")
        || starts(&["From: ", "寄件者:", "寄件者：", "寄件人:", "寄件人：", "发件人:", "发件人："])
        || line.ends_with("寫道：")
        || line.ends_with("寫道:")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words_of(body: &str) -> (String, String) {
        let mail = format!("From: a@b.test\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}");
        match read(mail.as_bytes(), Some("a@b.test")).unwrap().kind {
            Kind::Words { first, rest } => (first, rest),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_writers_own_words_are_told_from_what_is_quoted() {
        for body in [
            "Licensing Division\r\nIt is a licence.\r\nThanks\r\n\r\nOn Mon, 30 Nov 2026, Fax wrote:\r\n> Benefits\r\n",
            "> Fax of 30 Nov\r\n> Benefits\r\n\r\n  Licensing Division  \r\nIt is a licence. Thanks\r\n-- \r\nMay\r\n",
            "Licensing Division\nIt is a licence.\nThanks\n\n-----Original Message-----\nFrom: Fax\nBenefits\n",
            "Licensing Division\nIt is a licence.\nThanks\n\n寄件者: 傳真\n福利科\n",
        ] {
            assert_eq!(
                words_of(body),
                ("Licensing Division".into(), "It is a licence. Thanks".into()),
                "{body}"
            );
        }
        assert_eq!(words_of("牌照科\r\n這是牌照申請。").0, "牌照科");
        assert_eq!(words_of(""), (String::new(), String::new()));
    }

    #[test]
    fn programs_are_known_and_two_authors_are_nobody() {
        let mail = |headers: &str| read(format!("{headers}\r\n\r\nbody\r\n").as_bytes(), None).unwrap();
        assert!(mail("From: a@b.test\r\nAuto-Submitted: auto-replied").automatic);
        assert!(mail("From: a@b.test\r\nPrecedence: bulk").automatic);
        assert!(mail("From: a@b.test\r\nReturn-Path: <>").automatic);
        assert!(mail("From: MAILER-DAEMON@b.test").automatic);
        let person = mail("From: May <May@B.test>\r\nReturn-Path: <may@b.test>\r\nAuto-Submitted: no");
        assert_eq!((person.automatic, person.author.as_deref()), (false, Some("may@b.test")));
        assert_eq!(mail("From: a@b.test, c@d.test").author, None);
        assert_eq!(mail("From: a@b.test\r\nFrom: c@d.test").author, None);
    }

    #[test]
    fn the_nearest_message_is_named_first() {
        let mail = "From: a@b.test\r\nIn-Reply-To: <Three@x>\r\nReferences: <one@x> <two@x>\r\n <three@x>\r\n\r\n.\r\n";
        assert_eq!(read(mail.as_bytes(), None).unwrap().answers, ["three@x", "two@x", "one@x"]);
    }

    #[test]
    fn complaints_and_receipts_are_no_reports() {
        let arf = "From: <feedback@isp.test>\r\nContent-Type: multipart/report; report-type=feedback-report; \
             boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\nMessage-ID: <m.x@gw.test>\r\n\r\nx\r\n--b--\r\n";
        assert_eq!(read(arf.as_bytes(), None).unwrap().kind, Kind::Complaint(vec!["m.x@gw.test".into()]));
        let mdn = "From: a@b.test\r\nContent-Type: multipart/report; report-type=disposition-notification; \
             boundary=b\r\n\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n\
             Disposition: manual-action/MDN-sent-manually; displayed\r\n--b--\r\n";
        assert_eq!(read(mdn.as_bytes(), None).unwrap().kind, Kind::Receipt);
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..800)) {
            if let Some(mail) = read(&bytes, None) {
                prop_assert!(!mail.subject.contains(char::is_control));
            }
        }
    }
}
