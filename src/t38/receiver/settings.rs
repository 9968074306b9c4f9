//! What an admin sets: `[t38]` of `faxgate.toml`.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::ops::LogFormat;
use crate::t38::call;
use crate::t38::session::Station;
use crate::t38::sip::{Net, Register, Transport};

/// Everything that `faxgate t38` is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where SIP is listened to.
    pub listen: Vec<Listen>,
    /// PEM files of certificate chain and key, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// What peers are told instead of our own address: the outside of a 1:1 NAT.
    pub address: Option<IpAddr>,
    /// UDP ports for media.
    pub ports: RangeInclusive<u16>,
    /// Where finished calls are left. The gateway has a `[[spool]]` of kind `t38` with the same folder.
    pub spool: PathBuf,
    /// Calls at once; one more is told 486.
    pub most_calls: usize,
    /// Room on the spool's disk, bytes, below which calls are told 503.
    pub least_space: u64,
    /// How the station answers T.30.
    pub station: Station,
    /// Faxes are also taken as G.711 where the peer does not change to T.38.
    pub audio: bool,
    /// When we offer T.38 in a call that came as audio.
    pub offer_t38: OfferT38,
    /// Who may call.
    pub trunks: Vec<Trunk>,
    /// When a call is given up.
    pub watch: call::Settings,
    /// How long calls in progress may go on once the process is told to end.
    pub finish_within: Duration,
    /// Threads for media.
    pub threads: usize,
    /// `/healthz` and `/metrics`.
    pub metrics: Option<SocketAddr>,
    /// Shape of the log: `ops.log`.
    pub log: LogFormat,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            tls: None,
            address: None,
            ports: 40_000..=44_999,
            spool: PathBuf::new(),
            most_calls: 100,
            least_space: 256 << 20,
            station: Station::default(),
            audio: true,
            offer_t38: OfferT38::default(),
            trunks: Vec::new(),
            watch: call::Settings::default(),
            finish_within: Duration::from_secs(60),
            threads: 16,
            metrics: None,
            log: LogFormat::default(),
        }
    }
}

/// One address that SIP is listened to at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

impl Listen {
    /// `udp:0.0.0.0:5060`, `tcp:[::]:5060`, `tls:192.0.2.7:5061`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "expected udp:, tcp: or tls: and an address such as udp:0.0.0.0:5060".to_owned();
        let (transport, address) = text.split_once(':').ok_or_else(wrong)?;
        let transport = match transport {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            _ => return Err(wrong()),
        };
        Ok(Self { transport, address: address.parse().map_err(|_| wrong())? })
    }
}

/// When we offer T.38 in a call that came as audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OfferT38 {
    /// As soon as the call stands: for trunks that never offer it themselves.
    AtOnce,
    /// When a fax machine is heard, or after two seconds: most peers offer it themselves before.
    #[default]
    WhenHeard,
    /// Never: the peer does it, or the fax comes as audio.
    Never,
}

impl OfferT38 {
    /// The words of the configuration.
    pub const NAMES: [(&'static str, Self); 3] =
        [("at-once", Self::AtOnce), ("when-heard", Self::WhenHeard), ("never", Self::Never)];
}

/// A peer that may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in records and metrics.
    pub name: String,
    /// Where its signalling and media come from.
    pub networks: Vec<Net>,
    /// Its callers must know this.
    pub callers: Option<Login>,
    /// We register there.
    pub register: Option<Register>,
    /// What we answer when it challenges us.
    pub login: Option<Login>,
    /// Where the dialled number stands, best first.
    pub did: Vec<DidSource>,
    /// Where the caller's number stands, best first.
    pub caller: Vec<CallerSource>,
    /// Calls at once of this trunk.
    pub most_calls: Option<usize>,
}

/// A user and the file of the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Realm; empty: any, or this machine's.
    pub realm: String,
    /// One line, read at the start.
    pub password_file: PathBuf,
}

/// A header that may hold the dialled number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DidSource {
    /// The Request-URI.
    RequestUri,
    /// To.
    To,
    /// Diversion: the number that was forwarded to us, the first of them.
    Diversion,
    /// P-Called-Party-ID.
    PCalledPartyId,
    /// History-Info, the first of it: what was dialled at first.
    HistoryInfo,
}

impl DidSource {
    /// The words of the configuration.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("request-uri", Self::RequestUri),
        ("to", Self::To),
        ("diversion", Self::Diversion),
        ("p-called-party-id", Self::PCalledPartyId),
        ("history-info", Self::HistoryInfo),
    ];
    /// Without a word of the admin.
    pub const USUAL: [Self; 2] = [Self::RequestUri, Self::To];
}

/// A header that may hold the caller's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerSource {
    /// P-Asserted-Identity: what the network vouches for.
    PAssertedIdentity,
    /// Remote-Party-ID: what older switches say in its place.
    RemotePartyId,
    /// From: what the caller says.
    From,
}

impl CallerSource {
    /// The words of the configuration.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("p-asserted-identity", Self::PAssertedIdentity),
        ("remote-party-id", Self::RemotePartyId),
        ("from", Self::From),
    ];
    /// Without a word of the admin.
    pub const USUAL: [Self; 2] = [Self::PAssertedIdentity, Self::From];
}

/// A network: `203.0.113.0/24`, `2001:db8::/48`, or one address.
pub fn network(text: &str) -> Result<Net, String> {
    let wrong = || "expected an address or a network such as 203.0.113.0/24".to_owned();
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.trim().parse().ok().filter(|bits| *bits <= most).ok_or_else(wrong)?,
        None => most,
    };
    Ok(Net { address, bits })
}

/// A trunk's network that holds everybody.
pub fn is_the_world(net: &Net) -> bool {
    net.bits == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_and_networks_are_read_or_refused() {
        let listen = Listen::parse("tls:[::1]:5061").unwrap();
        assert_eq!((listen.transport, listen.address.port()), (Transport::Tls, 5061));
        for bad in ["", "udp", "udp:5060", "sctp:1.2.3.4:5060", "udp:host:5060", "1.2.3.4:5060"] {
            assert!(Listen::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(network("203.0.113.0/24").unwrap().bits, 24);
        assert_eq!(network("2001:db8::1").unwrap().bits, 128);
        for bad in ["", "203.0.113.0/33", "203.0.113/24", "::/129", "10.0.0.0/-1", "carrier.example"] {
            assert!(network(bad).is_err(), "{bad}");
        }
        assert!(is_the_world(&network("0.0.0.0/0").unwrap()) && is_the_world(&network("::/0").unwrap()));
        assert!(!is_the_world(&network("10.0.0.0/8").unwrap()));
    }
}
