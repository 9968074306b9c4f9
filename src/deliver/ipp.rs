//! A document to a print queue.
//!
//! Standard: IPP/1.1 (RFC 8010, 8011), Print-Job with `application/pdf`, as CUPS and every IPP Everywhere printer take it.
//!
//! A queue has no Message-ID. So that a repeat after a crash prints no second copy, the job's name is the Message-ID's
//! left part, and before printing the queue is asked (Get-Jobs) whether it has such a job, waiting or done.
//!
//! Invariants: a job is [`Delivered`](Outcome::Delivered) when the queue has taken it and has not thrown it away at once.
//! What concerns every fax (no login, no such queue, no PDF) waits for a person; what concerns this document is final.
//!
//! What real queues do otherwise: small printers keep no done jobs, or know no Get-Jobs at all (a repeat prints again
//! then); some answer `server-error-busy` while they print.

use std::io::Cursor;
use std::path::PathBuf;

use ::ipp::attribute::{IppAttribute, IppAttributeGroup};
use ::ipp::model::{DelimiterTag, IppVersion, Operation, StatusCode};
use ::ipp::operation::{IppOperation, PrintJob};
use ::ipp::parser::IppParser;
use ::ipp::payload::IppPayload;
use ::ipp::request::IppRequestResponse;
use ::ipp::value::IppValue;
use ureq::http::Uri;

use super::doors::Trouble;
use super::http::{self, NoAnswer};
use crate::fax::{Outcome, one_line};

/// As whom we print.
const USER: &str = "faxgate";
/// Longest job name (RFC 8011 §5.1.3: `name` has 255 octets).
const NAME_MOST: usize = 255;
/// Job states of a job that came to nothing (RFC 8011 §5.3.7): canceled, aborted.
const CAME_TO_NOTHING: [i32; 2] = [7, 8];

/// A print queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printer {
    /// As rules name it.
    pub name: String,
    /// `ipp://host/printers/queue`, or `ipps`.
    pub uri: String,
    /// A PEM file of roots, for a server with a certificate of the house.
    pub roots: Option<PathBuf>,
    /// `sides`, as the queue spells it, such as `two-sided-long-edge`; `None`: the queue's own.
    pub sides: Option<String>,
    /// `media`, such as `iso_a4_210x297mm`; `None`: the queue's own.
    pub media: Option<String>,
}

/// Makes one attempt. Blocks: call it off the async threads.
pub(super) fn print(printer: &Printer, id: &str, pdf: Vec<u8>) -> Outcome {
    match attempt(printer, id, pdf) {
        Ok(words) => Outcome::Delivered(words),
        Err(trouble) => trouble.outcome(&format!("print queue \"{}\"", printer.name)),
    }
}

fn attempt(printer: &Printer, id: &str, pdf: Vec<u8>) -> Result<String, Trouble> {
    let uri: Uri =
        printer.uri.parse().map_err(|error| Trouble::SetUp(format!("{}: {error}", printer.uri)))?;
    let name = job_name(id);
    for which in ["not-completed", "completed"] {
        if let Some(job) = job_of(printer, &uri, &name, which)? {
            return Ok(format!("job {job}, taken before"));
        }
    }
    let answer = ask(printer, print_job(printer, &uri, &name, pdf)?)?;
    let status = answer.header().status_code();
    if !status.is_success() {
        return Err(refusal(status, &status_message(&answer)));
    }
    let job = answer.attributes().first_of(DelimiterTag::JobAttributes);
    let number = job.and_then(|job| integer(job, "job-id"));
    match job.and_then(|job| integer(job, "job-state")) {
        Some(state) if CAME_TO_NOTHING.contains(&state) => {
            Err(Trouble::NotNow("the queue took the job and threw it away".to_owned()))
        }
        _ => Ok(number.map_or_else(|| "taken".to_owned(), |number| format!("job {number}"))),
    }
}

/// The Message-ID's left part.
fn job_name(id: &str) -> String {
    let left = id.split('@').next().unwrap_or(id);
    one_line(&format!("faxgate {left}"), NAME_MOST)
}

fn bad(error: impl std::fmt::Display) -> Trouble {
    Trouble::SetUp(one_line(&error.to_string(), http::WORDS))
}

fn print_job(printer: &Printer, uri: &Uri, name: &str, pdf: Vec<u8>) -> Result<IppRequestResponse, Trouble> {
    let payload = IppPayload::new(Cursor::new(pdf));
    let mut job =
        PrintJob::new(uri.clone(), payload, Some(USER), Some(name), Some("application/pdf")).map_err(bad)?;
    for (attribute, value) in [("sides", &printer.sides), ("media", &printer.media)] {
        if let Some(value) = value {
            let value = IppValue::new_keyword(value.clone()).map_err(bad)?;
            job.add_attribute(IppAttribute::with_name(attribute, value).map_err(bad)?);
        }
    }
    Ok(job.into_ipp_request())
}

/// The number of a job of that name which has not come to nothing. A queue that cannot tell has none.
fn job_of(printer: &Printer, uri: &Uri, name: &str, which: &str) -> Result<Option<i32>, Trouble> {
    let mut request =
        IppRequestResponse::new(IppVersion::v1_1(), Operation::GetJobs, Some(uri.clone())).map_err(bad)?;
    // CUPS puts a done job out of its memory after a second, and from there tells no name; asked for what it never holds in
    // memory it reads the job's own file again, where the name is.
    let wanted = ["job-id", "job-name", "job-state", "job-uuid"]
        .into_iter()
        .map(IppValue::new_keyword)
        .collect::<Result<Vec<_>, _>>()
        .map_err(bad)?;
    let values = [
        ("requesting-user-name", IppValue::new_name_without_language(USER)),
        ("which-jobs", IppValue::new_keyword(which)),
    ];
    let operation = DelimiterTag::OperationAttributes;
    for (attribute, value) in values {
        let attribute = IppAttribute::with_name(attribute, value.map_err(bad)?).map_err(bad)?;
        request.attributes_mut().add(operation, attribute);
    }
    let attribute = IppAttribute::with_name("requested-attributes", IppValue::Array(wanted)).map_err(bad)?;
    request.attributes_mut().add(operation, attribute);
    let answer = ask(printer, request)?;
    if !answer.header().status_code().is_success() {
        return Ok(None);
    }
    let ours = answer.attributes().groups_of(DelimiterTag::JobAttributes).find(|job| {
        let named = job.get("job-name").and_then(|name| text(name.value()));
        let state = integer(job, "job-state");
        named.as_deref() == Some(name) && !state.is_some_and(|state| CAME_TO_NOTHING.contains(&state))
    });
    Ok(ours.map(|job| integer(job, "job-id").unwrap_or_default()))
}

fn ask(printer: &Printer, request: IppRequestResponse) -> Result<IppRequestResponse, Trouble> {
    let mut body = Vec::new();
    std::io::Read::read_to_end(&mut request.into_read(), &mut body).map_err(bad)?;
    let headers = [("content-type", "application/ipp".to_owned())];
    let answer = http::post(&over_http(&printer.uri), printer.roots.as_deref(), &headers, &body);
    let answer = answer.map_err(|error| match error {
        NoAnswer::SetUp(words) => Trouble::SetUp(words),
        NoAnswer::NotNow(words) => Trouble::NotNow(words),
    })?;
    match answer.status {
        200 => {
            let unreadable = |error| Trouble::NotNow(one_line(&format!("no IPP: {error}"), http::WORDS));
            IppParser::new(Cursor::new(answer.body)).parse().map_err(unreadable)
        }
        300..=499 if answer.status != 408 && answer.status != 429 => {
            Err(Trouble::SetUp(format!("{} {}", answer.status, answer.words())))
        }
        status => Err(Trouble::NotNow(format!("{status} {}", answer.words()))),
    }
}

/// RFC 3510 §5: `ipp:` is HTTP on port 631, `ipps:` (RFC 7472) HTTPS on the same.
fn over_http(uri: &str) -> String {
    let (scheme, rest) = match uri.split_once("://") {
        Some(("ipp", rest)) => ("http", rest),
        Some(("ipps", rest)) => ("https", rest),
        _ => return uri.to_owned(),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let after_brackets = authority.rsplit(']').next().unwrap_or(authority);
    let port = if after_brackets.contains(':') { "" } else { ":631" };
    format!("{scheme}://{authority}{port}{path}")
}

/// What a refusal means (RFC 8011 §B.1).
fn refusal(status: StatusCode, words: &str) -> Trouble {
    use StatusCode::*;
    let said = if words.is_empty() { status.to_string() } else { format!("{status}: {words}") };
    match status {
        ClientErrorDocumentFormatError
        | ClientErrorDocumentAccessError
        | ClientErrorCompressionError
        | ClientErrorRequestEntityTooLong => Trouble::Refused(said),
        ClientErrorTimeout | ClientErrorNotPossible => Trouble::NotNow(said),
        ServerErrorOperationNotSupported | ServerErrorVersionNotSupported => Trouble::SetUp(said),
        _ if (0x0400..0x0500).contains(&(status as i32)) => Trouble::SetUp(said),
        _ => Trouble::NotNow(said),
    }
}

fn status_message(answer: &IppRequestResponse) -> String {
    let said = answer.attributes().first_of(DelimiterTag::OperationAttributes);
    let said = said.and_then(|group| group.get("status-message")).and_then(|words| text(words.value()));
    one_line(&said.unwrap_or_default(), http::WORDS)
}

fn integer(group: &IppAttributeGroup, name: &str) -> Option<i32> {
    match group.get(name)?.value() {
        IppValue::Integer(number) | IppValue::Enum(number) => Some(*number),
        _ => None,
    }
}

fn text(value: &IppValue) -> Option<String> {
    match value {
        IppValue::NameWithoutLanguage(name) | IppValue::NameWithLanguage { name, .. } => {
            Some(name.as_str().to_owned())
        }
        IppValue::TextWithoutLanguage(_) | IppValue::TextWithLanguage { .. } => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipp_is_http_on_its_own_port() {
        for (uri, url) in [
            ("ipp://hall.example/ipp/print", "http://hall.example:631/ipp/print"),
            ("ipps://hall.example/printers/a", "https://hall.example:631/printers/a"),
            ("ipp://127.0.0.1:8631/ipp/print", "http://127.0.0.1:8631/ipp/print"),
            ("ipp://[::1]/ipp", "http://[::1]:631/ipp"),
            ("ipp://[::1]:99", "http://[::1]:99"),
            ("https://hall.example/ipp", "https://hall.example/ipp"),
        ] {
            assert_eq!(over_http(uri), url);
        }
    }

    #[test]
    fn what_concerns_every_fax_waits_for_a_person() {
        let kind = |status| match refusal(status, "") {
            Trouble::SetUp(_) => "set up",
            Trouble::Refused(_) => "refused",
            Trouble::NotNow(_) => "not now",
        };
        assert_eq!(kind(StatusCode::ClientErrorNotAuthorized), "set up");
        assert_eq!(kind(StatusCode::ClientErrorNotFound), "set up");
        assert_eq!(kind(StatusCode::ClientErrorDocumentFormatNotSupported), "set up");
        assert_eq!(kind(StatusCode::ClientErrorDocumentFormatError), "refused");
        assert_eq!(kind(StatusCode::ServerErrorBusy), "not now");
        assert_eq!(kind(StatusCode::ServerErrorNotAcceptingJobs), "not now");
    }

    #[test]
    fn a_job_bears_the_message_id() {
        assert_eq!(job_name("01jabc.printer.hall@fax.example"), "faxgate 01jabc.printer.hall");
    }
}
