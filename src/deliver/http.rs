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

/// Checks an address of a door: one of these schemes, a host, no password in it. True: what goes there crosses a network
/// in the clear. The error says what is wrong, in words for an admin.
pub(super) fn check(url: &str, schemes: &[(&str, bool)]) -> Result<bool, String> {
    let wanted: Vec<String> = schemes.iter().map(|(scheme, _)| format!("{scheme}://")).collect();
    let wanted = wanted.join(" or ");
    let uri: ureq::http::Uri =
        url.parse().map_err(|error| format!("no address that can be used: {error}"))?;
    let protected = uri.scheme_str().and_then(|scheme| schemes.iter().find(|(known, _)| *known == scheme));
    let (_, protected) = protected.ok_or_else(|| format!("expected an address that begins with {wanted}"))?;
    let authority =
        uri.authority().filter(|authority| !authority.host().is_empty()).ok_or("it names no host")?;
    if authority.as_str().contains('@') {
        return Err("no user and no password may stand in an address".to_owned());
    }
    let host = authority.host().trim_matches(['[', ']']);
    let here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    Ok(!protected && !here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_before_anything_goes_there() {
        let schemes = [("http", false), ("https", true)];
        assert_eq!(check("https://crm.harbour.example/hook", &schemes), Ok(false));
        assert_eq!(check("http://crm.harbour.example/hook", &schemes), Ok(true));
        assert_eq!(check("http://127.0.0.1:8080/hook", &schemes), Ok(false));
        assert_eq!(check("http://[::1]:8080/", &schemes), Ok(false));
        for bad in ["", "crm", "ftp://x/", "file:///etc/passwd", "http://u:p@x/", "http:///x", "https://a b/"]
        {
            assert!(check(bad, &schemes).is_err(), "{bad}");
        }
    }
}
