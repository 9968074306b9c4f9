//! A call's media changed under way: by the peer's re-INVITE, or by our offer of T.38.
//!
//! - Once T.30 has agreed on a fax, its media stays what it is: a change would lose it.
//! - What is answered to an unchanged re-INVITE is what stands, never an offer of ours that came to nothing.

use std::net::SocketAddr;
use std::time::Duration;

use super::Exchange;
use super::calls::Standing;
use crate::t38::call::T38Terms;
use crate::t38::receiver::media::Order;
use crate::t38::receiver::ports::Change;
use crate::t38::sdp::{self, Agreed, Choice, Offer};
use crate::t38::sip::CallKey;

/// When our offer of T.38 is made again after a refusal that says no time.
const OFFER_AGAIN: Duration = Duration::from_secs(2);
/// How often it is made again.
const MOST_RETRIES: u8 = 3;
/// A peer that wants us to wait longer has refused: the fax has begun by then.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

impl Exchange {
    /// The peer offers anew.
    pub(super) fn reoffered(&mut self, call: CallKey, sdp: Option<&[u8]>, unchanged: bool) {
        let now = self.now();
        let Some(standing) = self.calls.get_mut(&call) else {
            self.agent.refuse_reoffer(now, call, 488);
            return;
        };
        if unchanged {
            self.agent.repeat_answer(now, call);
            return;
        }
        let Some(sdp) = sdp else {
            // RFC 3261 §14.2: an offer is asked of us, and ours is what stands.
            standing.asked = true;
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
        } else if offer.has_image() && !standing.t38 && !standing.negotiated {
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
            let change = self.ports.change_to_t38(bind, &standing.local, &offer)?;
            self.sendable(standing.trunk, change.terms.peer).then_some(change)
        });
        let (Some(Change { socket, local, said, terms }), Some(standing)) =
            (answered, self.calls.get_mut(&call))
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
        let spoken = T38Terms::from(&terms);
        self.workers.order(Order::Switch { call, socket, peer: terms.peer, terms: spoken });
    }

    /// Another address or another word for the same kind of media, answered with the codec that runs. Refused are a change
    /// back to audio, and one to T.38 when a fax has begun as audio: it goes on as it was.
    fn go_on(&mut self, call: CallKey, offer: Offer) {
        let now = self.now();
        let Some(standing) = self.calls.get(&call) else { return };
        let mut local = standing.local.clone();
        local.version += 1;
        let answer = sdp::answer(&offer, &local, Choice::Image);
        let peer = same_kind(standing, &answer.media).filter(|peer| self.sendable(standing.trunk, *peer));
        let (Some(peer), Some(standing)) = (peer, self.calls.get_mut(&call)) else {
            self.agent.refuse_reoffer(now, call, 488);
            return;
        };
        (standing.local, standing.said, standing.peer) = (local, answer.sdp, Some(offer));
        self.agent.answer_reoffer(now, call, standing.said.as_bytes());
        self.workers.order(Order::Redirect { call, peer });
    }

    /// The ACK with the peer's answer to what we offered in answer to its re-INVITE. `false`: nothing is agreed.
    pub(super) fn answered_late(
        &mut self,
        call: CallKey,
        standing: &mut Standing,
        sdp: Option<&[u8]>,
    ) -> bool {
        let Some(answer) = sdp.and_then(|sdp| sdp::parse(sdp).ok()) else { return false };
        let peer = same_kind(standing, &sdp::accept(&standing.local, &answer));
        let Some(peer) = peer.filter(|peer| self.sendable(standing.trunk, *peer)) else { return false };
        standing.peer = Some(answer);
        self.workers.order(Order::Redirect { call, peer });
        true
    }

    /// Offers T.38 in a call that is audio, once.
    pub(super) fn offer_t38(&mut self, call: CallKey) {
        let now = self.now();
        let Some(standing) = self.calls.get(&call) else { return };
        if standing.t38 || standing.negotiated || standing.offered || standing.late.is_some() {
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
        let local = standing.local.changed_to_image(at.port());
        let said = match &standing.peer {
            Some(before) => sdp::reoffer_image(&local, before),
            None => sdp::offer_image(&local),
        };
        standing.offered = true;
        self.agent.reoffer(now, call, said.as_bytes());
        standing.change = Some((socket, local, said));
        // What stands for us is said only once it is answered.
    }

    /// The peer took our offer of T.38, or something else of it.
    pub(super) fn offer_answered(&mut self, call: CallKey, sdp: &[u8]) {
        let answer = sdp::parse(sdp).ok();
        let Some(mut standing) = self.calls.remove(&call) else { return };
        let Some((socket, local, said)) = standing.change.take() else {
            self.calls.insert(call, standing);
            return;
        };
        let media = answer.as_ref().map_or(Agreed::Nothing, |answer| sdp::accept(&local, answer));
        let Agreed::Image(terms) = media else {
            // Its 200 refuses the stream: what we offered is the last that was said, and not what stands.
            standing.local.version = local.version;
            self.stand(call, &mut standing);
            self.calls.insert(call, standing);
            self.stays_audio(call);
            return;
        };
        let sendable = self.sendable(standing.trunk, terms.peer);
        (standing.local, standing.said, standing.peer, standing.t38) = (local, said, answer, true);
        self.calls.insert(call, standing);
        if sendable {
            let spoken = T38Terms::from(&terms);
            self.workers.order(Order::Switch { call, socket, peer: terms.peer, terms: spoken });
        } else {
            self.give_up(call, "media may not go where the peer wants it");
        }
    }

    /// The peer did not take our offer. If it may be made again it is, some times.
    pub(super) fn offer_refused(&mut self, call: CallKey, status: u16, retry: bool, after: Option<u32>) {
        let now = self.now();
        let Some(mut standing) = self.calls.remove(&call) else { return };
        if let Some((_, local, _)) = standing.change.take() {
            standing.local.version = standing.local.version.max(local.version);
        }
        // Its own offer of T.38 may have come first.
        let t38 = standing.t38;
        let wait = after.map_or(OFFER_AGAIN, |seconds| Duration::from_secs(u64::from(seconds)));
        let again = retry && standing.retries < MOST_RETRIES && wait <= LONGEST_WAIT;
        if !t38 && again {
            standing.retries += 1;
            standing.again = Some(now + wait);
        } else if !t38 && !retry {
            self.stand(call, &mut standing);
        }
        self.calls.insert(call, standing);
        if !t38 && !again {
            tracing::info!(status, "T.38 is refused");
            self.stays_audio(call);
        }
    }

    /// When an offer is to be made again next.
    pub(super) fn offer_due(&self) -> Option<Duration> {
        self.calls.values().filter_map(|standing| standing.again).min()
    }

    /// Makes the offers whose time has come.
    pub(super) fn offer_again(&mut self, now: Duration) {
        let mut due = Vec::new();
        for (call, standing) in &mut self.calls {
            if standing.again.take_if(|at| *at <= now).is_some() {
                standing.offered = false;
                due.push(*call);
            }
        }
        for call in due {
            self.offer_t38(call);
        }
    }

    /// T.38 was refused: G.711 goes on, or the call ends where that is not wanted.
    fn stays_audio(&mut self, call: CallKey) {
        if !self.settings.audio {
            self.give_up(call, "the peer refused T.38, and faxes as audio are not taken");
        }
    }
}

/// Where media goes, if it is the kind that runs already, with the codec that runs.
fn same_kind(standing: &Standing, media: &Agreed) -> Option<SocketAddr> {
    match media {
        Agreed::Image(terms) if standing.t38 => Some(terms.peer),
        Agreed::Audio(terms) if !standing.t38 && standing.codec == Some((terms.law, terms.payload)) => {
            Some(terms.peer)
        }
        _ => None,
    }
}
