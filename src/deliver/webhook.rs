//! A fax's facts to another program: one signed POST.
//!
//! Standard: Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64 HMAC-SHA256 of
//! "id.timestamp.body">`), for which most languages have a library; and `Idempotency-Key` (the IETF draft of that name)
//! for those who know that instead. The id is the delivery's Message-ID: a repeat after a crash bears the same.
//!
//! Invariants: 2xx alone is [`Delivered`](Outcome::Delivered). What is wrong with our set-up (a redirect, 401, 403, 404,
//! 405, a certificate) waits for a person and refuses no fax; what is wrong with this one message (another 4xx) is
//! final, and the fallback inbox gets the fax; all else is tried again.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::doors::Trouble;
use super::http::{self, NoAnswer};
use crate::fax::{Millis, Outcome};

/// Prefix of a secret in Standard Webhooks' own form: base64 follows.
const SECRET_PREFIX: &str = "whsec_";

/// A program that is told of faxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// As rules name it.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// The file of the secret that both sides share: `whsec_` and base64, or any text.
    pub secret_file: PathBuf,
    /// A PEM file of roots, for a server with a certificate of the house.
    pub roots: Option<PathBuf>,
    /// The PDF goes along, as base64.
    pub pdf: bool,
}

/// Makes one attempt. Blocks: call it off the async threads.
pub(super) fn call(hook: &Webhook, id: &str, body: &[u8], now: Millis) -> Outcome {
    match attempt(hook, id, body, now) {
        Ok(words) => Outcome::Delivered(words),
        Err(trouble) => trouble.outcome(&format!("webhook \"{}\"", hook.name)),
    }
}

fn attempt(hook: &Webhook, id: &str, body: &[u8], now: Millis) -> Result<String, Trouble> {
    let secret = secret(hook)?;
    let seconds = now.div_euclid(1000);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", format!("v1,{}", signature(&secret, id, seconds, body))),
        ("idempotency-key", format!("\"{id}\"")),
    ];
    let answer =
        http::post(&hook.url, hook.roots.as_deref(), &headers, body).map_err(|error| match error {
            NoAnswer::SetUp(words) => Trouble::SetUp(words),
            NoAnswer::NotNow(words) => Trouble::NotNow(words),
        })?;
    let words = match answer.words() {
        words if words.is_empty() => answer.status.to_string(),
        words => format!("{} {words}", answer.status),
    };
    match answer.status {
        200..=299 => Ok(words),
        300..=399 => Err(Trouble::SetUp(format!("{words} (redirects are not followed)"))),
        401 | 403 | 404 | 405 | 407 => Err(Trouble::SetUp(words)),
        // 409: an earlier attempt of ours is still in hand there.
        408 | 409 | 425 | 429 => Err(Trouble::NotNow(words)),
        400..=499 => Err(Trouble::Refused(words)),
        _ => Err(Trouble::NotNow(words)),
    }
}

/// The secret's bytes.
fn secret(hook: &Webhook) -> Result<Vec<u8>, Trouble> {
    let unusable = |why: &dyn std::fmt::Display| {
        Trouble::SetUp(format!("the secret file {}: {why}", hook.secret_file.display()))
    };
    let text = std::fs::read_to_string(&hook.secret_file).map_err(|error| unusable(&error))?;
    let text = text.trim();
    let bytes = match text.strip_prefix(SECRET_PREFIX) {
        Some(coded) => STANDARD.decode(coded).map_err(|error| unusable(&error))?,
        None => text.as_bytes().to_vec(),
    };
    if bytes.is_empty() { Err(unusable(&"it is empty")) } else { Ok(bytes) }
}

/// Base64 of the HMAC-SHA256 over `id.timestamp.body`.
fn signature(secret: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    // HMAC takes keys of every length (RFC 2104 §2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // The example of the specification's reference libraries.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_text_or_coded_and_never_empty() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let hook = Webhook {
            name: "crm".into(),
            url: "http://127.0.0.1:1/".into(),
            secret_file: file.clone(),
            roots: None,
            pdf: false,
        };
        assert!(matches!(secret(&hook), Err(Trouble::SetUp(_))));
        for (text, expected) in [
            ("hush\n", Some(&b"hush"[..])),
            ("whsec_aHVzaA==", Some(b"hush")),
            (" \n", None),
            ("whsec_!", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(secret(&hook).ok().as_deref(), expected, "{text:?}");
        }
    }
}
