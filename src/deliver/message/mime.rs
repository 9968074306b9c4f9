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
//! Message-ID. All lines are 7-bit, so no relay needs 8BITMIME. The file name is ASCII and stands both in
//! `filename=` and in `name=`: Outlook and some Asian clients read RFC 2231 names wrongly or not at all.

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;

use crate::deliver::address;
use crate::fax::{Millis, Sha256, one_line};

/// A subject is no longer than this, whatever a template makes of it.
const SUBJECT_MOST: usize = 220;
/// Preview pictures above this size are left out: the PDF holds the page anyway.
const PREVIEW_MOST: usize = 600 * 1024;
/// The same for a letter that must stay small because the relay refused the large one.
const SMALL_PREVIEW_MOST: usize = 64 * 1024;
/// A Message-ID's length (RFC 5322 §2.1.1 allows 998 for the line; servers are stricter).
const MESSAGE_ID_MOST: usize = 200;

/// Everything a mail consists of.
pub(super) struct Parts<'a> {
    pub(super) from: &'a str,
    pub(super) from_name: String,
    pub(super) to: &'a [String],
    pub(super) message_id: &'a str,
    pub(super) date: Millis,
    pub(super) fax_id: &'a str,
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
    one_line(text, SUBJECT_MOST)
}

/// The whole mail.
pub(super) fn build(parts: Parts<'_>) -> Vec<u8> {
    let message_id = plain_id(parts.message_id);
    let boundary = |part: &str| format!("=_{part}_{}", short_digest(&message_id));
    let multipart = |kind: &str, part: &str, inner: Vec<MimePart<'static>>| {
        MimePart::new(
            ContentType::new(format!("multipart/{kind}")).attribute("boundary", boundary(part)),
            inner,
        )
    };
    let mut html = MimePart::new("text/html", parts.html);
    if let Some(png) = parts.preview {
        let picture =
            MimePart::new(ContentType::new("image/png").attribute("name", "page1.png"), png.to_vec())
                .inline()
                .cid(preview_cid(&message_id));
        html = multipart("related", "r", vec![html, picture]);
    }
    let mut body = multipart("alternative", "a", vec![MimePart::new("text/plain", parts.text), html]);
    if let Some(file) = parts.attachment {
        let kind = ContentType::new(file.media_type).attribute("name", file.file_name.clone());
        let attached = MimePart::new(kind, file.bytes.to_vec()).attachment(file.file_name);
        body = multipart("mixed", "m", vec![body, attached]);
    }
    let builder = MessageBuilder::new()
        .message_id(MessageId::new(message_id.clone()))
        .date(Date::new(parts.date.div_euclid(1000)))
        .from(Address::new_address(Some(parts.from_name), parts.from))
        .to(recipients(parts.to))
        .subject(Text::new(parts.subject))
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .header("X-Auto-Response-Suppress", Raw::new("All"))
        .header("X-Faxgate-Id", Raw::new(parts.fax_id))
        .body(body);
    let mut bytes = Vec::new();
    builder.serialize(&mut bytes);
    bytes
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
