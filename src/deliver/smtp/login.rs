//! AUTH (RFC 4954): PLAIN, LOGIN, XOAUTH2.
//!
//! Invariant: a secret is only shown over a protected connection or to this machine. Mechanisms that hide
//! the password (CRAM-MD5, DIGEST-MD5) are left out: every relay has one of ours, and TLS hides more.
//!
//! LOGIN is no standard; Exchange has it and nothing else for passwords. XOAUTH2 is Google's and Microsoft's:
//! a refused token is answered with a challenge (a JSON text that says why) which wants an empty line, and
//! only then with 535.

use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_send::SmtpClient;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, AUTH_XOAUTH2, EhloResponse, Response};

use super::connect::{Stream, trouble};
use super::relay::{Login, Mechanism, Secret};
use super::reply::{self, Phase};
use super::timeouts::Timeouts;
use crate::deliver::trouble::{Reply, Trouble};

/// A password file is no longer than this.
const PASSWORD_MOST: u64 = 4096;

type Client = SmtpClient<Box<dyn Stream>>;

/// Logs in. `token` is what the OAuth server gave, where the login goes by one.
pub(super) async fn log_in(
    client: &mut Client,
    offers: &EhloResponse<String>,
    login: &Login,
    token: Option<&str>,
    times: &Timeouts,
) -> Result<(), Trouble> {
    client.timeout = times.of(Phase::Login);
    if login.user.contains(char::is_control) {
        return Err(Trouble::Login("the user's name holds control characters".into()));
    }
    let has = |mechanism: u64| offers.auth_mechanisms & mechanism != 0;
    let reply = match &login.secret {
        Secret::Token(_) if !has(AUTH_XOAUTH2) => {
            return Err(Trouble::Login("the relay does not offer XOAUTH2".into()));
        }
        Secret::Token(_) => {
            let token = token.ok_or_else(|| Trouble::Token("there is none".into()))?;
            xoauth2(client, &login.user, token, times).await?
        }
        Secret::Password { file, by } => {
            let (plain, by_login) = match by {
                Mechanism::Any => (has(AUTH_PLAIN), has(AUTH_LOGIN)),
                Mechanism::Plain => (has(AUTH_PLAIN), false),
                Mechanism::Login => (false, has(AUTH_LOGIN)),
            };
            if !plain && !by_login {
                return Err(Trouble::Login(not_offered(*by).into()));
            }
            let password = password(file)?;
            let reply =
                if plain { Some(auth_plain(client, &login.user, &password, times).await?) } else { None };
            match reply {
                // 504: named in EHLO, and not there after all (RFC 4954 §4).
                Some(reply) if reply.code != 504 || !by_login => reply,
                _ => auth_login(client, &login.user, &password, times).await?,
            }
        }
    };
    if reply.code == 235 {
        return Ok(());
    }
    Err(reply::trouble(Phase::Login, Reply::new(reply.code, reply.esc, &reply.message), 0))
}

fn not_offered(by: Mechanism) -> &'static str {
    match by {
        Mechanism::Any => "the relay offers neither PLAIN nor LOGIN",
        Mechanism::Plain => "the relay does not offer PLAIN",
        Mechanism::Login => "the relay does not offer LOGIN",
    }
}

/// RFC 4616, with the initial response in the command.
async fn auth_plain(
    client: &mut Client,
    user: &str,
    password: &str,
    times: &Timeouts,
) -> Result<Response<String>, Trouble> {
    let secret = STANDARD.encode(format!("\0{user}\0{password}"));
    said(client, &format!("AUTH PLAIN {secret}\r\n"), times).await
}

/// User and password in turn, whatever words the challenges use: servers differ, and none asks otherwise.
async fn auth_login(
    client: &mut Client,
    user: &str,
    password: &str,
    times: &Timeouts,
) -> Result<Response<String>, Trouble> {
    let mut reply = said(client, "AUTH LOGIN\r\n", times).await?;
    for answer in [user, password] {
        if reply.code != 334 {
            break;
        }
        reply = said(client, &format!("{}\r\n", STANDARD.encode(answer)), times).await?;
    }
    Ok(reply)
}

async fn xoauth2(
    client: &mut Client,
    user: &str,
    token: &str,
    times: &Timeouts,
) -> Result<Response<String>, Trouble> {
    let response = STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"));
    let reply = said(client, &format!("AUTH XOAUTH2 {response}\r\n"), times).await?;
    if reply.code != 334 {
        return Ok(reply);
    }
    let why = STANDARD.decode(reply.message.trim()).unwrap_or_default();
    let mut refusal = said(client, "\r\n", times).await?;
    if !why.is_empty() {
        refusal.message = format!("{} {}", refusal.message, String::from_utf8_lossy(&why));
    }
    Ok(refusal)
}

async fn said(client: &mut Client, line: &str, times: &Timeouts) -> Result<Response<String>, Trouble> {
    client.cmd(line.as_bytes()).await.map_err(|error| trouble(Phase::Login, error, times))
}

/// The password: the file's text without its line end. Read anew each time: a renewed one counts at once.
fn password(file: &Path) -> Result<String, Trouble> {
    let bad = |detail: String| Trouble::Login(format!("password file {}: {detail}", file.display()));
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(PASSWORD_MOST).read_to_string(&mut text))
        .map_err(|error| bad(error.to_string()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains(['\0', '\r', '\n']) {
        return Err(bad("expected one line that is not empty".into()));
    }
    Ok(password.to_owned())
}
