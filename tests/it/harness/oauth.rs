//! An OAuth server on loopback (RFC 6749): gives access tokens for a client's secret or a refresh token, and
//! tells a mail server what a token is good for, as Google's `tokeninfo` does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub const CLIENT: &str = "faxgate-app";
pub const CLIENT_SECRET: &str = "app secret/+=";
pub const FIRST_REFRESH_TOKEN: &str = "1//refresh-0";

struct State {
    /// The mailbox that tokens are good for.
    user: String,
    good: Vec<String>,
    given: usize,
    refresh_token: String,
    rotates: bool,
    expires_in: u64,
    refuses: Option<(u16, String)>,
    asked: Vec<BTreeMap<String, String>>,
}

/// The running server.
pub struct OAuth {
    pub port: u16,
    tls: bool,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl OAuth {
    /// Its tokens are good for the mailbox `user`.
    pub fn start(user: &str) -> Self {
        Self::serve(user, None)
    }

    /// The same over TLS, with a certificate for `localhost` and its key (PEM).
    pub fn start_tls(user: &str, certificate: &Path, key: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::serve(user, Some(Arc::new(config)))
    }

    fn serve(user: &str, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(Mutex::new(State {
            user: user.to_owned(),
            good: Vec::new(),
            given: 0,
            refresh_token: FIRST_REFRESH_TOKEN.to_owned(),
            rotates: false,
            expires_in: 3599,
            refuses: None,
            asked: Vec::new(),
        }));
        let server = Self { port, tls: tls.is_some(), state, stop: Arc::default() };
        let (state, stop) = (server.state.clone(), server.stop.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), state) = (stream, state.clone()) else { return };
                let tls = tls.clone();
                std::thread::spawn(move || match tls {
                    None => serve(stream, &state),
                    Some(config) => {
                        let secured = rustls::ServerConnection::new(config).ok()?;
                        serve(rustls::StreamOwned::new(secured, stream), &state)
                    }
                });
            }
        });
        server
    }

    pub fn token_url(&self) -> String {
        match self.tls {
            true => format!("https://localhost:{}/token", self.port),
            false => format!("http://127.0.0.1:{}/token", self.port),
        }
    }

    /// Every token given so far is worth nothing from now on, whatever was said of its life.
    pub fn revoke(&self) {
        self.state.lock().unwrap().good.clear();
    }

    /// Every answer holds a new refresh token, and the one before is worth nothing.
    pub fn rotate(&self) {
        self.state.lock().unwrap().rotates = true;
    }

    pub fn expire_in(&self, seconds: u64) {
        self.state.lock().unwrap().expires_in = seconds;
    }

    /// Answers with this status and body instead of a token; `None`: gives tokens again.
    pub fn refuse(&self, answer: Option<(u16, &str)>) {
        self.state.lock().unwrap().refuses = answer.map(|(status, body)| (status, body.to_owned()));
    }

    /// The forms that came to the token endpoint.
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Drop for OAuth {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&([127, 0, 0, 1], self.port).into(), Duration::from_secs(1));
    }
}

fn serve(stream: impl Read + Write, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let target = first.split(' ').nth(1)?.to_owned();
    let (status, body) = if first.starts_with("POST /token ") {
        token(&mut state.lock().unwrap(), &form(&String::from_utf8_lossy(&body)))
    } else if let Some(token) = target.strip_prefix("/tokeninfo?access_token=") {
        let state = state.lock().unwrap();
        match state.good.contains(&decoded(token)) {
            true => (200, format!(r#"{{"email":"{}","scope":"mail"}}"#, state.user)),
            false => (400, r#"{"error":"invalid_token"}"#.to_owned()),
        }
    } else {
        (404, String::new())
    };
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    reader.get_mut().write_all(format!("{head}{body}").as_bytes()).ok()?;
    reader.get_mut().flush().ok()
}

fn token(state: &mut State, form: &BTreeMap<String, String>) -> (u16, String) {
    state.asked.push(form.clone());
    if let Some((status, body)) = &state.refuses {
        return (*status, body.clone());
    }
    let is = |key: &str, value: &str| form.get(key).is_some_and(|found| found == value);
    if !is("client_id", CLIENT) || !is("client_secret", CLIENT_SECRET) {
        return (
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}"#.into(),
        );
    }
    let by_refresh = is("grant_type", "refresh_token");
    let good = if by_refresh {
        is("refresh_token", &state.refresh_token)
    } else {
        is("grant_type", "client_credentials")
    };
    if !good {
        return (400, r#"{"error":"invalid_grant","error_description":"the token was revoked"}"#.into());
    }
    state.given += 1;
    let token = format!("ya29.token-{}", state.given);
    state.good.push(token.clone());
    let mut answer = serde_json::json!({
        "access_token": token, "token_type": "Bearer", "expires_in": state.expires_in
    });
    if by_refresh && state.rotates {
        state.refresh_token = format!("1//refresh-{}", state.given);
        answer["refresh_token"] = state.refresh_token.clone().into();
    }
    (200, answer.to_string())
}

fn form(body: &str) -> BTreeMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
