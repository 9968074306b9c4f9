//! Header values as SIP means them: Via, name-addr, URI, CSeq, Session-Expires (RFC 3261 §20, §25; RFC 3581; RFC 4028).
//!
//! A value that cannot be read is `None`; whether that matters is the reader's question.

use core::fmt;
use core::net::IpAddr;

use super::event::{MOST_IDENTITY, Party};
use super::message::{is_token, split_outside};

/// `;name=value` behind a value; names in lower case, quotes taken off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, Option<String>)>);

impl Params {
    /// Reads what stands behind the first semicolon. Names must be tokens.
    fn parse<'a>(parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut params = Vec::new();
        for part in parts.map(str::trim) {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(unquote(value.trim())?)),
                None => (part, None),
            };
            if !is_token(name) {
                return None;
            }
            params.push((name.to_ascii_lowercase(), value));
        }
        Some(Self(params))
    }

    /// The value of a parameter; empty if it has none.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    fn set(&mut self, name: &str, value: String) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), Some(value)));
    }
}

impl fmt::Display for Params {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            write!(out, ";{name}")?;
            match value {
                Some(value) if value.is_empty() || value.contains([' ', '"', ';', ',', '\\']) => {
                    write!(out, "=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
                }
                Some(value) => write!(out, "={value}")?,
                None => {}
            }
        }
        Ok(())
    }
}

/// Takes quotes off and undoes their escapes; `None` if they do not balance.
pub fn unquote(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let mut text = String::new();
    let mut letters = inner.chars();
    loop {
        match letters.next()? {
            '"' => break,
            '\\' => text.push(letters.next()?),
            other => text.push(other),
        }
    }
    letters.as_str().trim().is_empty().then_some(text)
}

/// One hop of the way that a request came (RFC 3261 §20.42).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, upper case.
    pub transport: String,
    /// Host as written.
    pub host: String,
    /// Port, if written.
    pub port: Option<u16>,
    /// branch, received, rport and the rest.
    pub params: Params,
}

impl Via {
    /// Reads one Via value.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (name, rest) = value.split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        let (transport, rest) = rest.trim_start().split_once([' ', '\t'])?;
        if !name.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" || !is_token(transport) {
            return None;
        }
        let mut parts = rest.split(';');
        let (host, port) = host_port(&parts.next()?.replace([' ', '\t'], ""))?;
        let params = Params::parse(parts)?;
        Some(Self { transport: transport.to_ascii_uppercase(), host, port, params })
    }

    /// The branch; empty if there is none.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.params.value("branch").unwrap_or("")
    }

    /// Adds where it really came from (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn mark_source(&mut self, address: IpAddr, port: u16) {
        let address = address.to_canonical();
        let asked_port = self.params.value("rport").is_some();
        if asked_port || self.host.trim_matches(['[', ']']).parse() != Ok(address) {
            self.params.set("received", address.to_string());
        }
        if asked_port {
            self.params.set("rport", port.to_string());
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(out, ":{port}")?;
        }
        write!(out, "{}", self.params)
    }
}

/// `host`, `host:port`, `[v6]:port`.
fn host_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
        _ => (text, None),
    };
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let good = match v6 {
        Some(v6) => v6.parse::<core::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    good.then(|| (host.to_owned(), port))
}

/// A SIP or tel URI, or one of another scheme whose inside is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    /// `sip`, lower case.
    pub scheme: String,
    /// User part, escapes undone, its parameters (`;npdi`) taken off.
    pub user: String,
    /// Host, lower case; `[…]` around IPv6.
    pub host: String,
    /// Port, if written.
    pub port: Option<u16>,
    /// Parameters behind the host.
    pub params: Params,
}

impl Uri {
    /// Reads a URI without angle brackets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let scheme = scheme.to_ascii_lowercase();
        if !is_token(&scheme)
            || rest.is_empty()
            || rest.chars().any(|c| c.is_whitespace() || "<>\"".contains(c))
        {
            return None;
        }
        match scheme.as_str() {
            "sip" | "sips" => Self::parse_sip(scheme, rest),
            "tel" => {
                let mut parts = rest.split(';');
                let user = unescape(parts.next()?);
                Some(Self { scheme, user, ..Self::default() })
            }
            _ => Some(Self { scheme, ..Self::default() }),
        }
    }

    fn parse_sip(scheme: String, rest: &str) -> Option<Self> {
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (user, rest),
            None => ("", rest),
        };
        let user = user.split(':').next().unwrap_or("");
        let user = unescape(user.split(';').next().unwrap_or(""));
        let rest = rest.split('?').next().unwrap_or("");
        let mut parts = rest.split(';');
        let (host, port) = host_port(parts.next()?)?;
        let params = parts.filter(|part| !part.is_empty()).map(|part| match part.split_once('=') {
            Some((name, value)) => (unescape(name).to_ascii_lowercase(), Some(unescape(value))),
            None => (unescape(part).to_ascii_lowercase(), None),
        });
        let params = Params(params.collect());
        Some(Self { scheme, user, host: host.to_ascii_lowercase(), port, params })
    }

    /// Its host as an address, if it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }
}

/// A URI as a request may be sent to: without its `?header=…` (RFC 3261 §12.2.1.1, §19.1.1).
#[must_use]
pub fn without_headers(uri: &str) -> &str {
    let host = uri.rfind('@').unwrap_or(0);
    let end = uri.get(host..).and_then(|rest| rest.find('?')).map_or(uri.len(), |at| host + at);
    uri.get(..end).unwrap_or(uri)
}

/// Undoes `%41`; what is no escape stays.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (*first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = tail.get(2..).unwrap_or(&[]);
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `"Name" <uri>;params` or `uri;params` (RFC 3261 §20.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// Display name, unquoted; empty if none.
    pub display: String,
    /// The URI as written.
    pub uri: String,
    /// Header parameters: `tag`.
    pub params: Params,
}

impl NameAddr {
    /// Reads one value. Blanks inside the angle brackets' ends are forgiven, unquoted display names too.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = split_outside(value.trim(), ';');
        let address = parts.next()?.trim();
        let params = Params::parse(parts)?;
        let (display, uri) = match angle(address) {
            Some((display, uri)) => (display_name(display.trim())?, uri.trim()),
            // Without brackets a question mark would belong to nobody (RFC 3261 §20).
            None if address.contains('?') => return None,
            None => (String::new(), address),
        };
        if uri.is_empty()
            || uri.chars().any(|c| c.is_whitespace() || "<>\"".contains(c))
            || !uri.contains(':')
        {
            return None;
        }
        Some(Self { display, uri: uri.to_owned(), params })
    }

    /// Its tag; empty if there is none.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.params.value("tag").unwrap_or("")
    }

    /// As an event shows it.
    #[must_use]
    pub fn party(&self) -> Party {
        Party { display: shown(&self.display), ..party_of(&self.uri) }
    }
}

/// A bare URI as an event shows it.
#[must_use]
pub fn party_of(uri: &str) -> Party {
    let read = Uri::parse(uri).unwrap_or_default();
    Party { display: String::new(), user: shown(&read.user), host: shown(&read.host), uri: shown(uri) }
}

/// Bounded and free of control characters.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_IDENTITY).collect()
}

/// Text before, and text in the angle brackets that must end the value.
fn angle(address: &str) -> Option<(&str, &str)> {
    let inside = address.strip_suffix('>')?;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c == '"' {
            quoted = true;
        } else if c == '<' {
            return Some((inside.get(..at)?, inside.get(at + 1..)?));
        }
    }
    None
}

fn display_name(text: &str) -> Option<String> {
    // Quotes inside an unquoted name are wrong but harmless, as long as they balance.
    let balanced = text.matches('"').count().is_multiple_of(2);
    if text.starts_with('"') { unquote(text) } else { balanced.then(|| text.to_owned()) }
}

/// `314 INVITE` (RFC 3261 §20.16).
#[must_use]
pub fn cseq(value: &str) -> Option<(u32, &str)> {
    let (number, method) = value.split_once([' ', '\t'])?;
    let method = method.trim();
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = number.parse().ok()?;
    (digits && number < 1 << 31 && is_token(method)).then_some((number, method))
}

/// Who refreshes a session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The client of the request at hand.
    Uac,
    /// Its server.
    Uas,
}

/// `1800;refresher=uac`.
#[must_use]
pub fn session_expires(value: &str) -> Option<(u32, Option<Refresher>)> {
    let mut parts = value.split(';');
    let seconds = seconds(parts.next()?)?;
    let refresher = match Params::parse(parts)?.value("refresher").map(str::to_ascii_lowercase).as_deref() {
        Some("uac") => Some(Refresher::Uac),
        Some("uas") => Some(Refresher::Uas),
        _ => None,
    };
    Some((seconds, refresher))
}

/// Seconds; parameters and a comment in parentheses behind them are passed over (Retry-After, Min-SE, Expires).
#[must_use]
pub fn seconds(value: &str) -> Option<u32> {
    let digits = value.trim().split([';', ' ', '(']).next()?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_is_marked_with_where_it_came_from() {
        let marked = |value: &str, from: &str| {
            let mut via = Via::parse(value).unwrap();
            via.mark_source(from.parse().unwrap(), 7_000);
            via.to_string()
        };
        assert_eq!(
            marked("SIP/2.0/UDP 192.0.2.1:5060;branch=x", "192.0.2.1"),
            "SIP/2.0/UDP 192.0.2.1:5060;branch=x"
        );
        assert_eq!(
            marked("SIP/2.0/UDP h;branch=x", "192.0.2.1"),
            "SIP/2.0/UDP h;branch=x;received=192.0.2.1"
        );
        assert_eq!(
            marked("sip / 2.0 / tcp [2001:db8::1] : 5070 ;rport;received=9.9.9.9", "2001:db8::1"),
            "SIP/2.0/TCP [2001:db8::1]:5070;received=2001:db8::1;rport=7000"
        );
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/3.0/UDP h",
            "SIP/2.0/UDP h:99999",
            "SIP/2.0/UDP [::g]",
            "SIP/2.0/UDP h;;b",
        ] {
            assert_eq!(Via::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn parties_are_read_as_people_write_them() {
        let party =
            |value: &str| NameAddr::parse(value).map(|read| (read.display.clone(), read.party().user));
        let some = |display: &str, user: &str| Some((display.to_owned(), user.to_owned()));
        assert_eq!(party("sip:1@h;tag=x"), some("", "1"));
        assert_eq!(party("\"A \\\" <sip:no@h>\" <sip:+1;npdi;rn=2@h>;tag=x"), some("A \" <sip:no@h>", "+1"));
        assert_eq!(party("Anonymous <sip:anonymous@anonymous.invalid>"), some("Anonymous", "anonymous"));
        assert_eq!(party("J \"B\" D <sip:1@h>"), some("J \"B\" D", "1"));
        assert_eq!(party("<tel:+1-800-555;phone-context=x>"), some("", "+1-800-555"));
        assert_eq!(party("<sip:1:secret@h>"), some("", "1"));
        assert_eq!(party("<sips:%2B1%zz@[::1]:5061;user=phone>"), some("", "+1%zz"));
        for bad in ["", "<>", "<sip:1@h", "sip:1@h>", "\"A <sip:1@h>", "1@h", "<sip:1@h> x", "sip:1@h?a=b"] {
            assert_eq!(party(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(cseq("0009  INVITE"), Some((9, "INVITE")));
        for bad in ["-1 INVITE", "+1 INVITE", "2147483648 INVITE", "1", "1 ", "x INVITE", "1 INV ITE", "1 <"]
        {
            assert_eq!(cseq(bad), None, "{bad}");
        }
        assert_eq!(session_expires("1800 ; refresher=UAS"), Some((1_800, Some(Refresher::Uas))));
        assert_eq!(session_expires("90;x=y"), Some((90, None)));
        assert_eq!(
            (seconds("5 (busy)"), seconds("5;duration=3"), seconds("-5"), seconds("99999999999")),
            (Some(5), Some(5), None, None)
        );
    }
}
