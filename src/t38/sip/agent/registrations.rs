//! REGISTER: sent, refreshed, challenged, taken back (RFC 3261 §10.2).

use core::time::Duration;

use super::super::digest::Login;
use super::super::event::{Event, Flow, Output};
use super::super::header::{seconds, shown};
use super::super::message::{Message, Start};
use super::super::register::{MOST_ATTEMPTS, Registration, Stage, granted};
use super::super::settings::Register;
use super::super::transaction::Owner;
use super::{Agent, Timed};

impl Agent {
    /// Starts registering where the settings say so.
    pub fn start(&mut self, now: Duration) {
        for at in 0..self.registrations.len() {
            self.registration_due(now, at);
        }
    }

    /// The way that [`Output::Connect`] asked for.
    pub fn connected(&mut self, now: Duration, trunk: usize, flow: Flow) {
        let Some(at) = self.at(trunk).filter(|at| self.stage(*at) == Some(Stage::Connecting)) else { return };
        if let Some(registration) = self.registrations.get_mut(at) {
            registration.flow = Some(flow);
        }
        self.register(now, at);
    }

    /// No way that [`Output::Connect`] asked for.
    pub fn not_connected(&mut self, now: Duration, trunk: usize) {
        if self.at(trunk).and_then(|at| self.stage(at)) == Some(Stage::Connecting) {
            self.registration_failed(now, trunk, None, "no connection");
        }
    }

    fn at(&self, trunk: usize) -> Option<usize> {
        self.registrations.iter().position(|registration| registration.trunk == trunk)
    }

    fn stage(&self, at: usize) -> Option<Stage> {
        self.registrations.get(at).map(|registration| registration.stage)
    }

    fn wanted(&self, at: usize) -> Option<Register> {
        let trunk = self.registrations.get(at)?.trunk;
        self.settings.trunks.get(trunk)?.register.clone()
    }

    pub(super) fn registration_due(&mut self, now: Duration, at: usize) {
        let Some(wanted) = self.wanted(at) else { return };
        let Some(registration) = self.registrations.get_mut(at) else { return };
        if matches!(registration.stage, Stage::Connecting | Stage::Asking) {
            return;
        }
        registration.next = None;
        if registration.flow.is_some() {
            return self.register(now, at);
        }
        registration.stage = Stage::Connecting;
        let trunk = registration.trunk;
        let Register { transport, host, port, .. } = wanted;
        self.outputs.push_back(Output::Connect { trunk, transport, host, port });
    }

    /// Sends a REGISTER.
    fn register(&mut self, now: Duration, at: usize) {
        let Some(wanted) = self.wanted(at) else { return };
        let Some(flow) = self.registrations.get(at).and_then(|registration| registration.flow) else {
            return;
        };
        let contact = self.contact(&flow);
        let Some(registration) = self.registrations.get_mut(at) else { return };
        registration.cseq = registration.cseq.saturating_add(1);
        registration.attempts = registration.attempts.saturating_add(1);
        registration.stage = Stage::Asking;
        registration.asked = expires(registration, &wanted);
        let uri = format!("sip:{}", wanted.domain);
        let record = format!("<sip:{}@{}>", wanted.user, wanted.domain);
        let mut request = Message::request("REGISTER", &uri)
            .with("max-forwards", "70")
            .with("from", format!("{record};tag={}", registration.tag))
            .with("to", record)
            .with("call-id", registration.call_id.clone())
            .with("cseq", format!("{} REGISTER", registration.cseq))
            .with("contact", contact)
            .with("expires", registration.asked.to_string())
            .with("user-agent", self.settings.user_agent.clone());
        if let Some(login) = &mut registration.login {
            let (name, value) = login.header("REGISTER", &uri);
            request.push(name, value);
        }
        let trunk = registration.trunk;
        self.ask(now, flow, request, Owner::Register(trunk));
    }

    pub(super) fn registration_answered(&mut self, now: Duration, trunk: usize, response: &Message) {
        let Some(at) = self.at(trunk) else { return };
        let credentials = self.settings.trunks.get(trunk).and_then(|trunk| trunk.login.clone());
        let Some(registration) = self.registrations.get_mut(at) else { return };
        let address =
            registration.flow.map(|flow| self.settings.advertised.unwrap_or(flow.local).to_string());
        let again = registration.attempts < MOST_ATTEMPTS;
        match response.status() {
            // Granted while we are leaving: take it back.
            200..300 if registration.leaving && registration.asked > 0 => return self.register(now, at),
            200..300 => {
                let asked = registration.asked;
                let user = &self.settings.user;
                let granted = granted(response, user, &address.unwrap_or_default(), asked);
                let granted = if registration.leaving { 0 } else { granted };
                registration.granted(now, granted);
                let next = registration.next;
                self.set_due(Timed::Registration(at), next);
                return self.event(Event::Registered { trunk, seconds: granted });
            }
            401 | 407 if again => {
                let before = registration.login.as_ref().filter(|_| registration.challenged);
                let login =
                    credentials.and_then(|with| Login::new(response, &with, before, &mut self.random));
                if let Some(login) = login {
                    (registration.login, registration.challenged) = (Some(login), true);
                    return self.register(now, at);
                }
            }
            423 if again => {
                if let Some(least) = response.header("min-expires").and_then(seconds) {
                    (registration.least, registration.challenged) = (least, false);
                    return self.register(now, at);
                }
            }
            _ => {}
        }
        let words = match &response.start {
            Start::Response { reason, .. } => shown(reason),
            Start::Request { .. } => String::new(),
        };
        self.registration_failed(now, trunk, Some(response.status()), &words);
    }

    pub(super) fn registration_failed(
        &mut self,
        now: Duration,
        trunk: usize,
        status: Option<u16>,
        words: &str,
    ) {
        let Some(at) = self.at(trunk) else { return };
        let Some(registration) = self.registrations.get_mut(at) else { return };
        registration.failed(now, &mut self.random);
        let next = registration.next;
        self.set_due(Timed::Registration(at), next);
        self.event(Event::RegistrationFailed { trunk, status, words: words.to_owned() });
    }

    /// A connection to a registrar broke: calls cannot find us on it, so we register anew soon.
    pub(super) fn registrations_closed(&mut self, now: Duration, flow_id: u64) {
        for at in 0..self.registrations.len() {
            let Some(registration) = self.registrations.get_mut(at) else { continue };
            let on_it = |flow: &mut Flow| flow.id == flow_id && flow.transport.reliable();
            if registration.flow.take_if(on_it).is_some() && registration.stage == Stage::Waiting {
                registration.next = (!registration.leaving).then_some(now);
                let next = registration.next;
                self.set_due(Timed::Registration(at), next);
            }
        }
    }

    /// Takes back what was granted.
    pub(super) fn unregister(&mut self, now: Duration) {
        for at in 0..self.registrations.len() {
            let Some(registration) = self.registrations.get_mut(at) else { continue };
            (registration.leaving, registration.next) = (true, None);
            let standing =
                registration.granted && registration.flow.is_some() && registration.stage == Stage::Waiting;
            self.set_due(Timed::Registration(at), None);
            if standing {
                self.register(now, at);
            }
        }
    }
}

/// Seconds that we ask for.
fn expires(registration: &Registration, wanted: &Register) -> u32 {
    if registration.leaving { 0 } else { wanted.expires.max(registration.least) }
}
