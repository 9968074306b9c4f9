//! Transactions: one request, its answers, and what is repeated until the other side has heard (RFC 3261 §17, RFC 6026).
//!
//! - A server transaction remembers its last answer and gives it again to each repetition of its request.
//! - Non-INVITE requests are answered at once, so their server transaction is only the memory of that answer (timer J).
//! - The 2xx of an INVITE is repeated by the dialog, not here; here it only absorbs repetitions (state Accepted, timer L).
//! - Timer K needs no state: a repeated final answer that matches nothing is dropped.
//!
//! Everything is a deadline: `due` says when `expire` wants to be called.

use core::time::Duration;

use super::event::{CallKey, Flow};
use super::message::Message;

/// Estimate of a round trip (RFC 3261 §17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);
/// Longest time between repetitions, of all but an INVITE.
pub const T2: Duration = Duration::from_secs(4);
/// Longest time that a message stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64·T1: after which the other side counts as gone (timers B, F, H, J, L, M).
pub const GONE: Duration = Duration::from_secs(32);
/// Longest wait for a final answer to our INVITE after a provisional one; then we cancel (RFC 3261 §16.6, timer C).
pub const LONGEST_RING: Duration = Duration::from_secs(300);

/// What a deadline asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// Send `bytes` again.
    Resend,
    /// It is over; forget it. For a client without a final answer: nobody answers.
    Over,
}

/// Repeats at growing intervals.
#[derive(Clone, Copy, Debug)]
pub struct Repeat {
    next: Duration,
    interval: Duration,
    longest: Duration,
}

impl Repeat {
    /// First after `T1`, then twice as long each time up to `longest`.
    pub const fn new(now: Duration, longest: Duration) -> Self {
        Self { next: now.saturating_add(T1), interval: T1, longest }
    }

    /// When next.
    pub const fn next(&self) -> Duration {
        self.next
    }

    /// True if it is time; then the next is set.
    pub fn strikes(&mut self, now: Duration) -> bool {
        if now < self.next {
            return false;
        }
        self.interval = (self.interval * 2).min(self.longest);
        self.next = now + self.interval;
        true
    }
}

/// States of a server transaction (RFC 3261 §17.2, RFC 6026 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// INVITE without a final answer.
    Proceeding,
    /// INVITE answered 2xx: repetitions are absorbed.
    Accepted,
    /// Answered for good: repetitions get the answer again. An INVITE's waits for the ACK.
    Completed,
    /// INVITE refused and acknowledged: late ACKs are absorbed.
    Confirmed,
}

/// A server transaction.
#[derive(Debug)]
pub struct Server {
    /// Where answers go.
    pub flow: Flow,
    /// The last answer.
    pub bytes: Vec<u8>,
    /// Where it stands.
    pub state: Served,
    /// The call of an INVITE.
    pub call: Option<CallKey>,
    /// Key under which the same request by another way is found (RFC 3261 §8.2.2.2); 0 for none.
    pub merge: u128,
    repeat: Option<Repeat>,
    end: Option<Duration>,
}

impl Server {
    /// An INVITE, answered with 100.
    pub const fn invite(flow: Flow, bytes: Vec<u8>, call: CallKey, merge: u128) -> Self {
        Self { flow, bytes, state: Served::Proceeding, call: Some(call), merge, repeat: None, end: None }
    }

    /// Another request with its final answer.
    pub fn answered(now: Duration, flow: Flow, bytes: Vec<u8>) -> Self {
        let end = Some(now + GONE);
        Self { flow, bytes, state: Served::Completed, call: None, merge: 0, repeat: None, end }
    }

    /// The INVITE is answered 2xx.
    pub fn accepted(&mut self, now: Duration) {
        (self.state, self.end, self.bytes) = (Served::Accepted, Some(now + GONE), Vec::new());
    }

    /// The INVITE is refused with these bytes: repeated until the ACK where the transport may lose them.
    pub fn refused(&mut self, now: Duration, bytes: Vec<u8>) {
        (self.state, self.end, self.bytes) = (Served::Completed, Some(now + GONE), bytes);
        self.repeat = (!self.flow.transport.reliable()).then(|| Repeat::new(now, T2));
    }

    /// The ACK of a refusal came.
    pub fn acknowledged(&mut self, now: Duration) {
        if self.state == Served::Completed && self.call.is_some() {
            let wait = if self.flow.transport.reliable() { Duration::ZERO } else { T4 };
            (self.state, self.repeat, self.end) = (Served::Confirmed, None, Some(now + wait));
        }
    }

    /// When it wants to be looked at.
    pub fn due(&self) -> Option<Duration> {
        [self.end, self.repeat.map(|repeat| repeat.next())].into_iter().flatten().min()
    }

    /// What is due.
    pub fn expire(&mut self, now: Duration) -> Due {
        if self.end.is_some_and(|end| end <= now) {
            return Due::Over;
        }
        if self.repeat.as_mut().is_some_and(|repeat| repeat.strikes(now)) {
            Due::Resend
        } else {
            Due::Nothing
        }
    }
}

/// States of a client transaction (RFC 3261 §17.1, RFC 6026 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// No answer yet.
    Calling,
    /// A provisional one.
    Proceeding,
    /// INVITE accepted: repeated 2xx are passed up.
    Accepted,
    /// INVITE refused: repeated refusals get the ACK again.
    Completed,
}

/// Who wants the answers of a client transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A call: its INVITE or re-INVITE.
    Invite(CallKey),
    /// A call that ends: its BYE.
    Bye(CallKey),
    /// The registration with that trunk.
    Register(usize),
    /// Nobody: CANCEL, the BYE of a forked answer.
    Nobody,
}

/// A client transaction.
#[derive(Debug)]
pub struct Client {
    /// The request: its ACK and CANCEL copy from it.
    pub request: Message,
    /// What is sent: the request, later the ACK.
    pub bytes: Vec<u8>,
    /// On what flow.
    pub flow: Flow,
    /// Where it stands.
    pub state: Asked,
    /// Who wants the answers.
    pub owner: Owner,
    /// A CANCEL was sent for it.
    pub cancelled: bool,
    repeat: Option<Repeat>,
    end: Duration,
}

impl Client {
    /// A request just sent.
    pub fn new(now: Duration, request: Message, bytes: Vec<u8>, flow: Flow, owner: Owner) -> Self {
        let longest = if request.method() == "INVITE" { GONE } else { T2 };
        let repeat = (!flow.transport.reliable()).then(|| Repeat::new(now, longest));
        Self { request, bytes, flow, state: Asked::Calling, owner, cancelled: false, repeat, end: now + GONE }
    }

    fn is_invite(&self) -> bool {
        self.request.method() == "INVITE"
    }

    /// A provisional answer: an INVITE is no longer repeated, others at the longest interval.
    pub fn provisional(&mut self, now: Duration) {
        if self.state == Asked::Calling {
            self.state = Asked::Proceeding;
            if self.is_invite() {
                (self.repeat, self.end) = (None, now + LONGEST_RING);
            } else if let Some(repeat) = &mut self.repeat {
                (repeat.next, repeat.interval) = (now + T2, T2);
            }
        }
    }

    /// Accepted: repeated 2xx are passed up for a while.
    pub fn accepted(&mut self, now: Duration) {
        (self.state, self.repeat, self.end) = (Asked::Accepted, None, now + GONE);
    }

    /// Refused: the ACK is given again for a while.
    pub fn refused(&mut self, now: Duration, ack: Vec<u8>) {
        let wait = if self.flow.transport.reliable() { Duration::ZERO } else { GONE };
        (self.state, self.bytes, self.repeat, self.end) = (Asked::Completed, ack, None, now + wait);
    }

    /// Cancelled: the final answer must come within 64·T1 (RFC 3261 §9.1).
    pub fn cancel(&mut self, now: Duration) {
        (self.cancelled, self.end) = (true, now + GONE);
    }

    /// True if its final answer came.
    pub const fn is_answered(&self) -> bool {
        matches!(self.state, Asked::Accepted | Asked::Completed)
    }

    /// When it wants to be looked at.
    pub fn due(&self) -> Duration {
        self.repeat.map_or(self.end, |repeat| repeat.next().min(self.end))
    }

    /// What is due.
    pub fn expire(&mut self, now: Duration) -> Due {
        if self.end <= now {
            return Due::Over;
        }
        if self.repeat.as_mut().is_some_and(|repeat| repeat.strikes(now)) {
            Due::Resend
        } else {
            Due::Nothing
        }
    }
}
