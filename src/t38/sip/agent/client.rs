//! Requests of ours and their answers: INVITE, re-INVITE, CANCEL, BYE (RFC 3261 §9.1, §13.2, §14.1, §15.1.1).

use core::time::Duration;

use super::super::dialog::{
    Call, MOST_GLARES, MOST_ROUTES, Offering, Phase, SessionTimer, contact_of, number_of,
};
use super::super::digest::Login;
use super::super::event::{CallKey, End, Event, Flow};
use super::super::header::{NameAddr, Refresher, Via, seconds, session_expires, shown};
use super::super::message::Message;
use super::super::multipart::{MOST_SDP, sdp_of};
use super::super::transaction::{Asked, Client, Due, Owner};
use super::serve::ALLOW;
use super::{Agent, BRANCH, Branch, Timed, tag_of};

/// Challenges met for one request.
const MOST_LOGINS: u8 = 2;

impl Agent {
    /// Sends a request as a new client transaction and gives its branch.
    pub(super) fn ask(&mut self, now: Duration, flow: Flow, mut request: Message, owner: Owner) -> u64 {
        let branch = self.put_via(&mut request, &flow);
        let bytes = request.to_bytes();
        self.send(flow, bytes.clone());
        self.add_client(now, (branch, false), Client::new(now, request, bytes, flow, owner));
        branch
    }

    fn add_client(&mut self, _now: Duration, branch: Branch, client: Client) {
        self.set_due(Timed::Client(branch), Some(client.due()));
        self.clients.insert(branch, client);
    }

    fn put_via(&mut self, request: &mut Message, flow: &Flow) -> u64 {
        let branch = self.random.number();
        let value = format!(
            "SIP/2.0/{} {};branch={BRANCH}{branch:016x};rport",
            flow.transport.name(),
            self.our_address(flow)
        );
        request.push("via", value);
        request.headers.rotate_right(1);
        branch
    }

    fn set_client_due(&mut self, branch: Branch) {
        let due = self.clients.get(&branch).map(Client::due);
        self.set_due(Timed::Client(branch), due);
    }

    /// An answer. What fits no transaction is dropped.
    pub(super) fn response(&mut self, now: Duration, response: Message) {
        let Some(via) = response.values("via").next().and_then(Via::parse) else { return };
        let number =
            via.branch().strip_prefix(BRANCH).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(branch) = number.map(|number| (number, response.method() == "CANCEL")) else { return };
        let Some(client) = self.clients.get_mut(&branch) else { return };
        let fits = client.request.method() == response.method()
            && number_of(&client.request) == number_of(&response);
        if !fits || response.values("via").count() != 1 {
            return;
        }
        let (status, owner) = (response.status(), client.owner.clone());
        if status < 200 {
            client.provisional(now);
            self.set_client_due(branch);
            return self.heard(now, &owner, status);
        }
        match (client.state, response.method() == "INVITE") {
            (Asked::Completed, _) => {
                let (flow, bytes) = (client.flow, client.bytes.clone());
                return self.send(flow, bytes);
            }
            (Asked::Accepted, _) => {
                let request = client.request.clone();
                return self.accepted_again(now, &owner, &request, &response);
            }
            (_, true) if status >= 300 => {
                let (ack, flow) = (ack_of_refusal(&client.request, &response).to_bytes(), client.flow);
                client.refused(now, ack.clone());
                self.send(flow, ack);
                self.set_client_due(branch);
            }
            (_, true) => {
                client.accepted(now);
                self.set_client_due(branch);
            }
            (_, false) => {
                self.clients.remove(&branch);
                self.set_due(Timed::Client(branch), None);
            }
        }
        match owner {
            Owner::Invite(key) => self.invite_answered(now, key, branch, &response),
            Owner::Bye(key) => self.bye_answered(now, key, &response),
            Owner::Register(trunk) => self.registration_answered(now, trunk, &response),
            Owner::Nobody => {}
        }
    }

    /// A provisional answer: tells of a call out, and cancels one that was given up.
    fn heard(&mut self, now: Duration, owner: &Owner, status: u16) {
        let Owner::Invite(key) = owner else { return };
        let Some(call) = self.calls.get(key).filter(|call| call.phase == Phase::Calling) else { return };
        if call.leaving.is_some() {
            self.cancel_if_heard(now, *key);
        } else {
            self.event(Event::Progress { call: *key, status });
        }
    }

    /// CANCEL, once a provisional answer came (RFC 3261 §9.1).
    pub(super) fn cancel_if_heard(&mut self, now: Duration, key: CallKey) {
        let Some((number, _)) = self.calls.get(&key).and_then(|call| call.asking.as_ref()) else { return };
        let branch = (*number, false);
        let Some(client) = self.clients.get_mut(&branch) else { return };
        if client.state != Asked::Proceeding || client.cancelled {
            return;
        }
        client.cancel(now);
        let request = follow_up(&client.request, "CANCEL", client.request.header("to").unwrap_or(""));
        let (flow, bytes) = (client.flow, request.to_bytes());
        self.set_client_due(branch);
        self.send(flow, bytes.clone());
        self.add_client(now, (branch.0, true), Client::new(now, request, bytes, flow, Owner::Nobody));
    }

    /// A client transaction's time came.
    pub(super) fn client_due(&mut self, now: Duration, branch: Branch) {
        let Some(client) = self.clients.get_mut(&branch) else { return };
        match client.expire(now) {
            Due::Resend => {
                let (flow, bytes) = (client.flow, client.bytes.clone());
                self.send(flow, bytes);
                self.set_client_due(branch);
            }
            Due::Nothing => self.set_client_due(branch),
            Due::Over => {
                if client.state == Asked::Proceeding
                    && !client.cancelled
                    && let Owner::Invite(key) = client.owner
                    && let Some(call) = self.calls.get_mut(&key)
                    && call.phase == Phase::Calling
                    && call.asking.as_ref().is_some_and(|(asking, _)| *asking == branch.0)
                {
                    call.leaving.get_or_insert((End::Timeout, None));
                    return self.cancel_if_heard(now, key);
                }
                self.client_lost(now, branch, End::Timeout);
            }
        }
    }

    /// A client transaction ends without an answer, or its memory of one ends.
    pub(super) fn client_lost(&mut self, now: Duration, branch: Branch, why: End) {
        let Some(client) = self.clients.remove(&branch) else { return };
        self.set_due(Timed::Client(branch), None);
        if client.is_answered() {
            return;
        }
        match client.owner {
            Owner::Invite(key) => {
                let Some(call) = self.calls.get_mut(&key) else { return };
                if call.phase == Phase::Calling {
                    let why = call.leaving.take().map_or(why, |(why, _)| why);
                    return self.forget(key, why);
                }
                if call.asking.take_if(|(asking, _)| *asking == branch.0).is_some() && call.phase == Phase::Up
                {
                    self.bye(now, key, why, None);
                }
            }
            Owner::Bye(key) => self.gone(key),
            Owner::Register(trunk) => self.registration_failed(now, trunk, None, "no answer"),
            Owner::Nobody => {}
        }
    }

    /// Our BYE is done with.
    fn gone(&mut self, key: CallKey) {
        let why = self.calls.get_mut(&key).and_then(|call| call.leaving.take());
        self.forget(key, why.map_or(End::HungUp, |(why, _)| why));
    }

    /// The final answer to our INVITE or re-INVITE.
    fn invite_answered(&mut self, now: Duration, key: CallKey, branch: Branch, response: &Message) {
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
        } else if !meet(call, response, &mut self.random) {
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
            return self.event(Event::OurOfferRefused { call: key, status, retry });
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
            (None, false) => self.event(Event::OurOfferRefused { call: key, status: 488, retry: false }),
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
    fn accepted_again(&mut self, now: Duration, owner: &Owner, request: &Message, response: &Message) {
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

    fn bye_answered(&mut self, now: Duration, key: CallKey, response: &Message) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let fresh = call.login.is_none();
        if matches!(response.status(), 401 | 407) && fresh && meet(call, response, &mut self.random) {
            let mut request = call.request("BYE");
            log_in(call, &mut request);
            let flow = call.hop(&self.settings);
            self.ask(now, flow, request, Owner::Bye(key));
            return;
        }
        self.gone(key);
    }
}

/// Takes up the challenge of an answer. False if we cannot meet it.
fn meet(call: &mut Call, response: &Message, random: &mut super::super::random::Random) -> bool {
    let Some(credentials) = &call.credentials else { return false };
    let Some(login) = Login::new(response, credentials, call.login.as_ref(), random) else { return false };
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
        super::super::message::Start::Response { reason, .. } => shown(reason),
        super::super::message::Start::Request { .. } => String::new(),
    }
}

/// A request that belongs to another: the ACK of its refusal, its CANCEL (RFC 3261 §9.1, §17.1.1.3).
fn follow_up(request: &Message, method: &str, to: &str) -> Message {
    let mut other = Message::request(method, request.uri());
    other.push("via", request.header("via").unwrap_or(""));
    other.push("max-forwards", "70");
    for name in ["route", "from", "call-id"] {
        for value in request.all(name) {
            other.push(name, value);
        }
    }
    let number = number_of(request).unwrap_or(0);
    other.with("to", to).with("cseq", format!("{number} {method}"))
}

fn ack_of_refusal(request: &Message, response: &Message) -> Message {
    follow_up(request, "ACK", response.header("to").unwrap_or(""))
}
