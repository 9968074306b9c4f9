//! How a department's mails look (`subject`, `file_name`, `largest`, `oversize`, `certificate`, `first_page`),
//! and the address book: `[[sender]]`.

use std::collections::BTreeMap;

use toml_span::Spanned;

use super::codes;
use super::sheet::Note;
use super::table::{Reader, choose};
use crate::deliver::addressbook::{AddressBook, KnownSender, folded};
use crate::deliver::{message, smime};
use crate::fax::{Certificate, Language, MailStyle, Millis, Number, Oversize};

/// A mail that could hold no page at all.
const LEAST_LARGEST: u64 = 256 << 10;
/// No certificate is longer.
const CERTIFICATE_MOST: u64 = 64 << 10;
/// A certificate that ends within so many days is told of.
const ENDS_SOON_DAYS: i64 = 30;
const DAY: Millis = 86_400_000;

/// The keys of a `[[department]]` that say how its mails look.
pub(super) fn style(table: &mut Reader<'_>) -> MailStyle {
    let usual = MailStyle::default();
    let subject = template(table, "subject", message::check_subject);
    let file_name = template(table, "file_name", message::check_file_name);
    let largest = table.size("largest");
    if let Some(size) = &largest
        && size.value < LEAST_LARGEST
    {
        let message = format!("`largest` is at least {} KiB: a page must fit", LEAST_LARGEST >> 10);
        table.sheet().note(size.span, Note::error(codes::VALUE_RANGE, message));
    }
    let oversize = oversize(table);
    let certificates = table.texts("certificate").map_or(vec![], |list| list.value);
    let certificates = certificates.iter().filter_map(|path| certificate(table, path)).collect();
    let first_page = table.flag("first_page").map_or(usual.first_page, |flag| flag.value);
    MailStyle {
        subject,
        file_name,
        largest: largest.map(|size| size.value),
        oversize: oversize.unwrap_or(usual.oversize),
        certificates,
        first_page,
    }
}

fn template(
    table: &mut Reader<'_>,
    key: &'static str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Option<String> {
    let text = table.text(key)?;
    if let Err(problem) = check(&text.value) {
        let note = Note::error(codes::DEPARTMENT_TEMPLATE, format!("`{key}` cannot be used: {problem}"))
            .help("words in {{ }} are: sender, name, number, tsi, did, pages, pages_words, date, time, received, department, reference, rule, language, urgent, copy, triage, damaged, incomplete, part, parts");
        table.sheet().note(text.span, note);
    }
    Some(text.value)
}

/// `oversize = "none"` is a choice: what is too large goes to the fallback inbox.
fn oversize(table: &mut Reader<'_>) -> Option<Vec<Oversize>> {
    let words = [("smaller", Oversize::Smaller), ("parts", Oversize::Parts), ("link", Oversize::Link)];
    let list = table.texts("oversize")?.value;
    if matches!(list.as_slice(), [only] if only.value == "none") {
        return Some(Vec::new());
    }
    let mut chosen: Vec<Oversize> = Vec::new();
    for text in list {
        let Some(one) = choose(table.sheet(), &text, "`oversize`", &words) else { continue };
        if chosen.contains(&one) {
            let note = Note::error(codes::NAME_DUPLICATE, format!("\"{}\" stands twice", text.value));
            table.sheet().note(text.span, note);
        } else {
            chosen.push(one);
        }
    }
    Some(chosen)
}

fn certificate(table: &Reader<'_>, text: &Spanned<String>) -> Option<Certificate> {
    let path = table.sheet().path(&text.value);
    let refuse = |why: String| {
        let message = format!("`certificate` {}: {why}", path.display());
        let note = Note::error(codes::DEPARTMENT_CERTIFICATE, message).help(
            "it is the department's own certificate (PEM or DER) with an RSA key, without the private key",
        );
        table.sheet().note(text.span, note);
        None
    };
    let length = std::fs::metadata(&path).map(|facts| facts.len());
    let read = match length {
        Ok(length) if length > CERTIFICATE_MOST => {
            return refuse(format!("longer than {CERTIFICATE_MOST} bytes"));
        }
        Ok(_) => std::fs::read(&path),
        Err(error) => Err(error),
    };
    let found = match read.map_err(|error| error.to_string()).map(|bytes| smime::read(&bytes)) {
        Ok(Ok(found)) => found,
        Ok(Err(problem)) => return refuse(problem.to_string()),
        Err(error) => return refuse(error),
    };
    let left = found.expires_at - crate::ops::clock::now();
    if left < ENDS_SOON_DAYS * DAY {
        let message = match left / DAY {
            days if left > 0 => format!("the certificate of {} ends in {days} days", found.subject),
            _ => format!("the certificate of {} is no longer valid", found.subject),
        };
        let note = Note::warning(codes::DEPARTMENT_CERTIFICATE_ENDS, message)
            .help("mails are still encrypted with it; ask the department for its next one");
        table.sheet().note(text.span, note);
    }
    Some(found)
}

/// The address book.
pub(super) fn senders(tables: Vec<Reader<'_>>) -> AddressBook {
    let mut taken = BTreeMap::new();
    AddressBook::new(tables.into_iter().filter_map(|table| sender(table, &mut taken)).collect())
}

/// `taken`: what is known already, as it is compared, and whose it is.
fn sender(mut table: Reader<'_>, taken: &mut BTreeMap<String, String>) -> Option<KnownSender> {
    let name = table.required_text("name");
    let numbers = table.texts_or_numbers("number").map_or(vec![], |list| list.value);
    let stations = table.texts("tsi").map_or(vec![], |list| list.value);
    let words = [("en", Language::En), ("zh-hant", Language::ZhHant)];
    let language = table.choice("language", &words).map(|language| language.value);
    if numbers.is_empty() && stations.is_empty() {
        let note =
            Note::error(codes::SENDER_UNKNOWABLE, "nothing tells this [[sender]]: no `number`, no `tsi`");
        table.sheet().note(table.head(), note.help("name the number that it faxes from, or its station ID"));
    }
    for number in &numbers {
        let digits = Number(number.value.clone()).digits();
        let plain = number.value.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
        if digits.is_empty() || !plain {
            let note = Note::error(codes::NUMBER, format!("{:?} is no telephone number", number.value));
            table.sheet().note(number.span, note);
        } else {
            once(&table, number, format!("number {digits}"), name.as_ref(), taken);
        }
    }
    for station in &stations {
        once(&table, station, format!("tsi {}", folded(&station.value)), name.as_ref(), taken);
    }
    if let Some(name) = &name
        && (name.value.trim().is_empty() || name.value.chars().any(char::is_control))
    {
        table.sheet().note(name.span, Note::error(codes::NAME_FORM, "`name` is one line of text for people"));
    }
    table.finish();
    let texts = |list: Vec<Spanned<String>>| list.into_iter().map(|text| text.value).collect();
    Some(KnownSender { name: name?.value, numbers: texts(numbers), stations: texts(stations), language })
}

/// Says that another sender has it already: the first in the file would always win.
fn once(
    table: &Reader<'_>,
    text: &Spanned<String>,
    key: String,
    name: Option<&Spanned<String>>,
    taken: &mut BTreeMap<String, String>,
) {
    if let Some(other) = taken.get(&key) {
        let message = format!("{:?} is that of \"{other}\" already", text.value);
        table.sheet().note(text.span, Note::error(codes::NAME_DUPLICATE, message));
    } else {
        taken.insert(key, name.map_or_else(String::new, |name| name.value.clone()));
    }
}
