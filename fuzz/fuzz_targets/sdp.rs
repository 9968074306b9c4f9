//! SDP: any body; what is read is answered line by line, with nothing of the peer's text but the words of its m= lines.
#![no_main]

use faxgate::t38::sdp::{Agreed, Choice, Local, MOST_MEDIA, accept, answer, parse, reoffer_image};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = [b"v=0\r\n".as_slice(), bytes].concat();
    let Ok(offer) = parse(bytes).or_else(|_| parse(&whole)) else { return };
    assert!(offer.lines.len() <= MOST_MEDIA && offer.same_media(&offer.clone()));
    let mut local = Local::new(1, "192.0.2.1".parse().expect("an address"));
    (local.audio_port, local.image_port) = (Some(30_000), Some(30_002));
    for choice in [Choice::Image, Choice::Audio] {
        let answer = answer(&offer, &local, choice);
        let again = parse(answer.sdp.as_bytes()).expect("our own");
        assert_eq!(again.lines.len(), offer.lines.len());
        for (ours, theirs) in again.lines.iter().zip(&offer.lines) {
            assert!(ours.media.eq_ignore_ascii_case(&theirs.media));
            assert!(ours.port == 0 || theirs.port != 0, "a refused stream was opened");
        }
        let open = again.lines.iter().filter(|line| line.port != 0).count();
        assert_eq!(open, usize::from(answer.media != Agreed::Nothing));
        // Letters, digits and the signs of addresses and attributes: nothing that a log or a page could trip over.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"\r\n =:/.-_+*".contains(&byte);
        assert!(answer.sdp.bytes().all(plain));
    }
    let _ = accept(&local, &offer);
    let reoffer = parse(reoffer_image(&local, &offer).as_bytes());
    // One line more than may be is written only where the peer had as many as may be and none that could be turned.
    assert!(reoffer.is_ok_and(|reoffer| reoffer.has_image()) || offer.lines.len() == MOST_MEDIA);
});
