//! The mail that a clerk opens: subject, text and HTML, first page, PDF.
//!
//! Standards: RFC 5322 (headers), 2045–2049 (MIME), 2047 (names and subjects beyond ASCII), 2231 (file names),
//! 2387 (multipart/related), 2919 (List-Id), 3834 (Auto-Submitted), 8551 (S/MIME).
//!
//! Invariants:
//! - Everything that the sender could choose (station names, caller names, subaddress) is one bounded line
//!   without control or bidi characters, escaped in HTML; in the built-in file name only its digits remain.
//! - Damage, a broken call and a missing text are said in the mail and tagged in the subject, whatever a
//!   department's own subject template says.
//! - A mail is never empty: facts, first page, and the PDF or where it is.
//! - Making a letter cannot fail: a site's template that is broken gives way to the built-in one. Encryption
//!   alone may fail; then nothing is made, and nothing goes out in the clear.
//! - The same letter gives the same bytes, under the Message-ID that the caller fixed for ever. An encrypted
//!   one keeps its Message-ID alone.

mod carries;
mod circumstances;
mod ids;
mod mime;
mod naming;
mod own;
mod sample;
mod templates;
mod values;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::tz::TimeZone;
use minijinja::{Value, context};

pub use self::carries::{Carries, Part};
pub use self::circumstances::{Circumstances, Link, LinkMaker, PassOn, PassedOn, Triage, Urgency};
pub use self::ids::{base_id, date_of, message_id, message_id_of, part_id};
pub(super) use self::mime::header_words;
use self::mime::{Attachment, Mail};
pub use self::own::{check_file_name, check_subject};
pub use self::templates::TemplateProblem;
use self::templates::Templates;
use self::words::Words;
use super::Settings;
use super::addressbook::AddressBook;
use crate::fax::{
    Arrival, CallRecord, Certificate, Department, Document, Fault, FaxId, Language, Millis, Original,
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

/// Why a document is not attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why<'a> {
    /// The mail would have been too large.
    TooLarge,
    /// It was for a department whose mails are encrypted, and this inbox has no certificate.
    Sealed,
    /// It cannot be read; a sentence.
    Unreadable(&'a str),
}

/// The document is not attached. The letter stays small.
#[derive(Debug, Clone, Copy)]
pub struct LeftBehind<'a> {
    /// Why.
    pub why: Why<'a>,
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
    /// In which form it travels.
    pub carries: Carries<'a>,
    /// First page as PNG (of what this mail carries).
    pub preview: Option<&'a [u8]>,
    /// Whose fax it is.
    pub department: &'a Department,
    /// Name of the rule that chose the department.
    pub rule: &'a str,
    /// Set on a copy for the fallback inbox.
    pub because: Option<Because<'a>>,
    /// What else there is to say.
    pub circumstances: Circumstances<'a>,
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
    /// Whom the fallback inbox's mails are encrypted for; empty: they are not.
    pub certificates: &'a [Certificate],
    /// Fixed for ever.
    pub message_id: &'a str,
    /// Fixed too.
    pub date: Millis,
    /// Addresses for the `To` header.
    pub recipients: &'a [String],
}

/// Makes mails: templates, time zone, sender, address book and links in one place.
#[derive(Debug, Clone)]
pub struct Stationery {
    templates: Templates,
    zone: TimeZone,
    from: String,
    host_name: String,
    senders: Arc<AddressBook>,
    links: Option<Arc<dyn LinkMaker>>,
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

    /// The same with an address book.
    pub fn knowing(self, senders: AddressBook) -> Self {
        Self { senders: Arc::new(senders), ..self }
    }

    /// The same with someone who makes signed links.
    pub fn linking(self, links: Arc<dyn LinkMaker>) -> Self {
        Self { links: Some(links), ..self }
    }

    /// The address book.
    pub fn senders(&self) -> &AddressBook {
        &self.senders
    }

    /// Who makes signed links, if someone does.
    pub fn links(&self) -> Option<&dyn LinkMaker> {
        self.links.as_deref()
    }

    /// One that reads no file, for trying templates.
    fn plain() -> Self {
        Self {
            templates: Templates::load(None).0,
            zone: TimeZone::UTC,
            from: String::new(),
            host_name: String::new(),
            senders: Arc::default(),
            links: None,
        }
    }

    fn read(settings: &Settings) -> (Self, Vec<TemplateProblem>) {
        let (templates, problems) = Templates::load(settings.templates.as_deref());
        let zone = TimeZone::get(&settings.time_zone).unwrap_or(TimeZone::UTC);
        let stationery = Self {
            templates,
            zone,
            from: settings.from.clone(),
            host_name: settings.host_name.clone(),
            senders: Arc::default(),
            links: None,
        };
        (stationery, problems)
    }

    /// The mail for a department, ready to send.
    ///
    /// # Errors
    /// `deliver.smime` where it must be encrypted and cannot.
    pub fn letter(&self, letter: &Letter<'_>) -> Result<Vec<u8>, Fault> {
        let department = letter.department;
        let language = department.language;
        let certificates = &department.mail.certificates;
        let (subject, text, html) = self.worded(letter);
        let sealed = !certificates.is_empty();
        // What a sealed mail is about is nobody's business on the way.
        let thread = (!sealed)
            .then(|| ids::thread_root(letter.call, &department.id, &self.host_name))
            .flatten()
            .into_iter()
            .collect();
        let mail = Mail {
            from: &self.from,
            from_name: Words(language).sender_name(),
            to: letter.recipients,
            message_id: letter.message_id,
            date: letter.date,
            fax_id: letter.id.as_str(),
            list: Some((department.name.as_str(), ids::list_id(&department.id, &self.host_name))),
            thread,
            urgency: letter.circumstances.urgency,
            subject,
            text,
            html,
            preview: letter.shown_preview(),
            attachment: letter.carries.pdf().map(|bytes| Attachment {
                media_type: "application/pdf",
                file_name: self.letter_file_name(letter),
                bytes,
            }),
        };
        if sealed {
            let outside = Words(language).sealed_subject(letter.document.pages, letter.id.as_str());
            return mime::sealed(mail, &outside, certificates);
        }
        Ok(mime::build(mail))
    }

    /// The mail that tells of a fax in quarantine, ready to send.
    ///
    /// # Errors
    /// `deliver.smime` where it must be encrypted and cannot.
    pub fn quarantine_notice(&self, notice: &Notice<'_>) -> Result<Vec<u8>, Fault> {
        let (subject, text, html) = self.filled(notice.language, "notice.", &self.notice_values(notice));
        let subject = mime::subject(&subject);
        let mail = Mail {
            from: &self.from,
            from_name: Words(notice.language).sender_name(),
            to: notice.recipients,
            message_id: notice.message_id,
            date: notice.date,
            fax_id: notice.id.as_str(),
            list: None,
            thread: Vec::new(),
            urgency: Urgency::Normal,
            subject,
            text,
            html,
            preview: None,
            attachment: notice.without_original.is_none().then(|| Attachment {
                media_type: notice.original.format.media_type(),
                file_name: self.original_name(notice),
                bytes: notice.bytes,
            }),
        };
        if notice.certificates.is_empty() {
            return Ok(mime::build(mail));
        }
        let outside = Words(notice.language).sealed_notice(notice.id.as_str());
        mime::sealed(mail, &outside, notice.certificates)
    }

    /// Subject, text and HTML of a letter.
    fn worded(&self, letter: &Letter<'_>) -> (String, String, String) {
        let values = self.letter_values(letter);
        let language = letter.department.language;
        let tag = words::tag(language);
        let subject = letter.department.mail.subject.as_deref().and_then(|own| own::filled(own, &values));
        let subject = match subject {
            // Tags are said whatever the department's own template says.
            Some(subject) => format!("{}{subject}", self.tags(letter)),
            None => self.templates.fill(&format!("{tag}.subject.txt"), &values),
        };
        self.with_subject(language, "", &mime::subject(&subject), &values)
    }

    /// Subject, text and HTML by the language's templates.
    fn filled(&self, language: Language, kind: &str, values: &Value) -> (String, String, String) {
        let tag = words::tag(language);
        let subject = mime::subject(&self.templates.fill(&format!("{tag}.{kind}subject.txt"), values));
        self.with_subject(language, kind, &subject, values)
    }

    fn with_subject(
        &self,
        language: Language,
        kind: &str,
        subject: &str,
        values: &Value,
    ) -> (String, String, String) {
        let tag = words::tag(language);
        let values = context! { subject => subject, ..values.clone() };
        let text = self.templates.fill(&format!("{tag}.{kind}text.txt"), &values);
        let html = self.templates.fill(&format!("{tag}.{kind}html"), &values);
        (subject.to_owned(), text, html)
    }

    /// The name under which the PDF travels unless a department has a template of its own: ASCII, sortable,
    /// nothing of the sender's but digits.
    pub fn pdf_name(&self, id: &FaxId, call: &CallRecord, arrival: &Arrival, document: &Document) -> String {
        let at = view::received_at(call, arrival);
        view::file_name(id, call, at, &self.zone, Some(document.pages), "pdf")
    }

    fn original_name(&self, notice: &Notice<'_>) -> String {
        let at = view::received_at(notice.call, notice.arrival);
        view::file_name(notice.id, notice.call, at, &self.zone, None, notice.original.format.extension())
    }
}

impl<'a> Letter<'a> {
    /// The first page, if it may be shown.
    fn shown_preview(&self) -> Option<&'a [u8]> {
        let preview = self.preview.filter(|_| self.department.mail.first_page);
        mime::showable(preview, self.carries.pdf().is_none())
    }
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
