//! Calls as signalling sees them: taken or refused, begun, ended.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::Exchange;
use crate::ops::clock;
use crate::t38::call::{AudioTerms, Mode, Role, T38Terms};
use crate::t38::receiver::media::{Begin, Finished, News, Order};
use crate::t38::receiver::policy;
use crate::t38::receiver::settings::OfferT38;
use crate::t38::record::Record;
use crate::t38::sdp::{self, Agreed, Choice, Law, Local, Offer};
use crate::t38::sip::{Asked, CallKey, End, Net};

/// A trunk is asked to come again after so many seconds when the disk is full.
const RETRY_AFTER_DISK: u32 = 120;

/// A call that we answered.
pub(super) struct Standing {
    pub(super) trunk: usize,
    /// Our side, as it stands.
    pub(super) local: Local,
    /// The peer's last SDP.
    pub(super) peer: Option<Offer>,
    /// The SDP that stands for us.
    pub(super) said: String,
    /// T.38 is spoken.
    pub(super) t38: bool,
    /// The law and payload type of our audio.
    pub(super) codec: Option<(Law, u8)>,
    /// T.30 has agreed on a fax: media stays what it is.
    pub(super) negotiated: bool,
    /// We answered a re-INVITE without an offer by ours: its ACK brings the peer's answer.
    pub(super) asked: bool,
    /// Our offer of T.38 was made, and was refused or not answered yet.
    pub(super) offered: bool,
    /// When it is made again, and how often it was.
    pub(super) again: Option<Duration>,
    pub(super) retries: u8,
    /// What our offer waits with: the new socket, our side with it, and the offer.
    pub(super) change: Option<(UdpSocket, Local, String)>,
    /// A call whose offer is ours: begun once the peer has answered.
    pub(super) late: Option<Late>,
    /// Media was begun.
    pub(super) begun: bool,
    /// Why we hang up, in words for its record.
    pub(super) because: Option<&'static str>,
    pub(super) record: Record,
}

/// The sockets of a call whose INVITE had no offer.
pub(super) struct Late {
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
            codec: None,
            negotiated: false,
            asked: false,
            offered: false,
            again: None,
            retries: 0,
            change: None,
            late,
            begun: false,
            because: None,
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
    pub(super) fn addresses(&self, at: IpAddr) -> (IpAddr, IpAddr) {
        match self.settings.address {
            None => (at, at),
            Some(outside) if outside.is_ipv4() => (Ipv4Addr::UNSPECIFIED.into(), outside),
            Some(outside) => (Ipv6Addr::UNSPECIFIED.into(), outside),
        }
    }

    /// Whether media of a call may go to that address.
    pub(super) fn sendable(&self, trunk: usize, to: SocketAddr) -> bool {
        let networks = self.settings.trunks.get(trunk).map_or(&[][..], |trunk| &trunk.networks);
        policy::sendable(to, networks)
    }

    /// Begins media as agreed. Nothing is sent before [`Order::Confirmed`].
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
            Agreed::Image(terms) => (terms.peer, Mode::T38(T38Terms::from(&terms))),
            Agreed::Audio(terms) => {
                let mut seed = [0; 10];
                getrandom::fill(&mut seed).map_err(|_| 500_u16)?;
                standing.codec = Some((terms.law, terms.payload));
                standing.local.laws = vec![terms.law];
                (terms.peer, Mode::Audio(AudioTerms::new(&terms, seed)))
            }
            Agreed::Nothing => return Err(488),
        };
        if !self.sendable(standing.trunk, peer) {
            tracing::warn!(%peer, "media may not go where the peer wants it");
            return Err(488);
        }
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
        let agreed = match standing.late.take() {
            Some(late) => self.begin_late(call, &mut standing, late, sdp),
            None if std::mem::take(&mut standing.asked) => self.answered_late(call, &mut standing, sdp),
            None => true,
        };
        self.workers.order(Order::Confirmed { call });
        self.calls.insert(call, standing);
        if !agreed {
            self.give_up(call, "the peer's answer to our offer cannot be agreed to");
        } else if self.settings.offer_t38 == OfferT38::AtOnce {
            self.offer_t38(call);
        }
    }

    /// The peer's answer to what we offered in our 200.
    fn begin_late(&mut self, call: CallKey, standing: &mut Standing, late: Late, sdp: Option<&[u8]>) -> bool {
        let answer = sdp.and_then(|sdp| sdp::parse(sdp).ok());
        let media = answer.as_ref().map_or(Agreed::Nothing, |answer| sdp::accept(&standing.local, answer));
        standing.peer = answer;
        let image = matches!(media, Agreed::Image(_));
        let (socket, other) = match image {
            true => (late.image, &mut standing.local.audio_port),
            false => (late.audio, &mut standing.local.image_port),
        };
        *other = None;
        let begun = self.begin(call, standing, socket, media).is_ok();
        if begun {
            self.stand(call, standing);
        }
        begun
    }

    /// Says anew what stands for us: the media in use and nothing else. Unchanged re-INVITEs and our refreshes repeat it.
    pub(super) fn stand(&mut self, call: CallKey, standing: &mut Standing) {
        if let Some(peer) = &standing.peer {
            standing.local.version += 1;
            standing.said = sdp::answer(peer, &standing.local, Choice::Image).sdp;
        }
        self.agent.stands(call, standing.said.as_bytes());
    }

    /// Ends a call that cannot go on.
    pub(super) fn give_up(&mut self, call: CallKey, because: &'static str) {
        let now = self.now();
        tracing::warn!(why = because, "a call is hung up");
        if let Some(standing) = self.calls.get_mut(&call) {
            standing.because = Some(because);
        }
        self.agent.hang_up(now, call, Some("SIP;cause=488"));
    }

    /// Signalling is done with a call.
    pub(super) fn ended(&mut self, call: CallKey, why: &End) {
        let Some(standing) = self.calls.remove(&call) else { return };
        let why = standing.because.unwrap_or_else(|| words(why));
        if !standing.begun {
            // There is nothing to close, but the call is told of.
            let record = standing.record.cut_short(0, why);
            self.meters.finished(&record, &record.packets);
            self.disk.give(crate::t38::receiver::disk::Job::Finish {
                name: name(call),
                memory: None,
                record: Box::new(record),
            });
            return;
        }
        self.closing.insert(call);
        self.workers.order(Order::End { call, why });
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
            News::Negotiated(call) => {
                if let Some(standing) = self.calls.get_mut(&call) {
                    standing.negotiated = true;
                }
            }
            News::TooLate(call) => self.give_up(call, "T.38 was agreed to when the fax had begun as audio"),
            News::Page(_) => {}
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
