//! What the receiver and the sender say. A command for a call that is gone, or that cannot take it now, does nothing.

use core::time::Duration;

use super::super::dialog::{Call, Offering, Phase, Unacked};
use super::super::event::{CallKey, End, Event, Flow};
use super::super::header::{Uri, without_headers};
use super::super::message::Message;
use super::super::settings::Credentials;
use super::super::transaction::{GONE, Repeat, Served, T2};
use super::Agent;
use super::dialogue::timer_headers;
use super::serve::ALLOW;

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
    pub login: Option<Credentials>,
}

impl Agent {
    /// While set, new calls are refused at once with this status and Retry-After seconds, and not remembered.
    pub const fn refuse_new_calls(&mut self, with: Option<(u16, Option<u32>)>) {
        self.full = with;
    }

    /// A provisional answer (101 to 199) to a new call: 180 most often.
    pub fn progress(&mut self, _now: Duration, key: CallKey, status: u16) {
        let Some(call) = self.calls.get(&key).filter(|call| call.phase == Phase::Ringing) else { return };
        let Some(serving) = call.serving.as_ref().filter(|_| (101..200).contains(&status)) else { return };
        let mut answer = Message { headers: serving.template.headers.clone(), ..Message::response(status) };
        for route in &call.routes {
            answer.push("record-route", route.clone());
        }
        answer.push("contact", self.contact(&call.flow));
        let (key, way, bytes) = (serving.key, serving.flow, answer.to_bytes());
        if let Some(server) = self.servers.get_mut(&key).filter(|server| server.state == Served::Proceeding) {
            server.bytes.clone_from(&bytes);
            self.send(way, bytes);
        }
    }

    /// 200 with our answer, or our offer if the INVITE had none; repeated until the ACK.
    pub fn accept(&mut self, now: Duration, key: CallKey, sdp: &[u8]) {
        if self.calls.get(&key).is_some_and(|call| call.phase == Phase::Ringing) {
            self.accept_serving(now, key, sdp);
        }
    }

    /// Refuses a new call (300 to 699); `Ended` follows at once.
    pub fn refuse(&mut self, now: Duration, key: CallKey, status: u16, retry_after: Option<u32>) {
        if self.calls.get(&key).is_some_and(|call| call.phase == Phase::Ringing)
            && (300..700).contains(&status)
        {
            let retry = retry_after.map(|seconds| ("retry-after", seconds.to_string()));
            self.refuse_serving(now, key, status, retry.as_slice());
            self.forget(key, End::RefusedByUs(status));
        }
    }

    /// 200 to the peer's re-INVITE. An offer of ours that still waited is withdrawn and reported refused (491).
    pub fn answer_reoffer(&mut self, now: Duration, key: CallKey, sdp: &[u8]) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.phase != Phase::Up || call.serving.is_none() {
            return;
        }
        let withdrawn = call.waiting.take().is_some_and(|waiting| !waiting.refresh);
        self.accept_serving(now, key, sdp);
        if withdrawn {
            self.event(Event::OurOfferRefused { call: key, status: 491, retry: true, after: None });
        }
    }

    /// 200 to the peer's re-INVITE with the SDP that we gave last: for an unchanged one.
    pub fn repeat_answer(&mut self, now: Duration, key: CallKey) {
        let Some(call) = self.calls.get(&key) else { return };
        if call.phase == Phase::Up && call.serving.is_some() {
            let sdp = call.our_sdp.clone();
            self.accept_serving(now, key, &sdp);
        }
    }

    /// What stands for us, where the last offer did not come to be although it was answered: it is repeated to unchanged
    /// re-INVITEs, and in our own refreshes.
    pub fn stands(&mut self, key: CallKey, sdp: &[u8]) {
        if let Some(call) = self.calls.get_mut(&key) {
            sdp.clone_into(&mut call.our_sdp);
        }
    }

    /// Refuses the peer's re-INVITE (488 most often); the session stands as it was.
    pub fn refuse_reoffer(&mut self, now: Duration, key: CallKey, status: u16) {
        if self.calls.get(&key).is_some_and(|call| call.phase == Phase::Up) && (300..700).contains(&status) {
            self.refuse_serving(now, key, status, &[]);
            self.offer_if_free(now, key);
            self.set_call_due(key);
        }
    }

    /// Our re-INVITE. Waits for the peer's own to end, and meets glare (491) by RFC 3261 §14.1. One at a time: another is
    /// reported refused (491).
    pub fn reoffer(&mut self, now: Duration, key: CallKey, sdp: &[u8]) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let offers = |offering: &Offering| !offering.refresh;
        let busy = call.waiting.as_ref().is_some_and(offers)
            || call.asking.as_ref().is_some_and(|(_, one)| offers(one));
        if call.phase != Phase::Up || call.leaving.is_some() || busy {
            return self.event(Event::OurOfferRefused { call: key, status: 491, retry: busy, after: None });
        }
        call.waiting = Some(Offering::new(sdp.to_vec(), false));
        self.offer_if_free(now, key);
        self.set_call_due(key);
    }

    /// Ends a call in whatever state: 480, CANCEL, or BYE with this Reason header. `Ended` follows.
    pub fn hang_up(&mut self, now: Duration, key: CallKey, reason: Option<&str>) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let reason = reason.map(str::to_owned);
        match call.phase {
            Phase::Ringing => {
                self.refuse_serving(now, key, 480, &[]);
                self.forget(key, End::HungUp);
            }
            Phase::Calling => {
                call.leaving = Some((End::HungUp, reason));
                self.cancel_if_heard(now, key);
            }
            // The peer must not see our BYE before it has our 200 (RFC 3261 §15).
            Phase::Up if call.unacked.is_some() => call.leaving = Some((End::HungUp, reason)),
            Phase::Up => self.bye(now, key, End::HungUp, reason),
            Phase::Leaving => {}
        }
    }

    /// Calls out. `None` if there is no room, or if target or from is no SIP URI.
    pub fn invite(&mut self, now: Duration, calling: &Calling) -> Option<CallKey> {
        let is_sip = |uri: &str| {
            let read = Uri::parse(uri).filter(|_| without_headers(uri) == uri);
            read.is_some_and(|uri| matches!(uri.scheme.as_str(), "sip" | "sips"))
        };
        if self.calls.len() >= self.settings.limits.calls
            || !is_sip(&calling.target)
            || !is_sip(&calling.from)
        {
            return None;
        }
        self.next_call += 1;
        let key = CallKey(self.next_call);
        let (call_id, tag) = (format!("{}{}", self.random.name(), self.random.name()), self.random.name());
        let mut call = Call::out(calling.flow, call_id, tag, &calling.from, &calling.target);
        call.credentials.clone_from(&calling.login);
        self.dialogs.insert(self.dialog_key(&call.call_id, &call.local_tag), key);
        self.calls.insert(key, call);
        self.send_invite(now, key, Offering::new(calling.sdp.clone(), false));
        Some(key)
    }

    /// A connection is gone. Calls go on until something must be said on it.
    pub fn closed(&mut self, now: Duration, flow_id: u64) {
        for call in
            self.calls.values_mut().filter(|call| call.flow.id == flow_id && call.flow.transport.reliable())
        {
            call.cut = true;
        }
        self.registrations_closed(now, flow_id);
        let on_it = |flow: &Flow| flow.id == flow_id && flow.transport.reliable();
        let lost: Vec<_> =
            self.clients.iter().filter(|(_, client)| on_it(&client.flow)).map(|(key, _)| *key).collect();
        for branch in lost {
            self.client_lost(now, branch, End::Transport);
        }
    }

    /// Takes registrations back and hangs up all calls. Then wait for [`Agent::idle`], but not for long.
    pub fn stop(&mut self, now: Duration) {
        self.full = Some((503, None));
        for key in self.calls.keys().copied().collect::<Vec<_>>() {
            self.hang_up(now, key, None);
        }
        self.unregister(now);
    }

    /// 200 to the INVITE that a call serves.
    fn accept_serving(&mut self, now: Duration, key: CallKey, sdp: &[u8]) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let Some(serving) = call.serving.take() else { return };
        let mut answer = Message { headers: serving.template.headers, ..Message::response(200) };
        if call.phase == Phase::Ringing {
            for route in &call.routes {
                answer.push("record-route", route.clone());
            }
        }
        call.phase = Phase::Up;
        call.retarget(serving.contact.as_deref());
        call.timer = serving.timer;
        sdp.clone_into(&mut call.our_sdp);
        if let Some(theirs) = serving.sdp {
            call.peer_sdp = theirs;
        }
        let (flow, timer) = (call.flow, call.timer);
        answer.push("contact", self.contact(&flow));
        answer.push("allow", ALLOW);
        answer.push("supported", "timer");
        if let (Some(timer), Some(header)) = (timer, serving.timer_header) {
            for (name, value) in timer_headers(&timer, header) {
                answer.push(name, value);
            }
        }
        let bytes = answer.with_sdp(sdp).to_bytes();
        if let Some(call) = self.calls.get_mut(&key) {
            call.unacked = Some(Unacked {
                cseq: serving.cseq,
                bytes: bytes.clone(),
                flow: serving.flow,
                ours: !serving.offered,
                repeat: Repeat::new(now, T2),
                end: now + GONE,
            });
        }
        if let Some(server) = self.servers.get_mut(&serving.key) {
            server.accepted(now);
        }
        self.set_server_due(serving.key);
        self.send(serving.flow, bytes);
        self.set_call_due(key);
    }
}
