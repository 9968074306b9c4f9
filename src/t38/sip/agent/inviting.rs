//! Our INVITEs, re-INVITEs and BYEs, and what their answers mean for the call (RFC 3261 §13.2, §14.1, §15.1.1).

use core::time::Duration;

use super::super::dialog::{
    Call, MOST_GLARES, MOST_ROUTES, Offering, Phase, SessionTimer, contact_of, number_of,
};
use super::super::digest::Login;
use super::super::event::{CallKey, End, Event};
use super::super::header::{NameAddr, Refresher, seconds, session_expires, shown};
use super::super::message::{Message, Start};
use super::super::multipart::{MOST_SDP, sdp_of};
use super::super::random::Random;
use super::super::transaction::Owner;
use super::serve::ALLOW;
use super::{Agent, Branch, tag_of};

/// Challenges met for one request.
const MOST_LOGINS: u8 = 2;

impl Agent {
    /// The final answer to our INVITE or re-INVITE.
    pub(super) fn invite_answered(
        &mut self,
        now: Duration,
        key: CallKey,
        branch: Branch,
        response: &Message,
    ) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let Some((_, offering)) = call.asking.take_if(|(asking, _)| *asking == branch.0) else { return };
        let (phase, staying) = (call.phase, call.leaving.is_none());
        let first = phase == Phase::Calling;
        match response.status() {
            200..300 => self.invite_accepted(now, key, branch, offering, response, first),
            _ if phase == Phase::Leaving => {}
            401 | 407 | 422 if staying && self.ask_again(now, key, &offering, response) => {}
            _ if first => self.call_refused(key, response),
            491 if offering.glares < MOST_GLARES => self.glared(now, key, offering),
            status => self.offer_refused(now, key, &offering, status, response),
        }
        self.set_call_due(key);
    }

    /// Meets a challenge or a longer session interval. False if it cannot.
    fn ask_again(&mut self, now: Duration, key: CallKey, offering: &Offering, response: &Message) -> bool {
        let Some(call) = self.calls.get_mut(&key) else { return false };
        let mut again = Offering { logins: offering.logins + 1, ..offering.clone() };
        again.not_before = now;
        if offering.logins >= MOST_LOGINS {
            return false;
        }
        if response.status() == 422 {
            let Some(least) = response.header("min-se").and_then(seconds) else { return false };
            call.interval = Some(least);
            if let Some(timer) = &mut call.timer {
                timer.seconds = timer.seconds.max(least);
            }
        } else if !meet(call, response, offering.logins > 0, &mut self.random) {
            return false;
        }
        self.send_invite(now, key, again);
        true
    }

    fn call_refused(&mut self, key: CallKey, response: &Message) {
        let leaving = self.calls.get_mut(&key).and_then(|call| call.leaving.take());
        let refused = || End::Refused { status: response.status(), words: words(response) };
        self.forget(key, leaving.map_or_else(refused, |(why, _)| why));
    }

    /// Both sides offered at once: wait, the caller longer (RFC 3261 §14.1).
    fn glared(&mut self, now: Duration, key: CallKey, offering: Offering) {
        let (longer, shorter) = (2_100 + 10 * self.random.below(191), 10 * self.random.below(201));
        let Some(call) = self.calls.get_mut(&key) else { return };
        let wait = if call.caller { longer } else { shorter };
        let not_before = now + Duration::from_millis(wait);
        call.waiting = Some(Offering { not_before, glares: offering.glares + 1, ..offering });
    }

    fn offer_refused(
        &mut self,
        now: Duration,
        key: CallKey,
        offering: &Offering,
        status: u16,
        response: &Message,
    ) {
        if matches!(status, 408 | 481) {
            let why = if status == 408 { End::Timeout } else { End::Unknown };
            return self.bye(now, key, why, None);
        }
        let Some(call) = self.calls.get_mut(&key) else { return };
        if !offering.refresh {
            let retry = matches!(status, 491 | 500 | 503) || response.header("retry-after").is_some();
            let after = response.header("retry-after").and_then(seconds);
            return self.event(Event::OurOfferRefused { call: key, status, retry, after });
        }
        // A refresh that was refused is tried again until the session is over.
        if let Some(timer) = &mut call.timer {
            timer.refresh = Some(now + Duration::from_secs(u64::from(timer.seconds / 8).max(1)));
        }
    }

    /// A 2xx: the ACK goes at once.
    fn invite_accepted(
        &mut self,
        now: Duration,
        key: CallKey,
        branch: Branch,
        offering: Offering,
        response: &Message,
        first: bool,
    ) {
        let Some(request) = self.clients.get(&branch).map(|client| client.request.clone()) else { return };
        let Some(call) = self.calls.get_mut(&key) else { return };
        if first {
            establish(call, response);
        } else {
            call.retarget(contact_of(response).as_deref());
        }
        let timer = response.header("session-expires").and_then(session_expires);
        call.timer = timer.map(|(seconds, refresher)| {
            SessionTimer::new(now, seconds.max(90), refresher != Some(Refresher::Uas))
        });
        self.acknowledge(key, &request);
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.phase == Phase::Leaving {
            return;
        }
        call.our_sdp = offering.sdp;
        let answer = sdp_of(response).ok().flatten().filter(|sdp| sdp.len() <= MOST_SDP);
        if let Some(answer) = &answer {
            call.peer_sdp.clone_from(answer);
        }
        let leaving = call.leaving.take();
        match (answer, first) {
            _ if leaving.is_some() => {}
            (Some(sdp), true) => self.event(Event::Answered { call: key, sdp }),
            (None, true) => {
                let why = End::Refused { status: 488, words: "answered without SDP".to_owned() };
                return self.bye(now, key, why, None);
            }
            _ if offering.refresh => {}
            (Some(sdp), false) => self.event(Event::OurOfferAnswered { call: key, sdp }),
            (None, false) => {
                self.event(Event::OurOfferRefused { call: key, status: 488, retry: false, after: None });
            }
        }
        match leaving {
            Some((why, reason)) => self.bye(now, key, why, reason),
            None => self.offer_if_free(now, key),
        }
    }

    /// Sends and keeps the ACK of a 2xx (RFC 3261 §13.2.2.4).
    fn acknowledge(&mut self, key: CallKey, request: &Message) {
        let Some(call) = self.calls.get(&key) else { return };
        let number = number_of(request).unwrap_or(0);
        let mut ack = call.numbered("ACK", number);
        for name in ["authorization", "proxy-authorization"] {
            for value in request.all(name) {
                ack.push(name, value);
            }
        }
        let flow = call.hop(&self.settings);
        self.put_via(&mut ack, &flow);
        let bytes = ack.to_bytes();
        if let Some(call) = self.calls.get_mut(&key) {
            call.ack = Some((number, flow, bytes.clone()));
        }
        self.send(flow, bytes);
    }

    /// A 2xx once more: the same gets its ACK again; one of another branch of a forked call gets ACK and BYE.
    pub(super) fn accepted_again(
        &mut self,
        now: Duration,
        owner: &Owner,
        request: &Message,
        response: &Message,
    ) {
        let Owner::Invite(key) = owner else { return };
        let Some(call) = self.calls.get(key) else { return };
        let tag = tag_of(response, "to").unwrap_or_default();
        if tag == call.remote_tag {
            let ack = call.ack.as_ref().filter(|(number, ..)| Some(*number) == number_of(response));
            if let Some((_, flow, bytes)) = ack.cloned() {
                self.send(flow, bytes);
            }
            return;
        }
        if self.clients.len() > self.settings.limits.calls.saturating_mul(4) {
            return;
        }
        let mut fork = Call::out(call.flow, call.call_id.clone(), call.local_tag.clone(), "", "");
        fork.local.clone_from(&call.local);
        establish(&mut fork, response);
        fork.cseq = number_of(response).unwrap_or(1);
        let flow = fork.hop(&self.settings);
        let mut ack = fork.numbered("ACK", number_of(request).unwrap_or(1));
        self.put_via(&mut ack, &flow);
        self.send(flow, ack.to_bytes());
        let bye = fork.request("BYE");
        self.ask(now, flow, bye, Owner::Nobody);
    }

    /// Sends what waits, if its time came and no INVITE is under way.
    pub(super) fn offer_if_free(&mut self, now: Duration, key: CallKey) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if !call.is_free() || call.leaving.is_some() {
            return;
        }
        if let Some(offering) = call.waiting.take_if(|waiting| waiting.not_before <= now) {
            self.send_invite(now, key, offering);
        }
    }

    /// Sends an INVITE or re-INVITE.
    pub(super) fn send_invite(&mut self, now: Duration, key: CallKey, offering: Offering) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.cut {
            return self.forget(key, End::Transport);
        }
        let mut request = call.request("INVITE");
        let interval =
            call.timer.map(|timer| (timer.seconds, timer.ours)).or(call.interval.map(|least| (least, true)));
        if let Some((seconds, ours)) = interval {
            let seconds = seconds.max(call.interval.unwrap_or(0));
            request
                .push("session-expires", format!("{seconds};refresher={}", if ours { "uac" } else { "uas" }));
            if let Some(least) = call.interval {
                request.push("min-se", least.to_string());
            }
        }
        log_in(call, &mut request);
        let flow = call.hop(&self.settings);
        request.push("contact", self.contact(&flow));
        request.push("allow", ALLOW);
        request.push("supported", "timer");
        request.push("user-agent", self.settings.user_agent.clone());
        let branch = self.ask(now, flow, request.with_sdp(&offering.sdp), Owner::Invite(key));
        if let Some(call) = self.calls.get_mut(&key) {
            call.asking = Some((branch, offering));
        }
        self.set_call_due(key);
    }

    /// Ends an answered call. What is under way of an INVITE ends with it.
    pub(super) fn bye(&mut self, now: Duration, key: CallKey, why: End, reason: Option<String>) {
        self.refuse_serving(now, key, 487, &[]);
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.cut {
            return self.forget(key, why);
        }
        call.phase = Phase::Leaving;
        (call.unacked, call.waiting, call.timer) = (None, None, None);
        call.leaving = Some((why, reason.clone()));
        let mut request = call.request("BYE");
        if let Some(reason) = reason {
            request.push("reason", reason);
        }
        log_in(call, &mut request);
        let flow = call.hop(&self.settings);
        self.ask(now, flow, request, Owner::Bye(key));
        self.set_call_due(key);
    }

    pub(super) fn bye_answered(&mut self, now: Duration, key: CallKey, response: &Message) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if matches!(response.status(), 401 | 407)
            && !call.bye_challenged
            && meet(call, response, false, &mut self.random)
        {
            call.bye_challenged = true;
            let mut request = call.request("BYE");
            log_in(call, &mut request);
            let flow = call.hop(&self.settings);
            self.ask(now, flow, request, Owner::Bye(key));
            return;
        }
        self.gone(key);
    }
}

/// Takes up the challenge of an answer; `again` if the request met one before. False if we cannot meet it.
fn meet(call: &mut Call, response: &Message, again: bool, random: &mut Random) -> bool {
    let Some(credentials) = &call.credentials else { return false };
    let Some(login) = Login::new(response, credentials, call.login.as_ref().filter(|_| again), random) else {
        return false;
    };
    call.login = Some(login);
    true
}

/// Adds credentials for a challenge met before.
fn log_in(call: &mut Call, request: &mut Message) {
    let (method, uri) = (request.method().to_owned(), request.uri().to_owned());
    if let Some(login) = &mut call.login {
        let (name, value) = login.header(&method, &uri);
        request.push(name, value);
    }
}

/// What a 2xx makes of a call out (RFC 3261 §12.1.2).
fn establish(call: &mut Call, response: &Message) {
    call.phase = Phase::Up;
    call.remote_tag = tag_of(response, "to").unwrap_or_default();
    response.header("to").unwrap_or("").clone_into(&mut call.remote);
    let routes = response.values("record-route").filter(|route| NameAddr::parse(route).is_some());
    call.routes = routes.take(MOST_ROUTES).map(str::to_owned).collect();
    call.routes.reverse();
    call.retarget(contact_of(response).as_deref());
}

fn words(response: &Message) -> String {
    match &response.start {
        Start::Response { reason, .. } => shown(reason),
        Start::Request { .. } => String::new(),
    }
}
