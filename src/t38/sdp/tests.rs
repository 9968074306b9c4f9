use super::*;
use proptest::prelude::*;

mod peers;

fn local() -> Local {
    let mut local = Local::new(4711, "192.0.2.10".parse().unwrap());
    local.audio_port = Some(30_000);
    local.image_port = Some(30_002);
    local
}

fn offer_of(peer: &str) -> Offer {
    parse(peers::body(peer).as_bytes()).unwrap()
}

fn image_of(agreed: &Agreed) -> &ImageTerms {
    match agreed {
        Agreed::Image(terms) => terms,
        other => panic!("no image: {other:?}"),
    }
}

/// The answer to each real offer, as goldens: image first, then audio first.
#[test]
fn answers_to_real_offers() {
    for (name, body) in peers::ALL {
        let offer = parse(body.as_bytes()).unwrap();
        let image = answer(&offer, &local(), Choice::Image);
        let audio = answer(&offer, &local(), Choice::Audio);
        let mut shown = format!("{}{:?}\n", image.sdp.replace("\r\n", "\n"), image.media);
        if audio == image {
            shown += "--- audio first: the same\n";
        } else {
            shown += &format!("--- audio first\n{}{:?}\n", audio.sdp.replace("\r\n", "\n"), audio.media);
        }
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(format!("answer_{name}"), shown);
        });
    }
}

#[test]
fn our_offers() {
    let six = Local { address: "2001:db8::7".parse().unwrap(), ..local() };
    let shown =
        [offer_image(&local()), offer_audio(&local()), offer_both(&six)].join("---\n").replace("\r\n", "\n");
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("our_offers", shown);
    });
}

/// An independent reader takes what we write, and sees as many m= lines as were offered, in their order.
#[test]
fn every_answer_is_read_by_another_parser_and_has_a_line_for_each_offered() {
    for (name, body) in peers::ALL {
        let offer = parse(body.as_bytes()).unwrap();
        let offered = body.lines().filter(|line| line.starts_with("m=")).count();
        for choice in [Choice::Image, Choice::Audio] {
            let answer = answer(&offer, &local(), choice);
            let read = sdp_types::Session::parse(answer.sdp.as_bytes()).unwrap();
            assert_eq!(read.medias.len(), offered, "{name}");
            assert!(read.medias.iter().zip(&offer.lines).all(|(ours, theirs)| ours.media == theirs.media));
            let open = read.medias.iter().filter(|media| media.port != 0).count();
            assert_eq!(open, usize::from(answer.media != Agreed::Nothing), "{name}");
            for (ours, theirs) in read.medias.iter().zip(&offer.lines) {
                assert!(ours.port == 0 || theirs.port != 0, "{name}: a refused stream was opened");
            }
        }
    }
}

#[test]
fn parameters_are_read_as_real_peers_spell_them() {
    let cisco = offer_of("cisco").image.unwrap();
    assert_eq!(
        (cisco.fill_bit_removal, cisco.transcoding_mmr, cisco.transcoding_jbig),
        (false, false, false)
    );
    assert_eq!((cisco.bit_rate, cisco.max_buffer, cisco.max_datagram), (7_200, Some(200), Some(180)));
    let rtpengine = offer_of("rtpengine").image.unwrap();
    assert_eq!((rtpengine.version, rtpengine.transcoding_mmr, rtpengine.transcoding_jbig), (1, true, true));
    assert_eq!(rtpengine.error_correction, ErrorCorrection::Redundancy);
    assert_eq!(offer_of("fec_only").image.unwrap().error_correction, ErrorCorrection::Fec);
    assert!(offer_of("freeswitch").image.unwrap().fill_bit_removal);
    let odd = offer_of("odd_spelling").image.unwrap();
    assert_eq!(
        (odd.bit_rate, odd.max_datagram, odd.rate_management),
        (9_600, Some(316), RateManagement::LocalTcf)
    );
    assert_eq!(odd.error_correction, ErrorCorrection::None);
    let audio = offer_of("dialogic").audio.unwrap();
    assert_eq!((audio.payloads, audio.ptime), (vec![Codec { payload: 0, law: Law::Mu }], 20));
    let dynamic = parse(b"v=0\nc=IN IP4 192.0.2.1\nm=audio 9 RTP/AVP 96 8 0 97\na=rtpmap:96 pcma/8000\na=rtpmap:97 PCMU/16000\na=rtpmap:0 G729/8000\na=ptime:30\n");
    let dynamic = dynamic.unwrap().audio.unwrap();
    let codecs = [Codec { payload: 96, law: Law::A }, Codec { payload: 8, law: Law::A }];
    assert_eq!((dynamic.payloads.as_slice(), dynamic.ptime), (codecs.as_slice(), 30));
}

#[test]
fn terms_follow_the_peer_within_what_we_can() {
    let terms = |body: &str| {
        image_of(&answer(&parse(body.as_bytes()).unwrap(), &local(), Choice::Image).media).clone()
    };
    let with =
        |attributes: &str| terms(&format!("v=0\nc=IN IP4 192.0.2.1\nm=image 5004 udptl t38\n{attributes}"));
    assert_eq!(with("").max_datagram, DEFAULT_DATAGRAM);
    assert_eq!(with("a=T38FaxMaxDatagram:0\n").max_datagram, DEFAULT_DATAGRAM);
    assert_eq!(with("a=T38FaxMaxDatagram:72\n").max_datagram, 72);
    assert_eq!(with("a=T38FaxMaxDatagram:99999999999999999999\n").max_datagram, DEFAULT_DATAGRAM);
    assert_eq!(with("a=T38FaxMaxDatagram:60000\n").max_datagram, MOST_OUR_DATAGRAM);
    assert_eq!(with("a=T38MaxBitRate:33600\na=T38FaxVersion:3\n").bit_rate, OUR_BIT_RATE);
    assert_eq!(with("a=T38FaxVersion:3\n").version, 0);
    assert_eq!(with("a=T38FaxUdpEC:t38UDPFEC\n").correction, Correction::FEC);
    assert_eq!(with("a=T38FaxUdpEC:t38UDPNoEC\n").correction, Correction::None);
    assert_eq!(with("a=sendonly\n").direction, Direction::RecvOnly);
}

#[test]
fn what_our_side_lacks_falls_to_the_other_stream_or_to_nothing() {
    let offer = offer_of("didww");
    let no_image = Local { image_port: None, ..local() };
    assert!(matches!(answer(&offer, &no_image, Choice::Image).media, Agreed::Audio(_)));
    let no_audio = Local { audio_port: None, ..local() };
    assert!(matches!(answer(&offer, &no_audio, Choice::Audio).media, Agreed::Image(_)));
    let a_only = Local { laws: vec![Law::A], ..local() };
    let Agreed::Audio(terms) = answer(&offer, &a_only, Choice::Audio).media else { panic!("no audio") };
    assert_eq!((terms.law, terms.payload), (Law::A, 8));
    let nothing = answer(&offer, &Local::new(1, "192.0.2.10".parse().unwrap()), Choice::Image);
    assert_eq!(nothing.media, Agreed::Nothing);
    assert!(nothing.sdp.contains("m=audio 0 RTP/AVP 0\r\nm=image 0 udptl t38\r\n"));
}

#[test]
fn media_to_groups_and_to_all_are_refused_and_hold_keeps_the_stream() {
    for address in ["224.0.0.5", "255.255.255.255"] {
        let body = format!("v=0\r\nc=IN IP4 {address}\r\nm=image 5004 udptl t38\r\n");
        assert_eq!(answer(&parse(body.as_bytes()).unwrap(), &local(), Choice::Image).media, Agreed::Nothing);
    }
    let held = answer(&offer_of("on_hold"), &local(), Choice::Audio);
    let Agreed::Audio(terms) = held.media else { panic!("the stream is gone") };
    assert!(terms.peer.ip().is_unspecified() && terms.peer.port() != 0);
    assert_eq!(terms.direction, Direction::Inactive);
    assert!(held.sdp.ends_with("a=inactive\r\n"));
}

#[test]
fn nothing_of_a_hostile_offer_comes_back() {
    let cases = [
        "v=0\r\no=- 1 1 IN IP4 evil\"\r\nc=IN IP4 192.0.2.1\r\nm=video 1 RTP/AVP <script>;alert(1) 31\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0 evil'%0d%0a\r\na=rtpmap:0 PCMU/8000/evil\r\n",
    ];
    for body in cases {
        let answer = answer(&parse(body.as_bytes()).unwrap(), &local(), Choice::Image);
        assert!(!answer.sdp.contains("evil") && !answer.sdp.contains("script"), "{}", answer.sdp);
    }
    for line in
        ["m=vid\u{e9}o 1 RTP/AVP 0", "m=<b> 1 RTP/AVP 0", "m=video 1 RTP;AVP 0", "m=video", "m=", "m=a 1"]
    {
        assert_eq!(parse(format!("v=0\r\n{line}\r\n").as_bytes()), Err(NotSdp::Media), "{line}");
    }
    let long = format!("v=0\r\nm={} 1 RTP/AVP 0\r\n", "a".repeat(MOST_WORD + 1));
    assert_eq!(parse(long.as_bytes()), Err(NotSdp::Media));
    let many = format!("v=0\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(MOST_MEDIA + 1));
    assert_eq!(parse(many.as_bytes()), Err(NotSdp::Media));
    assert_eq!(parse(&vec![b'v'; MOST_SDP + 1]), Err(NotSdp::Long));
    for body in ["", "\r\n", "v=1\r\n", "m=audio 1 RTP/AVP 0\r\n", "<html>"] {
        assert_eq!(parse(body.as_bytes()), Err(NotSdp::Version), "{body}");
    }
}

#[test]
fn a_refresh_is_told_from_a_change() {
    for (name, body) in peers::ALL {
        let offer = parse(body.as_bytes()).unwrap();
        assert!(offer.same_media(&offer.clone()), "{name}");
    }
    let offer = offer_of("freeswitch");
    let body = peers::body("freeswitch");
    // The version of o= goes up, and the peer repeats what we answered rather than what it offered.
    let refreshed = body.replace("1614699267", "1614699268").replace("a=T38FaxFillBitRemoval\n", "");
    assert!(parse(refreshed.as_bytes()).unwrap().same_media(&offer));
    // A stream refused before, left out now.
    let bare = body.replace("m=image", "m=audio 0 RTP/AVP 0\nm=image");
    assert!(!parse(bare.as_bytes()).unwrap().same_media(&offer));
    for changed in [
        body.replace("20334", "20336"),
        body.replace("192.0.2.230", "192.0.2.231"),
        body.to_owned() + "a=sendonly\n",
    ] {
        assert!(!parse(changed.as_bytes()).unwrap().same_media(&offer), "{changed}");
    }
    assert!(!offer_of("didww").same_media(&offer));
}

#[test]
fn both_sides_of_ours_agree() {
    let ours = local();
    let peer = Local {
        address: "192.0.2.20".parse().unwrap(),
        image_port: Some(40_002),
        audio_port: Some(40_000),
        ..local()
    };
    let offers = [offer_image(&ours), offer_audio(&ours), offer_both(&ours)];
    for (at, sdp) in offers.iter().enumerate() {
        let answered = answer(&parse(sdp.as_bytes()).unwrap(), &peer, Choice::Image);
        let agreed = accept(&ours, &parse(answered.sdp.as_bytes()).unwrap());
        match (&agreed, &answered.media) {
            (Agreed::Image(here), Agreed::Image(there)) => {
                assert_ne!(at, 1);
                assert_eq!(here.peer, "192.0.2.20:40002".parse().unwrap());
                assert_eq!(there.peer, "192.0.2.10:30002".parse().unwrap());
                assert_eq!((here.correction, here.max_datagram), (there.correction, there.max_datagram));
            }
            (Agreed::Audio(here), Agreed::Audio(there)) => {
                assert_eq!(at, 1);
                assert_eq!((here.law, here.payload, here.peer.port()), (there.law, there.payload, 40_000));
            }
            other => panic!("{other:?}"),
        }
    }
    // Refused by port 0 in a 200, as some do rather than 488.
    let refused = "v=0\r\nc=IN IP4 192.0.2.20\r\nm=image 0 udptl t38\r\n";
    assert_eq!(accept(&ours, &parse(refused.as_bytes()).unwrap()), Agreed::Nothing);
}

#[test]
fn a_reoffer_keeps_the_lines_of_the_call() {
    let media = |sdp: &str| {
        let lines: Vec<String> =
            sdp.lines().filter(|line| line.starts_with("m=")).map(str::to_owned).collect();
        lines
    };
    let audio = parse(b"v=0\nc=IN IP4 192.0.2.1\nm=audio 9 RTP/AVP 8\n").unwrap();
    assert_eq!(media(&reoffer_image(&local(), &audio)), ["m=image 30002 udptl t38"]);
    let lines = media(&reoffer_image(&local(), &offer_of("didww")));
    assert_eq!(lines, ["m=audio 0 RTP/AVP 0", "m=image 30002 udptl t38"]);
    let video = parse(b"v=0\nc=IN IP4 192.0.2.1\nm=video 8 RTP/AVP 31\nm=audio 9 RTP/AVP 8\n").unwrap();
    assert_eq!(media(&reoffer_image(&local(), &video)), ["m=video 0 RTP/AVP 31", "m=image 30002 udptl t38"]);
    let none = parse(b"v=0\n").unwrap();
    assert_eq!(media(&reoffer_image(&local(), &none)), ["m=image 30002 udptl t38"]);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "m=(audio|image|video|[a-z<]{1,4}) (0|5004|70000|-1) (RTP/AVP|udptl|UDPTL|tcp) (t38|0 8|.{0,8})",
        "a=(T38FaxVersion|T38MaxBitRate|T38FaxMaxDatagram|T38FaxUdpEC|rtpmap|ptime|sendonly|.{0,6}):?.{0,12}",
        "c=IN (IP4|IP6) (192.0.2.1|::1|0.0.0.0|224.1.1.1|example|.{0,6})",
        "[a-z]=.{0,20}",
        ".{0,20}",
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
        let _ = parse(&[b"v=0\r\n".as_slice(), &bytes].concat());
    }

    #[test]
    fn any_offer_is_answered_line_by_line(lines in prop::collection::vec(line(), 0..30)) {
        let body = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
        let Ok(offer) = parse(body.as_bytes()) else { return Ok(()) };
        for choice in [Choice::Image, Choice::Audio] {
            let answer = answer(&offer, &local(), choice);
            let again = parse(answer.sdp.as_bytes()).unwrap();
            prop_assert_eq!(again.lines.len(), offer.lines.len());
            let open = again.lines.iter().filter(|line| line.port != 0).count();
            prop_assert_eq!(open, usize::from(answer.media != Agreed::Nothing));
            prop_assert!(sdp_types::Session::parse(answer.sdp.as_bytes()).is_ok());
            prop_assert!(answer.sdp.is_ascii());
        }
    }
}
