//! The mail that a clerk opens: subject, text and HTML, first page, PDF.
//!
//! Standards: RFC 5322 (headers), 2045–2049 (MIME), 2047 (names and subjects beyond ASCII), 2387
//! (multipart/related), 3834 (Auto-Submitted).
//!
//! Invariants:
//! - Everything that the sender could choose (station names, caller names, subaddress) is one bounded line
//!   without control or bidi characters, escaped in HTML; in the file name only its digits remain.
//! - Damage, a broken call and a missing text are said in the mail and tagged in the subject.
//! - Making a letter cannot fail: a site's template that is broken gives way to the built-in one.
//! - The same letter gives the same bytes, under the Message-ID that the caller fixed for ever.

mod mime;
mod templates;
mod view;
mod words;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use minijinja::{Value, context};

use self::mime::{Attachment, Parts};
pub use self::templates::TemplateProblem;
use self::templates::Templates;
use self::view::Row;
use self::words::{Label, Words};
use super::Settings;
use crate::fax::{
    Arrival, CallRecord, Damage, Department, Document, Fault, FaxId, Language, Millis, Original, Sha256,
    one_line,
};

/// Why a letter goes to the fallback inbox.
#[derive(Debug, Clone, Copy)]
pub struct Because<'a> {
    /// Code of the fault, such as `deliver.smtp.550`.
    pub code: &'a str,
    /// The operator's sentence.
    pub sentence: &'a str,
}

impl<'a> From<&'a Fault> for Because<'a> {
    fn from(fault: &'a Fault) -> Self {
        Self { code: &fault.code, sentence: &fault.operator }
    }
}

/// The document is not attached: the relay would not take it. The letter stays small.
#[derive(Debug, Clone, Copy)]
pub struct LeftBehind<'a> {
    /// A sentence: why.
    pub reason: &'a str,
    /// Where it lies, such as a path on the gateway.
    pub at: &'a str,
}

/// One fax for one department's inbox.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// The fax.
    pub id: &'a FaxId,
    /// What is known of the call.
    pub call: &'a CallRecord,
    /// How it came.
    pub arrival: &'a Arrival,
    /// Facts of the PDF.
    pub document: &'a Document,
    /// The PDF.
    pub pdf: &'a [u8],
    /// First page as PNG.
    pub preview: Option<&'a [u8]>,
    /// Whose fax it is.
    pub department: &'a Department,
    /// Name of the rule that chose the department.
    pub rule: &'a str,
    /// Set on a copy for the fallback inbox.
    pub because: Option<Because<'a>>,
    /// Set where the PDF may not travel along.
    pub without_pdf: Option<LeftBehind<'a>>,
    /// Fixed for ever: see [`message_id`].
    pub message_id: &'a str,
    /// When the delivery was made (not when it is tried): fixed too.
    pub date: Millis,
    /// Addresses for the `To` header.
    pub recipients: &'a [String],
}

/// Word of a fax that could not be processed, with the original attached.
#[derive(Debug, Clone)]
pub struct Notice<'a> {
    /// The fax.
    pub id: &'a FaxId,
    /// What is known of the call.
    pub call: &'a CallRecord,
    /// How it came.
    pub arrival: &'a Arrival,
    /// What was received.
    pub original: &'a Original,
    /// Its bytes, untouched.
    pub bytes: &'a [u8],
    /// Why it is in quarantine.
    pub fault: &'a Fault,
    /// Set where the original may not travel along.
    pub without_original: Option<LeftBehind<'a>>,
    /// Language of the fallback inbox.
    pub language: Language,
    /// Fixed for ever.
    pub message_id: &'a str,
    /// Fixed too.
    pub date: Millis,
    /// Addresses for the `To` header.
    pub recipients: &'a [String],
}

/// Makes mails: templates, time zone and sender in one place.
#[derive(Debug, Clone)]
pub struct Stationery {
    templates: Templates,
    zone: TimeZone,
    from: String,
}

impl Stationery {
    /// Reads the site's templates. What is wrong with them is logged, and the built-in ones serve.
    pub fn new(settings: &Settings) -> Self {
        let (stationery, problems) = Self::read(settings);
        for problem in problems {
            tracing::warn!(%problem, "template cannot be used");
        }
        stationery
    }

    fn read(settings: &Settings) -> (Self, Vec<TemplateProblem>) {
        let (templates, problems) = Templates::load(settings.templates.as_deref());
        let zone = TimeZone::get(&settings.time_zone).unwrap_or(TimeZone::UTC);
        (Self { templates, zone, from: settings.from.clone() }, problems)
    }

    /// The mail for a department, ready to send.
    pub fn letter(&self, letter: &Letter<'_>) -> Vec<u8> {
        let language = letter.department.language;
        let (subject, text, html) = self.filled(language, "", &self.letter_values(letter));
        mime::build(Parts {
            from: &self.from,
            from_name: Words(language).sender_name(),
            to: letter.recipients,
            message_id: letter.message_id,
            date: letter.date,
            fax_id: letter.id.as_str(),
            subject,
            text,
            html,
            preview: mime::showable(letter.preview, letter.without_pdf.is_some()),
            attachment: letter.without_pdf.is_none().then(|| Attachment {
                media_type: "application/pdf",
                file_name: self.pdf_name(letter.id, letter.call, letter.arrival, letter.document),
                bytes: letter.pdf,
            }),
        })
    }

    /// The mail that tells of a fax in quarantine, ready to send.
    pub fn quarantine_notice(&self, notice: &Notice<'_>) -> Vec<u8> {
        let (subject, text, html) = self.filled(notice.language, "notice.", &self.notice_values(notice));
        mime::build(Parts {
            from: &self.from,
            from_name: Words(notice.language).sender_name(),
            to: notice.recipients,
            message_id: notice.message_id,
            date: notice.date,
            fax_id: notice.id.as_str(),
            subject,
            text,
            html,
            preview: None,
            attachment: notice.without_original.is_none().then(|| Attachment {
                media_type: notice.original.format.media_type(),
                file_name: self.original_name(notice),
                bytes: notice.bytes,
            }),
        })
    }

    /// Subject, text and HTML.
    fn filled(&self, language: Language, kind: &str, values: &Value) -> (String, String, String) {
        let tag = words::tag(language);
        let subject = mime::subject(&self.templates.fill(&format!("{tag}.{kind}subject.txt"), values));
        let values = context! { subject => subject.as_str(), ..values.clone() };
        let text = self.templates.fill(&format!("{tag}.{kind}text.txt"), &values);
        let html = self.templates.fill(&format!("{tag}.{kind}html"), &values);
        (subject, text, html)
    }

    /// The name under which the PDF travels: ASCII, sortable, nothing of the sender's but digits.
    pub fn pdf_name(&self, id: &FaxId, call: &CallRecord, arrival: &Arrival, document: &Document) -> String {
        let at = view::received_at(call, arrival);
        view::file_name(id, call, at, &self.zone, Some(document.pages), "pdf")
    }

    fn original_name(&self, notice: &Notice<'_>) -> String {
        let at = view::received_at(notice.call, notice.arrival);
        view::file_name(notice.id, notice.call, at, &self.zone, None, notice.original.format.extension())
    }

    fn letter_values(&self, letter: &Letter<'_>) -> Value {
        let Letter { call, arrival, document, department, .. } = letter;
        let words = Words(department.language);
        let mut facts = view::call_facts(call, arrival, &self.zone, words);
        facts.extend(view::document_facts(document, words));
        facts.extend(view::row(Label::Department, &department.name, words));
        facts.extend(view::row(Label::Rule, letter.rule, words));
        facts.extend(view::row(Label::Reference, letter.id.as_str(), words));
        let mut tags = Vec::new();
        if letter.because.is_some() {
            tags.push(words.tag_undelivered());
        }
        if view::incomplete(call, document) {
            tags.push(words.tag_incomplete());
        } else if document.damage.iter().any(Damage::worth_saying) {
            tags.push(words.tag_damaged());
        }
        let without = letter.without_pdf.as_ref();
        let file_name =
            without.is_none().then(|| self.pdf_name(letter.id, letter.call, letter.arrival, letter.document));
        let picture =
            mime::showable(letter.preview, without.is_some()).map(|_| mime::preview_cid(letter.message_id));
        context! {
            tags => strings(tags),
            notices => strings(view::notices(letter.because.as_ref(), without, letter.pdf.len(), words)),
            warnings => strings(view::warnings(call, document, words)),
            facts => rows(facts),
            pages => document.pages,
            pages_words => words.pages(document.pages),
            department => one_line(&department.name, 120),
            rule => one_line(letter.rule, 120),
            file_name => file_name,
            preview_cid => picture,
            size => view::size(letter.pdf.len()),
            ..self.common(letter.id, call, arrival, words)
        }
    }

    fn notice_values(&self, notice: &Notice<'_>) -> Value {
        let words = Words(notice.language);
        let mut facts = view::call_facts(notice.call, notice.arrival, &self.zone, words);
        facts.extend(view::row(Label::Reference, notice.id.as_str(), words));
        let without = notice.without_original.as_ref();
        let reason = format!("{} [{}]", one_line(&notice.fault.operator, 600), notice.fault.code);
        context! {
            notices => strings(view::notices(None, without, notice.bytes.len(), words)),
            warnings => strings(vec![reason]),
            facts => rows(facts),
            code => notice.fault.code.as_str(),
            file_name => without.is_none().then(|| self.original_name(notice)),
            preview_cid => None::<String>,
            size => view::size(notice.bytes.len()),
            ..self.common(notice.id, notice.call, notice.arrival, words)
        }
    }

    /// Values of every template.
    fn common(&self, id: &FaxId, call: &CallRecord, arrival: &Arrival, words: Words) -> Value {
        let sender = view::sender(call, words);
        context! {
            language => words::tag(words.0),
            id => id.as_str(),
            sender => sender.shown,
            number => sender.number,
            name => sender.name,
            tsi => call.tsi.as_ref().map(|tsi| tsi.shown()),
            did => call.did.as_ref().map(ToString::to_string),
            received => view::moment(view::received_at(call, arrival), &self.zone, words.moment_pattern()),
        }
    }
}

fn strings(texts: Vec<String>) -> Value {
    texts.into_iter().map(Value::from).collect()
}

fn rows(rows: Vec<Row>) -> Value {
    rows.into_iter().map(|row| context! { label => row.label, value => row.value }).collect()
}

/// The Message-ID (without brackets) of what is sent of `fax` to `what`, a department's id or a word of
/// ours such as `fallback`, `quarantine`. The same arguments give the same id.
pub fn message_id(fax: &FaxId, what: &str, host_name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let what = match what.chars().all(plain) && what.len() <= 40 && !what.is_empty() {
        true => what.to_owned(),
        false => Sha256::of(what.as_bytes()).to_string().chars().take(16).collect(),
    };
    let host = if super::address::valid_domain(host_name) { host_name } else { "localhost" };
    format!("{fax}.{what}@{host}")
}

/// The Message-ID of a finished message, without brackets; its digest where there is none.
pub fn message_id_of(message: &[u8]) -> String {
    let found = header(message, "Message-ID").map(|value| mime::plain_id(&value)).filter(|id| !id.is_empty());
    found.unwrap_or_else(|| Sha256::of(message).to_string())
}

/// The date of a finished message in seconds since the epoch; 0 where there is none.
pub fn date_of(message: &[u8]) -> i64 {
    let date = header(message, "Date").and_then(|value| jiff::fmt::rfc2822::parse(value.trim()).ok());
    date.map_or(0, |date| date.timestamp().as_second())
}

/// A header's value, unfolded.
fn header(message: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(message.get(..message.len().min(16 * 1024))?);
    let head = text.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", " ");
    head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// Everything that is wrong with the site's templates: names, syntax, and words that do not exist. Each
/// template is filled twice: with everything known, and with nothing known.
pub fn check_templates(settings: &Settings) -> Vec<TemplateProblem> {
    let (stationery, mut problems) = Stationery::read(settings);
    let samples = sample::letters();
    for language in [Language::En, Language::ZhHant] {
        for sample in &samples {
            let department = Department { language, ..sample.department.clone() };
            let letter = stationery.letter_values(&sample.letter(&department));
            let notice = stationery.notice_values(&sample.notice(language));
            for (kind, values) in [("", letter), ("notice.", notice)] {
                let values = context! { subject => "subject", ..values };
                let tag = words::tag(language);
                let names = ["subject.txt", "text.txt", "html"].map(|end| format!("{tag}.{kind}{end}"));
                problems.extend(stationery.templates.try_all(&names, &values));
            }
        }
    }
    problems.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
    problems.dedup();
    problems
}

mod sample;
