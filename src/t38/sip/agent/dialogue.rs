//! Requests of peers inside calls (RFC 3261 §12.2.2, §14.2, §15.1.2; RFC 3311; RFC 4028 §9).

use core::time::Duration;

use super::super::dialog::{Phase, Serving, SessionTimer, TimerAsked, contact_of, number_of, timer_asked};
use super::super::event::{CallKey, End, Event, Flow};
use super::super::header::shown;
use super::super::message::{Message, words_of};
use super::super::multipart::sdp_of;
use super::super::transaction::Server;
use super::Agent;
use super::checks::unacceptable;
use super::serve::ALLOW;

/// An answer: status and headers.
type Reply = (u16, Vec<(&'static str, String)>);

impl Agent {
    /// A request whose tags name a call.
    pub(super) fn inside(
        &mut self,
        now: Duration,
        flow: &Flow,
        key: u128,
        call_key: CallKey,
        request: Message,
    ) {
        let source = self.settings.trunk_of(flow.remote.ip());
        let Some(call) = self.calls.get_mut(&call_key) else { return };
        if call.trunk.is_some() && call.trunk != source {
            return self.refuse_now(flow, &request, 481, words_of(481), &[]);
        }
        let number = number_of(&request);
        if number <= call.peer_cseq {
            return self.refuse_now(flow, &request, 500, "Request Out Of Order", &[]);
        }
        call.peer_cseq = number;
        (call.flow, call.cut) = (*flow, false);
        match request.method() {
            "BYE" => self.hung_up(now, flow, key, call_key, &request),
            "INVITE" => self.reinvited(now, flow, key, call_key, request),
            "UPDATE" => {
                let (reply, sdp) = self.updated(now, call_key, &request);
                self.reply(now, flow, key, &request, reply, &sdp);
            }
            "INFO" if request.body.is_empty() => self.reply(now, flow, key, &request, (200, Vec::new()), &[]),
            "INFO" => self.reply(now, flow, key, &request, (415, vec![("accept", String::new())]), &[]),
            "OPTIONS" => {
                let headers = vec![
                    ("allow", ALLOW.to_owned()),
                    ("accept", "application/sdp".to_owned()),
                    ("supported", "timer".to_owned()),
                ];
                self.reply(now, flow, key, &request, (200, headers), &[]);
            }
            _ => self.reply(now, flow, key, &request, (405, vec![("allow", ALLOW.to_owned())]), &[]),
        }
    }

    /// A final answer to a request inside a call that is no INVITE.
    fn reply(&mut self, now: Duration, flow: &Flow, key: u128, request: &Message, reply: Reply, sdp: &[u8]) {
        let (status, headers) = reply;
        let Some((mut answer, way)) = self.answer(flow, request, status, words_of(status), None) else {
            return;
        };
        for (name, value) in headers {
            answer.push(name, value);
        }
        self.answer_remembered(now, key, way, answer.with_sdp(sdp).to_bytes());
    }

    /// BYE: the call is over, whatever was under way.
    fn hung_up(&mut self, now: Duration, flow: &Flow, key: u128, call_key: CallKey, request: &Message) {
        self.reply(now, flow, key, request, (200, Vec::new()), &[]);
        self.refuse_serving(now, call_key, 487, &[]);
        let Some(call) = self.calls.get_mut(&call_key) else { return };
        let why = match (call.phase, call.leaving.take()) {
            (_, Some((why, _))) => why,
            (Phase::Ringing, None) => End::Cancelled,
            _ => End::Bye { reason: request.header("reason").map(shown) },
        };
        self.forget(call_key, why);
    }

    /// A re-INVITE.
    fn reinvited(&mut self, now: Duration, flow: &Flow, key: u128, call_key: CallKey, request: Message) {
        if self.servers.len() >= self.settings.limits.transactions {
            let headers = [("retry-after", "1".to_owned())];
            return self.refuse_now(flow, &request, 503, words_of(503), &headers);
        }
        let wait = self.random.below(10).to_string();
        let shortest = self.settings.session_minimum;
        let Some(call) = self.calls.get_mut(&call_key) else { return };
        let busy = call.unacked.as_ref().is_some_and(|unacked| unacked.ours);
        let refused: Option<Reply> = if call.phase == Phase::Leaving {
            Some((481, Vec::new()))
        } else if call.serving.is_some() {
            Some((500, vec![("retry-after", wait)]))
        } else if call.asking.is_some() || busy {
            Some((491, Vec::new()))
        } else {
            unacceptable(&request)
        };
        let timer = timer_asked(now, &request, shortest);
        let refused = match (&refused, &timer) {
            (None, TimerAsked::TooSmall) => Some((422, vec![("min-se", shortest.as_secs().to_string())])),
            _ => refused,
        };
        // A higher number than that of the INVITE whose ACK is missing: the peer has our 200 (RFC 5407 §3.1.4).
        let confirmed = call.unacked.take_if(|_| refused.is_none()).is_some();
        let tag = call.local_tag.clone();
        let Some((template, way)) = self.answer(flow, &request, 200, words_of(200), Some(&tag)) else {
            return;
        };
        let mut trying = Message { headers: template.headers.clone(), ..Message::response(100) };
        trying.headers.retain(|header| header.name != "server");
        let bytes = trying.to_bytes();
        self.servers.insert(key, Server::invite(way, bytes.clone(), call_key, 0));
        let (timer, timer_header) = match timer {
            TimerAsked::Timer(timer, header) => (Some(timer), Some(header)),
            _ => (None, None),
        };
        let sdp = sdp_of(&request).ok().flatten();
        let serving = Serving {
            key,
            template,
            cseq: number_of(&request).unwrap_or(0),
            offered: sdp.is_some(),
            contact: contact_of(&request),
            sdp: sdp.clone(),
            timer,
            timer_header,
            flow: way,
        };
        self.serve_again(now, call_key, serving, refused, confirmed, bytes);
    }

    /// Takes a re-INVITE up, or refuses it by its transaction alone.
    fn serve_again(
        &mut self,
        now: Duration,
        call_key: CallKey,
        serving: Serving,
        refused: Option<Reply>,
        confirmed: bool,
        trying: Vec<u8>,
    ) {
        if let Some((status, headers)) = refused {
            let (key, way) = (serving.key, serving.flow);
            let mut answer = Message { headers: serving.template.headers, ..Message::response(status) };
            for (name, value) in headers {
                answer.push(name, value);
            }
            let bytes = answer.to_bytes();
            if let Some(server) = self.servers.get_mut(&key) {
                server.refused(now, bytes.clone());
            }
            self.set_server_due(key);
            return self.send(way, bytes);
        }
        self.send(serving.flow, trying);
        let sdp = serving.sdp.clone();
        let Some(call) = self.calls.get_mut(&call_key) else { return };
        call.serving = Some(serving);
        let unchanged = sdp.as_deref().is_some_and(|sdp| call.is_unchanged(sdp));
        let leaving = call.leaving.take_if(|_| confirmed);
        if confirmed {
            self.event(Event::Confirmed { call: call_key, sdp: None });
        }
        if let Some((why, reason)) = leaving {
            return self.bye(now, call_key, why, reason);
        }
        self.set_call_due(call_key);
        self.event(Event::Reoffer { call: call_key, sdp, unchanged });
    }

    /// UPDATE: refreshes the session; a changed offer is refused, so that the peer uses a re-INVITE (RFC 3311 §5.2).
    fn updated(&mut self, now: Duration, call_key: CallKey, request: &Message) -> (Reply, Vec<u8>) {
        let refused = |status| ((status, Vec::new()), Vec::new());
        if let Some(reply) = unacceptable(request) {
            return (reply, Vec::new());
        }
        let contact = self.calls.get(&call_key).map(|call| self.contact(&call.flow)).unwrap_or_default();
        let shortest = self.settings.session_minimum;
        let Some(call) = self.calls.get_mut(&call_key) else { return refused(481) };
        let mut sdp = Vec::new();
        if let Some(offer) = sdp_of(request).ok().flatten() {
            if call.asking.is_some() || call.unacked.as_ref().is_some_and(|unacked| unacked.ours) {
                return refused(491);
            }
            if call.serving.is_some() {
                return ((500, vec![("retry-after", "2".to_owned())]), Vec::new());
            }
            if !call.is_unchanged(&offer) {
                return refused(488);
            }
            sdp.clone_from(&call.our_sdp);
        }
        let mut headers =
            vec![("contact", contact), ("allow", ALLOW.to_owned()), ("supported", "timer".to_owned())];
        match timer_asked(now, request, shortest) {
            TimerAsked::TooSmall => {
                return ((422, vec![("min-se", shortest.as_secs().to_string())]), Vec::new());
            }
            TimerAsked::None => call.timer = None,
            TimerAsked::Timer(timer, header) => {
                call.timer = Some(timer);
                headers.extend(timer_headers(&timer, header));
            }
        }
        call.retarget(contact_of(request).as_deref());
        self.set_call_due(call_key);
        ((200, headers), sdp)
    }
}

/// Session-Expires of a 2xx, and Require where the peer is to refresh (RFC 4028 §9).
pub(super) fn timer_headers(timer: &SessionTimer, header: String) -> Vec<(&'static str, String)> {
    let mut headers = vec![("session-expires", header)];
    if !timer.ours {
        headers.push(("require", "timer".to_owned()));
    }
    headers
}
