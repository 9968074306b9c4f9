//! MAIL, RCPT, DATA on one open session: one verdict for each recipient.
//!
//! Invariant: [`Stop::begun`] is true from the moment that the relay said 354. Only before that may another
//! relay be asked: not a byte of the message was sent, so no copy of it can exist.

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use mail_send::{Error, SmtpClient};

use super::connect::{Session, Stream, trouble};
use super::envelope::Envelope;
use super::relay::Limits;
use super::reply::{self, Phase};
use super::timeouts::Timeouts;
use super::wire;
use crate::deliver::trouble::{Reply, Trouble};

/// The message is written in blocks of so many bytes, each within its own time.
const BLOCK_BYTES: usize = 64 * 1024;

/// One message, ready for any relay.
pub(super) struct Call<'a> {
    /// Our name.
    pub(super) helo: &'a str,
    /// What to write into MAIL and RCPT.
    pub(super) envelope: Envelope,
    /// The message as it travels.
    pub(super) wire: Vec<u8>,
    /// Time limits.
    pub(super) times: &'a Timeouts,
}

/// What one relay did with one recipient.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// It took responsibility; its words.
    Taken(String),
    /// It answered, and its answer counts.
    Settled(Trouble),
    /// It did not take the message, and certainly has no copy of it: another relay may be asked.
    Elsewhere(Trouble),
}

/// The end of a transaction for all recipients without a verdict of their own.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// Why.
    pub(super) trouble: Trouble,
    /// The relay was sent a part of the message, or may have been.
    pub(super) begun: bool,
}

impl Stop {
    pub(super) fn verdict(&self) -> Verdict {
        match self.begun {
            true => Verdict::Settled(self.trouble.clone()),
            false => Verdict::Elsewhere(self.trouble.clone()),
        }
    }

    /// True if nothing can be said on this connection any more.
    pub(super) fn connection_is_gone(&self) -> bool {
        matches!(
            self.trouble,
            Trouble::Timeout { .. } | Trouble::Lost { .. } | Trouble::Ambiguous(_) | Trouble::Protocol { .. }
        )
    }
}

impl From<Trouble> for Stop {
    /// Before the message.
    fn from(trouble: Trouble) -> Self {
        Self { trouble, begun: false }
    }
}

/// The transaction. Recipients that the relay answers one by one are entered in `verdicts`; what is returned
/// is for all others. `None`: nobody is left whom the message could be sent to.
pub(super) async fn transact(
    session: &mut Session,
    call: &Call<'_>,
    limits: &Limits,
    to: &[&str],
    verdicts: &mut [Option<Verdict>],
) -> Result<Option<String>, Stop> {
    let Session { client, offers, .. } = session;
    call.envelope.fits(offers, limits)?;
    for (to, verdict) in to.iter().zip(verdicts.iter_mut()) {
        *verdict = call.envelope.fits_address(to, offers).err().map(Verdict::Elsewhere);
    }
    let wanted = |verdicts: &[Option<Verdict>]| -> Vec<usize> {
        verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_none()).map(|(at, _)| at).collect()
    };
    let open = wanted(verdicts);
    if open.is_empty() {
        return Ok(None);
    }
    let named: Vec<&str> = open.iter().filter_map(|at| to.get(*at).copied()).collect();
    command(client, Phase::Sender, &call.envelope.mail(&named, offers), call).await?;
    for (at, to) in open.into_iter().zip(named) {
        let verdict = match command(client, Phase::Recipient, &Envelope::recipient(to, offers), call).await {
            Ok(_) => continue,
            Err(Trouble::Refused(reply)) => Trouble::Refused(reply),
            // 421: the server closes the connection, so this is everybody's outcome.
            Err(Trouble::Later(reply)) if reply.code != 421 => Trouble::Later(reply),
            Err(for_all) => return Err(for_all.into()),
        };
        if let Some(place) = verdicts.get_mut(at) {
            *place = Some(Verdict::Settled(verdict));
        }
    }
    if wanted(verdicts).is_empty() { Ok(None) } else { message(client, call).await.map(Some) }
}

/// DATA, the message, the dot, the answer.
async fn message(client: &mut SmtpClient<Box<dyn Stream>>, call: &Call<'_>) -> Result<String, Stop> {
    let begun = |trouble| Stop { trouble, begun: true };
    let (wire, times) = (&call.wire, call.times);
    let go_on = raw(client, Phase::Data, b"DATA\r\n", times).await?;
    match go_on.code {
        354 => {}
        400..=499 => return Err(reply::trouble(Phase::Data, go_on, wire.len()).into()),
        // A refusal of the message is final, and an answer that is none leaves doubt: nobody else is asked.
        _ => return Err(begun(reply::trouble(Phase::Data, go_on, wire.len()))),
    }
    for block in wire.chunks(BLOCK_BYTES) {
        let written = timeout(times.block, client.stream.write_all(block)).await;
        written.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(|error| {
            begun(match error.kind() {
                std::io::ErrorKind::TimedOut => trouble(Phase::Body, Error::Timeout, times),
                _ => trouble(Phase::Body, Error::Io(error), times),
            })
        })?;
    }
    let reply = raw(client, Phase::Dot, wire::FINAL_DOT, times).await.map_err(begun)?;
    match reply.code {
        200..=299 => Ok(reply.to_string()),
        // The server has read the dot and answers with nonsense: nobody knows what it did.
        400..=599 => Err(begun(reply::trouble(Phase::Dot, reply, wire.len()))),
        _ => Err(begun(Trouble::Ambiguous(reply.to_string()))),
    }
}

/// A command that hopes for 2xx.
async fn command(
    client: &mut SmtpClient<Box<dyn Stream>>,
    phase: Phase,
    line: &str,
    call: &Call<'_>,
) -> Result<Reply, Trouble> {
    let reply = raw(client, phase, line.as_bytes(), call.times).await?;
    if (200..=299).contains(&reply.code) {
        Ok(reply)
    } else {
        Err(reply::trouble(phase, reply, call.wire.len()))
    }
}

/// A command and whatever the server says to it.
pub(super) async fn raw(
    client: &mut SmtpClient<Box<dyn Stream>>,
    phase: Phase,
    line: &[u8],
    times: &Timeouts,
) -> Result<Reply, Trouble> {
    client.timeout = times.of(phase);
    let said = client.cmd(line).await.map_err(|error| trouble(phase, error, times))?;
    Ok(Reply::new(said.code, said.esc, &said.message))
}
