//! From nothing to a greeted, protected, logged-in session.
//!
//! Invariant: a password goes over a protected connection or to this machine itself, never else. STARTTLS
//! that is configured is required: there is no falling back to clear text.

use std::sync::Arc;

use mail_send::{Credentials, Error, SmtpClient};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, EXT_START_TLS, EhloResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::reply::{self, Phase};
use super::timeouts::Timeouts;
use crate::deliver::trouble::{Reply, Trouble};
use crate::deliver::{Relay, Tls};
use crate::fax::one_line;

/// A password file is no longer than this.
const PASSWORD_MOST: u64 = 4096;

/// Either kind of connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A session that is ready for MAIL.
pub(super) struct Session {
    pub(super) client: SmtpClient<Box<dyn Stream>>,
    pub(super) offers: EhloResponse<String>,
}

/// Connects, protects, greets and logs in.
pub(super) async fn open(relay: &Relay, helo: &str, times: &Timeouts) -> Result<Session, Trouble> {
    let connector = match relay.tls {
        Tls::None => None,
        Tls::StartTls | Tls::Implicit => Some(tls_connector(relay)?),
    };
    let tcp = dial(relay, times).await?;
    let local = tcp.stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
    let mut client = match (relay.tls, connector) {
        (Tls::Implicit, Some(connector)) => {
            let mut client = boxed(protect(tcp, &connector, &relay.host, times).await?);
            greet(&mut client, times).await?;
            client
        }
        (Tls::StartTls, Some(connector)) => boxed(start_tls(tcp, &connector, relay, helo, times).await?),
        _ => {
            let mut client = boxed(tcp);
            greet(&mut client, times).await?;
            client
        }
    };
    let mut offers = ehlo(&mut client, helo, times).await?;
    if let Some((user, file)) = &relay.login {
        if relay.tls == Tls::None && !local {
            return Err(Trouble::Login("a password is not sent in clear to another machine".into()));
        }
        let password = password(file)?;
        // The library would begin any mechanism it knows by name and stop half-way through those it was
        // built without. Two remain: both are in every server, and the connection is protected.
        offers.auth_mechanisms &= AUTH_PLAIN | AUTH_LOGIN;
        let credentials = Credentials::new(user.as_str(), password.as_str());
        client.timeout = times.of(Phase::Login);
        client.authenticate(&credentials, &offers).await.map_err(|e| trouble(Phase::Login, e, times))?;
    }
    Ok(Session { client, offers })
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

async fn start_tls(
    mut tcp: SmtpClient<TcpStream>,
    connector: &TlsConnector,
    relay: &Relay,
    helo: &str,
    times: &Timeouts,
) -> Result<SmtpClient<impl Stream + use<>>, Trouble> {
    greet(&mut tcp, times).await?;
    let offers = ehlo(&mut tcp, helo, times).await?;
    if !offers.has_capability(EXT_START_TLS) {
        return Err(Trouble::Tls("the relay does not offer STARTTLS".into()));
    }
    tcp.timeout = times.of(Phase::StartTls);
    let reply = tcp.cmd(b"STARTTLS\r\n").await.map_err(|e| trouble(Phase::StartTls, e, times))?;
    if reply.code != 220 {
        return Err(trouble(Phase::StartTls, Error::UnexpectedReply(reply), times));
    }
    protect(tcp, connector, &relay.host, times).await
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
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The password: the file's text without its line end. Read anew each time: a renewed one counts at once.
fn password(file: &std::path::Path) -> Result<String, Trouble> {
    use std::io::Read;
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
        Error::UnsupportedAuthMechanism => Trouble::Login("the relay offers neither PLAIN nor LOGIN".into()),
        Error::Auth(_) | Error::Base64(_) | Error::MissingCredentials => Trouble::Login(what),
        _ => Trouble::Protocol { phase: phase.name(), detail: what },
    }
}
