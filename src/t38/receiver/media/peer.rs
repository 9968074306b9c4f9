//! Where the peer's packets come from, and ours go to.
//!
//! - What SDP said counts. Until something came from there, one other source may take its place, once, by a well-formed packet:
//!   an address of the trunk's networks, for gateways behind a NAT, or another port of the address that SDP said.
//! - A gateway that sends from another port than it listens at goes on being sent to where it listens.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::t38::sip::Net;

/// The other end of a line.
pub(super) struct Peer {
    said: SocketAddr,
    heard_there: bool,
    latched: Option<SocketAddr>,
    networks: Arc<[Net]>,
}

impl Peer {
    pub(super) fn new(said: SocketAddr, networks: Arc<[Net]>) -> Self {
        Self { said: canonical(said), heard_there: false, latched: None, networks }
    }

    /// SDP says another address, or the same once more.
    pub(super) fn moved(&mut self, said: SocketAddr) {
        if canonical(said) != self.said {
            self.anew(said);
        }
    }

    /// Another socket of ours: a NAT maps it anew, whatever SDP says.
    pub(super) fn anew(&mut self, said: SocketAddr) {
        (self.said, self.heard_there, self.latched) = (canonical(said), false, None);
    }

    /// Whether a packet is the peer's.
    pub(super) fn is(&mut self, from: SocketAddr, well_formed: impl Fn() -> bool) -> bool {
        if from == self.said {
            self.heard_there = true;
            self.latched = None;
            return true;
        }
        if self.latched == Some(from) {
            return true;
        }
        let known = || from.ip() == self.said.ip() || self.networks.iter().any(|net| net.contains(from.ip()));
        let may = !self.heard_there && self.latched.is_none() && known() && well_formed();
        if may {
            self.latched = Some(from);
        }
        may
    }

    /// Where packets go; `None`: nowhere yet.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let elsewhere = self.latched.filter(|from| from.ip() != self.said.ip());
        elsewhere.or(Some(self.said).filter(|said| !said.ip().is_unspecified() && said.port() != 0))
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn peer() -> Peer {
        let net = Net { address: "192.0.2.0".parse::<IpAddr>().unwrap(), bits: 24 };
        Peer::new(at("192.0.2.9:4000"), Arc::from(vec![net]))
    }

    #[test]
    fn what_sdp_said_counts_and_nothing_else_once_it_was_heard() {
        let mut peer = peer();
        assert!(peer.is(at("192.0.2.9:4000"), || true));
        assert!(!peer.is(at("192.0.2.9:4002"), || true));
        assert!(!peer.is(at("192.0.2.10:4000"), || true));
        assert_eq!(peer.address(), Some(at("192.0.2.9:4000")));
    }

    #[test]
    fn one_other_address_of_the_trunk_may_take_its_place_until_then() {
        let mut peer = peer();
        assert!(!peer.is(at("198.51.100.1:4000"), || true), "not of the trunk");
        assert!(!peer.is(at("192.0.2.10:5000"), || false), "no packet of the kind");
        assert!(peer.is(at("192.0.2.10:5000"), || true));
        assert_eq!(peer.address(), Some(at("192.0.2.10:5000")));
        assert!(!peer.is(at("192.0.2.11:5000"), || true), "only once");
        // The address that was promised has the last word.
        assert!(peer.is(at("192.0.2.9:4000"), || true));
        assert_eq!(peer.address(), Some(at("192.0.2.9:4000")));
        assert!(!peer.is(at("192.0.2.10:5000"), || true));
    }

    #[test]
    fn who_sends_from_another_port_is_heard_and_sent_to_where_it_listens() {
        // Outside the trunk's networks too: SDP named this address.
        let mut peer = Peer::new(at("198.51.100.1:4000"), Arc::from(vec![]));
        assert!(!peer.is(at("198.51.100.1:4001"), || false), "no packet of the kind");
        assert!(peer.is(at("198.51.100.1:4001"), || true));
        assert_eq!(peer.address(), Some(at("198.51.100.1:4000")));
        assert!(!peer.is(at("198.51.100.1:4002"), || true), "only once");
        assert!(peer.is(at("198.51.100.1:4001"), || true));
    }

    #[test]
    fn a_new_socket_of_ours_forgets_what_was_heard_and_the_same_address_alone_does_not() {
        let mut peer = peer();
        assert!(peer.is(at("192.0.2.10:5000"), || true));
        peer.moved(at("192.0.2.9:4000"));
        assert_eq!(peer.address(), Some(at("192.0.2.10:5000")));
        peer.anew(at("192.0.2.9:4000"));
        assert_eq!(peer.address(), Some(at("192.0.2.9:4000")));
        assert!(peer.is(at("192.0.2.10:6000"), || true), "a NAT's new port");
        assert_eq!(peer.address(), Some(at("192.0.2.10:6000")));
    }

    #[test]
    fn nothing_is_sent_to_nowhere() {
        let mut peer = Peer::new(at("0.0.0.0:0"), Arc::from(vec![]));
        assert_eq!(peer.address(), None);
        peer.moved(at("192.0.2.9:4000"));
        assert_eq!(peer.address(), Some(at("192.0.2.9:4000")));
    }
}
