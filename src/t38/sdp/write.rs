//! Writing answers and offers, and what a peer's answer to ours means.

use super::{
    Agreed, Answer, Audio, AudioTerms, Choice, Codec, DEFAULT_DATAGRAM, Direction, ErrorCorrection, Image,
    ImageTerms, Law, Line, Local, MOST_OUR_DATAGRAM, OUR_BIT_RATE, Offer,
};
use crate::t38::udptl::Correction;
use core::fmt::Write as _;
use core::net::IpAddr;

/// The T.38 version that we speak: the lowest, so that it is never above the peer's (ITU-T T.38 Annex D).
const OUR_VERSION: u8 = 0;

/// Answers an offer: one m= line for each of its own, in its order (RFC 3264 §6).
#[must_use]
pub fn answer(offer: &Offer, local: &Local, choice: Choice) -> Answer {
    let image = || image_terms(offer, local).map(Agreed::Image);
    let audio = || audio_terms(offer, local).map(Agreed::Audio);
    let media = match choice {
        Choice::Image => image().or_else(audio),
        Choice::Audio => audio().or_else(image),
    };
    let media = media.unwrap_or(Agreed::Nothing);
    let mut sdp = head(local);
    for (at, line) in offer.lines.iter().enumerate() {
        match &media {
            Agreed::Image(terms) if offer.image.as_ref().is_some_and(|image| image.at == at) => {
                image_lines(&mut sdp, local, &line.transport, spoken(terms.correction), terms.direction);
            }
            Agreed::Audio(terms) if offer.audio.as_ref().is_some_and(|audio| audio.at == at) => {
                let codec = Codec { payload: terms.payload, law: terms.law };
                audio_lines(&mut sdp, local, &[codec], terms.direction);
            }
            _ => refused_line(&mut sdp, line),
        }
    }
    Answer { sdp, media }
}

/// What a peer's answer to our offer agrees to.
#[must_use]
pub fn accept(local: &Local, answer: &Offer) -> Agreed {
    let image = image_terms(answer, local).map(Agreed::Image);
    image.or_else(|| audio_terms(answer, local).map(Agreed::Audio)).unwrap_or(Agreed::Nothing)
}

/// An offer of T.38 alone.
#[must_use]
pub fn offer_image(local: &Local) -> String {
    let mut sdp = head(local);
    image_lines(&mut sdp, local, "udptl", local.error_correction, Direction::SendRecv);
    sdp
}

/// An offer of G.711 alone, without telephone events: a fax has none.
#[must_use]
pub fn offer_audio(local: &Local) -> String {
    let mut sdp = head(local);
    audio_lines(&mut sdp, local, &our_codecs(local), Direction::SendRecv);
    sdp
}

/// An offer of G.711 and T.38, for the peer to choose.
#[must_use]
pub fn offer_both(local: &Local) -> String {
    let mut sdp = offer_audio(local);
    image_lines(&mut sdp, local, "udptl", local.error_correction, Direction::SendRecv);
    sdp
}

/// An offer of T.38 within a call whose last SDP of the peer was `before`: as many m= lines in the same order, the
/// audio turned into the image (RFC 3264 §8.3.3) where there was no image line.
#[must_use]
pub fn reoffer_image(local: &Local, before: &Offer) -> String {
    let place = before.image.as_ref().map(|image| image.at);
    let place = place.or_else(|| before.audio.as_ref().map(|audio| audio.at)).unwrap_or(before.lines.len());
    let mut sdp = head(local);
    for at in 0..before.lines.len().max(place + 1) {
        match before.lines.get(at) {
            Some(line) if at != place => refused_line(&mut sdp, line),
            _ => image_lines(&mut sdp, local, "udptl", local.error_correction, Direction::SendRecv),
        }
    }
    sdp
}

fn image_terms(offer: &Offer, local: &Local) -> Option<ImageTerms> {
    let image = offer.image.as_ref().filter(|_| offer.has_image() && local.image_port.is_some())?;
    Some(ImageTerms {
        peer: image.address,
        correction: correction(image.error_correction),
        max_datagram: datagram(image),
        bit_rate: image.bit_rate.min(OUR_BIT_RATE),
        version: OUR_VERSION,
        direction: image.direction.turned(),
    })
}

fn audio_terms(offer: &Offer, local: &Local) -> Option<AudioTerms> {
    let audio: &Audio = offer.audio.as_ref().filter(|_| offer.has_audio() && local.audio_port.is_some())?;
    let codec = audio.payloads.iter().find(|codec| local.laws.contains(&codec.law))?;
    Some(AudioTerms {
        peer: audio.address,
        law: codec.law,
        payload: codec.payload,
        ptime: audio.ptime,
        direction: audio.direction.turned(),
    })
}

/// What the peer takes. A Cisco gateway says 72 and means it; nobody needs more than fits one frame of Ethernet.
fn datagram(image: &Image) -> usize {
    let said = image.max_datagram.filter(|bytes| *bytes > 0).and_then(|bytes| usize::try_from(bytes).ok());
    said.unwrap_or(DEFAULT_DATAGRAM).min(MOST_OUR_DATAGRAM)
}

fn correction(asked: ErrorCorrection) -> Correction {
    match asked {
        ErrorCorrection::None => Correction::None,
        ErrorCorrection::Redundancy => Correction::Redundancy,
        ErrorCorrection::Fec => Correction::FEC,
    }
}

fn spoken(correction: Correction) -> ErrorCorrection {
    match correction {
        Correction::None => ErrorCorrection::None,
        Correction::Redundancy => ErrorCorrection::Redundancy,
        Correction::Fec { .. } => ErrorCorrection::Fec,
    }
}

fn our_codecs(local: &Local) -> Vec<Codec> {
    let payload = |law: &Law| match law {
        Law::Mu => 0,
        Law::A => 8,
    };
    local.laws.iter().map(|law| Codec { payload: payload(law), law: *law }).collect()
}

fn head(local: &Local) -> String {
    let family = match local.address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    };
    let Local { session, version, address, .. } = local;
    format!(
        "v=0\r\no=faxgate {session} {version} IN {family} {address}\r\ns=fax\r\nc=IN {family} {address}\r\nt=0 0\r\n"
    )
}

fn refused_line(sdp: &mut String, line: &Line) {
    put(sdp, format_args!("m={} 0 {} {}", line.media, line.transport, line.format));
}

fn image_lines(
    sdp: &mut String,
    local: &Local,
    transport: &str,
    correction: ErrorCorrection,
    direction: Direction,
) {
    let word = match correction {
        ErrorCorrection::None => "t38UDPNoEC",
        ErrorCorrection::Redundancy => "t38UDPRedundancy",
        ErrorCorrection::Fec => "t38UDPFEC",
    };
    let datagram = local.max_datagram.clamp(DEFAULT_DATAGRAM, MOST_OUR_DATAGRAM);
    put(sdp, format_args!("m=image {} {transport} t38", local.image_port.unwrap_or(0)));
    put(sdp, format_args!("a=T38FaxVersion:{OUR_VERSION}"));
    put(sdp, format_args!("a=T38MaxBitRate:{OUR_BIT_RATE}"));
    put(sdp, format_args!("a=T38FaxRateManagement:transferredTCF"));
    put(sdp, format_args!("a=T38FaxMaxBuffer:{}", local.max_buffer));
    put(sdp, format_args!("a=T38FaxMaxDatagram:{datagram}"));
    put(sdp, format_args!("a=T38FaxUdpEC:{word}"));
    if direction != Direction::SendRecv {
        put(sdp, format_args!("a={}", direction.word()));
    }
}

fn audio_lines(sdp: &mut String, local: &Local, codecs: &[Codec], direction: Direction) {
    let formats: Vec<String> = codecs.iter().map(|codec| codec.payload.to_string()).collect();
    put(sdp, format_args!("m=audio {} RTP/AVP {}", local.audio_port.unwrap_or(0), formats.join(" ")));
    for Codec { payload, law } in codecs {
        let name = match law {
            Law::Mu => "PCMU",
            Law::A => "PCMA",
        };
        put(sdp, format_args!("a=rtpmap:{payload} {name}/8000"));
    }
    put(sdp, format_args!("a=ptime:20"));
    put(sdp, format_args!("a=silenceSupp:off - - - -"));
    put(sdp, format_args!("a={}", direction.word()));
}

fn put(sdp: &mut String, line: core::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = sdp.write_fmt(line);
    sdp.push_str("\r\n");
}
