//! Requests and responses (RFC 3261 §7): what they hold, and how they are written. `reading` reads them.
//!
//! Header names are kept long and in lower case; values unfolded, as one line. Order within a name is kept.

use core::fmt::Write as _;

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

/// Without control characters.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
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
