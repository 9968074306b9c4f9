//! From nothing to a greeted, protected, logged-in session.
//!
//! Invariant: a secret goes over a protected connection or to this machine itself, never else. STARTTLS that
//! is configured is required; where it is only wanted, its absence is borne and its failure is not: there is
//! no falling back to clear text from a handshake that went wrong.

use std::sync::Arc;

use mail_send::{Error, SmtpClient};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use smtp_proto::{EXT_START_TLS, EhloResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::login;
use super::relay::{Relay, Tls};
use super::reply::{self, Phase};
use super::timeouts::Timeouts;
use crate::deliver::trouble::{Reply, Trouble};
use crate::fax::one_line;

/// Either kind of connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A session that is ready for MAIL.
pub(super) struct Session {
    pub(super) client: SmtpClient<Box<dyn Stream>>,
    pub(super) offers: EhloResponse<String>,
    /// Messages that it carried.
    pub(super) carried: u32,
}

impl Session {
    /// Says goodbye. A courtesy: a server that does not answer changes nothing.
    pub(super) async fn quit(mut self, times: &Timeouts) {
        let _ = tokio::time::timeout(times.quit, self.client.cmd(b"QUIT\r\n")).await;
    }
}

/// Connects, protects, greets and logs in. `token`: what the OAuth server gave, where the login goes by one.
pub(super) async fn open(
    relay: &Relay,
    token: Option<&str>,
    helo: &str,
    times: &Timeouts,
) -> Result<Session, Trouble> {
    let connector = match relay.tls {
        Tls::None => None,
        Tls::StartTls | Tls::StartTlsIfOffered | Tls::Implicit => Some(tls_connector(relay)?),
    };
    let tcp = dial(relay, times).await?;
    let local = tcp.stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
    let (mut client, protected) = match (relay.tls, connector) {
        (Tls::Implicit, Some(connector)) => {
            let mut client = boxed(protect(tcp, &connector, &relay.host, times).await?);
            greet(&mut client, times).await?;
            (client, true)
        }
        (Tls::StartTls | Tls::StartTlsIfOffered, Some(connector)) => {
            start_tls(tcp, &connector, relay, helo, times).await?
        }
        _ => {
            let mut client = boxed(tcp);
            greet(&mut client, times).await?;
            (client, false)
        }
    };
    let offers = ehlo(&mut client, helo, times).await?;
    if let Some(login) = &relay.login {
        if !protected && !local {
            return Err(Trouble::Login("a secret is not sent in clear to another machine".into()));
        }
        login::log_in(&mut client, &offers, login, token, times).await?;
    }
    Ok(Session { client, offers, carried: 0 })
}

async fn dial(relay: &Relay, times: &Timeouts) -> Result<SmtpClient<TcpStream>, Trouble> {
    let dialled =
        tokio::time::timeout(times.connect, TcpStream::connect((relay.host.as_str(), relay.port))).await;
    let place = format!("{}:{}", relay.host, relay.port);
    match dialled {
        Ok(Ok(stream)) => {
            // A command waits for its answer: nothing is gained by collecting bytes. Failure costs speed only.
            let _ = stream.set_nodelay(true);
            Ok(SmtpClient { stream, timeout: times.command })
        }
        Ok(Err(error)) => Err(Trouble::Connect(format!("{place}: {error}"))),
        Err(_) => Err(Trouble::Connect(format!("{place}: no answer within {} s", times.connect.as_secs()))),
    }
}

async fn greet<T: Stream>(client: &mut SmtpClient<T>, times: &Timeouts) -> Result<(), Trouble> {
    let read = tokio::time::timeout(times.greeting, client.read()).await;
    let reply = read.unwrap_or(Err(Error::Timeout)).map_err(|e| trouble(Phase::Greeting, e, times))?;
    if reply.code == 220 {
        Ok(())
    } else {
        Err(trouble(Phase::Greeting, Error::UnexpectedReply(reply), times))
    }
}

async fn ehlo<T: Stream>(
    client: &mut SmtpClient<T>,
    helo: &str,
    times: &Timeouts,
) -> Result<EhloResponse<String>, Trouble> {
    client.timeout = times.of(Phase::Ehlo);
    client.ehlo(helo).await.map_err(|e| trouble(Phase::Ehlo, e, times))
}

/// The client, and whether it is protected now.
async fn start_tls(
    mut tcp: SmtpClient<TcpStream>,
    connector: &TlsConnector,
    relay: &Relay,
    helo: &str,
    times: &Timeouts,
) -> Result<(SmtpClient<Box<dyn Stream>>, bool), Trouble> {
    greet(&mut tcp, times).await?;
    let offers = ehlo(&mut tcp, helo, times).await?;
    if !offers.has_capability(EXT_START_TLS) {
        return match relay.tls {
            Tls::StartTlsIfOffered => Ok((boxed(tcp), false)),
            _ => Err(Trouble::Tls("the relay does not offer STARTTLS".into())),
        };
    }
    tcp.timeout = times.of(Phase::StartTls);
    let reply = tcp.cmd(b"STARTTLS\r\n").await.map_err(|e| trouble(Phase::StartTls, e, times))?;
    if reply.code != 220 {
        return Err(trouble(Phase::StartTls, Error::UnexpectedReply(reply), times));
    }
    Ok((boxed(protect(tcp, connector, &relay.host, times).await?), true))
}

async fn protect(
    mut tcp: SmtpClient<TcpStream>,
    connector: &TlsConnector,
    host: &str,
    times: &Timeouts,
) -> Result<SmtpClient<impl Stream + use<>>, Trouble> {
    tcp.timeout = times.handshake;
    tcp.into_tls(connector, host).await.map_err(|error| match error {
        Error::Timeout => {
            Trouble::Timeout { phase: Phase::StartTls.name(), seconds: times.handshake.as_secs() }
        }
        other => Trouble::Tls(one_line(&other.to_string(), crate::deliver::trouble::WORDS_MOST)),
    })
}

fn boxed<T: Stream + 'static>(client: SmtpClient<T>) -> SmtpClient<Box<dyn Stream>> {
    SmtpClient { stream: Box::new(client.stream), timeout: client.timeout }
}

/// The system's roots and those of the house. Read anew for each connection: renewed files count at once.
fn tls_connector(relay: &Relay) -> Result<TlsConnector, Trouble> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(file) = &relay.roots {
        let bad = |detail: String| Trouble::Tls(format!("roots file {}: {detail}", file.display()));
        let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
            .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
            .map_err(|error| bad(error.to_string()))?;
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(bad("no usable certificate in it".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Tls(error.to_string()))?
        .with_root_certificates(roots);
    let config = match &relay.certificate {
        None => config.with_no_client_auth(),
        Some(ours) => {
            let bad =
                |detail: String| Trouble::Tls(format!("our certificate {}: {detail}", ours.chain.display()));
            let chain = CertificateDer::pem_file_iter(&ours.chain)
                .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
                .map_err(|error| bad(error.to_string()))?;
            let key = PrivateKeyDer::from_pem_file(&ours.key)
                .map_err(|error| bad(format!("its key {}: {error}", ours.key.display())))?;
            config.with_client_auth_cert(chain, key).map_err(|error| bad(error.to_string()))?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What an error of the library means at `phase`.
pub(super) fn trouble(phase: Phase, error: Error, times: &Timeouts) -> Trouble {
    let what = one_line(&error.to_string(), crate::deliver::trouble::WORDS_MOST);
    match error {
        Error::UnexpectedReply(said) | Error::AuthenticationFailed(said) => {
            reply::trouble(phase, Reply::new(said.code, said.esc, &said.message), 0)
        }
        Error::Io(_) | Error::Timeout | Error::UnparseableReply if phase == Phase::Dot => {
            Trouble::Ambiguous(what)
        }
        Error::Timeout => Trouble::Timeout { phase: phase.name(), seconds: times.of(phase).as_secs() },
        // The library reports an end of file as a reply that cannot be parsed.
        Error::UnparseableReply => Trouble::Lost {
            phase: phase.name(),
            detail: "no (valid) reply before the connection closed".into(),
        },
        Error::Io(_) => Trouble::Lost { phase: phase.name(), detail: what },
        Error::Tls(_) | Error::MissingStartTls | Error::InvalidTLSName => Trouble::Tls(what),
        Error::UnsupportedAuthMechanism | Error::Auth(_) | Error::Base64(_) | Error::MissingCredentials => {
            Trouble::Login(what)
        }
        _ => Trouble::Protocol { phase: phase.name(), detail: what },
    }
}
