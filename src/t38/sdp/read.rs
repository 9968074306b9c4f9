//! Reading a body line by line. A line that does not read is skipped; only what cannot be answered refuses the whole.

use super::{
    Audio, Codec, DEFAULT_PTIME, Direction, ErrorCorrection, Image, Law, Line, MOST_FORMATS, MOST_MEDIA,
    MOST_SDP, MOST_WORD, NotSdp, OUR_BIT_RATE, Offer, RateManagement,
};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::borrow::Cow;

/// Milliseconds that a packet of audio may hold.
const MOST_PTIME: u32 = 200;

/// What stands before the first m= line and counts for all of them.
#[derive(Default)]
struct Session {
    version: Option<u64>,
    address: Option<IpAddr>,
    direction: Direction,
}

/// One m= line with what stands below it.
struct Section {
    line: Line,
    formats: Vec<String>,
    address: Option<IpAddr>,
    attributes: Vec<(String, String)>,
}

/// Reads a body as real peers write it.
///
/// # Errors
/// [`NotSdp`] where it is no SDP, or cannot be answered line by line.
pub fn parse(bytes: &[u8]) -> Result<Offer, NotSdp> {
    if bytes.len() > MOST_SDP {
        return Err(NotSdp::Long);
    }
    let mut lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter_map(field);
    let Some((b'v', version)) = lines.next() else { return Err(NotSdp::Version) };
    if version != "0" {
        return Err(NotSdp::Version);
    }
    let mut session = Session::default();
    let mut sections: Vec<Section> = Vec::new();
    for (key, value) in lines {
        let full = sections.len() >= MOST_MEDIA;
        match (key, sections.last_mut()) {
            (b'm', _) if full => return Err(NotSdp::Media),
            (b'm', _) => sections.push(section(&value).ok_or(NotSdp::Media)?),
            (b'o', None) => session.version = value.split_ascii_whitespace().nth(2).and_then(number),
            (b'c', None) => session.address = session.address.or_else(|| connection(&value)),
            (b'c', Some(section)) => section.address = section.address.or_else(|| connection(&value)),
            (b'a', None) => session.direction = direction(&value).unwrap_or(session.direction),
            (b'a', Some(section)) => section.attributes.push(attribute(&value)),
            _ => {}
        }
    }
    Ok(offer(&session, sections))
}

fn offer(session: &Session, sections: Vec<Section>) -> Offer {
    let mut offer = Offer { version: session.version, ..Offer::default() };
    for (at, mut section) in sections.into_iter().enumerate() {
        let address = section.address.or(session.address).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        if !may_be_sent_to(address) {
            section.line.port = 0;
        }
        let address = SocketAddr::new(address, section.line.port);
        let open = section.line.port != 0;
        if section.is_t38() && offer.image.as_ref().is_none_or(|image| open && image.address.port() == 0) {
            offer.image = Some(section.image(at, address, session.direction));
        } else if section.is_rtp()
            && offer.audio.as_ref().is_none_or(|audio| open && audio.address.port() == 0)
        {
            offer.audio = Some(section.audio(at, address, session.direction));
        }
        offer.lines.push(section.line);
    }
    offer
}

/// A line `k=value`, its blanks trimmed; `None` for what is none.
fn field(line: &[u8]) -> Option<(u8, Cow<'_, str>)> {
    let line = line.trim_ascii();
    let [key, b'=', value @ ..] = line else { return None };
    Some((key.to_ascii_lowercase(), String::from_utf8_lossy(value.trim_ascii())))
}

fn attribute(value: &str) -> (String, String) {
    let (name, value) = value.split_once(':').unwrap_or((value, ""));
    (name.trim().to_ascii_lowercase(), value.trim().to_owned())
}

fn direction(value: &str) -> Option<Direction> {
    let known = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    known.into_iter().find(|direction| value.trim().eq_ignore_ascii_case(direction.word()))
}

/// `IN IP4 192.0.2.1/127`; a name gives `None`.
fn connection(value: &str) -> Option<IpAddr> {
    let address = value.split_ascii_whitespace().nth(2)?;
    address.split('/').next()?.parse().ok()
}

/// Media to a group or to all would be sent to those who never asked.
fn may_be_sent_to(address: IpAddr) -> bool {
    !address.is_multicast() && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

fn number<T: core::str::FromStr>(value: &str) -> Option<T> {
    let digits = value.trim().split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// A word that may be given back to whoever sent it.
fn word(value: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._+*".contains(&byte);
    (!value.is_empty() && value.len() <= MOST_WORD && value.bytes().all(plain)).then(|| value.to_owned())
}

fn section(value: &str) -> Option<Section> {
    let mut words = value.split_ascii_whitespace();
    let media = word(words.next()?)?;
    let port = words.next()?.split('/').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let transport = word(words.next()?)?;
    let formats: Vec<String> = words.take(MOST_FORMATS).map(str::to_owned).collect();
    let format = formats.iter().find_map(|format| word(format)).unwrap_or_else(|| "0".to_owned());
    let line = Line { media, transport, format, port };
    Some(Section { line, formats, address: None, attributes: Vec::new() })
}

impl Section {
    fn is_t38(&self) -> bool {
        self.line.media.eq_ignore_ascii_case("image")
            && self.line.transport.eq_ignore_ascii_case("udptl")
            && self.formats.iter().any(|format| format.eq_ignore_ascii_case("t38"))
    }

    fn is_rtp(&self) -> bool {
        self.line.media.eq_ignore_ascii_case("audio") && self.line.transport.eq_ignore_ascii_case("RTP/AVP")
    }

    /// The last value of an attribute that is there: of two, peers mean the later.
    fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number<T: core::str::FromStr>(&self, name: &str) -> Option<T> {
        self.attributes.iter().rev().filter(|(known, _)| known == name).find_map(|(_, value)| number(value))
    }

    /// `a=Name` and `a=Name:1` are yes; `a=Name:0` is how others write no.
    fn flag(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    fn direction(&self, of_session: Direction) -> Direction {
        self.attributes.iter().rev().find_map(|(name, _)| direction(name)).unwrap_or(of_session)
    }

    fn error_correction(&self) -> ErrorCorrection {
        let says = |word: &str| {
            self.attributes
                .iter()
                .any(|(name, value)| name == "t38faxudpec" && value.eq_ignore_ascii_case(word))
        };
        if says("t38UDPRedundancy") {
            ErrorCorrection::Redundancy
        } else if says("t38UDPFEC") {
            ErrorCorrection::Fec
        } else if says("t38UDPNoEC") {
            ErrorCorrection::None
        } else {
            ErrorCorrection::default()
        }
    }

    fn image(&self, at: usize, address: SocketAddr, of_session: Direction) -> Image {
        let local =
            self.value("t38faxratemanagement").is_some_and(|value| value.eq_ignore_ascii_case("localTCF"));
        Image {
            at,
            address,
            version: self.number("t38faxversion").unwrap_or(0),
            bit_rate: self.number("t38maxbitrate").filter(|rate| *rate > 0).unwrap_or(OUR_BIT_RATE),
            rate_management: if local { RateManagement::LocalTcf } else { RateManagement::TransferredTcf },
            max_buffer: self.number("t38faxmaxbuffer"),
            max_datagram: self.number("t38faxmaxdatagram"),
            error_correction: self.error_correction(),
            fill_bit_removal: self.flag("t38faxfillbitremoval"),
            transcoding_mmr: self.flag("t38faxtranscodingmmr"),
            transcoding_jbig: self.flag("t38faxtranscodingjbig"),
            direction: self.direction(of_session),
        }
    }

    fn audio(&self, at: usize, address: SocketAddr, of_session: Direction) -> Audio {
        Audio {
            at,
            address,
            payloads: self.formats.iter().filter_map(|format| self.codec(format.parse().ok()?)).collect(),
            ptime: self
                .number("ptime")
                .filter(|ptime| (1..=MOST_PTIME).contains(ptime))
                .unwrap_or(DEFAULT_PTIME),
            direction: self.direction(of_session),
        }
    }

    fn codec(&self, payload: u8) -> Option<Codec> {
        let mapped = self.attributes.iter().filter(|(name, _)| name == "rtpmap").find_map(|(_, value)| {
            let (of, encoding) = value.split_once(' ')?;
            (of.parse() == Ok(payload)).then_some(encoding.trim())
        });
        let named = |name: &str| {
            mapped.is_some_and(|encoding| {
                let mut parts = encoding.split('/');
                parts.next().is_some_and(|part| part.eq_ignore_ascii_case(name))
                    && parts.next() == Some("8000")
            })
        };
        let law = match payload {
            128.. => return None,
            _ if named("PCMU") => Law::Mu,
            _ if named("PCMA") => Law::A,
            0 if mapped.is_none() => Law::Mu,
            8 if mapped.is_none() => Law::A,
            _ => return None,
        };
        Some(Codec { payload, law })
    }
}
