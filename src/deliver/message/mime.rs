//! Headers and MIME structure of every mail that the gateway makes.
//!
//! ```text
//! multipart/mixed
//! ├── multipart/alternative
//! │   ├── text/plain
//! │   └── multipart/related
//! │       ├── text/html
//! │       └── image/png            first page, by its Content-ID
//! └── application/pdf              the fax (or the original, in a notice)
//! ```
//!
//! The same letter gives the same bytes: Message-ID and date come from the caller, boundaries from the
//! Message-ID. All lines are 7-bit, so no relay needs 8BITMIME.
//!
//! An encrypted mail is the same entity inside `application/pkcs7-mime` (RFC 8551 §3.3); its own subject
//! stands inside, and outside one that tells nothing but the fax's number.

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};

use super::circumstances::Urgency;
use super::naming;
use crate::deliver::{address, smime};
use crate::fax::{Certificate, Fault, Millis, Sha256, one_line};

/// A subject is no longer than this, whatever a template makes of it.
const SUBJECT_MOST: usize = 220;
/// Preview pictures above this size are left out: the PDF holds the page anyway.
const PREVIEW_MOST: usize = 600 * 1024;
/// The same for a letter that must stay small because the relay refused the large one.
const SMALL_PREVIEW_MOST: usize = 64 * 1024;
/// A Message-ID's length (RFC 5322 §2.1.1 allows 998 for the line; servers are stricter).
const MESSAGE_ID_MOST: usize = 200;
/// The words before a List-Id (RFC 2919 §2) are no longer than this.
const LIST_NAME_MOST: usize = 100;

/// Everything a mail consists of.
pub(super) struct Mail<'a> {
    pub(super) from: &'a str,
    pub(super) from_name: String,
    pub(super) to: &'a [String],
    pub(super) message_id: &'a str,
    pub(super) date: Millis,
    pub(super) fax_id: &'a str,
    /// The list's name for people, and its List-Id.
    pub(super) list: Option<(&'a str, String)>,
    /// Message-IDs that it answers to, the oldest first.
    pub(super) thread: Vec<String>,
    pub(super) urgency: Urgency,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    /// As [`showable`] let it pass.
    pub(super) preview: Option<&'a [u8]>,
    pub(super) attachment: Option<Attachment<'a>>,
}

/// One attached file.
pub(super) struct Attachment<'a> {
    pub(super) media_type: &'static str,
    pub(super) file_name: String,
    pub(super) bytes: &'a [u8],
}

/// The preview, if it may be shown: a PNG, and no larger than this letter can bear.
pub(super) fn showable(preview: Option<&[u8]>, small_letter: bool) -> Option<&[u8]> {
    let most = if small_letter { SMALL_PREVIEW_MOST } else { PREVIEW_MOST };
    preview.filter(|png| png.len() <= most && png.starts_with(b"\x89PNG\r\n\x1a\n"))
}

/// A Message-ID without its angle brackets and without anything that could leave its header.
pub(super) fn plain_id(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_graphic() && !"<>".contains(*c)).take(MESSAGE_ID_MOST).collect()
}

/// The Content-ID of the preview.
pub(super) fn preview_cid(message_id: &str) -> String {
    format!("page1.{}", plain_id(message_id))
}

/// A subject: one line.
pub(super) fn subject(text: &str) -> String {
    header_words(text, SUBJECT_MOST)
}

/// Words for a header: one line of at most so many characters, in which nothing is an encoded-word but what we encode
/// ourselves. A station may call itself `=?utf-8?Q?A=0D=0ABcc:…?=`, and mail programs would decode it (RFC 2047 §6).
pub(in crate::deliver) fn header_words(text: &str, most: usize) -> String {
    one_line(text, most).replace("=?", "= ?")
}

/// The whole mail.
pub(super) fn build(mut mail: Mail<'_>) -> Vec<u8> {
    let subject = std::mem::take(&mut mail.subject);
    let body = entity(&mut mail);
    written(&mail, &subject, body)
}

/// The whole mail, encrypted for all of `certificates`; `outside` is the subject that everybody may read.
///
/// # Errors
/// `deliver.smime`.
pub(super) fn sealed(
    mut mail: Mail<'_>,
    outside: &str,
    certificates: &[Certificate],
) -> Result<Vec<u8>, Fault> {
    let subject = std::mem::take(&mut mail.subject);
    let mut inside = entity(&mut mail);
    inside.headers.push(("Subject".into(), Text::new(subject).into()));
    for (_, value) in &mut inside.headers {
        if let HeaderType::ContentType(kind) = value {
            // Without this mark, Thunderbird and others show the subject that stands outside.
            kind.attributes.push(("protected-headers".into(), "v1".into()));
        }
    }
    let mut clear = Vec::new();
    inside.write_part(&mut clear);
    let locked = smime::sealed(&clear, certificates)?;
    let kind = ContentType::new("application/pkcs7-mime")
        .attribute("smime-type", "enveloped-data")
        .attribute("name", "smime.p7m");
    let body = MimePart::new(kind, locked).attachment("smime.p7m");
    Ok(written(&mail, outside, body))
}

/// Texts, first page and file.
fn entity(mail: &mut Mail<'_>) -> MimePart<'static> {
    let message_id = plain_id(mail.message_id);
    let boundary = |part: &str| format!("=_{part}_{}", short_digest(&message_id));
    let multipart = |kind: &str, part: &str, inner: Vec<MimePart<'static>>| {
        MimePart::new(
            ContentType::new(format!("multipart/{kind}")).attribute("boundary", boundary(part)),
            inner,
        )
    };
    let mut html = MimePart::new("text/html", std::mem::take(&mut mail.html));
    if let Some(png) = mail.preview {
        let picture =
            MimePart::new(ContentType::new("image/png").attribute("name", "page1.png"), png.to_vec())
                .inline()
                .cid(preview_cid(&message_id));
        html = multipart("related", "r", vec![html, picture]);
    }
    let text = MimePart::new("text/plain", std::mem::take(&mut mail.text));
    let body = multipart("alternative", "a", vec![text, html]);
    match mail.attachment.take() {
        Some(file) => multipart("mixed", "m", vec![body, attached(file)]),
        None => body,
    }
}

fn attached(file: Attachment<'_>) -> MimePart<'static> {
    let kind: HeaderType<'static> = Raw::new(naming::content_type(file.media_type, &file.file_name)).into();
    let part = MimePart {
        headers: vec![("Content-Type".into(), kind)],
        contents: BodyPart::Binary(file.bytes.to_vec().into()),
    };
    part.attachment(file.file_name)
}

/// Headers around a body.
fn written(mail: &Mail<'_>, subject: &str, body: MimePart<'_>) -> Vec<u8> {
    let mut builder = MessageBuilder::new()
        .message_id(MessageId::new(plain_id(mail.message_id)))
        .date(Date::new(mail.date.div_euclid(1000)))
        .from(Address::new_address(Some(mail.from_name.as_str()), mail.from))
        .to(recipients(mail.to))
        .subject(Text::new(subject));
    let thread: Vec<String> = mail.thread.iter().map(|id| plain_id(id)).collect();
    if let Some(last) = thread.last() {
        builder = builder
            .in_reply_to(MessageId::new(last.clone()))
            .references(MessageId::new_list(thread.iter().map(String::as_str)));
    }
    if let Some((name, id)) = &mail.list {
        // RFC 2919 §2: a phrase, then the id in angle brackets: an address's form without its at sign.
        builder = builder
            .header("List-Id", Address::new_address(Some(header_words(name, LIST_NAME_MOST)), id.as_str()));
    }
    for (name, value) in urgency(mail.urgency) {
        builder = builder.header(*name, Raw::new(*value));
    }
    builder = builder
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .header("X-Auto-Response-Suppress", Raw::new("All"))
        .header("X-Faxgate-Id", Raw::new(mail.fax_id))
        .body(body);
    let mut bytes = Vec::new();
    builder.serialize(&mut bytes);
    bytes
}

/// Headers that mark a mail (RFC 2156 §5.3.6, RFC 4021 §2.1.54; `X-Priority` is no standard, but read most).
fn urgency(urgency: Urgency) -> &'static [(&'static str, &'static str)] {
    match urgency {
        Urgency::Urgent => &[("X-Priority", "1 (Highest)"), ("Importance", "high"), ("Priority", "urgent")],
        Urgency::Normal => &[],
        Urgency::Low => &[("X-Priority", "5 (Lowest)"), ("Importance", "low"), ("Priority", "non-urgent")],
    }
}

/// Visible recipients; an empty group where the mail goes to Maildirs alone (RFC 5322 §3.4).
fn recipients(to: &[String]) -> Address<'_> {
    let valid: Vec<Address<'_>> = to
        .iter()
        .filter(|address| address::valid(address))
        .map(|address| Address::new_address(None::<&str>, address.as_str()))
        .collect();
    match valid.is_empty() {
        true => Address::new_group(Some("undisclosed-recipients"), Vec::new()),
        false => Address::new_list(valid),
    }
}

fn short_digest(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string().chars().take(24).collect()
}
