//! The SDP of a message: its body, or a part of a multipart one (RFC 2046 §5.1, RFC 5621).

use super::message::Message;
use super::reading::head_length;

/// Longest SDP taken, in bytes: some twenty times what fax needs.
pub const MOST_SDP: usize = 16_384;
/// Most parts looked at.
const MOST_PARTS: usize = 16;

/// A body that we must not pass over and cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// The SDP of a message, if it has any.
///
/// # Errors
/// [`Unreadable`] if there is a body of another kind, unless it is marked optional (RFC 3261 §20.11).
pub fn sdp_of(message: &Message) -> Result<Option<Vec<u8>>, Unreadable> {
    if message.body.is_empty() {
        return Ok(None);
    }
    let whole = message.header("content-type").unwrap_or("application/sdp");
    let kind = whole.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let disposition = message.header("content-disposition").unwrap_or("").to_ascii_lowercase();
    let found = match kind.as_str() {
        "application/sdp" => return Ok(Some(message.body.clone())),
        _ if kind.starts_with("multipart/") => {
            boundary(whole).and_then(|boundary| part(&message.body, &boundary))
        }
        _ => None,
    };
    match found {
        Some(sdp) => Ok(Some(sdp)),
        None if disposition.contains("handling=optional") => Ok(None),
        None => Err(Unreadable),
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let named = |part: &&str| part.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("boundary="));
    let value = content_type.split(';').map(str::trim).find(named)?.get(9..)?.trim_matches('"');
    (!value.is_empty()).then(|| format!("--{value}"))
}

/// The first part that is SDP.
fn part(body: &[u8], boundary: &str) -> Option<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let trimmed = line.trim_ascii_end();
        if trimmed.starts_with(boundary.as_bytes()) {
            if parts.len() > MOST_PARTS || trimmed.len() > boundary.len() {
                break;
            }
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.extend_from_slice(line);
        }
    }
    parts.iter().find_map(|part| {
        let (head, body) = part.split_at_checked(head_length(part)?)?;
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        let is_sdp =
            head.lines().any(|line| line.starts_with("content-type") && line.contains("application/sdp"));
        is_sdp.then(|| body.to_vec())
    })
}
