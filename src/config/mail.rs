//! `[mail]` of `faxgate.toml`; its relays are read by [`relays`].

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml_span::Spanned;

use super::sheet::Note;
use super::table::Reader;
use super::{address, codes, relays, units};
use crate::deliver::{Relay, Settings, message};
use crate::fax::Target;

const DAY: Duration = Duration::from_secs(86_400);
/// RFC 5321 §4.5.4.1 advises four to five days; a site may want the fallback inbox to hear of it sooner.
const EXPIRES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);
const RETRY: RangeInclusive<Duration> = Duration::from_secs(1)..=DAY;

/// What the file says of mail.
pub(super) struct Mail {
    relays: Vec<Relay>,
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
            relays: vec![],
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
            relays: self.relays,
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
        if !from.value.is_ascii() {
            let note = Note::error(codes::MAIL_ADDRESS, "`from` holds letters beyond ASCII")
                .help("reports about what could not be delivered come back to it, from servers of every age");
            table.sheet().note(from.span, note);
        }
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
    if let Some(folder) = table.folder("templates") {
        check_templates(&table, &folder);
        mail.templates = Some(folder.value);
    }
    mail.relay_named = table.has("relay");
    mail.relays = relays::read(&mut table);
    table.finish();
    mail
}

/// Fills every template of the site's. What is wrong is no obstacle: the built-in one is taken in its place.
fn check_templates(table: &Reader<'_>, folder: &Spanned<PathBuf>) {
    if !folder.value.is_dir() {
        return;
    }
    let anybody = "fax@localhost".to_owned();
    let mail = Mail { from: anybody.clone(), host_name: "localhost".to_owned(), ..Mail::default() };
    let settings = Settings { templates: Some(folder.value.clone()), ..mail.settings(Target::Mail(anybody)) };
    for problem in message::check_templates(&settings) {
        let note = Note::warning(codes::MAIL_TEMPLATE, format!("`templates`: {problem}"))
            .help("until it is mended the built-in words stand in the mails");
        table.sheet().note(folder.span, note);
    }
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

/// Says what is wrong with an address, and where in it.
pub(super) fn check_address(table: &Reader<'_>, key: &str, text: &Spanned<String>) -> bool {
    let Err((at, message)) = address::check(&text.value) else { return true };
    let at = table.sheet().within(text.span, &text.value, at);
    table
        .sheet()
        .note(at, Note::error(codes::MAIL_ADDRESS, format!("`{key}` is no mail address: {message}")));
    false
}

pub(super) fn check_host(table: &Reader<'_>, key: &str, text: &Spanned<String>) {
    if let Err((at, message)) = address::host(&text.value) {
        let at = table.sheet().within(text.span, &text.value, at);
        table.sheet().note(at, Note::error(codes::VALUE_FORM, format!("`{key}` is no host name: {message}")));
    }
}
