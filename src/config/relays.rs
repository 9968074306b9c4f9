//! `[mail.relay]`, one table or a list of them in the order in which they are asked.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use toml_span::Spanned;
use toml_span::value::ValueInner;

use super::codes;
use super::mail::check_host;
use super::sheet::Note;
use super::table::Reader;
use crate::deliver::oauth::{Grant, endpoint_is_safe};
use crate::deliver::{ClientCertificate, Limits, Login, Mechanism, Relay, Secret, Tls};

/// More connections to one relay than this help nobody: the gateway carries few messages at a time.
const CONNECTIONS: std::ops::RangeInclusive<i64> = 1..=50;
/// RFC 5321 §4.5.3.1.8: a server takes at least a hundred; none that is known takes more than a thousand.
const RECIPIENTS: std::ops::RangeInclusive<i64> = 1..=1_000;
const PER_MINUTE: std::ops::RangeInclusive<i64> = 1..=100_000;
/// Less is not even a letter without its fax.
const LEAST_LARGEST: u64 = 64 * 1024;
/// Longest user, name, client id or scope.
const LONGEST_TEXT: usize = 512;

/// How `auth` is spelled.
#[derive(Clone, Copy, PartialEq)]
enum Auth {
    Password(Mechanism),
    XOAuth2,
}

/// Takes `relay` out of `[mail]`.
pub(super) fn read(mail: &mut Reader<'_>) -> Vec<Relay> {
    let Some((span, mut value)) = mail.take("relay") else { return vec![] };
    let sheet = mail.sheet();
    let values = match value.take() {
        ValueInner::Array(list) => list,
        one => vec![toml_span::Value::with_span(one, value.span)],
    };
    let several = values.len() > 1;
    let what = if several { "this [[mail.relay]]" } else { "[relay]" };
    let mut names = BTreeSet::new();
    let mut relays = Vec::new();
    for value in values {
        let at = sheet.first_line(value.span);
        let Some(relay) = Reader::open(sheet, value, what).and_then(relay) else { continue };
        if !names.insert(relay.shown()) {
            let note = Note::error(codes::NAME_DUPLICATE, format!("two relays are called {}", relay.shown()))
                .help("give each a `name`, or leave one out");
            sheet.note(if several { at } else { span }, note);
        }
        relays.push(relay);
    }
    relays
}

fn relay(mut table: Reader<'_>) -> Option<Relay> {
    let host = table.required_text("host");
    if let Some(host) = &host
        && host.value.parse::<IpAddr>().is_err()
    {
        check_host(&table, "host", host);
    }
    let words = [
        ("starttls", Tls::StartTls),
        ("starttls-if-offered", Tls::StartTlsIfOffered),
        ("implicit", Tls::Implicit),
        ("none", Tls::None),
    ];
    let tls = table.choice("tls", &words);
    let protection = tls.as_ref().map_or(Tls::StartTls, |tls| tls.value);
    let usual_port = match protection {
        Tls::StartTls => 587,
        Tls::Implicit => 465,
        Tls::StartTlsIfOffered | Tls::None => 25,
    };
    let port = table.integer("port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let name = plain(&mut table, "name").map(|name| name.value);
    let login = login(&mut table);
    if let (Some(tls), Some(host)) = (&tls, &host) {
        in_the_clear(&table, tls, host, login.is_some());
    }
    let roots = pem(&mut table, "roots");
    let certificate = certificate(&mut table, protection);
    let limits = limits(&mut table);
    table.finish();
    let host = host?.value;
    Some(Relay {
        host,
        port: port.unwrap_or(usual_port),
        tls: protection,
        login,
        roots,
        certificate,
        limits,
        name,
    })
}

fn limits(table: &mut Reader<'_>) -> Limits {
    let usual = Limits::default();
    let count = |number: Option<i64>| number.and_then(|number| usize::try_from(number).ok());
    let connections = count(table.integer("connections", CONNECTIONS)).unwrap_or(usual.connections);
    let recipients = count(table.integer("recipients", RECIPIENTS)).unwrap_or(usual.recipients);
    let per_minute = table.integer("per_minute", PER_MINUTE).and_then(|number| u32::try_from(number).ok());
    let largest = table.size("largest");
    if let Some(largest) = &largest
        && largest.value < LEAST_LARGEST
    {
        let note = Note::error(codes::VALUE_RANGE, "`largest` is at least 64KiB");
        table.sheet().note(largest.span, note.help("a letter without its fax is nearly that large"));
    }
    Limits { connections, per_minute, recipients, largest: largest.map(|largest| largest.value) }
}

fn login(table: &mut Reader<'_>) -> Option<Login> {
    if let Some((at, _)) = table.has("password").then(|| table.take("password")).flatten() {
        let note = Note::error(codes::KEY_MISPLACED, "a password does not stand in this file")
            .help("write it to a file that only the gateway can read, and name that: `password_file`");
        table.sheet().note(at, note);
    }
    let words = [
        ("plain", Auth::Password(Mechanism::Plain)),
        ("login", Auth::Password(Mechanism::Login)),
        ("xoauth2", Auth::XOAuth2),
    ];
    let auth = table.choice("auth", &words);
    let user = plain(table, "user");
    let file = secret_file(table, "password_file");
    let oauth_named = table.has("oauth");
    let grant = table.table("oauth").and_then(grant);
    let by_token = oauth_named || auth.as_ref().is_some_and(|auth| auth.value == Auth::XOAuth2);
    if by_token {
        contradictions(table, &auth, &file, oauth_named);
    }
    match (&user, by_token || file.is_some()) {
        (None, true) => table.missing("user"),
        (Some(_), false) => table.missing("password_file"),
        _ => {}
    }
    let secret = if by_token {
        Secret::Token(grant?)
    } else {
        let by = match auth.map(|auth| auth.value) {
            Some(Auth::Password(by)) => by,
            _ => Mechanism::Any,
        };
        Secret::Password { file: file?.value, by }
    };
    Some(Login { user: user?.value, secret })
}

/// XOAUTH2 has a table of its own and no password.
fn contradictions(
    table: &Reader<'_>,
    auth: &Option<Spanned<Auth>>,
    file: &Option<Spanned<PathBuf>>,
    oauth_named: bool,
) {
    if !oauth_named {
        table.missing("oauth");
    }
    if let Some(auth) = auth.as_ref().filter(|auth| auth.value != Auth::XOAuth2) {
        let note = Note::error(codes::MAIL_OAUTH, "[oauth] gives tokens, and `auth` asks for a password");
        table.sheet().note(auth.span, note.help("write auth = \"xoauth2\", or leave one of the two out"));
    }
    if let Some(file) = file {
        let note = Note::error(codes::MAIL_OAUTH, "a login by tokens needs no `password_file`");
        table.sheet().note(file.span, note.help("leave it out; [oauth] names the files of its own secrets"));
    }
}

fn grant(mut table: Reader<'_>) -> Option<Grant> {
    let token_url = table.required_text("token_url");
    if let Some(url) = &token_url
        && !endpoint_is_safe(&url.value)
    {
        let note = Note::error(codes::MAIL_OAUTH, "`token_url` is no https:// address");
        table.sheet().note(url.span, note.help("plain http:// is for a server on this machine alone"));
    }
    if !table.has("client_id") {
        table.missing("client_id");
    }
    let client_id = plain(&mut table, "client_id");
    let secret = secret_file(&mut table, "client_secret_file");
    let refresh = secret_file(&mut table, "refresh_token_file");
    let scope = plain(&mut table, "scope");
    let roots = pem(&mut table, "roots");
    if secret.is_none()
        && refresh.is_none()
        && !table.has("client_secret_file")
        && !table.has("refresh_token_file")
    {
        let note = Note::error(codes::MAIL_OAUTH, "[oauth] names no secret")
            .help("`client_secret_file` for an application's own right (Microsoft 365)")
            .help("`refresh_token_file` for the consent of a mailbox's owner (Gmail)");
        table.sheet().note(table.head(), note);
    }
    table.finish();
    Some(Grant {
        token_url: token_url?.value,
        client_id: client_id?.value,
        client_secret_file: secret.map(|file| file.value),
        refresh_token_file: refresh.map(|file| file.value),
        scope: scope.map(|scope| scope.value),
        roots,
    })
}

/// A text that may go into a login or a form: one line, not empty.
fn plain(table: &mut Reader<'_>, key: &'static str) -> Option<Spanned<String>> {
    let text = table.text(key)?;
    if text.value.trim().is_empty()
        || text.value.len() > LONGEST_TEXT
        || text.value.contains(char::is_control)
    {
        let message = format!("`{key}` is one line of 1 to {LONGEST_TEXT} bytes");
        table.sheet().note(text.span, Note::error(codes::VALUE_FORM, message));
        return None;
    }
    Some(text)
}

/// What is known of a file that will be read. Opened once, for a check by the service's own user must tell what that
/// user may not read; nothing but a file is opened, for a pipe would have us wait.
pub(super) fn opened(path: &Path) -> std::io::Result<Metadata> {
    let facts = std::fs::metadata(path)?;
    if facts.is_file() { File::open(path)?.metadata() } else { Ok(facts) }
}

fn secret_file(table: &mut Reader<'_>, key: &'static str) -> Option<Spanned<PathBuf>> {
    let file = table.path(key)?;
    let shown = file.value.display();
    let note = match opened(&file.value) {
        Err(error) => Note::error(codes::MAIL_PASSWORD_FILE, format!("`{key}` {shown}: {error}")),
        Ok(facts) if !facts.is_file() || facts.len() == 0 => {
            Note::error(codes::MAIL_PASSWORD_FILE, format!("`{key}` {shown} holds no secret"))
        }
        Ok(facts) if facts.mode() & 0o007 != 0 => {
            let message = format!("`{key}` {shown} is open to every user of this machine");
            Note::warning(codes::MAIL_PASSWORD_OPEN, message).help(format!("chmod o= {shown}"))
        }
        Ok(_) => return Some(file),
    };
    table.sheet().note(file.span, note);
    Some(file)
}

/// A PEM file with at least one certificate: a note where it cannot be read.
pub(super) fn pem(table: &mut Reader<'_>, key: &'static str) -> Option<PathBuf> {
    let file = table.path(key)?;
    let shown = file.value.display();
    let message = match opened(&file.value) {
        Ok(facts) if facts.is_file() => return Some(file.value),
        Err(error) if error.kind() != ErrorKind::NotFound => format!("`{key}` {shown}: {error}"),
        _ => format!("`{key}`: there is no file {shown}"),
    };
    table.sheet().note(file.span, Note::error(codes::FILE, message));
    Some(file.value)
}

fn certificate(table: &mut Reader<'_>, tls: Tls) -> Option<ClientCertificate> {
    let (chain, key) = (table.path("certificate"), table.path("key"));
    match (&chain, &key) {
        (Some(_), None) => table.missing("key"),
        (None, Some(_)) => table.missing("certificate"),
        _ => {}
    }
    let (chain, key) = (chain?, key?);
    let bad = |at: &Spanned<PathBuf>, words: String| {
        let message = format!("{}: {words}", at.value.display());
        table.sheet().note(at.span, Note::error(codes::MAIL_CERTIFICATE, message));
    };
    match CertificateDer::pem_file_iter(&chain.value).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(found) if !found.is_empty() => {
            if let Err(error) = PrivateKeyDer::from_pem_file(&key.value) {
                bad(&key, format!("no PEM key: {error}"));
            }
        }
        Ok(_) => bad(&chain, "no certificate in it".into()),
        Err(error) => bad(&chain, format!("no PEM certificate: {error}")),
    }
    if tls == Tls::None {
        bad(&chain, "a certificate is shown in TLS, and `tls` is \"none\"".into());
    }
    Some(ClientCertificate { chain: chain.value, key: key.value })
}

fn in_the_clear(table: &Reader<'_>, tls: &Spanned<Tls>, host: &Spanned<String>, login: bool) {
    if !matches!(tls.value, Tls::None | Tls::StartTlsIfOffered) {
        return;
    }
    let here =
        host.value == "localhost" || host.value.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let note = if login {
        Note::error(codes::MAIL_CLEAR_PASSWORD, "the password would cross the network in the clear")
            .help("use tls = \"starttls\" or \"implicit\", or no login")
    } else if here {
        return;
    } else {
        let may = if tls.value == Tls::None { "" } else { "may " };
        Note::warning(
            codes::MAIL_CLEAR_TEXT,
            format!("faxes {may}cross the network to {} in the clear", host.value),
        )
        .help("use tls = \"starttls\" or \"implicit\"")
    };
    table.sheet().note(tls.span, note);
}
