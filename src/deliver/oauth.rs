//! Access tokens for XOAUTH2: asked for, kept until they expire, asked for anew when the relay refuses one.
//!
//! Standard: RFC 6749 §4.4 (client credentials: Microsoft 365 with an app registration) and §6 (refresh
//! token: Gmail, and Microsoft 365 with a user's consent).
//!
//! Invariants:
//! - Secrets stand in files of their own, are read anew for each request, and are never logged: of an
//!   answer that refuses us only `error` and `error_description` are shown.
//! - The token endpoint is asked over TLS with a certificate that is verified, or on this machine.
//! - One request at a time: messages that wait for a token share the one that comes.
//! - A refresh token that the server replaced is written back, whole or not at all. Microsoft replaces it
//!   with every answer and lets the old one die after 90 days; Google never does.
//! - Nothing here fails a fax: without a token it waits, and a person is told.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::trouble::{Trouble, WORDS_MOST};
use crate::fax::one_line;
use crate::ops::durable::sync_folder;

/// The whole exchange with the token endpoint.
const ASK_MOST: Duration = Duration::from_secs(30);
/// An answer is no longer than this.
const ANSWER_MOST: u64 = 64 * 1024;
/// A file with a secret is no longer than this. Microsoft's refresh tokens have some 2,000 characters.
const SECRET_MOST: u64 = 16 * 1024;
/// A token is not used for its last minute: it must outlive the login.
const MARGIN: Duration = Duration::from_secs(60);
/// Lifetime where the server names none (RFC 6749 §5.1 only recommends that it does).
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// No token is kept longer, whatever the server says.
const LIFETIME_MOST: Duration = Duration::from_secs(24 * 3600);

/// What a token is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token endpoint.
    pub token_url: String,
    /// Our name there.
    pub client_id: String,
    /// File with our secret there; `None`: a public client.
    pub client_secret_file: Option<PathBuf>,
    /// File with the refresh token; `None`: client credentials.
    pub refresh_token_file: Option<PathBuf>,
    /// What the token is for, where the server wants to hear it.
    pub scope: Option<String>,
    /// A PEM file of further roots for the token endpoint.
    pub roots: Option<PathBuf>,
}

/// True for an endpoint that may be asked: HTTPS, or plain HTTP to this machine.
pub fn endpoint_is_safe(url: &str) -> bool {
    let plain = url.bytes().all(|b| b.is_ascii_graphic());
    plain && (url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) || is_local(url))
}

/// Plain HTTP that never leaves this machine.
fn is_local(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The tokens of one grant.
#[derive(Debug)]
pub struct Tokens {
    grant: Grant,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    token: Option<(String, Instant)>,
    /// A refresh token that could not be written back, and the one in the file that it replaces.
    renewed: Option<(String, String)>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("token", &self.token.is_some()).finish_non_exhaustive()
    }
}

/// What a token endpoint says (RFC 6749 §5).
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Tokens {
    /// Asks for nothing yet.
    pub fn new(grant: Grant) -> Self {
        Self { grant, kept: Mutex::default() }
    }

    /// A token that is good for at least a minute more, as far as the server told us.
    pub async fn get(&self) -> Result<String, Trouble> {
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &kept.token
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        kept.token = None;
        let (grant, renewed) = (self.grant.clone(), kept.renewed.clone());
        let asked = tokio::task::spawn_blocking(move || ask(&grant, renewed)).await;
        let fresh = asked.unwrap_or_else(|error| Err(Trouble::TokenServer(error.to_string())))?;
        kept.token = Some((fresh.token.clone(), Instant::now() + kept_for(fresh.lifetime)));
        kept.renewed = fresh.renewed;
        Ok(fresh.token)
    }

    /// The relay refused this token: whoever asks next gets another.
    pub async fn forget(&self, refused: &str) {
        let mut kept = self.kept.lock().await;
        if kept.token.as_ref().is_some_and(|(token, _)| token == refused) {
            kept.token = None;
        }
    }
}

/// How long a token of that lifetime is used.
fn kept_for(lifetime: Duration) -> Duration {
    let lifetime = lifetime.min(LIFETIME_MOST);
    lifetime.saturating_sub(MARGIN.min(lifetime / 2))
}

struct Fresh {
    token: String,
    lifetime: Duration,
    renewed: Option<(String, String)>,
}

/// Blocking: reads files, talks to the server.
fn ask(grant: &Grant, renewed: Option<(String, String)>) -> Result<Fresh, Trouble> {
    let client_secret =
        grant.client_secret_file.as_deref().map(|file| secret("client secret", file)).transpose()?;
    let in_file =
        grant.refresh_token_file.as_deref().map(|file| secret("refresh token", file)).transpose()?;
    // A file that a person has written since counts; what we could not write back counts until then.
    let renewed = renewed.filter(|(_, replaced)| in_file.as_ref() == Some(replaced));
    let refresh = renewed.as_ref().map(|(ours, _)| ours.clone()).or_else(|| in_file.clone());

    let mut form = vec![("client_id", grant.client_id.as_str())];
    match &refresh {
        Some(token) => form.extend([("grant_type", "refresh_token"), ("refresh_token", token)]),
        None => form.push(("grant_type", "client_credentials")),
    }
    form.extend(client_secret.as_deref().map(|secret| ("client_secret", secret)));
    form.extend(grant.scope.as_deref().map(|scope| ("scope", scope)));
    let (status, body) = post(grant, form)?;
    let answer = understood(status, &body)?;
    let token = usable(answer.access_token)?;
    let renewed = match (answer.refresh_token, &refresh, in_file, &grant.refresh_token_file) {
        (Some(new), Some(old), Some(in_file), Some(file)) if new != *old && good_secret(&new) => {
            keep(file, new, in_file)
        }
        _ => renewed,
    };
    Ok(Fresh { token, lifetime: lifetime(answer.expires_in.as_ref()), renewed })
}

fn post(grant: &Grant, form: Vec<(&str, &str)>) -> Result<(u16, String), Trouble> {
    if !endpoint_is_safe(&grant.token_url) {
        return Err(Trouble::Token("`token_url` is neither https:// nor on this machine".into()));
    }
    let unreachable = |error: ureq::Error| {
        Trouble::TokenServer(one_line(&format!("{}: {error}", grant.token_url), WORDS_MOST))
    };
    let local = is_local(&grant.token_url);
    let mut config = ureq::Agent::config_builder()
        .https_only(!local)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(ASK_MOST));
    config = if local { config.proxy(None) } else { config.tls_config(tls(grant)?) };
    let mut response = config
        .build()
        .new_agent()
        .post(&grant.token_url)
        .header("Accept", "application/json")
        .send_form(form)
        .map_err(unreachable)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_MOST).read_to_string().map_err(unreachable)?;
    Ok((status, body))
}

/// The system's roots and those of the house.
fn tls(grant: &Grant) -> Result<ureq::tls::TlsConfig, Trouble> {
    use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
    let system = rustls_native_certs::load_native_certs().certs;
    let mut roots: Vec<Certificate<'static>> =
        system.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if let Some(file) = &grant.roots {
        let bad = |detail: String| Trouble::Token(format!("roots file {}: {detail}", file.display()));
        let pem = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
        let before = roots.len();
        roots.extend(parse_pem(&pem).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        }));
        if roots.len() == before {
            return Err(bad("no usable certificate in it".into()));
        }
    }
    let roots = if roots.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&roots) };
    Ok(TlsConfig::builder().root_certs(roots).build())
}

/// A token, or why there is none.
fn understood(status: u16, body: &str) -> Result<Answer, Trouble> {
    let answer = serde_json::from_str::<Answer>(body);
    match (status, answer) {
        (200, Ok(answer)) if answer.error.is_none() => {
            let bearer = answer.token_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
            if bearer { Ok(answer) } else { Err(Trouble::Token("the token is no bearer token".into())) }
        }
        (200, Err(_)) => Err(Trouble::TokenServer("the answer is no JSON of RFC 6749".into())),
        (400..=499, Ok(answer)) if status != 429 => Err(Trouble::Token(said(&answer, status))),
        (400..=499, Err(_)) if status != 429 => Err(Trouble::Token(format!("HTTP {status}"))),
        (200, Ok(answer)) => Err(Trouble::Token(said(&answer, status))),
        (300..=399, _) => Err(Trouble::Token(format!("HTTP {status}: redirects are not followed"))),
        (status, _) => Err(Trouble::TokenServer(format!("HTTP {status}"))),
    }
}

fn said(answer: &Answer, status: u16) -> String {
    let words = [answer.error.as_deref(), answer.error_description.as_deref()];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
    one_line(&format!("HTTP {status} {words}"), WORDS_MOST)
}

/// A token goes into one line of a login between control characters: nothing else may stand in it
/// (RFC 6750 §2.1).
fn usable(token: Option<String>) -> Result<String, Trouble> {
    match token {
        Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => Ok(token),
        Some(_) => Err(Trouble::Token("the token holds characters that no token may hold".into())),
        None => Err(Trouble::Token("the answer holds no access_token".into())),
    }
}

/// Seconds as a number, or, as some servers write, as a text.
fn lifetime(seconds: Option<&serde_json::Value>) -> Duration {
    let seconds = match seconds {
        Some(serde_json::Value::Number(number)) => number.as_u64(),
        Some(serde_json::Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    seconds.map_or(LIFETIME, Duration::from_secs)
}

/// The only line of a file.
fn secret(what: &str, file: &Path) -> Result<String, Trouble> {
    let bad = |detail: String| Trouble::Token(format!("{what} file {}: {detail}", file.display()));
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(SECRET_MOST).read_to_string(&mut text))
        .map_err(|error| bad(error.to_string()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if good_secret(secret) {
        Ok(secret.to_owned())
    } else {
        Err(bad("expected one line that is not empty".into()))
    }
}

fn good_secret(secret: &str) -> bool {
    !secret.is_empty() && !secret.contains(|c: char| c.is_control())
}

/// Writes a new refresh token back. Where that cannot be, it is kept in memory and a person is told.
fn keep(file: &Path, new: String, replaced: String) -> Option<(String, String)> {
    match rewrite(file, &new) {
        Ok(()) => None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "a new refresh token cannot be written back: it is lost at the next stop, and the old one will expire");
            Some((new, replaced))
        }
    }
}

fn rewrite(file: &Path, secret: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = std::fs::metadata(file)?.permissions();
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(format!("{secret}\n").as_bytes())?;
    fresh.as_file().set_permissions(permissions)?;
    fresh.as_file().sync_all()?;
    fresh.persist(file).map_err(|error| error.error)?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(status: u16, body: &str) -> String {
        match understood(status, body).and_then(|answer| usable(answer.access_token)) {
            Ok(token) => token,
            Err(trouble) => trouble.code(),
        }
    }

    #[test]
    fn each_answer_is_a_token_or_says_who_must_act() {
        let cases = [
            (200, r#"{"access_token":"ya29.a","token_type":"Bearer","expires_in":3599}"#, "ya29.a"),
            (200, r#"{"access_token":"eyJ","token_type":"bearer","expires_in":"3599","other":[1]}"#, "eyJ"),
            (200, r#"{"access_token":"a\u0001auth=Bearer b"}"#, "deliver.oauth.refused"),
            (200, r#"{"access_token":""}"#, "deliver.oauth.refused"),
            (200, r#"{"access_token":"a","token_type":"mac"}"#, "deliver.oauth.refused"),
            (200, r#"{"error":"invalid_grant"}"#, "deliver.oauth.refused"),
            (200, "{}", "deliver.oauth.refused"),
            (200, "<html>", "deliver.oauth.unreachable"),
            (400, r#"{"error":"invalid_grant","error_description":"expired"}"#, "deliver.oauth.refused"),
            (401, "nothing", "deliver.oauth.refused"),
            (302, "", "deliver.oauth.refused"),
            (429, r#"{"error":"slow_down"}"#, "deliver.oauth.unreachable"),
            (503, "", "deliver.oauth.unreachable"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(code(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_shows_the_servers_words_and_no_secret() {
        let body = r#"{"error":"invalid_grant","error_description":"AADSTS70008\r\nexpired","refresh_token":"s3cret"}"#;
        let Err(trouble) = understood(400, body) else { panic!("a refusal") };
        let fault = trouble.fault();
        assert!(fault.operator.contains("invalid_grant: AADSTS70008 expired"), "{fault:?}");
        assert!(!format!("{fault:?}").contains("s3cret"));
    }

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for safe in [
            "https://login.example/t",
            "http://127.0.0.1:8080/token",
            "http://[::1]:1/t",
            "http://localhost/",
        ] {
            assert!(endpoint_is_safe(safe), "{safe}");
        }
        for unsafe_one in [
            "http://login.example/token",
            "http://127.0.0.1@evil.example/",
            "http://127.0.0.1.evil.example/",
            "https://",
            "ftp://x",
            "https://a\r\nb",
            "",
        ] {
            assert!(!endpoint_is_safe(unsafe_one), "{unsafe_one}");
        }
    }

    #[test]
    fn a_token_is_dropped_before_it_expires() {
        let seconds = Duration::from_secs;
        assert_eq!(kept_for(seconds(3600)), seconds(3540));
        assert_eq!(kept_for(seconds(10)), seconds(5));
        assert_eq!(kept_for(seconds(0)), seconds(0));
        assert_eq!(kept_for(seconds(u64::MAX)), LIFETIME_MOST - MARGIN);
        assert_eq!(lifetime(None), LIFETIME);
        assert_eq!(lifetime(Some(&serde_json::json!("3599"))), seconds(3599));
        assert_eq!(lifetime(Some(&serde_json::json!(-1))), LIFETIME);
    }

    #[test]
    fn a_new_refresh_token_replaces_the_file_or_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("refresh");
        std::fs::write(&file, "old\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(keep(&file, "new".into(), "old".into()), None);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new\n");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
        let gone = place.path().join("gone/refresh");
        assert_eq!(keep(&gone, "new".into(), "old".into()), Some(("new".into(), "old".into())));
    }
}
