//! Offers and answers for fax (RFC 4566, RFC 3264, ITU-T T.38 Annex D).
//!
//! ```text
//! body ──► parse ──► Offer ──► answer(choice) ──► SDP for the 200, Agreed (where media go)
//! offer_image, offer_audio, offer_both, reoffer_image ──► SDP of ours ──► their body ──► parse ──► accept ──► Agreed
//! ```
//!
//! - Every m= line is answered in its place; what is not taken gets port 0 (RFC 3264 §6).
//! - Of a peer's text only media, transport and format of an m= line come back, and those only as short words of letters,
//!   digits and a few signs ([`Line`]).
//! - We answer version 0, 14,400 bit/s, transferredTCF; no MMR or JBIG transcoding and no fill bit removal.
//!
//! Real peers spell attributes in any case, give them twice, write `:0` where absence would do, send no `s=` or `o=`,
//! put `c=` at either level and pad lines. Own reading, line by line: sdp-types refuses a whole body for one odd line
//! that has nothing to do with media.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::parse;
pub use write::{accept, answer, offer_audio, offer_both, offer_image, reoffer_image};

use super::udptl::Correction;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Bytes of the longest body read.
pub const MOST_SDP: usize = 16_384;
/// m= lines of one body.
pub const MOST_MEDIA: usize = 16;
/// Formats read of one m= line.
pub const MOST_FORMATS: usize = 64;
/// Bytes of a word of an m= line that is given back.
pub const MOST_WORD: usize = 24;
/// Bytes of a datagram where the peer does not say what it takes.
pub const DEFAULT_DATAGRAM: usize = 400;
/// The longest datagram that we send or announce.
pub const MOST_OUR_DATAGRAM: usize = 1_400;
/// The rate that we announce, bit/s (V.17).
pub const OUR_BIT_RATE: u32 = 14_400;
/// Milliseconds of audio in a packet where the peer does not say.
pub const DEFAULT_PTIME: u32 = 20;

/// Why a body is not taken for SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSdp {
    /// The first line is not `v=0`.
    #[error("does not begin with v=0")]
    Version,
    /// Longer than [`MOST_SDP`].
    #[error("longer than a body may be")]
    Long,
    /// More m= lines than [`MOST_MEDIA`], or one that cannot be answered because its first words are no words.
    #[error("m= lines that cannot be answered")]
    Media,
}

/// A G.711 companding law (ITU-T G.711).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// µ-law, PCMU, static payload 0.
    Mu,
    /// A-law, PCMA, static payload 8.
    A,
}

/// A payload type and what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    /// RTP payload type, 0 to 127.
    pub payload: u8,
    /// Its law.
    pub law: Law,
}

/// The way media flow, as the side that wrote it sees it (RFC 4566 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It sends only.
    SendOnly,
    /// It receives only.
    RecvOnly,
    /// Neither: on hold.
    Inactive,
}

impl Direction {
    /// What an answer to it says.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            other => other,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// Who makes the training check for the modem rate (ITU-T T.38 §8.1, §8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateManagement {
    /// TCF travels end to end.
    #[default]
    TransferredTcf,
    /// Each gateway makes its own TCF.
    LocalTcf,
}

/// How a peer makes good what UDP loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorCorrection {
    /// `t38UDPNoEC`.
    None,
    /// `t38UDPRedundancy`; also where it says nothing, or offers FEC as well.
    #[default]
    Redundancy,
    /// `t38UDPFEC`.
    Fec,
}

/// One m= line: words fit to be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `audio`, `image`, `video`, …
    pub media: String,
    /// `udptl`, `RTP/AVP`, …, as the peer spells it.
    pub transport: String,
    /// The first format.
    pub format: String,
    /// The port; 0 where the stream is refused or cannot be used.
    pub port: u16,
}

/// An audio stream with G.711.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// Its place among the m= lines.
    pub at: usize,
    /// Where RTP goes; port 0: refused; an unspecified address: on hold (RFC 2543), or a name that we do not look up.
    pub address: SocketAddr,
    /// G.711 payloads in the peer's order; may be empty.
    pub payloads: Vec<Codec>,
    /// Milliseconds a packet.
    pub ptime: u32,
    /// Its direction as the peer sees it.
    pub direction: Direction,
}

/// A T.38 stream over UDPTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its place among the m= lines.
    pub at: usize,
    /// Where UDPTL goes; port 0: refused; an unspecified address: on hold, or a name that we do not look up.
    pub address: SocketAddr,
    /// T38FaxVersion; 0 where it is not said.
    pub version: u8,
    /// T38MaxBitRate, bit/s.
    pub bit_rate: u32,
    /// T38FaxRateManagement.
    pub rate_management: RateManagement,
    /// T38FaxMaxBuffer, bytes.
    pub max_buffer: Option<u32>,
    /// T38FaxMaxDatagram, bytes.
    pub max_datagram: Option<u32>,
    /// T38FaxUdpEC.
    pub error_correction: ErrorCorrection,
    /// T38FaxFillBitRemoval.
    pub fill_bit_removal: bool,
    /// T38FaxTranscodingMMR.
    pub transcoding_mmr: bool,
    /// T38FaxTranscodingJBIG.
    pub transcoding_jbig: bool,
    /// Its direction as the peer sees it.
    pub direction: Direction,
}

/// What a body offers, or answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The version of its o= line.
    pub version: Option<u64>,
    /// The audio stream: the first that is open, else the first.
    pub audio: Option<Audio>,
    /// The T.38 stream: the first that is open, else the first.
    pub image: Option<Image>,
    /// Every m= line in order.
    pub lines: Vec<Line>,
}

impl Offer {
    /// Whether the media are the same as in `other`: a session refresh (RFC 4028 §7.4) that leaves the fax running.
    /// The o= version is not asked: some peers raise it at each refresh, some never. Nor are the T.38 parameters, which
    /// a peer may repeat as we answered them.
    #[must_use]
    pub fn same_media(&self, other: &Self) -> bool {
        let audio = |offer: &Self| {
            let audio = offer.audio.as_ref().filter(|audio| audio.address.port() != 0)?;
            Some((audio.at, audio.address, audio.direction, audio.payloads.first().copied()))
        };
        let image = |offer: &Self| {
            let image = offer.image.as_ref().filter(|image| image.address.port() != 0)?;
            Some((image.at, image.address, image.direction))
        };
        audio(self) == audio(other) && image(self) == image(other)
    }

    /// Whether an open T.38 stream is in it.
    #[must_use]
    pub fn has_image(&self) -> bool {
        self.image.as_ref().is_some_and(|image| image.address.port() != 0)
    }

    /// Whether an open audio stream with a law that we know is in it.
    #[must_use]
    pub fn has_audio(&self) -> bool {
        self.audio.as_ref().is_some_and(|audio| audio.address.port() != 0 && !audio.payloads.is_empty())
    }
}

/// Our side of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The id of the o= line; the same for the whole call.
    pub session: u64,
    /// The version of the o= line; one more with each SDP that differs from the one before.
    pub version: u64,
    /// Where we take media.
    pub address: IpAddr,
    /// Our RTP port; `None` if we take no audio.
    pub audio_port: Option<u16>,
    /// Our UDPTL port; `None` if we take no T.38.
    pub image_port: Option<u16>,
    /// The laws that we take, the preferred first.
    pub laws: Vec<Law>,
    /// T38FaxMaxDatagram that we announce; kept within 400 to 1,400.
    pub max_datagram: usize,
    /// T38FaxMaxBuffer that we announce.
    pub max_buffer: u32,
    /// T38FaxUdpEC that we offer; an answer follows the peer.
    pub error_correction: ErrorCorrection,
}

impl Local {
    /// A side without ports, with both laws and redundancy.
    #[must_use]
    pub fn new(session: u64, address: IpAddr) -> Self {
        Self {
            session,
            version: 1,
            address,
            audio_port: None,
            image_port: None,
            laws: vec![Law::Mu, Law::A],
            max_datagram: MOST_OUR_DATAGRAM,
            max_buffer: 1_800,
            error_correction: ErrorCorrection::Redundancy,
        }
    }

    /// The same side one version on, its media T.38 on that port.
    #[must_use]
    pub fn changed_to_image(&self, port: u16) -> Self {
        Self { version: self.version + 1, audio_port: None, image_port: Some(port), ..self.clone() }
    }
}

impl Default for Local {
    fn default() -> Self {
        Self::new(0, IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// Which stream to take where an offer has both. What cannot be taken falls to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// T.38 at once; the audio is refused.
    #[default]
    Image,
    /// Audio; the image is refused, and T.38 may follow by a re-INVITE.
    Audio,
}

/// Our answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The body.
    pub sdp: String,
    /// What it agrees to; with [`Agreed::Nothing`] the call is to be refused (488).
    pub media: Agreed,
}

/// What both sides agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreed {
    /// T.38 over UDPTL.
    Image(ImageTerms),
    /// G.711 over RTP.
    Audio(AudioTerms),
    /// No stream.
    Nothing,
}

/// How T.38 is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTerms {
    /// Where UDPTL goes; an unspecified address: nowhere until the peer is heard.
    pub peer: SocketAddr,
    /// How we make good what is lost on the way to the peer.
    pub correction: Correction,
    /// The longest datagram that the peer takes, bytes.
    pub max_datagram: usize,
    /// The highest rate that both take, bit/s.
    pub bit_rate: u32,
    /// The version spoken; 0.
    pub version: u8,
    /// Which way media flow, as we see it.
    pub direction: Direction,
}

/// How G.711 is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTerms {
    /// Where RTP goes; an unspecified address: nowhere until the peer is heard.
    pub peer: SocketAddr,
    /// The law.
    pub law: Law,
    /// The payload type both ways.
    pub payload: u8,
    /// Milliseconds of audio that the peer would like in a packet.
    pub ptime: u32,
    /// Which way media flow, as we see it.
    pub direction: Direction,
}
