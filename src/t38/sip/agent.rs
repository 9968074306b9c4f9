//! The agent: takes messages, the time and commands, gives bytes and events.

use core::time::Duration;

use super::event::{CallKey, Flow, Output};
use super::settings::Settings;

/// The agent. After each call of its functions, take [`Agent::output`] until it is empty, then wait for [`Agent::due`].
#[derive(Debug)]
pub struct Agent {
    settings: Settings,
}

/// A call out, for [`Agent::invite`].
#[derive(Clone, Debug)]
pub struct Calling {
    /// Whom: `sip:18005551234@192.0.2.1`.
    pub target: String,
    /// As whom: `sip:fax@192.0.2.7`.
    pub from: String,
    /// On this flow; its `remote` is the next hop.
    pub flow: Flow,
    /// Our offer.
    pub sdp: Vec<u8>,
    /// What we answer when challenged.
    pub login: Option<super::Credentials>,
}

impl Agent {
    /// A fresh agent; `seed` must be unpredictable: tags, branches, Call-IDs and nonces come of it.
    #[must_use]
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        let _ = seed;
        Self { settings }
    }
    /// What it was told.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
    /// A whole message came: a datagram, or what [`super::Framer`] cut out of a stream. The flow's source belongs to a
    /// trunk ([`Settings::trunk_of`]), or we called it.
    pub fn receive(&mut self, now: Duration, flow: &Flow, bytes: &[u8]) {}
    /// Does what is due.
    pub fn tick(&mut self, now: Duration) {}
    /// When [`Agent::tick`] is wanted next.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        None
    }
    /// The next thing to do.
    pub fn output(&mut self) -> Option<Output> {
        None
    }
    /// A connection is gone. Calls go on until something must be said on it.
    pub fn closed(&mut self, now: Duration, flow_id: u64) {}
    /// The way that [`Output::Connect`] asked for.
    pub fn connected(&mut self, now: Duration, trunk: usize, flow: Flow) {}
    /// No way that [`Output::Connect`] asked for.
    pub fn not_connected(&mut self, now: Duration, trunk: usize) {}
    /// While set, new calls are refused at once with this status and Retry-After seconds, and not remembered.
    pub fn refuse_new_calls(&mut self, with: Option<(u16, Option<u32>)>) {}
    /// Starts registering where the settings say so.
    pub fn start(&mut self, now: Duration) {}
    /// Takes registrations back and hangs up all calls. Wait for [`Agent::idle`], but not for long.
    pub fn stop(&mut self, now: Duration) {}
    /// True if no call and no request of ours is left.
    #[must_use]
    pub fn idle(&self) -> bool {
        true
    }
    /// Calls at this moment.
    #[must_use]
    pub fn calls(&self) -> usize {
        0
    }
    /// 180 or another provisional answer to a new call.
    pub fn progress(&mut self, now: Duration, call: CallKey, status: u16) {}
    /// 200 with our answer, or our offer if the INVITE had none; repeated until the ACK.
    pub fn accept(&mut self, now: Duration, call: CallKey, sdp: &[u8]) {}
    /// Refuses a new call (300 to 699).
    pub fn refuse(&mut self, now: Duration, call: CallKey, status: u16, retry_after: Option<u32>) {}
    /// 200 to the peer's re-INVITE.
    pub fn answer_reoffer(&mut self, now: Duration, call: CallKey, sdp: &[u8]) {}
    /// 200 to the peer's re-INVITE with the SDP that we gave last: for an unchanged one.
    pub fn repeat_answer(&mut self, now: Duration, call: CallKey) {}
    /// Refuses the peer's re-INVITE (488 most often); the session stands as it was.
    pub fn refuse_reoffer(&mut self, now: Duration, call: CallKey, status: u16) {}
    /// Our re-INVITE. Waits for the peer's own to end, and meets glare (491) by RFC 3261 §14.1.
    pub fn reoffer(&mut self, now: Duration, call: CallKey, sdp: &[u8]) {}
    /// Ends a call in whatever state: 480, CANCEL, or BYE with this Reason header. `Ended` follows.
    pub fn hang_up(&mut self, now: Duration, call: CallKey, reason: Option<&str>) {}
    /// Calls out.
    pub fn invite(&mut self, now: Duration, calling: &Calling) -> Option<CallKey> {
        None
    }
}
