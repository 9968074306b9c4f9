//! One relay: its connections, its pace, its token, and how it has behaved.
//!
//! Invariants:
//! - Never more connections than the site allows, idle ones included.
//! - A connection is used again only after it carried a message to the end and answers RSET. After a refusal
//!   it is closed: servers slow down those who make mistakes, and another try may meet another machine.
//! - A kept connection that turns out dead is no trouble of the relay: a fresh one is opened, as long as
//!   nothing of the message was sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::connect::{self, Session};
use super::pace::Pace;
use super::relay::{Relay, Secret};
use super::reply::Phase;
use super::timeouts::Timeouts;
use super::transaction::{Call, Stop, Verdict, raw, transact};
use crate::deliver::oauth::Tokens;
use crate::deliver::trouble::Trouble;
use crate::fax::{Fault, Millis};
use crate::ops::clock;

/// A connection is closed after so many messages; Exim refuses the 1,001st, others sooner.
const MESSAGES_PER_CONNECTION: u32 = 100;
/// A message waits so long for its turn before it goes to another relay or back to the queue.
const PATIENCE: Duration = Duration::from_secs(60);
/// A relay that failed is asked last for so long, where there are others.
const REST: Duration = Duration::from_secs(60);

/// How a relay has behaved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayState {
    /// As [`Relay::shown`].
    pub name: String,
    /// Since when every contact has ended in trouble of the relay's own; `None`: it works, or was never
    /// asked.
    pub refusing_since: Option<Millis>,
    /// The last such trouble.
    pub last: Option<Fault>,
}

#[derive(Default)]
struct Behaviour {
    refusing_since: Option<Millis>,
    last: Option<Fault>,
    rests_until: Option<Instant>,
}

struct Idle {
    session: Session,
    since: Instant,
}

type Kept = Arc<Mutex<Vec<Idle>>>;

/// One relay and all that is known of it.
pub(super) struct Line {
    relay: Relay,
    doors: Semaphore,
    kept: Kept,
    pace: Mutex<Pace>,
    tokens: Option<Tokens>,
    behaviour: Mutex<Behaviour>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Line").field(&self.relay).finish()
    }
}

impl Line {
    pub(super) fn new(relay: Relay) -> Self {
        let tokens = relay.login.as_ref().and_then(|login| match &login.secret {
            Secret::Token(grant) => Some(Tokens::new(grant.clone())),
            Secret::Password { .. } => None,
        });
        Self {
            doors: Semaphore::new(relay.limits.connections.clamp(1, Semaphore::MAX_PERMITS)),
            kept: Arc::default(),
            pace: Mutex::default(),
            tokens,
            behaviour: Mutex::default(),
            relay,
        }
    }

    pub(super) fn relay(&self) -> &Relay {
        &self.relay
    }

    pub(super) fn state(&self) -> RelayState {
        let behaviour = locked(&self.behaviour);
        RelayState {
            name: self.relay.shown(),
            refusing_since: behaviour.refusing_since,
            last: behaviour.last.clone(),
        }
    }

    /// True if it failed a moment ago.
    pub(super) fn rests(&self) -> bool {
        locked(&self.behaviour).rests_until.is_some_and(|until| Instant::now() < until)
    }

    /// One transaction; one verdict for each of `to`, in order.
    pub(super) async fn send(&self, call: &Call<'_>, to: &[&str]) -> Vec<Verdict> {
        let mut verdicts = vec![None; to.len()];
        let ended = self.transaction(call, to, &mut verdicts).await;
        let rest = match &ended {
            Ok(words) => Verdict::Taken(words.clone().unwrap_or_default()),
            Err(stop) => stop.verdict(),
        };
        self.note(ended.err().map(|stop| stop.trouble));
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|| rest.clone())).collect()
    }

    async fn transaction(
        &self,
        call: &Call<'_>,
        to: &[&str],
        verdicts: &mut [Option<Verdict>],
    ) -> Result<Option<String>, Stop> {
        self.turn().await?;
        // Nobody closes the semaphore.
        let _door = self.doors.acquire().await.map_err(|_| Trouble::NoRelay)?;
        if let Some(session) = self.take(call.times).await {
            match self.converse(session, call, to, verdicts).await {
                Err(stop) if !stop.begun && !stop.trouble.is_about_the_message() => verdicts.fill(None),
                ended => return ended,
            }
        }
        let session = self.open(call).await?;
        self.converse(session, call, to, verdicts).await
    }

    /// Waits until the site's limit of messages a minute allows one more.
    async fn turn(&self) -> Result<(), Trouble> {
        let Some(limit) = self.relay.limits.per_minute else { return Ok(()) };
        let booked = locked(&self.pace).book(limit, Instant::now().into_std(), PATIENCE);
        let at = booked.map_err(|wait| Trouble::Pace { seconds: wait.as_secs().max(1) })?;
        tokio::time::sleep_until(at.into()).await;
        Ok(())
    }

    /// A fresh session. A token that the relay refuses is replaced once: it may have been revoked, or have
    /// expired by the relay's clock. It is not shown again: servers lock out those who insist.
    async fn open(&self, call: &Call<'_>) -> Result<Session, Trouble> {
        let Some(tokens) = &self.tokens else {
            return connect::open(&self.relay, None, call.helo, call.times).await;
        };
        let first = tokens.get().await?;
        let refusal = match connect::open(&self.relay, Some(&first), call.helo, call.times).await {
            Err(trouble @ Trouble::Login(_)) => trouble,
            ended => return ended,
        };
        tokens.forget(&first).await;
        let second = tokens.get().await?;
        if second == first {
            return Err(refusal);
        }
        let ended = connect::open(&self.relay, Some(&second), call.helo, call.times).await;
        if let Err(Trouble::Login(_)) = &ended {
            tokens.forget(&second).await;
        }
        ended
    }

    /// The transaction, and what becomes of the session after it.
    async fn converse(
        &self,
        mut session: Session,
        call: &Call<'_>,
        to: &[&str],
        verdicts: &mut [Option<Verdict>],
    ) -> Result<Option<String>, Stop> {
        let ended = transact(&mut session, call, &self.relay.limits, to, verdicts).await;
        session.carried += 1;
        match &ended {
            Ok(Some(_)) if session.carried < MESSAGES_PER_CONNECTION => self.keep(session, call.times),
            Err(stop) if stop.connection_is_gone() => {}
            _ => session.quit(call.times).await,
        }
        ended
    }

    /// A kept session that still answers.
    async fn take(&self, times: &Timeouts) -> Option<Session> {
        loop {
            let Idle { mut session, since } = locked(&self.kept).pop()?;
            if since.elapsed() >= times.idle {
                session.quit(times).await;
                continue;
            }
            let asked = raw(&mut session.client, Phase::Sender, b"RSET\r\n", times);
            match tokio::time::timeout(times.alive, asked).await {
                Ok(Ok(reply)) if reply.code == 250 => return Some(session),
                Ok(Ok(_)) => session.quit(times).await,
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    /// Keeps a session for the next message, and sees to it that it is closed if none comes.
    fn keep(&self, session: Session, times: &Timeouts) {
        locked(&self.kept).push(Idle { session, since: Instant::now() });
        let (kept, times) = (Arc::downgrade(&self.kept), *times);
        tokio::spawn(async move {
            tokio::time::sleep(times.idle).await;
            close_old(&kept, &times).await;
        });
    }

    /// Closes what is kept.
    pub(super) async fn close(&self, times: &Timeouts) {
        let kept = std::mem::take(&mut *locked(&self.kept));
        for idle in kept {
            idle.session.quit(times).await;
        }
    }

    /// Remembers how a contact ended.
    fn note(&self, trouble: Option<Trouble>) {
        if matches!(trouble, Some(Trouble::TooLarge { .. } | Trouble::Utf8(_) | Trouble::Pace { .. })) {
            return;
        }
        let trouble = trouble.filter(|trouble| !trouble.is_about_the_message());
        let name = self.relay.shown();
        metrics::gauge!("faxgate_relay_refusing", "relay" => name.clone()).set(if trouble.is_some() {
            1.0
        } else {
            0.0
        });
        let mut behaviour = locked(&self.behaviour);
        match trouble {
            None => {
                if behaviour.refusing_since.is_some() {
                    tracing::info!(relay = name, "the relay takes mail again");
                }
                *behaviour = Behaviour::default();
            }
            Some(trouble) => {
                behaviour.refusing_since.get_or_insert_with(clock::now);
                behaviour.last = Some(trouble.fault());
                behaviour.rests_until = Some(Instant::now() + REST);
            }
        }
    }
}

async fn close_old(kept: &Weak<Mutex<Vec<Idle>>>, times: &Timeouts) {
    let Some(kept) = kept.upgrade() else { return };
    let old: Vec<Idle> = {
        let mut kept = locked(&kept);
        let (old, young) = kept.drain(..).partition(|idle: &Idle| idle.since.elapsed() >= times.idle);
        *kept = young;
        old
    };
    for idle in old {
        idle.session.quit(times).await;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
