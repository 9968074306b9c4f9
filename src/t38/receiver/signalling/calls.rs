//! Calls as signalling sees them: taken or refused, changed to T.38, ended.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::Arc;

use super::Exchange;
use crate::ops::clock;
use crate::t38::call::{AudioTerms, Mode, Role, T38Terms};
use crate::t38::receiver::media::{Begin, Finished, News, Order};
use crate::t38::receiver::policy;
use crate::t38::receiver::settings::OfferT38;
use crate::t38::record::Record;
use crate::t38::sdp::{self, Agreed, Choice, ImageTerms, Local, Offer};
use crate::t38::sip::{Asked, CallKey, End, Net};

/// A trunk is asked to come again after so many seconds when the disk is full.
const RETRY_AFTER_DISK: u32 = 120;

/// A call that we answered.
pub(super) struct Standing {
    trunk: usize,
    /// Our side, as it stands.
    local: Local,
    /// The peer's last SDP.
    peer: Option<Offer>,
    /// The SDP that stands for us.
    said: String,
    /// T.38 is spoken.
    t38: bool,
    /// Our offer of T.38 was made, and was refused or not answered yet.
    offered: bool,
    /// What our offer waits with: the new socket and our side with it.
    change: Option<(UdpSocket, Local)>,
    /// A call whose offer is ours: begun once the peer has answered.
    late: Option<Late>,
    /// Media was begun.
    begun: bool,
    record: Record,
}

/// The sockets of a call whose INVITE had no offer.
struct Late {
    audio: UdpSocket,
    image: UdpSocket,
}

impl Exchange {
    /// A new call.
    pub(super) fn invited(&mut self, call: CallKey, asked: &Asked, sdp: Option<&[u8]>) {
        let now = self.now();
        let settings = Arc::clone(&self.settings);
        let Some(trunk) = settings.trunks.get(asked.trunk) else {
            self.agent.refuse(now, call, 403, None);
            return;
        };
        let refusal = self.no_room(asked.trunk);
        if let Some((status, retry)) = refusal {
            self.meters.refused(&trunk.name, status);
            self.agent.refuse(now, call, status, retry);
            return;
        }
        match self.take(call, asked, sdp) {
            Ok(()) => self.meters.answered(&trunk.name),
            Err(status) => {
                tracing::info!(trunk = trunk.name, status, "a call is not taken");
                self.meters.refused(&trunk.name, status);
                self.agent.refuse(now, call, status, (status == 503).then_some(RETRY_AFTER_DISK));
            }
        }
    }

    /// Why no call can be taken, as a status and when to come again.
    fn no_room(&self, trunk: usize) -> Option<(u16, Option<u32>)> {
        if let Some(why) = self.disk.refuses() {
            tracing::error!(%why, "a call is refused");
            return Some((503, Some(RETRY_AFTER_DISK)));
        }
        let busy = self.calls.len() + self.closing.len();
        let its_most = self.settings.trunks.get(trunk).and_then(|trunk| trunk.most_calls);
        let its = || self.calls.values().filter(|standing| standing.trunk == trunk).count();
        let full = busy >= self.settings.most_calls || its_most.is_some_and(|most| its() >= most);
        full.then_some((486, None))
    }

    fn take(&mut self, call: CallKey, asked: &Asked, sdp: Option<&[u8]>) -> Result<(), u16> {
        let (bind, address) = self.addresses(asked.flow.local.ip());
        let mut local = Local::new(clock::now().unsigned_abs(), address);
        let offer = match sdp {
            Some(sdp) => Some(sdp::parse(sdp).map_err(|_| 488_u16)?),
            None => None,
        };
        let trunk = self.settings.trunks.get(asked.trunk).ok_or(403_u16)?;
        let t38 = offer.as_ref().is_some_and(Offer::has_image);
        let record = policy::record(asked, trunk, &self.settings.station.csi, t38, clock::now());
        let no_port = |error: std::io::Error| {
            tracing::error!(%error, "a call is refused: no media port");
            503_u16
        };
        let (said, late, begun) = match &offer {
            Some(offer) => {
                let socket = self.ports.bind(bind, !t38).map_err(no_port)?;
                let port = socket.local_addr().map_err(no_port)?.port();
                if t38 {
                    local.image_port = Some(port)
                } else {
                    local.audio_port = Some(port)
                }
                let answer = sdp::answer(offer, &local, Choice::Image);
                (answer.sdp, None, Some((socket, answer.media)))
            }
            None => {
                let late = Late {
                    audio: self.ports.bind(bind, true).map_err(no_port)?,
                    image: self.ports.bind(bind, false).map_err(no_port)?,
                };
                local.audio_port = Some(late.audio.local_addr().map_err(no_port)?.port());
                local.image_port = Some(late.image.local_addr().map_err(no_port)?.port());
                (sdp::offer_both(&local), Some(late), None)
            }
        };
        let mut standing = Standing {
            trunk: asked.trunk,
            local,
            peer: offer,
            said,
            t38,
            offered: false,
            change: None,
            late,
            begun: false,
            record,
        };
        if let Some((socket, media)) = begun {
            self.begin(call, &mut standing, socket, media)?;
        }
        let now = self.now();
        self.agent.accept(now, call, standing.said.as_bytes());
        self.calls.insert(call, standing);
        Ok(())
    }

    /// Where to bind media for a peer that reached us at `at`, and what to tell it.
    fn addresses(&self, at: IpAddr) -> (IpAddr, IpAddr) {
        match self.settings.address {
            None => (at, at),
            Some(outside) if outside.is_ipv4() => (Ipv4Addr::UNSPECIFIED.into(), outside),
            Some(outside) => (Ipv6Addr::UNSPECIFIED.into(), outside),
        }
    }

    /// Begins media as agreed.
    fn begin(
        &mut self,
        call: CallKey,
        standing: &mut Standing,
        socket: UdpSocket,
        media: Agreed,
    ) -> Result<(), u16> {
        let networks: Arc<[Net]> = self
            .settings
            .trunks
            .get(standing.trunk)
            .map_or_else(|| Arc::from([]), |trunk| trunk.networks.clone().into());
        let (peer, mode) = match media {
            Agreed::Image(terms) => (terms.peer, Mode::T38(spoken(&terms))),
            Agreed::Audio(terms) => {
                let mut seed = [0; 10];
                getrandom::fill(&mut seed).map_err(|_| 500_u16)?;
                (terms.peer, Mode::Audio(AudioTerms { law: terms.law, payload: terms.payload, seed }))
            }
            Agreed::Nothing => return Err(488),
        };
        standing.t38 = matches!(mode, Mode::T38(_));
        standing.record.media = Some(if standing.t38 { "t38" } else { "g711" }.to_owned());
        let begin = Begin {
            call,
            name: name(call),
            socket,
            peer,
            networks,
            mode,
            role: Role::Receive(self.settings.station.clone()),
            settings: self.settings.watch.clone(),
            record: standing.record.clone(),
            file: None,
            loss: 0,
        };
        standing.begun = self.workers.order(Order::Begin(Box::new(begin)));
        if standing.begun { Ok(()) } else { Err(500) }
    }

    /// The ACK of our 200 came.
    pub(super) fn confirmed(&mut self, call: CallKey, sdp: Option<&[u8]>) {
        let Some(mut standing) = self.calls.remove(&call) else { return };
        if let Some(late) = standing.late.take() {
            let offer = sdp.and_then(|sdp| sdp::parse(sdp).ok());
            let media = offer.as_ref().map_or(Agreed::Nothing, |offer| sdp::accept(&standing.local, offer));
            standing.peer = offer;
            let socket = if matches!(media, Agreed::Image(_)) { late.image } else { late.audio };
            if self.begin(call, &mut standing, socket, media).is_err() {
                let now = self.now();
                self.agent.hang_up(now, call, Some("SIP;cause=488"));
            }
        }
        let at_once = self.settings.offer_t38 == OfferT38::AtOnce;
        self.calls.insert(call, standing);
        if at_once {
            self.offer_t38(call);
        }
    }

    /// The peer offers anew.
    pub(super) fn reoffered(&mut self, call: CallKey, sdp: Option<&[u8]>, unchanged: bool) {
        let now = self.now();
        let Some(standing) = self.calls.get(&call) else {
            self.agent.refuse_reoffer(now, call, 488);
            return;
        };
        if unchanged {
            self.agent.repeat_answer(now, call);
            return;
        }
        let Some(sdp) = sdp else {
            // RFC 3261 §14.2: an offer is asked of us, and ours is what stands.
            let said = standing.said.clone();
            self.agent.answer_reoffer(now, call, said.as_bytes());
            return;
        };
        let Ok(offer) = sdp::parse(sdp) else {
            self.agent.refuse_reoffer(now, call, 488);
            return;
        };
        if standing.peer.as_ref().is_some_and(|before| before.same_media(&offer)) {
            self.agent.repeat_answer(now, call);
        } else if offer.has_image() && !standing.t38 {
            self.change_to_t38(call, offer);
        } else {
            self.go_on(call, offer);
        }
    }

    /// The peer's re-INVITE to T.38, on a port where no RTP was ever sent.
    fn change_to_t38(&mut self, call: CallKey, offer: Offer) {
        let now = self.now();
        let answered = self.calls.get(&call).and_then(|standing| {
            let (bind, _) = self.addresses(standing.local.address);
            let socket = self.ports.bind(bind, false).ok()?;
            let mut local = standing.local.clone();
            local.version += 1;
            (local.audio_port, local.image_port) = (None, Some(socket.local_addr().ok()?.port()));
            let answer = sdp::answer(&offer, &local, Choice::Image);
            match answer.media {
                Agreed::Image(terms) => Some((socket, local, answer.sdp, terms)),
                _ => None,
            }
        });
        let (Some((socket, local, said, terms)), Some(standing)) = (answered, self.calls.get_mut(&call))
        else {
            self.agent.refuse_reoffer(now, call, 488);
            return;
        };
        standing.local = local;
        standing.peer = Some(offer);
        standing.change = None;
        standing.t38 = true;
        standing.said = said;
        self.agent.answer_reoffer(now, call, standing.said.as_bytes());
        self.workers.order(Order::Switch { call, socket, peer: terms.peer, terms: spoken(&terms) });
    }

    /// Another address or another word for the same kind of media; a change back to audio is refused.
    fn go_on(&mut self, call: CallKey, offer: Offer) {
        let now = self.now();
        let Some(standing) = self.calls.get_mut(&call) else { return };
        let mut local = standing.local.clone();
        local.version += 1;
        let answer = sdp::answer(&offer, &local, Choice::Image);
        let peer = match (&answer.media, standing.t38) {
            (Agreed::Image(terms), true) => terms.peer,
            (Agreed::Audio(terms), false) => terms.peer,
            _ => {
                self.agent.refuse_reoffer(now, call, 488);
                return;
            }
        };
        (standing.local, standing.said, standing.peer) = (local, answer.sdp, Some(offer));
        self.agent.answer_reoffer(now, call, standing.said.as_bytes());
        self.workers.order(Order::Redirect { call, peer });
    }

    /// Offers T.38 in a call that is audio, once.
    pub(super) fn offer_t38(&mut self, call: CallKey) {
        let now = self.now();
        let Some(standing) = self.calls.get(&call) else { return };
        if standing.t38 || standing.offered || standing.late.is_some() {
            return;
        }
        let (bind, _) = self.addresses(standing.local.address);
        let socket = match self.ports.bind(bind, false) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, "T.38 cannot be offered");
                return;
            }
        };
        let (Ok(at), Some(standing)) = (socket.local_addr(), self.calls.get_mut(&call)) else { return };
        let mut local = standing.local.clone();
        local.version += 1;
        (local.audio_port, local.image_port) = (None, Some(at.port()));
        let said = match &standing.peer {
            Some(before) => sdp::reoffer_image(&local, before),
            None => sdp::offer_image(&local),
        };
        standing.offered = true;
        standing.change = Some((socket, local));
        self.agent.reoffer(now, call, said.as_bytes());
        // What stands for us is said only once it is answered.
    }

    /// The peer took our offer of T.38, or something else of it.
    pub(super) fn offer_answered(&mut self, call: CallKey, sdp: &[u8]) {
        let answer = sdp::parse(sdp).ok();
        let Some(standing) = self.calls.get_mut(&call) else { return };
        let Some((socket, local)) = standing.change.take() else { return };
        let media = answer.as_ref().map_or(Agreed::Nothing, |answer| sdp::accept(&local, answer));
        let Agreed::Image(terms) = media else {
            self.stays_audio(call);
            return;
        };
        standing.said = match &standing.peer {
            Some(before) => sdp::reoffer_image(&local, before),
            None => sdp::offer_image(&local),
        };
        (standing.local, standing.peer, standing.t38) = (local, answer, true);
        self.workers.order(Order::Switch { call, socket, peer: terms.peer, terms: spoken(&terms) });
    }

    /// The peer did not take our offer.
    pub(super) fn offer_refused(&mut self, call: CallKey, status: u16, retry: bool) {
        let Some(standing) = self.calls.get_mut(&call) else { return };
        standing.change = None;
        if standing.t38 {
            // Its own offer of T.38 came first.
            return;
        }
        if retry {
            standing.offered = false;
            return;
        }
        tracing::info!(status, "T.38 is refused");
        self.stays_audio(call);
    }

    /// T.38 was refused: G.711 goes on, or the call ends where that is not wanted.
    fn stays_audio(&mut self, call: CallKey) {
        if !self.settings.audio {
            let now = self.now();
            self.agent.hang_up(now, call, Some("SIP;cause=488;text=\"T.38 is needed\""));
        }
    }

    /// Signalling is done with a call.
    pub(super) fn ended(&mut self, call: CallKey, why: &End) {
        let Some(standing) = self.calls.remove(&call) else { return };
        if !standing.begun {
            // There is nothing to close, but the call is told of.
            let record = standing.record.cut_short(0, words(why));
            self.meters.finished(&record, &record.packets);
            self.disk.give(crate::t38::receiver::disk::Job::Finish {
                name: name(call),
                memory: None,
                record: Box::new(record),
            });
            return;
        }
        self.closing.insert(call);
        self.workers.order(Order::End { call, why: words(why) });
    }

    /// What media tells.
    pub(super) fn heard(&mut self, news: News) {
        let now = self.now();
        match news {
            News::FaxHeard(call) => {
                if self.settings.offer_t38 == OfferT38::WhenHeard {
                    self.offer_t38(call);
                }
            }
            News::Over(call, _) => self.agent.hang_up(now, call, None),
            News::Finished(finished) => self.finished(&finished),
            News::Page(_) | News::Negotiated(_) => {}
        }
    }

    fn finished(&mut self, finished: &Finished) {
        self.meters.finished(&finished.record, &finished.packets);
        self.closing.remove(&finished.call);
        if self.calls.contains_key(&finished.call) {
            // It closed before signalling did: hang up, and let the end find nothing.
            let now = self.now();
            self.agent.hang_up(now, finished.call, None);
            self.calls.remove(&finished.call);
        }
    }
}

/// How T.38 is spoken, as media wants to know it.
fn spoken(terms: &ImageTerms) -> T38Terms {
    T38Terms { correction: terms.correction, max_datagram: terms.max_datagram }
}

/// Why signalling ended, in words for a record.
fn words(why: &End) -> &'static str {
    match why {
        End::Bye { .. } => "the caller hung up",
        End::Cancelled => "the caller gave up before it was answered",
        End::HungUp => "we hung up",
        End::RefusedByUs(_) | End::Refused { .. } => "the call was refused",
        End::Timeout => "the peer answers no more",
        End::NoAck => "our answer was never acknowledged",
        End::SessionExpired => "the peer did not refresh the session",
        End::Transport => "the connection to the peer broke",
        End::Unknown => "the peer knows nothing of the call any more",
    }
}

/// A name for a call's files: the time, and what no other call has.
fn name(call: CallKey) -> String {
    let stamp = jiff::Timestamp::from_millisecond(clock::now()).unwrap_or_default();
    let random = getrandom::u32().unwrap_or_else(|_| u32::try_from(call.0 & 0xffff_ffff).unwrap_or(0));
    format!("fax-{}-{random:08x}", stamp.strftime("%Y%m%d-%H%M%S"))
}
