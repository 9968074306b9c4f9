//! Cuts a stream into SIP messages (RFC 3261 §18.3), with keep-alives between them (RFC 5626 §3.5.1).
//!
//! A stream has no datagram ends: Content-Length must be there. A stream that breaks a bound cannot be got back into step
//! and is to be closed. It holds at most [`MOST_MESSAGE`] bytes and what one read brought.

use super::reading::{MOST_HEAD, MOST_MESSAGE, head_length, length_value};

/// What the stream holds next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// A whole message, for [`super::Agent::receive`].
    Message(Vec<u8>),
    /// A keep-alive (two empty lines): answer it with one empty line.
    Ping,
    /// Not SIP, or over a bound: close it.
    Broken,
}

/// One stream's beginning of a message.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    broken: bool,
}

impl Framer {
    /// A new stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes came. Take [`Framer::next`] until it gives nothing, before more are given.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.held.extend_from_slice(bytes);
        }
    }

    /// Bytes held of a message that is not whole yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// What the stream holds next, if it is whole.
    #[allow(clippy::should_implement_trait)] // Nothing now does not mean nothing ever.
    pub fn next(&mut self) -> Option<Framed> {
        if self.broken {
            return None;
        }
        if self.held.starts_with(b"\r\n\r\n") {
            self.held.drain(..4);
            return Some(Framed::Ping);
        }
        if matches!(self.held.as_slice(), b"\r" | b"\r\n" | b"\r\n\r") {
            return None;
        }
        let blank = self.held.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.held.drain(..blank);
        let window = self.held.get(..MOST_HEAD).unwrap_or(&self.held);
        let whole = match head_length(window) {
            Some(head) => body_length(window.get(..head).unwrap_or(window)).map(|body| head + body),
            None if self.held.len() < MOST_HEAD => return None,
            None => None,
        };
        match whole.filter(|whole| *whole <= MOST_MESSAGE) {
            Some(whole) if whole <= self.held.len() => {
                Some(Framed::Message(self.held.drain(..whole).collect()))
            }
            Some(_) => None,
            None => {
                (self.broken, self.held) = (true, Vec::new());
                Some(Framed::Broken)
            }
        }
    }
}

/// Content-Length of a head; `None` if it is missing, makes no sense, or is said twice differently.
fn body_length(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(head);
    let mut said = None;
    let lines = head.replace("\r\n ", " ").replace("\r\n\t", " ").replace("\n ", " ").replace("\n\t", " ");
    for line in lines.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let name = name.trim();
        if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("l") {
            let length = length_value(value.trim())?;
            if said.is_some_and(|before| before != length) {
                return None;
            }
            said = Some(length);
        }
    }
    said
}
