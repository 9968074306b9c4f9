//! What a site says of a relay: where it is, how it is protected, how we log in, how much it may be given.
//!
//! Nouns only: nothing here opens a connection or a file. Secrets are named by their files and never held.

use std::path::PathBuf;

use crate::deliver::oauth;

/// Connections that one relay is given at a time, unless the site says otherwise. Exchange Online allows
/// three, Gmail ten or so, Postfix fifty.
pub const CONNECTIONS: usize = 3;
/// Recipients in one transaction, unless the site says otherwise. RFC 5321 §4.5.3.1.8 grants a hundred.
pub const RECIPIENTS: usize = 100;

/// How one relay is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Host name; also the name that its certificate must bear.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// How we say who we are; `None`: the relay knows us by our address or certificate.
    pub login: Option<Login>,
    /// A PEM file of further roots, for a relay with a certificate of the house.
    pub roots: Option<PathBuf>,
    /// What we show a relay that asks for a certificate.
    pub certificate: Option<ClientCertificate>,
    /// How much it may be given.
    pub limits: Limits,
    /// What people call it; `None`: host and port.
    pub name: Option<String>,
}

impl Relay {
    /// A relay without login, certificate or limits of its own.
    pub fn new(host: impl Into<String>, port: u16, tls: Tls) -> Self {
        Self {
            host: host.into(),
            port,
            tls,
            login: None,
            roots: None,
            certificate: None,
            limits: Limits::default(),
            name: None,
        }
    }

    /// What logs, alarms and histories call it.
    pub fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{}:{}", self.host, self.port))
    }
}

/// Protection of the connection to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// STARTTLS, required.
    StartTls,
    /// STARTTLS where it is offered, clear text where it is not: whoever sits between can choose the second.
    /// A handshake that fails never falls back, and a password never goes in clear to another machine.
    StartTlsIfOffered,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// None: for a relay on this machine.
    None,
}

/// How we say who we are (RFC 4954).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The mailbox or account.
    pub user: String,
    /// What proves it.
    pub secret: Secret,
}

impl Login {
    /// By a password, whichever of PLAIN and LOGIN the relay has.
    pub fn password(user: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self { user: user.into(), secret: Secret::Password { file: file.into(), by: Mechanism::Any } }
    }
}

/// What proves who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// The only line of a file.
    Password {
        /// The file.
        file: PathBuf,
        /// The mechanism.
        by: Mechanism,
    },
    /// A token that an OAuth server gives (XOAUTH2).
    Token(oauth::Grant),
}

/// Mechanisms for a password. Both show it to the relay; the protection is TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// PLAIN where the relay has it, else LOGIN.
    Any,
    /// RFC 4616.
    Plain,
    /// Exchange's own; no standard.
    Login,
}

/// A certificate with its key, PEM files both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and those between it and its root.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How much a relay may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; at least one.
    pub connections: usize,
    /// Messages in any minute; `None`: as they come.
    pub per_minute: Option<u32>,
    /// Recipients in one transaction; at least one. More are given in further transactions.
    pub recipients: usize,
    /// Bytes of a message, where that is less than the relay says itself.
    pub largest: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: CONNECTIONS, per_minute: None, recipients: RECIPIENTS, largest: None }
    }
}
