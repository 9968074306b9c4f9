//! `[links]` of `faxgate.toml`: signed links in mails, and where their pages are served.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::codes;
use super::sheet::Note;
use super::table::Reader;
use crate::deliver::links::Settings;

const DAY: Duration = Duration::from_secs(86_400);
const EXPIRES: RangeInclusive<Duration> = Duration::from_secs(3_600)..=Duration::from_secs(366 * 86_400);
/// Long enough for a clerk's holiday.
const DEFAULT_EXPIRES: Duration = Duration::from_secs(14 * 86_400);

/// Reads `[links]`; `None` where it lacks what it needs.
pub(super) fn read(mut table: Reader<'_>) -> Option<Settings> {
    let base = base(&mut table);
    if !table.has("listen") {
        table.missing("listen");
    }
    let listen = table.parsed("listen", codes::VALUE_FORM, |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "expected an address and a port such as \"127.0.0.1:8080\"".to_owned())
    });
    if let Some(listen) = listen.as_ref().filter(|listen| !listen.value.ip().is_loopback()) {
        let message = format!("the pages would be served to others on {} in the clear", listen.value);
        let note = Note::warning(codes::LINKS_OPEN, message)
            .help("this port speaks HTTP without TLS: put a server with TLS on this machine in front of 127.0.0.1")
            .help("or see that only that server's machine reaches the port, over a line that nobody else reads");
        table.sheet().note(listen.span, note);
    }
    let expires = table.duration("expires", EXPIRES).map_or(DEFAULT_EXPIRES, |value| value.value);
    if expires < DAY {
        let message = "links that end within a day are often dead before a clerk reads the mail";
        table.sheet().note(table.head(), Note::warning(codes::LINKS_SHORT, message));
    }
    table.finish();
    Some(Settings { base: base?, listen: listen?.value, expires })
}

fn base(table: &mut Reader<'_>) -> Option<String> {
    let text = table.required_text("base")?;
    let value = text.value.trim_end_matches('/');
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let plain = |rest: &str| {
        rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]".contains(&byte))
            && !rest.starts_with(['/', ':', '.'])
    };
    if !rest.is_some_and(|rest| !rest.is_empty() && plain(rest)) {
        let note = Note::error(codes::VALUE_FORM, "`base` is the address that clerks' browsers reach")
            .help("expected something like \"https://fax.harbour.example\", without ? and #");
        table.sheet().note(text.span, note);
        return None;
    }
    if value.starts_with("http://") {
        let note = Note::warning(codes::LINKS_CLEAR, "links would go over the network in the clear")
            .help("whoever sees such a link can use it: put a server with TLS in front, and write https://");
        table.sheet().note(text.span, note);
    }
    Some(value.to_owned())
}
