//! What the agent is told: its names, its trunks, its limits.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::event::Transport;

/// Everything the agent is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// User part of our Contact: `fax`.
    pub user: String,
    /// What peers are told instead of a flow's local address in Contact and Via: for machines behind a 1:1 NAT.
    pub advertised: Option<SocketAddr>,
    /// User-Agent and Server header.
    pub user_agent: String,
    /// Who may call, in order; the first whose networks hold the source is the caller's trunk.
    pub trunks: Vec<Trunk>,
    /// Shortest session interval that we take (Min-SE), at least [`SHORTEST_SESSION`] (RFC 4028 §5).
    pub session_minimum: Duration,
    /// Bounds on what peers can make us hold.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user: "fax".to_owned(),
            advertised: None,
            user_agent: "faxgate".to_owned(),
            trunks: Vec::new(),
            session_minimum: SHORTEST_SESSION,
            limits: Limits::default(),
        }
    }
}

impl Settings {
    /// The trunk that an address belongs to. The receiver drops what belongs to none, before it is parsed.
    #[must_use]
    pub fn trunk_of(&self, source: IpAddr) -> Option<usize> {
        self.trunks.iter().position(|trunk| trunk.networks.iter().any(|net| net.contains(source)))
    }
}

/// The shortest session interval that RFC 4028 §4 allows.
pub const SHORTEST_SESSION: Duration = Duration::from_secs(90);

/// Bounds on what peers can make the agent hold. What is over them is answered 503 without being remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once, ringing ones and those still saying goodbye included.
    pub calls: usize,
    /// Server transactions at once, those kept 32 s for late repetitions included.
    pub transactions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 400, transactions: 4_000 }
    }
}

/// A peer that may call us.
#[derive(Clone, Debug, Default)]
pub struct Trunk {
    /// Its name in logs and call records.
    pub name: String,
    /// Where its messages come from.
    pub networks: Vec<Net>,
    /// If set, its callers must know this.
    pub digest: Option<Credentials>,
    /// If set, we register there.
    pub register: Option<Register>,
    /// What we answer when it challenges us.
    pub login: Option<Credentials>,
}

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// Any address in it.
    pub address: IpAddr,
    /// Leading bits that must agree: 0 to 32, or 128.
    pub bits: u8,
}

impl Net {
    /// True if `other` lies in it. IPv4 in IPv6 form (`::ffff:192.0.2.1`) counts as IPv4.
    #[must_use]
    pub fn contains(&self, other: IpAddr) -> bool {
        let number = |address: IpAddr| match address.to_canonical() {
            IpAddr::V4(four) => (u128::from(four.to_bits()), 32_u32),
            IpAddr::V6(six) => (six.to_bits(), 128),
        };
        let ((ours, width), (theirs, other_width)) = (number(self.address), number(other));
        let free = width.saturating_sub(u32::from(self.bits));
        width == other_width && (ours ^ theirs).checked_shr(free).unwrap_or(0) == 0
    }
}

/// A user name and password for digest (RFC 8760).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Realm: what we say in a challenge; where we answer one, the only realm that we answer, or any if empty.
    pub realm: String,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Credentials")
            .field("user", &self.user)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// How to register with a trunk (RFC 3261 §10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The registrar's domain, which goes into the Request-URI: `trunk.example.com`.
    pub domain: String,
    /// The address of record's user: `18005551234`.
    pub user: String,
    /// Where to send it: name or address; most often the same as `domain`.
    pub host: String,
    /// Port there.
    pub port: u16,
    /// How to send it.
    pub transport: Transport,
    /// For how long we ask, in seconds.
    pub expires: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_their_bits_say() {
        let net = |text: &str, bits| Net { address: text.parse().unwrap(), bits };
        let holds = |net: Net, address: &str| net.contains(address.parse().unwrap());
        assert!(holds(net("192.0.2.77", 24), "192.0.2.255") && !holds(net("192.0.2.77", 24), "192.0.3.0"));
        assert!(holds(net("192.0.2.77", 32), "192.0.2.77") && !holds(net("192.0.2.77", 32), "192.0.2.76"));
        assert!(holds(net("0.0.0.0", 0), "203.0.113.9") && !holds(net("0.0.0.0", 0), "2001:db8::1"));
        assert!(holds(net("192.0.2.0", 24), "::ffff:192.0.2.9"), "IPv4 through an IPv6 socket");
        assert!(
            holds(net("2001:db8::", 32), "2001:db8:ffff::1") && !holds(net("2001:db8::", 32), "2001:db9::")
        );
        assert!(holds(net("::", 0), "2001:db8::1") && !holds(net("::", 0), "192.0.2.1"));
        assert!(
            holds(net("::1", 200), "::1") && !holds(net("::1", 200), "::2"),
            "too many bits: all of them"
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        let secret = Credentials { user: "u".into(), password: "hush".into(), realm: "r".into() };
        assert!(!format!("{secret:?}").contains("hush"));
    }
}
