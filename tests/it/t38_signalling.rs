//! What the real process says in SIP and where it sends media, seen by a caller who is no faxgate: answers late, declines,
//! moves, and changes its mind when a fax has begun.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use faxgate::t38::call::{AudioTerms, Call, Event, Mode, Role, Settings};
use faxgate::t38::sdp::Law;
use faxgate::t38::session::Sending;

use crate::harness::t38::{LOOPBACK, Receiver};
use crate::t38_call::pages::{STANDARD, decoded, fixture, stretched, tiff};

/// Far longer than anything here takes, unless the machine is busy.
const LONG: Duration = Duration::from_secs(60);

/// A caller by hand.
struct Caller<'a> {
    receiver: &'a Receiver,
    sip: UdpSocket,
    media: UdpSocket,
    to: String,
    cseq: u32,
    call_id: String,
}

impl<'a> Caller<'a> {
    fn new(receiver: &'a Receiver) -> Self {
        let sip = socket();
        let call_id = format!("{}@test", port(&sip));
        Self { receiver, sip, media: socket(), to: "<sip:1@127.0.0.1>".to_owned(), cseq: 0, call_id }
    }

    fn request(&self, method: &str, sdp: &str) {
        let (port, cseq, to, call_id) = (port(&self.sip), self.cseq, &self.to, &self.call_id);
        let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{cseq}\r\n\
             From: <sip:555@127.0.0.1>;tag=a\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:555@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        );
        self.sip.send_to(text.as_bytes(), self.receiver.at("udp")).unwrap();
    }

    /// INVITE or re-INVITE, and the final answer to it.
    fn invite(&mut self, sdp: &str) -> String {
        self.cseq += 1;
        self.request("INVITE", sdp);
        let answer = self.next(|message| {
            message.starts_with("SIP/2.0 ")
                && !message.starts_with("SIP/2.0 1")
                && message.contains(&format!("CSeq: {} INVITE", self.cseq))
        });
        self.to = answer.lines().find_map(|line| line.strip_prefix("To: ")).unwrap().to_owned();
        answer
    }

    fn ack(&self, sdp: &str) {
        self.request("ACK", sdp);
    }

    fn next(&self, wanted: impl Fn(&str) -> bool) -> String {
        let mut buffer = [0; 8000];
        let mut seen = Vec::new();
        loop {
            let length = self
                .sip
                .recv(&mut buffer)
                .unwrap_or_else(|error| panic!("{error} after {seen:#?}\n{}", self.receiver.log()));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if wanted(&message) {
                return message;
            }
            seen.push(message);
        }
    }

    /// Answers a request of the receiver.
    fn answer(&self, request: &str, status: &str, more: &str, sdp: &str) {
        let names = ["Via", "From", "To:", "Call-ID", "CSeq"];
        let copied: Vec<&str> =
            request.lines().filter(|line| names.iter().any(|name| line.starts_with(name))).collect();
        let port = port(&self.sip);
        let text = format!(
            "SIP/2.0 {status}\r\n{}\r\nContact: <sip:555@127.0.0.1:{port}>\r\n{more}Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{sdp}",
            copied.join("\r\n"),
            sdp.len()
        );
        self.sip.send_to(text.as_bytes(), self.receiver.at("udp")).unwrap();
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().unwrap().port()
}

fn audio_at(address: &str, port: u16, formats: &str) -> String {
    format!(
        "v=0\r\no=- 1 {port} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"
    )
}

fn audio(socket: &UdpSocket) -> String {
    audio_at("127.0.0.1", port(socket), "0 8")
}

fn image(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 9{port} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image {port} udptl t38\r\n\
         a=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
    )
}

/// The port of a media line that is open.
fn open(sdp: &str, media: &str) -> Option<u16> {
    let start = format!("m={media} ");
    let port = sdp.lines().find_map(|line| line.strip_prefix(start.as_str()))?.split(' ').next()?;
    port.parse().ok().filter(|port| *port != 0)
}

/// The next packet to a socket, within that time.
fn heard(socket: &UdpSocket, within: Duration) -> Option<Vec<u8>> {
    socket.set_read_timeout(Some(within)).unwrap();
    let mut buffer = [0; 2000];
    socket.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec())
}

/// All that has come already.
fn empty(socket: &UdpSocket) {
    while heard(socket, Duration::from_millis(1)).is_some() {}
}

#[test]
fn no_media_before_the_ack_or_the_peer_s_own_and_none_to_odd_addresses() {
    let receiver = Receiver::start("offer_t38 = \"never\"\n", LOOPBACK);
    let mut caller = Caller::new(&receiver);
    let answer = caller.invite(&audio(&caller.media));
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert_eq!(heard(&caller.media, Duration::from_secs(1)), None);
    caller.ack("");
    assert!(heard(&caller.media, LONG).is_some());

    // An ACK that is long in coming holds up nobody who is there.
    let mut caller = Caller::new(&receiver);
    let answer = caller.invite(&audio(&caller.media));
    let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7];
    packet.resize(172, 0xff);
    caller.media.send_to(&packet, ("127.0.0.1", open(&answer, "audio").unwrap())).unwrap();
    assert!(heard(&caller.media, LONG).is_some());

    for address in ["169.254.169.254", "224.0.0.9", "255.255.255.255"] {
        let answer = Caller::new(&receiver).invite(&audio_at(address, 4000, "0"));
        assert!(answer.starts_with("SIP/2.0 488"), "{address}: {answer}");
    }
}

#[test]
fn the_answer_in_the_ack_of_a_re_invite_without_an_offer_counts() {
    let receiver = Receiver::start("offer_t38 = \"never\"\n", LOOPBACK);
    let mut caller = Caller::new(&receiver);
    caller.invite(&audio(&caller.media));
    caller.ack("");
    assert!(heard(&caller.media, LONG).is_some());
    let offer = caller.invite("");
    assert!(open(&offer, "audio").is_some(), "{offer}");
    let elsewhere = socket();
    caller.ack(&audio(&elsewhere));
    assert!(heard(&elsewhere, LONG).is_some());
    caller.invite("");
    caller.ack(&audio_at("127.0.0.1", 0, "0"));
    let bye = caller.next(|message| message.starts_with("BYE "));
    caller.answer(&bye, "200 OK", "", "");
    receiver.wait("the record", LONG, |receiver| receiver.failed().len() == 1);
    let record = receiver.failed().remove(0);
    assert_eq!(record["error"], "the peer's answer to our offer cannot be agreed to", "{record}");
}

#[test]
fn a_re_invite_is_answered_with_the_law_that_runs_and_moves_media() {
    let receiver = Receiver::start("offer_t38 = \"never\"\n", LOOPBACK);
    let mut caller = Caller::new(&receiver);
    caller.invite(&audio_at("127.0.0.1", port(&caller.media), "8 0"));
    caller.ack("");
    assert!(heard(&caller.media, LONG).is_some());
    let elsewhere = socket();
    let answer = caller.invite(&audio_at("127.0.0.1", port(&elsewhere), "0 8"));
    caller.ack("");
    assert!(answer.contains("RTP/AVP 8\r\n"), "{answer}");
    let packet = heard(&elsewhere, LONG).expect("media moves");
    assert_eq!(packet[1] & 0x7f, 8);
    let refused = caller.invite(&audio_at("127.0.0.1", port(&elsewhere) + 2, "0"));
    assert!(refused.starts_with("SIP/2.0 488"), "{refused}");
    caller.ack("");
}

#[test]
fn t38_declined_by_a_200_leaves_audio_standing() {
    let receiver = Receiver::start("offer_t38 = \"at-once\"\n", LOOPBACK);
    let mut caller = Caller::new(&receiver);
    let sdp = audio(&caller.media);
    caller.invite(&sdp);
    caller.ack("");
    let offer = caller.next(|message| message.starts_with("INVITE "));
    assert!(open(&offer, "image").is_some(), "{offer}");
    caller.answer(&offer, "200 OK", "", &image(0));
    caller.next(|message| message.starts_with("ACK "));
    // The same call once more, as a session is refreshed.
    for _ in 0..2 {
        let answer = caller.invite(&sdp);
        caller.ack("");
        assert!(open(&answer, "audio").is_some() && open(&answer, "image").is_none(), "{answer}");
    }
    empty(&caller.media);
    assert!(heard(&caller.media, LONG).is_some());
}

#[test]
fn t38_is_offered_again_after_a_refusal_for_now_and_not_for_ever() {
    let receiver = Receiver::start("offer_t38 = \"at-once\"\naudio = false\n", LOOPBACK);
    let mut caller = Caller::new(&receiver);
    caller.invite(&audio(&caller.media));
    caller.ack("");
    let mut seen = Vec::new();
    let cseq = |message: &str| message.lines().find(|line| line.starts_with("CSeq")).unwrap().to_owned();
    for offer in 0..4 {
        let began = Instant::now();
        let fresh = |message: &str| message.starts_with("INVITE ") && !seen.contains(&cseq(message));
        let asked = caller.next(fresh);
        assert!(open(&asked, "image").is_some(), "{asked}");
        assert!(offer == 0 || began.elapsed() > Duration::from_millis(800), "offer {offer} at once");
        seen.push(cseq(&asked));
        caller.answer(&asked, "500 Server Internal Error", "Retry-After: 1\r\n", "");
    }
    let bye = caller.next(|message| message.starts_with("BYE ") || message.starts_with("INVITE "));
    assert!(bye.starts_with("BYE "), "{bye}");
    caller.answer(&bye, "200 OK", "", "");
    receiver.wait("the record", LONG, |receiver| receiver.failed().len() == 1);
    let record = receiver.failed().remove(0);
    assert!(record["error"].as_str().unwrap().contains("refused T.38"), "{record}");
}

#[test]
fn t38_wanted_when_a_fax_has_begun_as_audio_is_refused_and_the_fax_comes_whole() {
    let receiver = Receiver::start("offer_t38 = \"never\"\n", LOOPBACK);
    let page = stretched(&fixture("licensing-letter-en", 0), 120, 1, 1);
    let file = receiver.path("sent.tif");
    std::fs::write(&file, tiff(&[(page.clone(), STANDARD)])).unwrap();
    let mut caller = Caller::new(&receiver);
    let answer = caller.invite(&audio(&caller.media));
    caller.ack("");
    let there = ("127.0.0.1", open(&answer, "audio").unwrap());
    let mode = Mode::Audio(AudioTerms { law: Law::Mu, payload: 0, seed: [7; 10] });
    let role = Role::Send(Sending::default());
    let mut call =
        Call::new(mode, role, file.to_str().unwrap(), Settings::default(), Duration::ZERO).unwrap();
    caller.media.set_nonblocking(true).unwrap();
    let (began, mut buffer, mut sent_at, mut refused) = (Instant::now(), [0; 2000], None, None);
    while call.ended().is_none() {
        assert!(began.elapsed() < 3 * LONG, "{}", receiver.log());
        while let Ok(length) = caller.media.recv(&mut buffer) {
            call.datagram(began.elapsed(), &buffer[..length]);
        }
        call.tick(began.elapsed());
        while let Some(datagram) = call.send() {
            caller.media.send_to(&datagram, there).unwrap();
        }
        while let Some(event) = call.event() {
            // The far end reads DCS and training some seconds later than we decide on them.
            if matches!(event, Event::Negotiated) {
                sent_at = Some(began.elapsed() + Duration::from_secs(4));
            }
        }
        if refused.is_none() && sent_at.is_some_and(|at| at <= began.elapsed()) {
            refused = Some(caller.invite(&image(port(&caller.media))));
            caller.ack("");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let refused = refused.expect("the fax had begun");
    assert!(refused.starts_with("SIP/2.0 488"), "{refused}");
    caller.cseq += 1;
    caller.request("BYE", "");
    receiver.wait("the fax in the spool", LONG, |receiver| receiver.faxes().len() == 1);
    let (path, record) = receiver.faxes().remove(0);
    assert_eq!(decoded(&std::fs::read(path).unwrap()), [page]);
    assert_eq!((record["result"].as_str(), record["media"].as_str()), (Some("ok"), Some("g711")), "{record}");
}
