//! One POST over HTTP(S), as webhooks and print queues need it.
//!
//! Only the configured address is called: no redirect is followed, no proxy of the environment is used, certificates
//! are verified (against the public roots, or the house's own where `roots` names them). Every wait has an end.

use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::fax::one_line;

/// No connection within this time: nobody is there.
const CONNECT: Duration = Duration::from_secs(15);
/// The whole exchange; a large PDF over a slow line takes its time.
const WHOLE: Duration = Duration::from_secs(180);
/// So much of an answer is read.
const ANSWER_BYTES: u64 = 1 << 20;
/// So much of an answer is kept.
pub(super) const WORDS: usize = 200;

/// What the other side answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Its first words, one bounded line.
    pub(super) fn words(&self) -> String {
        one_line(&String::from_utf8_lossy(&self.body), WORDS)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Roots that cannot be read, an address that cannot be used, a certificate that cannot be trusted.
    SetUp(String),
    /// No connection, no answer in time, or one that is no HTTP.
    NotNow(String),
}

/// Posts `body`. Blocks: call it off the async threads.
pub(super) fn post(
    url: &str,
    roots: Option<&Path>,
    headers: &[(&str, String)],
    body: &[u8],
) -> Result<Answer, NoAnswer> {
    let agent = agent(roots)?;
    let mut request = agent.post(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answered = request.send(body).map_err(no_answer)?;
    let status = answered.status().as_u16();
    // What cannot be read of an answer changes nothing: its status counts.
    let body = answered.into_body().into_with_config().limit(ANSWER_BYTES).read_to_vec().unwrap_or_default();
    Ok(Answer { status, body })
}

fn agent(roots: Option<&Path>) -> Result<Agent, NoAnswer> {
    let roots = match roots {
        None => RootCerts::WebPki,
        Some(path) => {
            let unusable =
                |error: &dyn std::fmt::Display| NoAnswer::SetUp(format!("{}: {error}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
            let mut certificates = Vec::new();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(one) = item.map_err(|error| unusable(&error))? {
                    certificates.push(one);
                }
            }
            RootCerts::from(certificates)
        }
    };
    let config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(format!("faxgate/{}", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(WHOLE))
        .build();
    Ok(config.new_agent())
}

fn no_answer(error: ureq::Error) -> NoAnswer {
    let words = one_line(&error.to_string(), WORDS);
    match error {
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::Tls(_)
        | ureq::Error::Pem(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::TlsRequired
        | ureq::Error::RequireHttpsOnly(_) => NoAnswer::SetUp(words),
        // A certificate that is refused in the handshake comes wrapped.
        ureq::Error::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            NoAnswer::SetUp(words)
        }
        _ => NoAnswer::NotNow(words),
    }
}

