//! Media sockets: a port of their own for each, at random in the range that the firewall lets through.
//!
//! A port that nobody can guess is a port that nobody can shoot at; and a call that changes from audio to T.38 gets a new
//! one, so that RTP still on its way meets nobody.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

use crate::t38::sdp::{self, Agreed, Choice, ImageTerms, Local, Offer};

/// Binds that are tried before the range counts as used up.
const MOST_TRIES: usize = 400;

/// The range of UDP ports for media.
#[derive(Debug, Clone)]
pub struct Ports(RangeInclusive<u16>);

impl Ports {
    /// Ports of this range, both ends included.
    pub fn new(range: RangeInclusive<u16>) -> Self {
        Self(range)
    }

    /// A socket at `address` that never blocks. RTP wants an even port (RFC 3550 §11).
    pub fn bind(&self, address: IpAddr, even: bool) -> io::Result<UdpSocket> {
        let (first, last) = (u32::from(*self.0.start()), u32::from(*self.0.end()));
        for _ in 0..MOST_TRIES {
            let random = getrandom::u32().map_err(io::Error::other)?;
            let mut port = first + random % (last.saturating_sub(first) + 1);
            if even {
                port &= !1;
            }
            let Some(port) = u16::try_from(port).ok().filter(|port| self.0.contains(port)) else { continue };
            match UdpSocket::bind(SocketAddr::new(address, port)) {
                Ok(socket) => {
                    socket.set_nonblocking(true)?;
                    return Ok(socket);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no media port of the range is free"))
    }
}

/// Our side of a change to T.38 that a peer asks for.
pub struct Change {
    /// Where UDPTL is taken, on a port where no RTP was ever sent.
    pub socket: UdpSocket,
    /// Our side with it.
    pub local: Local,
    /// The answer.
    pub said: String,
    /// What is agreed by it.
    pub terms: ImageTerms,
}

impl Ports {
    /// Answers an offer of T.38 in a call whose side of ours is `before`. `None`: it has no T.38 that we speak, or no port is free.
    pub fn change_to_t38(&self, address: IpAddr, before: &Local, offer: &Offer) -> Option<Change> {
        let socket = self.bind(address, false).ok()?;
        let local = before.changed_to_image(socket.local_addr().ok()?.port());
        let answer = sdp::answer(offer, &local, Choice::Image);
        match answer.media {
            Agreed::Image(terms) => Some(Change { socket, local, said: answer.sdp, terms }),
            _ => None,
        }
    }
}

/// The address of ours that a peer is reached from: what the routing table says, without a packet being sent.
pub fn route_to(peer: IpAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => [0, 0, 0, 0].into(),
        IpAddr::V6(_) => [0_u16; 8].into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    // The port is of no meaning; connecting a UDP socket only picks the route.
    socket.connect((peer, 9))?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn every_port_of_the_range_is_used_before_it_is_full() {
        let ports = Ports::new(47_110..=47_117);
        let mut held = Vec::new();
        while let Ok(socket) = ports.bind(HERE, false) {
            held.push(socket);
            assert!(held.len() <= 8);
        }
        let numbers: BTreeSet<u16> = held.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
        assert!(numbers.iter().all(|port| (47_110..=47_117).contains(port)));
        // Another program of this machine may hold one or two.
        assert!(numbers.len() >= 6, "{numbers:?}");
    }

    #[test]
    fn rtp_gets_even_ports_inside_the_range() {
        let ports = Ports::new(47_121..=47_140);
        for _ in 0..20 {
            let port = ports.bind(HERE, true).unwrap().local_addr().unwrap().port();
            assert!(port.is_multiple_of(2) && port > 47_121);
        }
    }

    #[test]
    fn the_way_to_this_machine_is_loopback() {
        assert_eq!(route_to(HERE).unwrap(), HERE);
    }
}
