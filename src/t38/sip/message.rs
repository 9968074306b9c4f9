//! Requests and responses as text (RFC 3261 §7, §25): read leniently, written plainly.
//!
//! - Header names are kept long and in lower case; values unfolded, as one line. Order within a name is kept.
//! - Lenient: LF for CRLF, folded headers, compact names, blanks before the colon, empty lines before the start line, no
//!   Content-Length in a datagram, bytes after it. Strict: the start line, Content-Length, size, counts.
//! - A request too broken to be served but whole enough to be answered comes back in [`Bad::partial`].

use core::fmt::Write as _;

/// Longest message, in bytes: what fits a datagram.
pub const MOST_MESSAGE: usize = 65_535;
/// Longest head (start line and headers), in bytes.
pub const MOST_HEAD: usize = 16_384;
/// Most header lines.
pub const MOST_HEADERS: usize = 256;
/// Longest header, unfolded, in bytes.
pub const MOST_LINE: usize = 8_192;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A request.
    Request {
        /// The method as written: case counts.
        method: String,
        /// The Request-URI as written.
        uri: String,
    },
    /// A response.
    Response {
        /// 100 to 699.
        status: u16,
        /// The words behind it.
        reason: String,
    },
}

/// A header: its long name in lower case, and its value unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `via`, `call-id`.
    pub name: String,
    /// What stands behind the colon, trimmed.
    pub value: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub start: Start,
    /// The headers in order.
    pub headers: Vec<Header>,
    /// The body, as long as Content-Length says.
    pub body: Vec<u8>,
}

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
    /// A request without headers.
    #[must_use]
    pub fn request(method: &str, uri: &str) -> Self {
        let start = Start::Request { method: method.to_owned(), uri: uri.to_owned() };
        Self { start, headers: Vec::new(), body: Vec::new() }
    }

    /// A response without headers, with the standard's words.
    #[must_use]
    pub fn response(status: u16) -> Self {
        Self::response_with(status, words_of(status))
    }

    /// A response without headers.
    #[must_use]
    pub fn response_with(status: u16, words: &str) -> Self {
        let start = Start::Response { status, reason: words.to_owned() };
        Self { start, headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header; `name` as it is to be written.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a header.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push(Header { name: name.to_ascii_lowercase(), value: value.into() });
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn with_sdp(mut self, sdp: &[u8]) -> Self {
        if !sdp.is_empty() {
            self.push("content-type", "application/sdp");
            self.body = sdp.to_vec();
        }
        self
    }

    /// The first header of that name (long, lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
    }

    /// All headers of that name, each as a whole.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |header| header.name == name).map(|header| header.value.as_str())
    }

    /// All values of that name, those behind commas apart (RFC 3261 §7.3.1).
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name)
            .flat_map(|whole| split_outside(whole, ','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// True if a list header (`supported`, `require`) names this.
    #[must_use]
    pub fn lists(&self, name: &str, tag: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(tag))
    }

    /// The method of a request, or that of the CSeq of a response.
    #[must_use]
    pub fn method(&self) -> &str {
        match &self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => {
                self.header("cseq").and_then(|value| value.split_whitespace().nth(1)).unwrap_or("")
            }
        }
    }

    /// The Request-URI; empty for a response.
    #[must_use]
    pub fn uri(&self) -> &str {
        match &self.start {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => "",
        }
    }

    /// The status; 0 for a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.start {
            Start::Response { status, .. } => status,
            Start::Request { .. } => 0,
        }
    }

    /// The bytes to send, Content-Length added. Line ends inside values cannot get out: they become blanks.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::with_capacity(512);
        let _ = match &self.start {
            Start::Request { method, uri } => write!(text, "{} {} SIP/2.0\r\n", plain(method), plain(uri)),
            Start::Response { status, reason } => write!(text, "SIP/2.0 {status} {}\r\n", plain(reason)),
        };
        for header in self.headers.iter().filter(|header| header.name != "content-length") {
            let _ = write!(text, "{}: {}\r\n", written_name(&header.name), plain(&header.value));
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n", self.body.len());
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

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
    sip && uri.rsplit('@').next().unwrap_or("").contains('?')
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

/// True for a token of RFC 3261 §25.1.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}

/// Splits at a separator that stands neither in quotes nor in `<…>`.
pub fn split_outside(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut angled, mut escaped) = (false, false, false);
    text.split(move |c: char| {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            return false;
        }
        match c {
            '"' => quoted = true,
            '<' => angled = true,
            '>' => angled = false,
            _ => return c == separator && !angled,
        }
        false
    })
}

/// Without control characters, and no longer than an event may carry.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_LINE).collect()
}

/// Safe to write: line ends become blanks.
fn plain(value: &str) -> String {
    value.replace(['\r', '\n'], " ")
}

/// `call-id` as people write it: `Call-ID`.
fn written_name(name: &str) -> String {
    match name {
        "call-id" => return "Call-ID".to_owned(),
        "cseq" => return "CSeq".to_owned(),
        "min-se" => return "Min-SE".to_owned(),
        "www-authenticate" => return "WWW-Authenticate".to_owned(),
        _ => {}
    }
    let upper = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').map(upper).collect::<Vec<_>>().join("-")
}

/// The standard's words for a status (RFC 3261 §21, RFC 4028, RFC 3262).
#[must_use]
pub fn words_of(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        600 => "Busy Everywhere",
        603 => "Decline",
        606 => "Not Acceptable",
        _ if status < 200 => "Progress",
        _ if status < 300 => "OK",
        _ if status < 400 => "Redirect",
        _ if status < 500 => "Refused",
        _ if status < 600 => "Server Error",
        _ => "Refused Everywhere",
    }
}
