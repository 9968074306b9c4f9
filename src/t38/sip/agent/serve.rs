//! Requests of peers: checked, found again if repeated, answered outside calls; INVITEs let in (RFC 3261 §8.2, §13.3).
//!
//! What is refused here is answered without being remembered: the answer's tag is a keyed hash of the request, so that a
//! repetition gets the same answer (RFC 3261 §8.2.7).

use core::time::Duration;

use super::super::dialog::{Call, MOST_ROUTES, Phase, Serving, TimerAsked, number_of, timer_asked};
use super::super::digest::Verdict;
use super::super::event::{CallKey, End, Event, Flow, Output};
use super::super::header::{NameAddr, Via, cseq};
use super::super::message::{Message, words_of};
use super::super::multipart::{MOST_SDP, sdp_of};
use super::super::reading::Bad;
use super::super::transaction::{LONGEST_RING, Served, Server};
use super::checks::{asked, fault_of, target_of, unacceptable};
use super::{Agent, Timed, answer_way, tag_of};

/// Methods that we serve.
pub const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO";
/// Methods that we know and do not serve.
const REFUSED_METHODS: &[&str] = &["REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH", "PRACK"];
/// Seconds that a caller is asked to wait when we are full.
const FULL_RETRY: u32 = 10;

impl Agent {
    /// A request that cannot be served is answered if its answer can find its way; an ACK never is.
    pub(super) fn broken(&mut self, flow: &Flow, bad: Bad) {
        match bad.partial {
            Some(request) if !request.uri().is_empty() => {
                self.refuse_now(flow, &request, bad.status, bad.words, &[])
            }
            // A stream that is out of step cannot be got back into step.
            _ if flow.transport.reliable() => self.outputs.push_back(Output::Close { flow: *flow }),
            _ => {}
        }
    }

    pub(super) fn request(&mut self, now: Duration, flow: &Flow, request: Message) {
        if let Some(words) = fault_of(&request) {
            return self.refuse_now(flow, &request, 400, words, &[]);
        }
        let key = self.transaction_key(&request);
        match request.method() {
            "ACK" => return self.ack(now, key, flow, &request),
            "CANCEL" => return self.cancel(now, key, flow, &request),
            _ => {}
        }
        if let Some(server) = self.servers.get(&key) {
            if server.state != Served::Accepted && server.state != Served::Confirmed {
                let (flow, bytes) = (server.flow, server.bytes.clone());
                self.send(flow, bytes);
            }
            return;
        }
        let to_tag = tag_of(&request, "to").unwrap_or_default();
        if !to_tag.is_empty() {
            match self.find_call(&request) {
                Some(call) => self.inside(now, flow, key, call, request),
                None => self.refuse_now(flow, &request, 481, words_of(481), &[]),
            }
            return;
        }
        self.outside(now, flow, key, request);
    }

    /// A request outside calls.
    fn outside(&mut self, now: Duration, flow: &Flow, key: u128, request: Message) {
        let allow = [("allow", ALLOW.to_owned())];
        match request.method() {
            "INVITE" => self.new_call(now, flow, key, request),
            "OPTIONS" => self.options(flow, &request),
            "BYE" | "UPDATE" | "INFO" => self.refuse_now(flow, &request, 481, words_of(481), &[]),
            known if REFUSED_METHODS.contains(&known) => {
                self.refuse_now(flow, &request, 405, words_of(405), &allow)
            }
            _ => self.refuse_now(flow, &request, 501, words_of(501), &allow),
        }
    }

    fn options(&mut self, flow: &Flow, request: &Message) {
        if let Some((status, header)) = unacceptable(request) {
            return self.refuse_now(flow, request, status, words_of(status), &header);
        }
        let status = self.full.map_or(200, |(status, _)| status);
        let headers = [
            ("allow", ALLOW.to_owned()),
            ("accept", "application/sdp".to_owned()),
            ("supported", "timer".to_owned()),
        ];
        self.refuse_now(flow, request, status, words_of(status), &headers);
    }

    /// Answers at once without remembering anything. An ACK is never answered.
    pub(super) fn refuse_now(
        &mut self,
        flow: &Flow,
        request: &Message,
        status: u16,
        words: &str,
        headers: &[(&str, String)],
    ) {
        if request.method() == "ACK" {
            return;
        }
        if let Some((mut answer, way)) = self.answer(flow, request, status, words, None) {
            for (name, value) in headers {
                answer.push(name, value.clone());
            }
            self.send(way, answer.to_bytes());
        }
    }

    /// An answer with what is copied from the request (RFC 3261 §8.2.6.2), and where it goes. `tag` is ours, if the
    /// request has none; without it, one that is the same for the same request.
    pub(super) fn answer(
        &self,
        flow: &Flow,
        request: &Message,
        status: u16,
        words: &str,
        tag: Option<&str>,
    ) -> Option<(Message, Flow)> {
        let (vias, way) = answer_way(flow, request)?;
        let mut answer = Message::response_with(status, words);
        for via in vias {
            answer.push("via", via);
        }
        // A broken request may lack some of them; it is answered with what it has.
        for name in ["from", "to", "call-id", "cseq"] {
            let Some(value) = request.header(name) else { continue };
            let untagged = name == "to" && NameAddr::parse(value).is_none_or(|to| to.tag().is_empty());
            if untagged && status > 100 {
                let made = format!("{:016x}", self.transaction_key(request) >> 64);
                answer.push(name, format!("{value};tag={}", tag.unwrap_or(&made)));
            } else {
                answer.push(name, value);
            }
        }
        if let Some(time) = request.header("timestamp").filter(|_| status == 100) {
            answer.push("timestamp", time);
        }
        answer.push("server", self.settings.user_agent.clone());
        Some((answer, way))
    }

    /// The name of a request's server transaction (RFC 3261 §17.2.3). ACK and CANCEL get that of their INVITE.
    pub(super) fn transaction_key(&self, request: &Message) -> u128 {
        let via = request.values("via").next().and_then(Via::parse);
        let (number, method) = request.header("cseq").and_then(cseq).unwrap_or((0, ""));
        let method = if matches!(method, "ACK" | "CANCEL") { "INVITE" } else { method };
        if let Some(via) = via.as_ref().filter(|via| via.branch().len() > 7 && is_cookie(via.branch())) {
            let port = via.port.unwrap_or(0).to_string();
            return self.random.key(&["branch", via.branch(), &via.host.to_lowercase(), &port, method]);
        }
        // Peers of RFC 2543: the same request by its other marks. The To tag is left out, since an ACK has ours.
        let from = tag_of(request, "from").unwrap_or_default();
        let call_id = request.header("call-id").unwrap_or("");
        let via = via.map_or(String::new(), |via| format!("{}:{:?}:{}", via.host, via.port, via.branch()));
        self.random.key(&["2543", request.uri(), &from, call_id, &number.to_string(), method, &via])
    }

    /// The call that a request names by its tags.
    pub(super) fn find_call(&self, request: &Message) -> Option<CallKey> {
        let (to, from) = (tag_of(request, "to")?, tag_of(request, "from")?);
        let key = *self.dialogs.get(&self.dialog_key(request.header("call-id")?, &to))?;
        self.calls.get(&key).filter(|call| call.remote_tag == from).map(|_| key)
    }

    /// An INVITE without a To tag.
    fn new_call(&mut self, now: Duration, flow: &Flow, key: u128, request: Message) {
        let merge = self.merge_key(&request);
        if self.merges.contains_key(&merge) {
            return self.refuse_now(flow, &request, 482, words_of(482), &[]);
        }
        if let Some((status, words, headers)) = self.unwelcome(now, flow, &request) {
            return self.refuse_now(flow, &request, status, words, &headers);
        }
        let timer = timer_asked(now, &request, self.settings.session_minimum);
        let (timer, timer_header) = match timer {
            TimerAsked::TooSmall => {
                let headers = [("min-se", self.settings.session_minimum.as_secs().to_string())];
                return self.refuse_now(flow, &request, 422, words_of(422), &headers);
            }
            TimerAsked::None => (None, None),
            TimerAsked::Timer(timer, header) => (Some(timer), Some(header)),
        };
        let tag = self.random.name();
        let (Some(trunk), Some((template, way)), Some(number)) = (
            self.settings.trunk_of(flow.remote.ip()),
            self.answer(flow, &request, 200, words_of(200), Some(&tag)),
            number_of(&request),
        ) else {
            return;
        };
        let Ok(sdp) = sdp_of(&request) else { return };
        let serving = Serving {
            key,
            template,
            cseq: number,
            offered: sdp.is_some(),
            contact: target_of(&request),
            sdp: sdp.clone(),
            timer,
            timer_header,
            flow: way,
        };
        self.next_call += 1;
        let call_key = CallKey(self.next_call);
        let call = self.called(now, flow, trunk, &request, serving);
        self.dialogs.insert(self.dialog_key(&call.call_id, &call.local_tag), call_key);
        self.calls.insert(call_key, call);
        let trying = self.answer(flow, &request, 100, words_of(100), None);
        let bytes = trying.map(|(trying, _)| trying.to_bytes()).unwrap_or_default();
        self.servers.insert(key, Server::invite(way, bytes.clone(), call_key, merge));
        self.merges.insert(merge, key);
        self.send(way, bytes);
        self.set_call_due(call_key);
        let asked = Box::new(asked(trunk, flow, &request));
        self.event(Event::Invite { call: call_key, asked, sdp });
    }

    fn merge_key(&self, request: &Message) -> u128 {
        let from = tag_of(request, "from").unwrap_or_default();
        let part = |name| request.header(name).unwrap_or("");
        self.random.key(&["merge", &from, part("call-id"), part("cseq")])
    }

    /// A call that rings.
    fn called(&self, now: Duration, flow: &Flow, trunk: usize, request: &Message, serving: Serving) -> Call {
        let local = serving.template.header("to").unwrap_or("").to_owned();
        let local_tag = NameAddr::parse(&local).map(|local| local.tag().to_owned()).unwrap_or_default();
        Call {
            trunk: Some(trunk),
            caller: false,
            local,
            remote_tag: tag_of(request, "from").unwrap_or_default(),
            remote: request.header("from").unwrap_or("").to_owned(),
            target: serving.contact.clone().unwrap_or_default(),
            routes: request.values("record-route").map(str::to_owned).collect(),
            peer_cseq: Some(serving.cseq),
            phase: Phase::Ringing,
            ringing_until: now + LONGEST_RING,
            serving: Some(serving),
            credentials: self.settings.trunks.get(trunk).and_then(|trunk| trunk.login.clone()),
            ..Call::out(*flow, request.header("call-id").unwrap_or("").to_owned(), local_tag, "", "")
        }
    }

    /// Why a new call is not let in: status, words, headers.
    #[allow(clippy::type_complexity)]
    fn unwelcome(
        &mut self,
        now: Duration,
        flow: &Flow,
        request: &Message,
    ) -> Option<(u16, &'static str, Vec<(&'static str, String)>)> {
        let no = |status| Some((status, words_of(status), Vec::new()));
        let Some(trunk) = self.settings.trunk_of(flow.remote.ip()) else { return no(403) };
        if let Some((status, headers)) = unacceptable(request) {
            return Some((status, words_of(status), headers));
        }
        if target_of(request).is_none() {
            return Some((400, "No Contact That Can Be Called", Vec::new()));
        }
        if request.values("record-route").count() > MOST_ROUTES
            || request.values("record-route").any(|route| NameAddr::parse(route).is_none())
        {
            return Some((400, "Bad Record-Route", Vec::new()));
        }
        if let Some(wanted) = self.settings.trunks.get(trunk).and_then(|trunk| trunk.digest.clone()) {
            let verdict = self.guard.judge(now, &self.random, request, &wanted);
            if verdict != Verdict::Good {
                let stale = verdict == Verdict::Stale;
                let challenges = self.guard.challenge(now, &self.random, &wanted.realm, stale);
                let headers = challenges.into_iter().map(|value| ("www-authenticate", value)).collect();
                return Some((401, words_of(401), headers));
            }
        }
        let limits = self.settings.limits;
        let retry = |seconds: Option<u32>| {
            seconds.map(|seconds| ("retry-after", seconds.to_string())).into_iter().collect()
        };
        if let Some((status, seconds)) = self.full {
            return Some((status, words_of(status), retry(seconds)));
        }
        if self.calls.len() >= limits.calls || self.servers.len() >= limits.transactions {
            return Some((503, words_of(503), retry(Some(FULL_RETRY))));
        }
        None
    }

    /// An ACK: of a refusal by its transaction, of a 2xx by its call. Never answered.
    fn ack(&mut self, now: Duration, key: u128, flow: &Flow, request: &Message) {
        if let Some(server) = self.servers.get_mut(&key)
            && server.state != Served::Accepted
        {
            server.acknowledged(now);
            return self.set_server_due(key);
        }
        let Some(call_key) = self.find_call(request) else { return };
        let number = number_of(request);
        let Some(call) = self.calls.get_mut(&call_key) else { return };
        let Some(unacked) = call.unacked.take_if(|unacked| Some(unacked.cseq) == number) else { return };
        call.flow = *flow;
        let sdp = sdp_of(request).ok().flatten().filter(|sdp| unacked.ours && sdp.len() <= MOST_SDP);
        if let Some(sdp) = &sdp {
            call.peer_sdp.clone_from(sdp);
        }
        self.event(Event::Confirmed { call: call_key, sdp });
        self.after_ack(now, call_key);
    }

    /// What waited for an ACK goes on.
    pub(super) fn after_ack(&mut self, now: Duration, key: CallKey) {
        if let Some((why, reason)) = self.calls.get_mut(&key).and_then(|call| call.leaving.take()) {
            return self.bye(now, key, why, reason);
        }
        self.offer_if_free(now, key);
        self.set_call_due(key);
    }

    /// CANCEL (RFC 3261 §9.2): without effect once we have answered.
    fn cancel(&mut self, now: Duration, key: u128, flow: &Flow, request: &Message) {
        let Some(server) = self.servers.get(&key).filter(|server| server.call.is_some()) else {
            return self.refuse_now(flow, request, 481, words_of(481), &[]);
        };
        let (state, call_key) = (server.state, server.call);
        let tag = call_key.and_then(|key| self.calls.get(&key)).map(|call| call.local_tag.clone());
        if let Some((answer, way)) = self.answer(flow, request, 200, words_of(200), tag.as_deref()) {
            self.send(way, answer.to_bytes());
        }
        if let (Served::Proceeding, Some(call_key)) = (state, call_key) {
            let first = self.calls.get(&call_key).is_some_and(|call| call.phase == Phase::Ringing);
            self.refuse_serving(now, call_key, 487, &[]);
            if first {
                self.forget(call_key, End::Cancelled);
            } else {
                self.event(Event::ReofferWithdrawn { call: call_key });
                self.offer_if_free(now, call_key);
                self.set_call_due(call_key);
            }
        }
    }

    /// Refuses the INVITE that a call serves; the answer is repeated until its ACK.
    pub(super) fn refuse_serving(
        &mut self,
        now: Duration,
        key: CallKey,
        status: u16,
        headers: &[(&str, String)],
    ) {
        let Some(serving) = self.calls.get_mut(&key).and_then(|call| call.serving.take()) else { return };
        let mut answer = Message { headers: serving.template.headers, ..Message::response(status) };
        for (name, value) in headers {
            answer.push(name, value.clone());
        }
        let bytes = answer.to_bytes();
        if let Some(server) = self.servers.get_mut(&serving.key) {
            server.refused(now, bytes.clone());
        }
        self.send(serving.flow, bytes);
        self.set_server_due(serving.key);
    }

    /// Remembers the final answer to a request that is no INVITE, where repetitions can come and there is room.
    pub(super) fn answer_remembered(&mut self, now: Duration, key: u128, way: Flow, bytes: Vec<u8>) {
        if !way.transport.reliable() && self.servers.len() < self.settings.limits.transactions {
            self.servers.insert(key, Server::answered(now, way, bytes.clone()));
            self.set_due(Timed::Server(key), self.servers.get(&key).and_then(Server::due));
        }
        self.send(way, bytes);
    }
}

fn is_cookie(branch: &str) -> bool {
    branch.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("z9hG4bK"))
}
