//! What a request must have, what it may not demand, and what an INVITE says of its parties (RFC 3261 §8.1.1, §8.2.2).

use super::super::dialog::contact_of;
use super::super::event::{Asked, Flow};
use super::super::header::{NameAddr, Uri, Via, cseq, party_of, shown, without_headers};
use super::super::message::Message;
use super::super::multipart::{MOST_SDP, sdp_of};

/// Headers that a request must have exactly once (RFC 3261 §8.1.1).
const ONCE: &[&str] = &["from", "to", "call-id", "cseq"];
/// Headers that a request may have once.
const AT_MOST_ONCE: &[&str] = &["max-forwards", "content-type", "session-expires", "min-se"];
/// Most parties read of a header that lists them.
const MOST_PARTIES: usize = 8;

/// What is wrong with a request that was read, if anything (RFC 3261 §8.1.1, §20).
pub(super) fn fault_of(request: &Message) -> Option<&'static str> {
    if ONCE.iter().any(|name| request.all(name).count() != 1) {
        return Some("Missing Or Repeated Header");
    }
    if AT_MOST_ONCE.iter().any(|name| request.all(name).count() > 1) {
        return Some("Repeated Header");
    }
    if request.values("via").next().is_none() || request.values("via").any(|via| Via::parse(via).is_none()) {
        return Some("Bad Via");
    }
    let named = |name| request.header(name).and_then(NameAddr::parse);
    if named("from").is_none() || named("to").is_none() {
        return Some("Bad From Or To");
    }
    match request.header("cseq").and_then(cseq) {
        Some((_, method)) if method == request.method() => {}
        _ => return Some("Bad CSeq"),
    }
    if request.header("call-id").is_none_or(|id| id.is_empty() || id.contains(char::is_whitespace)) {
        return Some("Bad Call-ID");
    }
    if request.header("max-forwards").is_some_and(|value| value.trim().parse::<u8>().is_err()) {
        return Some("Bad Max-Forwards");
    }
    let contacts = request.values("contact").filter(|contact| *contact != "*");
    if contacts.take(MOST_PARTIES).any(|contact| NameAddr::parse(contact).is_none()) {
        return Some("Bad Contact");
    }
    None
}

/// What a request demands that we do not have: 416, 420 with Unsupported, 415 with Accept, 406 (RFC 3261 §8.2.2, §8.2.3).
pub(super) fn unacceptable(request: &Message) -> Option<(u16, Vec<(&'static str, String)>)> {
    match Uri::parse(request.uri()).map(|uri| uri.scheme) {
        Some(scheme) if matches!(scheme.as_str(), "sip" | "sips" | "tel") => {}
        Some(_) => return Some((416, Vec::new())),
        None => return Some((400, Vec::new())),
    }
    let unknown: Vec<&str> =
        request.values("require").filter(|tag| !tag.eq_ignore_ascii_case("timer")).collect();
    if !unknown.is_empty() {
        return Some((420, vec![("unsupported", unknown.join(", "))]));
    }
    let encoded = request.values("content-encoding").any(|coding| !coding.eq_ignore_ascii_case("identity"));
    if encoded && !request.body.is_empty() {
        return Some((415, vec![("accept-encoding", "identity".to_owned())]));
    }
    let is_invite = request.method() == "INVITE";
    if is_invite && request.all("accept").next().is_some() && !request.values("accept").any(takes_sdp) {
        return Some((406, Vec::new()));
    }
    match sdp_of(request) {
        Err(_) => Some((415, vec![("accept", "application/sdp".to_owned())])),
        Ok(Some(sdp)) if sdp.len() > MOST_SDP => Some((413, Vec::new())),
        Ok(_) => None,
    }
}

/// True if an Accept value takes SDP.
fn takes_sdp(value: &str) -> bool {
    let kind = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    matches!(kind.as_str(), "application/sdp" | "application/*" | "*/*")
}

/// Where a caller can be reached: its Contact, or for peers of RFC 2543 that sent none, its From.
pub(super) fn target_of(request: &Message) -> Option<String> {
    if request.header("contact").is_some() {
        return contact_of(request);
    }
    let from = NameAddr::parse(request.header("from")?)?;
    Uri::parse(&from.uri)
        .filter(|uri| uri.scheme.starts_with("sip"))
        .map(|_| without_headers(&from.uri).to_owned())
}

/// Who calls whom, as the INVITE says.
pub(super) fn asked(trunk: usize, flow: &Flow, request: &Message) -> Asked {
    let parties = |name| {
        let values = request.values(name).take(MOST_PARTIES);
        values.filter_map(NameAddr::parse).map(|party| party.party()).collect::<Vec<_>>()
    };
    let party = |name| parties(name).into_iter().next();
    let bounded = |name| request.header(name).map(shown);
    Asked {
        trunk,
        flow: *flow,
        call_id: shown(request.header("call-id").unwrap_or("")),
        request: party_of(request.uri()),
        to: party("to").unwrap_or_default(),
        from: party("from").unwrap_or_default(),
        asserted: parties("p-asserted-identity"),
        diversion: parties("diversion"),
        history: parties("history-info"),
        called_party: party("p-called-party-id"),
        remote_party: party("remote-party-id"),
        user_agent: bounded("user-agent"),
        timer: request.lists("supported", "timer"),
    }
}
