//! `[mail]` and `[mail.relay]` of `faxgate.toml`.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use toml_span::Spanned;

use super::sheet::Note;
use super::table::Reader;
use super::{address, codes, units};
use crate::deliver::{Relay, Settings, Tls};
use crate::fax::Target;

const DAY: Duration = Duration::from_secs(86_400);
/// RFC 5321 §4.5.4.1 advises four to five days; a site may want the fallback inbox to hear of it sooner.
const EXPIRES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);
const RETRY: RangeInclusive<Duration> = Duration::from_secs(1)..=DAY;

/// What the file says of mail.
pub(super) struct Mail {
    relay: Option<Relay>,
    /// `[mail.relay]` is there, readable or not.
    pub(super) relay_named: bool,
    from: String,
    host_name: String,
    expires: Duration,
    retry_first: Duration,
    retry_most: Duration,
    pub(super) time_zone: String,
    templates: Option<PathBuf>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            relay: None,
            relay_named: false,
            from: String::new(),
            host_name: String::new(),
            expires: DAY * 5,
            retry_first: Duration::from_secs(60),
            retry_most: Duration::from_secs(3_600),
            time_zone: "UTC".to_owned(),
            templates: None,
        }
    }
}

impl Mail {
    /// With the fallback inbox, all that delivery needs.
    pub(super) fn settings(self, fallback: Target) -> Settings {
        Settings {
            relay: self.relay,
            from: self.from,
            host_name: self.host_name,
            fallback,
            expires: self.expires,
            retry_first: self.retry_first,
            retry_most: self.retry_most,
            time_zone: self.time_zone,
            templates: self.templates,
        }
    }
}

/// Reads `[mail]`.
pub(super) fn read(mut table: Reader<'_>) -> Mail {
    let mut mail = Mail::default();
    if let Some(from) = table.required_text("from") {
        check_address(&table, "from", &from);
        mail.from = from.value;
    }
    if let Some(name) = table.required_text("host_name") {
        check_host(&table, "host_name", &name);
        mail.host_name = name.value;
    }
    if let Some(zone) = table.text("time_zone") {
        if jiff::tz::TimeZone::get(&zone.value).is_err() {
            let note = Note::error(codes::MAIL_TIME_ZONE, format!("there is no time zone {:?}", zone.value))
                .help("names are those of the IANA database, such as \"Asia/Hong_Kong\" or \"UTC\"")
                .help("on Debian the database is the package tzdata");
            table.sheet().note(zone.span, note);
        }
        mail.time_zone = zone.value;
    }
    waits(&mut table, &mut mail);
    mail.templates = table.folder("templates").map(|path| path.value);
    mail.relay_named = table.has("relay");
    mail.relay = table.table("relay").and_then(relay);
    table.finish();
    mail
}

fn waits(table: &mut Reader<'_>, mail: &mut Mail) {
    let expires = table.duration("expires", EXPIRES);
    let first = table.duration("retry_first", RETRY);
    let most = table.duration("retry_most", RETRY);
    let at = [&first, &most, &expires].into_iter().flatten().map(|spanned| spanned.span).next();
    for (place, value) in
        [(&mut mail.expires, expires), (&mut mail.retry_first, first), (&mut mail.retry_most, most)]
    {
        *place = value.map_or(*place, |value| value.value);
    }
    let ordered = mail.retry_first <= mail.retry_most && mail.retry_most <= mail.expires;
    if let (false, Some(at)) = (ordered, at) {
        let message = format!(
            "waits must grow: `retry_first` ({}) to `retry_most` ({}) to `expires` ({})",
            units::shown(mail.retry_first),
            units::shown(mail.retry_most),
            units::shown(mail.expires)
        );
        table.sheet().note(at, Note::error(codes::MAIL_RETRY, message));
    }
}

fn relay(mut table: Reader<'_>) -> Option<Relay> {
    let host = table.required_text("host");
    if let Some(host) = &host
        && host.value.parse::<IpAddr>().is_err()
    {
        check_host(&table, "host", host);
    }
    let words = [("starttls", Tls::StartTls), ("implicit", Tls::Implicit), ("none", Tls::None)];
    let tls = table.choice("tls", &words);
    let protection = tls.as_ref().map_or(Tls::StartTls, |tls| tls.value);
    let usual_port = match protection {
        Tls::StartTls => 587,
        Tls::Implicit => 465,
        Tls::None => 25,
    };
    let port = table.integer("port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let login = login(&mut table);
    if let (Tls::None, Some(tls), Some(host)) = (protection, &tls, &host) {
        in_the_clear(&table, tls, host, login.is_some());
    }
    let roots = table.path("roots");
    if let Some(roots) = &roots
        && !roots.value.is_file()
    {
        let message = format!("`roots`: there is no file {}", roots.value.display());
        table.sheet().note(roots.span, Note::error(codes::FILE, message));
    }
    table.finish();
    let login = login.map(|(user, file)| (user.value, file.value));
    let roots = roots.map(|path| path.value);
    Some(Relay { host: host?.value, port: port.unwrap_or(usual_port), tls: protection, login, roots })
}

fn login(table: &mut Reader<'_>) -> Option<(Spanned<String>, Spanned<PathBuf>)> {
    if table.has("password") {
        let (at, _) = table.take("password")?;
        let note = Note::error(codes::KEY_MISPLACED, "a password does not stand in this file")
            .help("write it to a file that only the gateway can read, and name that: `password_file`");
        table.sheet().note(at, note);
    }
    let user = table.text("user");
    let file = table.path("password_file");
    match (&user, &file) {
        (Some(_), None) => table.missing("password_file"),
        (None, Some(_)) => table.missing("user"),
        _ => {}
    }
    let file = file?;
    match std::fs::metadata(&file.value) {
        Err(error) => {
            let message = format!("`password_file` {}: {error}", file.value.display());
            table.sheet().note(file.span, Note::error(codes::MAIL_PASSWORD_FILE, message));
        }
        Ok(facts) if !facts.is_file() || facts.len() == 0 => {
            let message = format!("`password_file` {} holds no password", file.value.display());
            table.sheet().note(file.span, Note::error(codes::MAIL_PASSWORD_FILE, message));
        }
        Ok(facts) if facts.mode() & 0o007 != 0 => {
            let message =
                format!("`password_file` {} is open to every user of this machine", file.value.display());
            let note = Note::warning(codes::MAIL_PASSWORD_OPEN, message);
            table.sheet().note(file.span, note.help(format!("chmod o= {}", file.value.display())));
        }
        Ok(_) => {}
    }
    Some((user?, file))
}

fn in_the_clear(table: &Reader<'_>, tls: &Spanned<Tls>, host: &Spanned<String>, login: bool) {
    let here =
        host.value == "localhost" || host.value.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let note = if login {
        Note::error(codes::MAIL_CLEAR_PASSWORD, "the password would cross the network in the clear")
            .help("use tls = \"starttls\" or \"implicit\", or no login")
    } else if here {
        return;
    } else {
        Note::warning(
            codes::MAIL_CLEAR_TEXT,
            format!("faxes cross the network to {} in the clear", host.value),
        )
        .help("use tls = \"starttls\" or \"implicit\"")
    };
    table.sheet().note(tls.span, note);
}

/// Says what is wrong with an address, and where in it.
pub(super) fn check_address(table: &Reader<'_>, key: &str, text: &Spanned<String>) -> bool {
    let Err((at, message)) = address::check(&text.value) else { return true };
    let at = table.sheet().within(text.span, &text.value, at);
    table
        .sheet()
        .note(at, Note::error(codes::MAIL_ADDRESS, format!("`{key}` is no mail address: {message}")));
    false
}

fn check_host(table: &Reader<'_>, key: &str, text: &Spanned<String>) {
    if let Err((at, message)) = address::host(&text.value) {
        let at = table.sheet().within(text.span, &text.value, at);
        table.sheet().note(at, Note::error(codes::VALUE_FORM, format!("`{key}` is no host name: {message}")));
    }
}
