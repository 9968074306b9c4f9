//! Requests of ours on their way: sent, repeated, cancelled, found by their answers, given up (RFC 3261 §9.1, §17.1).

use core::time::Duration;

use super::super::dialog::{Phase, number_of};
use super::super::event::{CallKey, End, Event, Flow};
use super::super::header::Via;
use super::super::message::Message;
use super::super::transaction::{Asked, Client, Due, Owner};
use super::{Agent, BRANCH, Branch, Timed};

impl Agent {
    /// Sends a request as a new client transaction and gives its branch.
    pub(super) fn ask(&mut self, now: Duration, flow: Flow, mut request: Message, owner: Owner) -> u64 {
        let branch = self.put_via(&mut request, &flow);
        let bytes = request.to_bytes();
        self.send(flow, bytes.clone());
        self.add_client((branch, false), Client::new(now, request, bytes, flow, owner));
        branch
    }

    fn add_client(&mut self, branch: Branch, client: Client) {
        self.set_due(Timed::Client(branch), Some(client.due()));
        self.clients.insert(branch, client);
    }

    pub(super) fn put_via(&mut self, request: &mut Message, flow: &Flow) -> u64 {
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
        self.add_client((branch.0, true), Client::new(now, request, bytes, flow, Owner::Nobody));
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
    pub(super) fn gone(&mut self, key: CallKey) {
        let why = self.calls.get_mut(&key).and_then(|call| call.leaving.take());
        self.forget(key, why.map_or(End::HungUp, |(why, _)| why));
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
