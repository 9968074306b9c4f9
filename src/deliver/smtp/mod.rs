//! A message to the relay, with one outcome for each recipient.
//!
//! Standard: RFC 5321 (SMTP), 3207 (STARTTLS), 8314 (implicit TLS), 4954 (AUTH), 1870 (SIZE). The library's
//! own `send` stops at the first refused recipient and its time limit is an hour, so the dialogue is ours.
//!
//! Invariants:
//! - An address is [`Delivered`](Outcome::Delivered) only after the relay's 2xx to the final dot.
//! - Nothing is [`Failed`](Outcome::Failed) but by a 5xx to this address or this message, or by its size.
//! - Once the final dot is on its way, a missing answer is *ambiguous*: deferred, to be repeated under the
//!   same Message-ID (RFC 5321 §4.5.3.2.6, RFC 1047).
//!
//! What real servers do otherwise: 552 after RCPT for "too many recipients"; 421 in the middle of anything;
//! 535 or 530 after MAIL because a login lapsed; a closed connection instead of any reply.

mod connect;
mod reply;
mod timeouts;
mod wire;

use mail_send::{Error, SmtpClient};
use smtp_proto::EXT_SIZE;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use self::connect::{Session, Stream, trouble};
use self::reply::Phase;
pub use self::timeouts::Timeouts;
use super::trouble::{Reply, Trouble};
use super::{Relay, address};
use crate::fax::Outcome;

/// The message is written in blocks of so many bytes, each within its own time.
const BLOCK_BYTES: usize = 64 * 1024;

/// One message for one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Envelope sender.
    pub from: &'a str,
    /// Envelope recipients.
    pub to: &'a [String],
    /// The message, headers and all.
    pub bytes: &'a [u8],
}

/// Sends one message in one transaction; the answer has one outcome for each of `mail.to`, in order.
///
/// Never fails as a whole: whatever happens is somebody's outcome. Within the limits of `times`.
pub async fn send(relay: &Relay, helo: &str, mail: &Outgoing<'_>, times: &Timeouts) -> Vec<Outcome> {
    let mut decided: Vec<Option<Outcome>> = mail.to.iter().map(|to| unusable(to)).collect();
    let rest = if decided.iter().all(Option::is_some) {
        Err(Trouble::Address(String::new()))
    } else if !address::valid(mail.from) {
        Err(Trouble::Sender(format!("{:?} cannot be used", mail.from)))
    } else {
        converse(relay, helo, mail, times, &mut decided).await
    };
    let rest = match rest {
        Ok(words) => Outcome::Delivered(words),
        Err(trouble) => trouble.outcome(),
    };
    decided.into_iter().map(|outcome| outcome.unwrap_or_else(|| rest.clone())).collect()
}

fn unusable(to: &str) -> Option<Outcome> {
    let shown = || crate::fax::one_line(to, address::ADDRESS_MOST);
    (!address::valid(to)).then(|| Trouble::Address(shown()).outcome())
}

/// The whole dialogue. Recipients refused on the way are entered in `decided`; the answer is for all others.
async fn converse(
    relay: &Relay,
    helo: &str,
    mail: &Outgoing<'_>,
    times: &Timeouts,
    decided: &mut [Option<Outcome>],
) -> Result<String, Trouble> {
    let helo = if address::valid_domain(helo) { helo } else { "localhost" };
    let mut session = connect::open(relay, helo, times).await?;
    let result = transact(&mut session, mail, times, decided).await;
    // A courtesy. The outcome is settled; a server that does not answer changes nothing.
    let _ = timeout(times.quit, session.client.cmd(b"QUIT\r\n")).await;
    result
}

async fn transact(
    session: &mut Session,
    mail: &Outgoing<'_>,
    times: &Timeouts,
    decided: &mut [Option<Outcome>],
) -> Result<String, Trouble> {
    let wire = wire::stuffed(mail.bytes);
    let sized = session.offers.has_capability(EXT_SIZE);
    if sized && session.offers.size > 0 && wire.len() > session.offers.size {
        return Err(Trouble::TooLarge { bytes: wire.len(), limit: format!("{} bytes", session.offers.size) });
    }
    let size = if sized { format!(" SIZE={}", wire.len()) } else { String::new() };
    let client = &mut session.client;
    command(client, Phase::Sender, &format!("MAIL FROM:<{}>{size}\r\n", mail.from), times, wire.len())
        .await?;
    let mut accepted = 0;
    for (to, decided) in mail.to.iter().zip(decided.iter_mut()).filter(|(_, decided)| decided.is_none()) {
        match command(client, Phase::Recipient, &format!("RCPT TO:<{to}>\r\n"), times, wire.len()).await {
            Ok(_) => accepted += 1,
            Err(Trouble::Refused(reply)) => *decided = Some(Trouble::Refused(reply).outcome()),
            // 421: the server closes the connection, so this is everybody's outcome.
            Err(Trouble::Later(reply)) if reply.code != 421 => {
                *decided = Some(Trouble::Later(reply).outcome())
            }
            Err(for_all) => return Err(for_all),
        }
    }
    if accepted == 0 { Ok(String::new()) } else { message(client, &wire, times).await }
}

/// DATA, the message, the dot, the answer.
async fn message(
    client: &mut SmtpClient<Box<dyn Stream>>,
    wire: &[u8],
    times: &Timeouts,
) -> Result<String, Trouble> {
    let go_on = raw(client, Phase::Data, b"DATA\r\n", times).await?;
    if go_on.code != 354 {
        return Err(reply::trouble(Phase::Data, go_on, wire.len()));
    }
    for block in wire.chunks(BLOCK_BYTES) {
        let written = timeout(times.block, client.stream.write_all(block)).await;
        written.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(|error| match error
            .kind()
        {
            std::io::ErrorKind::TimedOut => trouble(Phase::Body, Error::Timeout, times),
            _ => trouble(Phase::Body, Error::Io(error), times),
        })?;
    }
    let reply = raw(client, Phase::Dot, wire::FINAL_DOT, times).await?;
    match reply.code {
        200..=299 => Ok(reply.to_string()),
        // The server has read the dot and answers with nonsense: nobody knows what it did.
        400..=599 => Err(reply::trouble(Phase::Dot, reply, wire.len())),
        _ => Err(Trouble::Ambiguous(reply.to_string())),
    }
}

/// A command that hopes for 2xx.
async fn command(
    client: &mut SmtpClient<Box<dyn Stream>>,
    phase: Phase,
    line: &str,
    times: &Timeouts,
    bytes: usize,
) -> Result<Reply, Trouble> {
    let reply = raw(client, phase, line.as_bytes(), times).await?;
    if (200..=299).contains(&reply.code) { Ok(reply) } else { Err(reply::trouble(phase, reply, bytes)) }
}

/// A command and whatever the server says to it.
async fn raw(
    client: &mut SmtpClient<Box<dyn Stream>>,
    phase: Phase,
    line: &[u8],
    times: &Timeouts,
) -> Result<Reply, Trouble> {
    client.timeout = times.of(phase);
    let said = client.cmd(line).await.map_err(|error| trouble(phase, error, times))?;
    Ok(Reply::new(said.code, said.esc, &said.message))
}
