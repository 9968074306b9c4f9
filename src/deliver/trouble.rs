//! Everything that can go wrong on the way to an inbox, and what each means for the fax.
//!
//! Three kinds, and only three: *this address will never take it* ([`Trouble::final_for_address`]: the
//! fallback inbox gets the fax), *not now*, and *not now, and a person must look* ([`is_alarm`]). What is
//! wrong with our own set-up (login, certificate, sender) is always of the third kind: a password that
//! expired must not bounce a hundred faxes.

use crate::fax::{Disposition, Fault, Outcome, one_line};

/// A server's words are kept to one line of so many characters.
pub const WORDS_MOST: usize = 240;

/// A reply line of an SMTP server (RFC 5321 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// Enhanced code (RFC 3463); zeros where none was given.
    pub enhanced: [u8; 3],
    /// The server's words, one bounded line.
    pub words: String,
}

impl Reply {
    /// Keeps a server's reply. Its words come from outside: they are folded to one bounded line.
    pub fn new(code: u16, enhanced: [u8; 3], words: &str) -> Self {
        Self { code, enhanced, words: one_line(words, WORDS_MOST) }
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.enhanced {
            [0, 0, 0] => write!(f, "{} {}", self.code, self.words),
            [a, b, c] => write!(f, "{} {a}.{b}.{c} {}", self.code, self.words),
        }
    }
}

/// Why a message did not reach an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// No connection, or the server turned us away at the door.
    #[error("no connection to the relay: {0}")]
    Connect(String),
    /// STARTTLS missing or refused, bad certificate, failed handshake.
    #[error("no protected connection to the relay: {0}")]
    Tls(String),
    /// Credentials unreadable, refused, or demanded where none are configured.
    #[error("the relay did not accept our login: {0}")]
    Login(String),
    /// The relay refuses our envelope sender.
    #[error("the relay refuses our sender address: {0}")]
    Sender(String),
    /// A mail address that may not be written into a command.
    #[error("{0:?} is not a mail address that can be used")]
    Address(String),
    /// Larger than the relay takes.
    #[error("{bytes} bytes are too large for the relay ({limit})")]
    TooLarge {
        /// Length of the message.
        bytes: usize,
        /// The relay's limit or its words.
        limit: String,
    },
    /// A final refusal of this address or this message.
    #[error("refused for good: {0}")]
    Refused(Reply),
    /// A temporary refusal.
    #[error("refused for now: {0}")]
    Later(Reply),
    /// No answer within the phase's time.
    #[error("no answer within {seconds} s at {phase}")]
    Timeout {
        /// Where in the dialogue.
        phase: &'static str,
        /// How long we waited.
        seconds: u64,
    },
    /// The connection broke before the message was whole: it cannot have been taken.
    #[error("the connection broke at {phase}: {detail}")]
    Lost {
        /// Where in the dialogue.
        phase: &'static str,
        /// What the system said.
        detail: String,
    },
    /// The connection broke after the final dot: the message may or may not have been taken (RFC 1047).
    #[error("no answer came after the whole message was sent: {0}")]
    Ambiguous(String),
    /// The server said something that is no SMTP.
    #[error("the relay does not speak SMTP as expected at {phase}: {detail}")]
    Protocol {
        /// Where in the dialogue.
        phase: &'static str,
        /// What was strange.
        detail: String,
    },
    /// The address or the headers need SMTPUTF8 (RFC 6531), which the relay does not offer.
    #[error("the relay takes no addresses beyond ASCII (SMTPUTF8): {0}")]
    Utf8(String),
    /// The relay has been given as many messages as the site allows in a minute.
    #[error("the relay's limit of messages a minute is used up for {seconds} s")]
    Pace {
        /// Until when.
        seconds: u64,
    },
    /// The OAuth server refuses us, or our own files for it are wrong.
    #[error("no access token for the relay: {0}")]
    Token(String),
    /// The OAuth server does not answer as one.
    #[error("the server that gives access tokens does not answer: {0}")]
    TokenServer(String),
    /// A mail target, but no relay is configured.
    #[error("no relay is configured")]
    NoRelay,
    /// The Maildir's parent folder is not there: perhaps a file system is not mounted.
    #[error("the folder above the Maildir is missing: {0}")]
    MaildirMissing(String),
    /// The disk is full, or the quota used up.
    #[error("no space for the Maildir: {0}")]
    MaildirFull(String),
    /// Any other failure to write the Maildir.
    #[error("the Maildir cannot be written: {0}")]
    MaildirIo(String),
    /// Time is up.
    #[error("not delivered in time; last: {0}")]
    Expired(String),
}

/// Codes that no retry will cure without a person: they concern every fax, not one address.
const ALARMS: [&str; 11] = [
    "deliver.smtp.connect",
    "deliver.smtp.tls",
    "deliver.smtp.login",
    "deliver.smtp.sender",
    "deliver.smtp.protocol",
    "deliver.oauth.refused",
    "deliver.oauth.unreachable",
    "deliver.relay.none",
    "deliver.maildir.missing",
    "deliver.maildir.full",
    "deliver.maildir.io",
];

/// True if a person should be told at once, whatever happens to the single fax.
pub fn is_alarm(code: &str) -> bool {
    ALARMS.contains(&code)
}

impl Trouble {
    /// The stable code.
    pub fn code(&self) -> String {
        let code = match self {
            Self::Connect(_) => "deliver.smtp.connect",
            Self::Tls(_) => "deliver.smtp.tls",
            Self::Login(_) => "deliver.smtp.login",
            Self::Sender(_) => "deliver.smtp.sender",
            Self::Address(_) => "deliver.address.invalid",
            Self::TooLarge { .. } => "deliver.smtp.too-large",
            Self::Refused(reply) | Self::Later(reply) => return format!("deliver.smtp.{}", reply.code),
            Self::Timeout { .. } => "deliver.smtp.timeout",
            Self::Lost { .. } => "deliver.smtp.lost",
            Self::Ambiguous(_) => "deliver.smtp.ambiguous",
            Self::Protocol { .. } => "deliver.smtp.protocol",
            Self::Utf8(_) => "deliver.smtp.utf8",
            Self::Pace { .. } => "deliver.smtp.pace",
            Self::Token(_) => "deliver.oauth.refused",
            Self::TokenServer(_) => "deliver.oauth.unreachable",
            Self::NoRelay => "deliver.relay.none",
            Self::MaildirMissing(_) => "deliver.maildir.missing",
            Self::MaildirFull(_) => "deliver.maildir.full",
            Self::MaildirIo(_) => "deliver.maildir.io",
            Self::Expired(_) => "deliver.expired",
        };
        code.to_owned()
    }

    /// True if trying this address again is useless: the fallback inbox must get the fax.
    pub fn final_for_address(&self) -> bool {
        matches!(
            self,
            Self::Address(_) | Self::TooLarge { .. } | Self::Utf8(_) | Self::Refused(_) | Self::Expired(_)
        )
    }

    /// True if it tells nothing of whether the relay works: the message does not fit it, or is not due.
    pub fn is_about_the_message(&self) -> bool {
        matches!(
            self,
            Self::Address(_) | Self::TooLarge { .. } | Self::Utf8(_) | Self::Refused(_) | Self::Pace { .. }
        )
    }

    /// What an operator reads: who is at fault and what to do.
    fn operator(&self) -> String {
        let advice = match self {
            Self::Connect(_) => "Check that the relay runs and that host and port are right",
            Self::Tls(_) => {
                "Check the relay's certificate and the `tls` and `roots` settings; nothing was sent in clear"
            }
            Self::Login(_) => "Renew the password file; faxes wait until the login works",
            Self::Sender(_) => "Correct the `from` address or allow it on the relay; faxes wait",
            Self::Address(_) => "Correct the department's address",
            Self::TooLarge { .. } => "Raise the relay's size limit, or fetch the PDF from the gateway",
            Self::Refused(_) => "Correct the department's address or ask the owner of the mail server",
            Self::Later(_) | Self::Timeout { .. } | Self::Lost { .. } => "It will be tried again",
            Self::Ambiguous(_) => {
                "It will be sent again under the same Message-ID, so a second copy may arrive"
            }
            Self::Protocol { .. } => "Check that host and port name an SMTP server and that `tls` fits them",
            Self::Utf8(_) => "Give the department an address of ASCII letters, or use a relay with SMTPUTF8",
            Self::Pace { .. } => "It waits for its turn",
            Self::Token(_) => {
                "Renew the secret or the refresh token, or give the account its right again; faxes wait"
            }
            Self::TokenServer(_) => "Check `token_url` and the way there; faxes wait",
            Self::NoRelay => "Configure a relay, or make the target a Maildir",
            Self::MaildirMissing(_) => "Create it or mount it; only the Maildir itself is created",
            Self::MaildirFull(_) => "Free some space",
            Self::MaildirIo(_) => "Check owner and permissions of the Maildir",
            Self::Expired(_) => "The fallback inbox gets it",
        };
        let said = self.to_string();
        let mut letters = said.chars();
        let said: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        format!("{said}. {advice}.")
    }

    /// As it is stored and shown.
    pub fn fault(&self) -> Fault {
        let disposition = if self.final_for_address() { Disposition::Refuse } else { Disposition::Retry };
        Fault::new(self.code(), disposition, one_line(&self.operator(), 2 * WORDS_MOST))
            .with_detail(format!("{self:?}"))
    }

    /// How the attempt ended for one address.
    pub fn outcome(&self) -> Outcome {
        if self.final_for_address() { Outcome::Failed(self.fault()) } else { Outcome::Deferred(self.fault()) }
    }
}
