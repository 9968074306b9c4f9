//! Reading of messages (RFC 3261 §7, §18.3): what is forgiven, what is not, and the bounds.
//!
//! - Forgiven: LF for CRLF, folded headers, compact names, blanks before the colon, empty lines before the start line, no
//!   Content-Length in a datagram, bytes after it.
//! - Not forgiven: the start line, Content-Length, sizes, counts, control characters outside quoted pairs.
//! - A request too broken to be served but whole enough to be answered comes back in [`Bad::partial`].

use super::header::without_headers;
use super::message::{Header, Message, Start, clean, is_token};

/// Longest message, in bytes: what fits a datagram.
pub const MOST_MESSAGE: usize = 65_535;
/// Longest head (start line and headers), in bytes.
pub const MOST_HEAD: usize = 16_384;
/// Most header lines.
pub const MOST_HEADERS: usize = 256;
/// Longest header, unfolded, in bytes.
pub const MOST_LINE: usize = 8_192;

/// Why bytes are no message that can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The answer, if there can be one: 400, 413, 505.
    pub status: u16,
    /// The words behind it.
    pub words: &'static str,
    /// What could be read.
    pub partial: Option<Box<Message>>,
}

impl Bad {
    const fn hopeless(words: &'static str) -> Self {
        Self { status: 400, words, partial: None }
    }
}

/// Long names of the compact forms (RFC 3261 §7.3.3 and the register of header fields).
const COMPACT: &[(&str, &str)] = &[
    ("a", "accept-contact"),
    ("b", "referred-by"),
    ("c", "content-type"),
    ("e", "content-encoding"),
    ("f", "from"),
    ("i", "call-id"),
    ("k", "supported"),
    ("l", "content-length"),
    ("m", "contact"),
    ("n", "identity-info"),
    ("o", "event"),
    ("r", "refer-to"),
    ("s", "subject"),
    ("t", "to"),
    ("u", "allow-events"),
    ("v", "via"),
    ("x", "session-expires"),
    ("y", "identity"),
];

impl Message {
    /// Reads one message: a datagram, or what the framer cut out of a stream.
    ///
    /// # Errors
    /// [`Bad`] for what cannot be served; with `partial` where it may be answered.
    pub fn parse(bytes: &[u8]) -> Result<Self, Bad> {
        if bytes.len() > MOST_MESSAGE {
            return Err(Bad::hopeless("Message Too Large"));
        }
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let bytes = bytes.get(blank..).unwrap_or(&[]);
        let (head, body) = split_head(bytes).ok_or(Bad::hopeless("Head Too Long"))?;
        let head = String::from_utf8_lossy(head);
        let mut lines = unfold(&head)?.into_iter();
        let first = lines.next().ok_or(Bad::hopeless("Empty"))?;
        let (start, mut fault) = start_line(&first)?;
        let mut headers = Vec::new();
        for line in lines {
            match header_line(&line) {
                Some(header) if headers.len() < MOST_HEADERS => headers.push(header),
                Some(_) => return Err(Bad::hopeless("Too Many Headers")),
                None => fault = fault.or(Some((400, "Broken Header"))),
            }
        }
        let mut message = Self { start, headers, body: Vec::new() };
        match message.content_length() {
            Ok(Some(length)) if length > body.len() => {
                fault = fault.or(Some((400, "Body Shorter Than Said")))
            }
            Ok(length) => message.body = body.get(..length.unwrap_or(body.len())).unwrap_or(body).to_vec(),
            Err(words) => fault = fault.or(Some((400, words))),
        }
        match fault {
            None => Ok(message),
            Some((status, words)) => Err(Bad { status, words, partial: Some(Box::new(message)) }),
        }
    }

    /// Content-Length, if it is there and makes sense.
    fn content_length(&self) -> Result<Option<usize>, &'static str> {
        let mut said = None;
        for value in self.all("content-length") {
            let length = length_value(value).ok_or("Bad Content-Length")?;
            if said.is_some_and(|before| before != length) {
                return Err("Two Content-Lengths");
            }
            said = Some(length);
        }
        Ok(said)
    }
}

/// A Content-Length: digits only, no more than a message can hold.
#[must_use]
pub fn length_value(value: &str) -> Option<usize> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|length| digits && *length <= MOST_MESSAGE)
}

/// Where the head ends: the bytes of head and body. A head whose empty line is missing goes to the end.
fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let window = bytes.get(..MOST_HEAD).unwrap_or(bytes);
    match head_length(window) {
        Some(length) => bytes.split_at_checked(length),
        None if bytes.len() < MOST_HEAD => Some((bytes, &[])),
        None => None,
    }
}

/// Bytes up to and with the empty line that ends the head.
#[must_use]
pub fn head_length(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let line = bytes.get(from..)?;
        let length = line.iter().position(|byte| *byte == b'\n')? + 1;
        if length == 1 || (length == 2 && line.first() == Some(&b'\r')) {
            return Some(from + length);
        }
        from += length;
    }
}

/// Logical lines: a line that starts with a blank goes on the one before.
fn unfold(head: &str) -> Result<Vec<String>, Bad> {
    let mut lines: Vec<String> = Vec::new();
    for line in head.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if lines.len() > MOST_HEADERS {
            return Err(Bad::hopeless("Too Many Headers"));
        }
        match lines.last_mut() {
            Some(before) if line.starts_with([' ', '\t']) => {
                before.push(' ');
                before.push_str(line.trim_start());
            }
            _ => lines.push(line.to_owned()),
        }
        if lines.last().is_some_and(|line| line.len() > MOST_LINE) {
            return Err(Bad::hopeless("Line Too Long"));
        }
    }
    Ok(lines)
}

type Fault = Option<(u16, &'static str)>;

/// Reads the first line. What is a request but wrongly written comes with its fault.
fn start_line(line: &str) -> Result<(Start, Fault), Bad> {
    if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
        let mut parts = line.splitn(3, ' ');
        let version = parts.next().unwrap_or("");
        let status = parts.next().filter(|digits| digits.len() == 3).and_then(|digits| digits.parse().ok());
        let reason = clean(parts.next().unwrap_or(""));
        return match status {
            Some(status @ 100..=699) if version.eq_ignore_ascii_case("SIP/2.0") => {
                Ok((Start::Response { status, reason }, None))
            }
            _ => Err(Bad::hopeless("Bad Status Line")),
        };
    }
    let (method, rest) = line.split_once(' ').ok_or(Bad::hopeless("Not SIP"))?;
    let (uri, version) = rest.trim_end().rsplit_once(' ').ok_or(Bad::hopeless("Not SIP"))?;
    if !is_token(method) || !version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
        return Err(Bad::hopeless("Not SIP"));
    }
    let fault = if !version.eq_ignore_ascii_case("SIP/2.0") {
        Some((505, "Version Not Supported"))
    } else if rest.ends_with(' ')
        || uri.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"".contains(c))
        || has_headers(uri)
    {
        Some((400, "Bad Request Line"))
    } else {
        None
    };
    Ok((Start::Request { method: method.to_owned(), uri: clean(uri) }, fault))
}

/// A SIP URI with `?header=…` has no place in a start line (RFC 3261 §19.1.1).
fn has_headers(uri: &str) -> bool {
    let sip = uri.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("sip"));
    sip && without_headers(uri) != uri
}

/// A control character other than a tab, not behind a backslash as in a quoted string (RFC 3261 §25.1, quoted-pair).
fn has_bare_control(value: &str) -> bool {
    let mut escaped = false;
    value.chars().any(|c| {
        let bare = c.is_control() && c != '\t' && !escaped;
        escaped = c == '\\' && !escaped;
        bare
    })
}

/// Reads `Name: value`.
fn header_line(line: &str) -> Option<Header> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    if !is_token(name) || has_bare_control(value) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let long = COMPACT.iter().find(|(short, _)| *short == lower);
    let name = long.map_or(lower, |(_, long)| (*long).to_owned());
    Some(Header { name, value: value.trim().to_owned() })
}
