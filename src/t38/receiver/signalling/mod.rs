//! The task that speaks SIP: the one owner of the agent, between the wires and the media threads.
//!
//! Nothing here waits for anything but the next message, the next news, the next timer: media has its own threads, the disk
//! too, and names are looked up aside.

mod calls;
mod changes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio_util::sync::CancellationToken;

use super::disk::Disk;
use super::media::{News, Order, Workers};
use super::meters::Meters;
use super::ports::Ports;
use super::settings::Settings;
use super::transport::{Wire, Wires};
use crate::t38::sip::{Agent, CallKey, Event};
use calls::Standing;

/// The loop goes round at least so often: to see the disk, and to be seen alive.
const ROUND: Duration = Duration::from_secs(1);
/// Calls that come while we end: their trunk's next attempt may find us again.
const RETRY_AFTER_STOP: u32 = 60;
/// How long registrations may take to be taken back, and the last BYEs to be answered.
const GOODBYE: Duration = Duration::from_secs(4);
/// How long calls may take to close once they are told to.
const CLOSE: Duration = Duration::from_secs(10);

/// All that the task owns.
pub struct Exchange {
    pub(super) settings: Arc<Settings>,
    pub(super) agent: Agent,
    pub(super) wires: Wires,
    pub(super) workers: Workers,
    pub(super) ports: Ports,
    pub(super) disk: Disk,
    pub(super) meters: Meters,
    calls: HashMap<CallKey, Standing>,
    /// Calls that signalling has forgotten and whose media is still closing.
    closing: HashSet<CallKey>,
}

impl Exchange {
    /// One without calls.
    pub fn new(
        settings: Arc<Settings>,
        agent: Agent,
        wires: Wires,
        workers: Workers,
        disk: Disk,
        meters: Meters,
    ) -> Self {
        let ports = Ports::new(settings.ports.clone());
        Self {
            settings,
            agent,
            wires,
            workers,
            ports,
            disk,
            meters,
            calls: HashMap::new(),
            closing: HashSet::new(),
        }
    }

    fn now(&self) -> Duration {
        self.workers.pulse().now()
    }

    /// Runs until `stop`, then takes no more calls and lets those in progress end.
    pub async fn run(
        mut self,
        mut wires: Receiver<Wire>,
        mut news: UnboundedReceiver<News>,
        stop: CancellationToken,
        gone: CancellationToken,
    ) {
        self.wires.listen();
        let now = self.now();
        self.agent.start(now);
        self.act();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.round(&mut wires, &mut news) => {}
            }
        }
        self.agent.refuse_new_calls(Some((503, Some(RETRY_AFTER_STOP))));
        tracing::info!(calls = self.calls.len(), "no more calls are taken; those in progress may end");
        let until = self.now() + self.settings.finish_within;
        while !self.calls.is_empty() && self.now() < until && !gone.is_cancelled() {
            tokio::select! {
                () = gone.cancelled() => {}
                () = self.round(&mut wires, &mut news) => {}
            }
        }
        let keys: Vec<CallKey> = self.calls.keys().copied().collect();
        for call in keys {
            self.workers.order(Order::End { call, why: "the receiver was stopped" });
        }
        let now = self.now();
        self.agent.stop(now);
        self.act();
        let until = self.now() + CLOSE;
        while !(self.calls.is_empty() && self.closing.is_empty()) && self.now() < until {
            self.round(&mut wires, &mut news).await;
        }
        let until = self.now() + GOODBYE;
        while !self.agent.idle() && self.now() < until {
            self.round(&mut wires, &mut news).await;
        }
    }

    /// Waits for one thing and does what follows from it.
    async fn round(&mut self, wires: &mut Receiver<Wire>, news: &mut UnboundedReceiver<News>) {
        let due = self.agent.due().into_iter().chain(self.offer_due()).min();
        let wait = due.map_or(ROUND, |due| due.saturating_sub(self.now()).min(ROUND));
        tokio::select! {
            biased;
            Some(told) = news.recv() => self.heard(told),
            Some(wire) = wires.recv() => wire.tell(&mut self.agent, self.workers.pulse().now()),
            () = tokio::time::sleep(wait) => {}
        }
        let now = self.now();
        if self.agent.due().is_some_and(|due| due <= now) {
            self.agent.tick(now);
        }
        self.offer_again(now);
        self.act();
        self.meters.beat(self.calls.len(), self.disk.refuses());
    }

    /// Does what the agent wants, until it wants nothing more.
    fn act(&mut self) {
        while let Some(event) = self.wires.serve(&mut self.agent, self.workers.pulse().now()) {
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Invite { call, asked, sdp } => self.invited(call, &asked, sdp.as_deref()),
            Event::Confirmed { call, sdp } => self.confirmed(call, sdp.as_deref()),
            Event::Reoffer { call, sdp, unchanged } => self.reoffered(call, sdp.as_deref(), unchanged),
            Event::OurOfferAnswered { call, sdp } => self.offer_answered(call, &sdp),
            Event::OurOfferRefused { call, status, retry, after } => {
                self.offer_refused(call, status, retry, after);
            }
            Event::Ended { call, why } => self.ended(call, &why),
            Event::Registered { trunk, seconds } => self.registered(trunk, seconds),
            Event::RegistrationFailed { trunk, status, words } => {
                if let Some(trunk) = self.settings.trunks.get(trunk) {
                    tracing::warn!(
                        trunk = trunk.name,
                        status,
                        words,
                        "the trunk did not take our registration"
                    );
                    self.meters.registered(&trunk.name, false);
                }
            }
            // Calls out are the sender's.
            Event::ReofferWithdrawn { .. } | Event::Progress { .. } | Event::Answered { .. } => {}
        }
    }

    fn registered(&mut self, trunk: usize, seconds: u32) {
        let Some(trunk) = self.settings.trunks.get(trunk) else { return };
        if seconds > 0 {
            tracing::info!(trunk = trunk.name, seconds, "registered");
            self.meters.registered(&trunk.name, true);
        }
    }
}
