//! What a server's reply means at each point of the dialogue. Pure.
//!
//! RFC 5321 §4.2.1 gives the first digit its meaning; the rest is experience: a 5xx is about *this
//! address* only after RCPT or the message itself. Before that it is about us, so it is deferred.

use crate::deliver::trouble::{Reply, Trouble};

/// Where in the dialogue a reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first line of the server.
    Greeting,
    /// EHLO.
    Ehlo,
    /// STARTTLS and the handshake.
    StartTls,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, before the message.
    Data,
    /// The message itself.
    Body,
    /// After the final dot.
    Dot,
}

impl Phase {
    /// As operators know it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "message",
            Self::Dot => "final dot",
        }
    }
}

/// What a reply that is not the hoped-for one means. `bytes` is the length of the message.
pub(super) fn trouble(phase: Phase, reply: Reply, bytes: usize) -> Trouble {
    match reply.code {
        400..=499 => Trouble::Later(reply),
        500..=599 => refused(phase, reply, bytes),
        _ => Trouble::Protocol { phase: phase.name(), detail: reply.to_string() },
    }
}

fn refused(phase: Phase, reply: Reply, bytes: usize) -> Trouble {
    let said = reply.to_string();
    match phase {
        Phase::Greeting | Phase::Ehlo => Trouble::Connect(said),
        Phase::StartTls => Trouble::Tls(said),
        Phase::Login => Trouble::Login(said),
        _ if wants_login(reply.code) => Trouble::Login(said),
        Phase::Sender if too_large(&reply) => Trouble::TooLarge { bytes, limit: said },
        Phase::Sender => Trouble::Sender(said),
        // RFC 5321 §4.5.3.1.10: 552 after RCPT means "too many recipients" unless it says otherwise.
        Phase::Recipient if reply.code == 552 && !mailbox_full(&reply) => Trouble::Later(reply),
        Phase::Dot if too_large(&reply) => Trouble::TooLarge { bytes, limit: said },
        Phase::Recipient | Phase::Data | Phase::Body | Phase::Dot => Trouble::Refused(reply),
    }
}

/// RFC 4954 §6: the server demands a login or a better one. Our set-up, not the address.
fn wants_login(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// RFC 1870 §6.1, RFC 3463 X.2.3 and X.3.4. A full mailbox says 552 too, but with X.2.2.
fn too_large(reply: &Reply) -> bool {
    match reply.enhanced {
        [_, 3, 4] | [_, 2, 3] => true,
        [0, 0, 0] => reply.code == 552,
        _ => false,
    }
}

fn mailbox_full(reply: &Reply) -> bool {
    matches!(reply.enhanced, [_, 2, _] | [_, 3, 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_ends_as_the_design_says() {
        use Phase::*;
        let cases: [(Phase, u16, [u8; 3], &str, bool); 24] = [
            (Greeting, 421, [0; 3], "deliver.smtp.421", false),
            (Greeting, 554, [0; 3], "deliver.smtp.connect", false),
            (Ehlo, 502, [0; 3], "deliver.smtp.connect", false),
            (StartTls, 454, [4, 7, 0], "deliver.smtp.454", false),
            (StartTls, 501, [0; 3], "deliver.smtp.tls", false),
            (Login, 454, [4, 7, 0], "deliver.smtp.454", false),
            (Login, 535, [5, 7, 8], "deliver.smtp.login", false),
            (Login, 504, [0; 3], "deliver.smtp.login", false),
            (Sender, 451, [0; 3], "deliver.smtp.451", false),
            (Sender, 530, [5, 7, 0], "deliver.smtp.login", false),
            (Sender, 550, [5, 1, 8], "deliver.smtp.sender", false),
            (Sender, 552, [0; 3], "deliver.smtp.too-large", true),
            (Sender, 552, [5, 3, 4], "deliver.smtp.too-large", true),
            (Recipient, 451, [4, 7, 1], "deliver.smtp.451", false),
            (Recipient, 452, [4, 5, 3], "deliver.smtp.452", false),
            (Recipient, 550, [5, 1, 1], "deliver.smtp.550", true),
            (Recipient, 552, [5, 5, 3], "deliver.smtp.552", false),
            (Recipient, 552, [5, 2, 2], "deliver.smtp.552", true),
            (Recipient, 530, [5, 7, 0], "deliver.smtp.login", false),
            (Data, 451, [0; 3], "deliver.smtp.451", false),
            (Data, 554, [0; 3], "deliver.smtp.554", true),
            (Dot, 451, [0; 3], "deliver.smtp.451", false),
            (Dot, 552, [5, 3, 4], "deliver.smtp.too-large", true),
            (Data, 250, [0; 3], "deliver.smtp.protocol", false),
        ];
        for (phase, code, enhanced, expected, is_final) in cases {
            let found = trouble(phase, Reply::new(code, enhanced, "words"), 1);
            assert_eq!(
                (found.code().as_str(), found.final_for_address()),
                (expected, is_final),
                "{phase:?} {code}"
            );
        }
    }

    #[test]
    fn a_servers_words_are_one_bounded_line() {
        let reply = Reply::new(550, [5, 1, 1], &format!("no\r\nsuch\u{202e}\0 {}", "x".repeat(9000)));
        assert!(reply.words.starts_with("no such xxx"));
        assert_eq!(reply.words.chars().count(), crate::deliver::trouble::WORDS_MOST);
    }
}
