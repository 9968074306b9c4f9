//! Whole fax calls in virtual time: pixel-identical or flagged, never hanging, confirmed only when durable.

mod attack;
mod doctored;
mod line;
pub mod pages;

use std::time::Duration;

use faxgate::fax::Bitmap;
use faxgate::t38::call::{AudioTerms, Call, Event, Mode, Role, STEP, Settings, T38Terms, Why};
use faxgate::t38::sdp::Law;
use faxgate::t38::session::{Coding, Codings, Response, Sending, Station};
use faxgate::t38::udptl::Correction;

use attack::Attack;
use doctored::{doctored, is_image};
use line::{Disk, Play, Played, Weather, play, went_well};
use pages::{DPI_300, DPI_400, Dpi, FINE, STANDARD, SUPERFINE, decoded, fixture, stretched, tiff, widened};

/// 5 % lost, 5 % overtaken, duplicates and garbage.
const BAD_LINE: Weather = Weather { loss: 5, reorder: 5, duplicate: 5, garbage: 10 };
const LOSS: Weather = Weather { loss: 5, reorder: 0, duplicate: 0, garbage: 0 };

fn terms(correction: Correction) -> Mode {
    Mode::T38(T38Terms { correction, max_datagram: 400 })
}

fn over_t38(weather: Weather, seed: u64) -> Play {
    let sending = Sending { tsi: "+852 2345 6789".to_owned(), ..Sending::default() };
    let station = Station { csi: "+852 2100 0000".to_owned(), ..Station::default() };
    Play {
        sender: Role::Send(sending),
        receiver: Role::Receive(station),
        modes: (terms(Correction::Redundancy), terms(Correction::Redundancy)),
        weather,
        seed,
        disk: Disk::After(Duration::ZERO),
        settings: Settings::default(),
        storm: None,
        lost_at: None,
        muted: None,
        hang_up: None,
    }
}

fn without_ecm(mut play: Play) -> Play {
    if let Role::Receive(station) = &mut play.receiver {
        station.ecm = false;
    }
    play
}

fn with_codings(mut play: Play, codings: Codings) -> Play {
    if let Role::Send(sending) = &mut play.sender {
        sending.codings = codings;
    }
    play
}

fn letter() -> Bitmap {
    stretched(&fixture("registry-memo-en", 0), 500, 1, 1)
}

fn one(map: Bitmap, dpi: Dpi) -> Vec<(Bitmap, Dpi)> {
    vec![(map, dpi)]
}

#[track_caller]
fn arrives_whole(pages: &[(Bitmap, Dpi)], played: &Played) {
    assert!(went_well(&played.sent), "sender: {:?} {}", played.sent.why, played.sent.words);
    assert!(went_well(&played.received), "receiver: {:?} {}", played.received.why, played.received.words);
    assert!(played.received.whole() && played.sent.complete && !played.received.partial);
    assert_eq!(played.received.pages.len(), pages.len());
    for (page, (map, dpi)) in played.received.pages.iter().zip(pages) {
        assert_eq!((page.report.width, page.report.rows), (map.width(), map.height()));
        let inch = |per_metre: u32| f64::from(per_metre) * 0.0254;
        assert!((inch(page.report.x_per_metre) - f64::from(dpi.0)).abs() < 9.0, "{:?}", page.report);
        assert!((inch(page.report.y_per_metre) - f64::from(dpi.1)).abs() < 5.0, "{:?}", page.report);
    }
    identical(pages, &played.file);
}

#[track_caller]
fn identical(pages: &[(Bitmap, Dpi)], file: &[u8]) {
    let got = decoded(file);
    assert_eq!(got.len(), pages.len());
    for (number, (got, (want, _))) in got.iter().zip(pages).enumerate() {
        assert!(got == want, "page {number} differs");
    }
}

#[test]
fn every_resolution_and_width_arrives_pixel_for_pixel() {
    let memo = fixture("registry-memo-en", 0);
    let pages = vec![
        (stretched(&memo, 400, 1, 1), STANDARD),
        (stretched(&memo, 500, 1, 1), FINE),
        (stretched(&memo, 300, 1, 2), SUPERFINE),
        (stretched(&fixture("registry-letter-300dpi-en", 0), 700, 1, 1), DPI_300),
        (stretched(&memo, 300, 2, 2), DPI_400),
        (stretched(&fixture("licensing-register-b4-en", 0), 400, 1, 1), FINE),
        (widened(&stretched(&memo, 400, 1, 1), 2432), FINE),
    ];
    for page in pages {
        let pages = [page];
        arrives_whole(&pages, &play(&tiff(&pages), over_t38(Weather::default(), 1)));
        arrives_whole(&pages, &play(&tiff(&pages), without_ecm(over_t38(Weather::default(), 1))));
    }
}

#[test]
fn every_coding_arrives_pixel_for_pixel() {
    let pages = one(letter(), FINE);
    let file = tiff(&pages);
    let codings = [
        (Codings { mr: false, mmr: false }, Coding::Mh),
        (Codings { mr: true, mmr: false }, Coding::Mr),
        (Codings { mr: true, mmr: true }, Coding::Mmr),
    ];
    for (allowed, used) in codings {
        let played = play(&file, with_codings(over_t38(Weather::default(), 2), allowed));
        arrives_whole(&pages, &played);
        assert_eq!(played.received.pages[0].report.coding, used);
        assert!(played.received.pages[0].report.ecm);
        if used != Coding::Mmr {
            let played = play(&file, without_ecm(with_codings(over_t38(Weather::default(), 2), allowed)));
            arrives_whole(&pages, &played);
            assert_eq!(played.received.pages[0].report.coding, used);
            assert!(!played.received.pages[0].report.ecm);
        }
    }
}

/// 1, 3 and 30 pages of different rows, with and without ECM.
#[test]
fn many_pages_arrive_over_a_bad_line_with_redundancy() {
    let memo = letter();
    for (count, ecm) in [(1, true), (3, true), (30, true), (1, false), (3, false), (30, false)] {
        let pages: Vec<_> = (0..count)
            .map(|number| (stretched(&memo, 100 + 7 * number, 1, 1), if ecm { FINE } else { STANDARD }))
            .collect();
        for weather in [Weather::default(), BAD_LINE] {
            let call = over_t38(weather, u64::from(count));
            let played = play(&tiff(&pages), if ecm { call } else { without_ecm(call) });
            arrives_whole(&pages, &played);
            let udptl = played.received.udptl.unwrap();
            assert_eq!(udptl.recovered > 0, weather.loss > 0);
            assert_eq!(udptl.refused > 0, weather.garbage > 0);
        }
    }
}

#[test]
fn fec_makes_good_what_is_lost() {
    let pages = one(letter(), FINE);
    for seed in 0..5 {
        let mut call = over_t38(LOSS, seed);
        call.modes = (terms(Correction::FEC), terms(Correction::FEC));
        let played = play(&tiff(&pages), call);
        arrives_whole(&pages, &played);
        assert!(played.received.udptl.unwrap().recovered > 0);
    }
}

/// Nothing makes loss good: whatever comes of it, the call ends, and no page is called whole that differs.
#[test]
fn without_redundancy_nothing_is_called_whole_that_is_not_and_nothing_hangs() {
    let pages = vec![(letter(), FINE), (stretched(&letter(), 300, 1, 1), FINE)];
    let file = tiff(&pages);
    let (mut whole, mut flagged) = (0, 0);
    for seed in 0..60 {
        for ecm in [true, false] {
            let weather = if seed % 2 == 0 { LOSS } else { BAD_LINE };
            let mut call = over_t38(weather, seed);
            call.modes = (terms(Correction::None), terms(Correction::None));
            let played = play(&file, if ecm { call } else { without_ecm(call) });
            let got = decoded(&played.file);
            assert_eq!(got.len(), played.received.pages.len(), "seed {seed}: pages in the file");
            // Sent again after RTN, a page may stand in the file twice: it is one of those that were sent.
            for (got, page) in got.iter().zip(&played.received.pages) {
                let same = pages.iter().any(|(want, _)| want == got);
                if page.whole() {
                    assert!(same, "seed {seed}, ECM {ecm}: called whole, but differs: {page:?}");
                    whole += 1;
                } else {
                    flagged += 1;
                }
            }
            if played.received.whole() {
                identical(&pages, &played.file);
            }
            assert!(played.took < Duration::from_secs(1200), "seed {seed}: {:?}", played.took);
        }
    }
    assert!(
        whole > 10 && flagged > 10,
        "{whole} whole, {flagged} flagged: the line is not what this test is about"
    );
}

#[test]
fn a_hang_up_in_mid_page_keeps_the_pages_before_and_flags_the_cut_one() {
    let pages: Vec<_> = (0..3).map(|_| (letter(), FINE)).collect();
    let file = tiff(&pages);
    for ecm in [true, false] {
        let call = || if ecm { over_t38(BAD_LINE, 3) } else { without_ecm(over_t38(BAD_LINE, 3)) };
        let whole = play(&file, call());
        let between = (whole.kept[0] + whole.kept[1]) / 2 + Duration::from_secs(2);
        let mut cut = call();
        cut.hang_up = Some(between);
        let played = play(&file, cut);
        let received = &played.received;
        assert!(received.partial && !received.complete && !received.whole());
        assert!(received.pages[0].whole());
        let got = decoded(&played.file);
        assert_eq!(got.len(), received.pages.len());
        assert!(got[0] == pages[0].0);
        // Under ECM a block may not have come whole yet, and then nothing of the page is there.
        assert!(ecm || received.pages.len() == 2, "the cut page was thrown away");
        for (page, map) in received.pages.iter().zip(&got).skip(1) {
            assert!(page.report.cut && page.damaged() && page.report.response.is_none());
            let rows = page.report.rows;
            assert!(rows > 0 && *map == stretched(&pages[1].0, rows, 1, 1), "rows that are kept are right");
        }
        assert_eq!(received.code, 49);
    }
}

#[test]
fn no_page_is_confirmed_before_it_is_durable() {
    let pages = vec![(letter(), FINE), (letter(), FINE)];
    let file = tiff(&pages);
    for ecm in [true, false] {
        let call = |disk| {
            let call = over_t38(Weather::default(), 4);
            Play { disk, ..if ecm { call } else { without_ecm(call) } }
        };
        let at_once = play(&file, call(Disk::After(Duration::ZERO)));
        let late = play(&file, call(Disk::After(Duration::from_secs(1))));
        arrives_whole(&pages, &late);
        for (told, kept) in late.told.iter().zip(&late.kept) {
            assert!(*told >= *kept + Duration::from_secs(1), "told {told:?}, kept {kept:?}");
        }
        assert!(late.took >= at_once.took + Duration::from_secs(2));
        for (disk, within) in [(Disk::Never, Settings::default().durable_wait), (Disk::Fails, Duration::ZERO)]
        {
            let never = play(&file, call(disk));
            assert!(never.told.is_empty(), "MCF for a page that is on no disk");
            assert_eq!(never.received.why, Some(Why::NotDurable));
            assert!(!never.received.complete && never.received.partial && !never.received.pages[0].whole());
            assert!(!never.sent.complete);
            assert!(never.received.lasted <= never.kept[0] + within + 2 * STEP);
        }
    }
}

#[test]
fn the_file_is_whole_after_every_page() {
    let pages: Vec<_> = (0..4).map(|number| (stretched(&letter(), 200 + number, 1, 1), FINE)).collect();
    for ecm in [true, false] {
        let call = over_t38(Weather::default(), 5);
        let played = play(&tiff(&pages), if ecm { call } else { without_ecm(call) });
        arrives_whole(&pages, &played);
        assert_eq!(played.after_pages.len(), pages.len());
        for (count, file) in played.after_pages.iter().enumerate() {
            identical(&pages[..=count], file);
        }
        // Closing it writes the count of pages into every directory, in place: up to the first directory nothing moves.
        let before = played.after_pages.last().unwrap();
        assert_eq!(before.len(), played.file.len());
        let first = u32::from_le_bytes(before[4..8].try_into().unwrap()) as usize;
        assert_eq!(before[..first], played.file[..first]);
        assert_eq!(
            *before != played.file,
            ecm,
            "outside ECM it was closed at EOP, before the last page was told"
        );
    }
}

fn over_audio(seed: u64) -> Play {
    let terms = AudioTerms { law: Law::A, payload: 8, seed: [7; 10] };
    Play { modes: (Mode::Audio(terms.clone()), Mode::Audio(terms)), ..over_t38(Weather::default(), seed) }
}

#[test]
fn g711_carries_a_page_and_flags_what_it_loses() {
    let pages = one(letter(), FINE);
    let file = tiff(&pages);
    for ecm in [true, false] {
        let call = |seed| if ecm { over_audio(seed) } else { without_ecm(over_audio(seed)) };
        let clean = play(&file, call(6));
        arrives_whole(&pages, &clean);
        assert_eq!(clean.received.audio.unwrap().missing, 0);
        let late = play(&file, Play { disk: Disk::After(Duration::from_secs(1)), ..call(6) });
        arrives_whole(&pages, &late);
        assert!(late.told[0] >= late.kept[0] + Duration::from_secs(1));
        // One frame of the page, or one in a hundred.
        let lost_once = (1..4).map(|part| Some(clean.kept[0] - Duration::from_secs(2 * part)));
        for lost_at in lost_once.chain([None]) {
            let loss = if lost_at.is_some() { 0 } else { 1 };
            let weather = Weather { loss, ..Weather::default() };
            let played = play(&file, Play { weather, lost_at, ..call(6) });
            let missing = played.received.audio.unwrap().missing;
            assert!(if lost_at.is_some() { missing == 1 } else { missing > 1 }, "{missing} frames missing");
            for (page, map) in played.received.pages.iter().zip(decoded(&played.file)) {
                assert!(!page.whole() || map == pages[0].0, "called whole, but differs");
            }
        }
    }
}

/// The second half of the image data never comes, the end of the signal does, and no number is missing.
#[test]
fn a_page_outside_ecm_that_ends_in_its_middle_is_not_whole() {
    let pages = one(letter(), FINE);
    let file = tiff(&pages);
    for mr in [false, true] {
        let station = || Station { ecm: false, ..Station::default() };
        let sending = || Sending { codings: Codings { mr, mmr: false }, ..Sending::default() };
        let (mut seq, mut images) = (0u16, 0);
        let mut number = |ifp: Vec<u8>| {
            seq = seq.wrapping_add(1);
            vec![(seq, ifp)]
        };
        let clean = doctored(&file, station(), sending(), &mut |ifp| {
            images += u32::from(is_image(&ifp));
            number(ifp)
        });
        assert!(clean.received.whole() && images > 20, "{images}");
        let mut met = 0;
        let cut = doctored(&file, station(), sending(), &mut |ifp| {
            met += u32::from(is_image(&ifp));
            if is_image(&ifp) && met > images / 2 { Vec::new() } else { number(ifp) }
        });
        assert!(
            cut.sent.complete,
            "the sender was not told that it went well: this test is about another end"
        );
        let [page] = &cut.received.pages[..] else { panic!("{:?}", cut.received.pages) };
        assert!(
            page.report.rows < pages[0].0.height() && page.packets_lost == 0 && page.report.bad_rows == 0
        );
        assert!(page.report.cut && page.damaged() && !page.whole(), "{page:?}");
        assert!(!cut.received.whole() && !cut.received.complete && cut.received.partial);
        assert_eq!(decoded(&cut.file).len(), 1);
    }
}

#[test]
fn a_page_outside_ecm_whose_carrier_drops_in_g711_is_not_whole() {
    let pages = one(letter(), FINE);
    let file = tiff(&pages);
    let clean = play(&file, without_ecm(over_audio(6)));
    arrives_whole(&pages, &clean);
    // From the middle of the page until its carrier would have gone; the command after it is heard.
    let end = clean.kept[0];
    let muted = Some((end - Duration::from_secs(3), end - Duration::from_millis(1_700)));
    let played = play(&file, Play { muted, ..without_ecm(over_audio(6)) });
    let [page] = &played.received.pages[..] else { panic!("{:?}", played.received.pages) };
    assert!(page.report.rows < pages[0].0.height() && page.packets_lost == 0, "{page:?}");
    assert!(page.report.cut && !page.whole() && !played.received.whole(), "{page:?}");
}

/// A gateway that failed over numbers from 0 again, in the training or in mid page: nothing of what it says is thrown away.
#[test]
fn a_stream_that_begins_again_is_heard_on() {
    let pages = vec![(letter(), FINE), (stretched(&letter(), 300, 1, 1), FINE)];
    let file = tiff(&pages);
    for ecm in [true, false] {
        for at in [40, 90, 200] {
            let (mut seq, mut met) = (0u16, 0);
            let station = Station { ecm, ..Station::default() };
            let heard = doctored(&file, station, Sending::default(), &mut |ifp| {
                (seq, met) = (if met == at { 0 } else { seq.wrapping_add(1) }, met + 1);
                vec![(seq, ifp)]
            });
            assert!(met > at + 50, "{met}");
            assert_eq!(heard.received.udptl.map(|counts| counts.restarts), Some(1), "{ecm} {at}");
            assert!(went_well(&heard.sent) && went_well(&heard.received), "{ecm} {at}: {:?}", heard.received);
            identical(&pages, &heard.file);
            // What was lost at the seam cannot be known.
            assert!(heard.received.pages.iter().filter(|page| page.damaged()).count() <= usize::from(!ecm));
        }
    }
}

/// An IFP of no length between all others is none, and no loss.
#[test]
fn empty_ifps_between_others_are_no_loss() {
    let pages = one(letter(), FINE);
    let file = tiff(&pages);
    for ecm in [true, false] {
        let mut seq = 0u16;
        let station = Station { ecm, ..Station::default() };
        let heard = doctored(&file, station, Sending::default(), &mut |ifp| {
            seq = seq.wrapping_add(2);
            vec![(seq.wrapping_sub(1), Vec::new()), (seq, ifp)]
        });
        assert!(heard.received.whole() && heard.sent.complete, "{:?}", heard.received);
        assert_eq!(heard.received.pages[0].report.ecm_retries, 0);
        identical(&pages, &heard.file);
    }
}

/// The sender repeats its command meanwhile, and then hears the answer.
#[test]
fn a_disk_that_takes_seconds_costs_no_fax() {
    let pages = vec![(letter(), FINE), (stretched(&letter(), 300, 1, 1), FINE)];
    let file = tiff(&pages);
    for wait in [2_500, 4_000, 4_600, 5_000, 6_000, 7_500] {
        let disk = Disk::After(Duration::from_millis(wait));
        for ecm in [true, false] {
            let call = |call: Play| if ecm { call } else { without_ecm(call) };
            for (weather, audio) in
                [(Weather::default(), false), (BAD_LINE, false), (Weather::default(), true)]
            {
                let base = if audio { over_audio(12) } else { over_t38(weather, 12) };
                let played = play(&file, call(Play { disk, ..base }));
                assert!(went_well(&played.received), "{wait} {ecm} {audio}: {:?}", played.received);
                arrives_whole(&pages, &played);
            }
        }
    }
}

/// The receiver answers in audio, offers T.38 when it hears the caller's CNG, and both go on in T.38.
#[test]
fn a_call_that_begins_in_audio_goes_on_in_t38() {
    let pages = one(letter(), FINE);
    let (original, output) = (line::MemoryFile::new(&tiff(&pages)), line::MemoryFile::new(b""));
    let Play { sender, receiver, modes, .. } = over_audio(8);
    let patient = Settings { offer_after: Duration::from_secs(100), ..Settings::default() };
    let zero = Duration::ZERO;
    let mut sender = Call::new(modes.0, sender, &original.path(), patient.clone(), zero).unwrap();
    let mut receiver = Call::new(modes.1, receiver, &output.path(), patient, zero).unwrap();
    let (mut now, mut switched) = (zero, None);
    while sender.ended().is_none() || receiver.ended().is_none() {
        now += STEP;
        assert!(now < Duration::from_secs(200));
        while let Some(datagram) = sender.send() {
            receiver.datagram(now, &datagram);
        }
        while let Some(datagram) = receiver.send() {
            sender.datagram(now, &datagram);
        }
        sender.tick(now);
        receiver.tick(now);
        while let Some(event) = receiver.event() {
            match event {
                Event::FaxHeard => {
                    assert!(receiver.may_switch());
                    receiver.switch_to_t38(T38Terms::default(), now).unwrap();
                    sender.switch_to_t38(T38Terms::default(), now).unwrap();
                    switched = Some(now);
                }
                Event::Negotiated => {
                    assert!(!receiver.may_switch());
                    assert!(receiver.switch_to_t38(T38Terms::default(), now).is_err());
                }
                Event::PageReceived(page) => receiver.confirm(page.report.index),
                _ => {}
            }
        }
        while sender.event().is_some() {}
    }
    assert!(switched.is_some_and(|at| at < Duration::from_secs(3)), "CNG was not heard: {switched:?}");
    assert!(receiver.finish().whole());
    identical(&pages, &output.read());
}

#[test]
fn what_the_caller_says_of_itself_is_read() {
    let pages = one(letter(), FINE);
    let mut call = over_t38(Weather::default(), 9);
    call.sender = Role::Send(Sending {
        tsi: "+852 2345 6789".to_owned(),
        subaddress: "4242".to_owned(),
        sender_ident: "88".to_owned(),
        ..Sending::default()
    });
    let played = play(&tiff(&pages), call);
    arrives_whole(&pages, &played);
    let facts = &played.received.facts;
    assert_eq!(facts.ident.as_deref(), Some("+852 2345 6789"));
    assert_eq!(facts.subaddress.as_deref(), Some("4242"));
    assert_eq!(facts.sender_ident.as_deref(), Some("88"));
    assert_eq!((facts.rate, facts.ecm), (Some(14_400), Some(true)));
    assert_eq!(played.sent.facts.ident.as_deref(), Some("+852 2100 0000"));
    assert!(played.received.pages[0].report.bytes > 1000);
    assert_eq!(played.received.pages[0].report.response, Some(Response::Mcf));
}

/// T.30's own T1 of 35 s ends a call without a packet; the watchdog only where that does not come, or is set shorter.
#[test]
fn silence_is_ended_by_the_watchdogs() {
    let short = Settings { first_packet: Duration::from_secs(20), ..Settings::default() };
    for (settings, why) in [(short, Why::NeverHeard), (Settings::default(), Why::PhaseE(3))] {
        let output = line::MemoryFile::new(b"");
        let role = Role::Receive(Station::default());
        let mut call =
            Call::new(terms(Correction::None), role, &output.path(), settings.clone(), STEP).unwrap();
        let mut now = STEP;
        while call.ended().is_none() && now < Duration::from_secs(3600) {
            now += STEP;
            call.tick(now);
            while call.send().is_some() {}
        }
        assert_eq!(call.ended(), Some(why));
        assert!(now <= settings.first_packet + 3 * STEP);
        assert!(why == Why::NeverHeard || now >= Duration::from_secs(34), "{now:?}");
        let report = call.finish();
        assert!(!report.complete && !report.partial && report.pages.is_empty());
    }
}

/// Outside ECM, the last page so bad that it is refused (RTN); the sender trains again.
#[test]
fn pages_before_a_refused_last_page_stay_in_the_file() {
    let pages = vec![(letter(), FINE), (letter(), FINE)];
    let file = tiff(&pages);
    let clean = play(&file, without_ecm(over_t38(Weather::default(), 10)));
    let mut refused = 0;
    for seed in 0..6 {
        let mut call = without_ecm(over_t38(Weather::default(), seed));
        call.modes = (terms(Correction::None), terms(Correction::None));
        call.storm = Some((clean.kept[0], clean.kept[1]));
        let played = play(&file, call);
        let received = &played.received;
        assert!(received.pages[0].whole());
        let last = received.pages.last().unwrap();
        assert!(received.pages.len() > 1 && last.damaged() && last.report.bad_rows > 0, "{last:?}");
        assert!(!received.whole());
        refused += u32::from(last.refused());
        // The storm may take RTC too: then the end of the page is not sure.
        assert_eq!(received.complete, !last.refused() && !last.report.cut);
        let got = decoded(&played.file);
        assert!(got.len() == received.pages.len() && got[0] == pages[0].0, "the first page is lost");
    }
    assert!(refused > 0, "no page was refused");
}

#[test]
fn a_page_that_is_refused_and_sent_again_stands_there_twice_and_says_so() {
    let pages = vec![(letter(), FINE), (stretched(&letter(), 300, 1, 1), FINE)];
    let file = tiff(&pages);
    let clean = play(&file, without_ecm(over_t38(Weather::default(), 11)));
    let mut call = without_ecm(over_t38(Weather::default(), 11));
    call.modes = (terms(Correction::None), terms(Correction::None));
    call.storm = Some((clean.kept[0] - Duration::from_secs(5), clean.kept[0]));
    let played = play(&file, call);
    let received = &played.received;
    assert!(went_well(&played.sent) && went_well(received));
    let [bad, again, next] = &received.pages[..] else { panic!("{:?}", received.pages) };
    assert!(bad.refused() && bad.damaged() && again.whole() && next.whole());
    assert!(received.complete && !received.whole());
    let got = decoded(&played.file);
    assert!(got.len() == 3 && got[0] != pages[0].0 && got[1] == pages[0].0 && got[2] == pages[1].0);
}

#[test]
fn an_endless_page_ends_the_call() {
    let mut attack = Attack::new(&tiff(&one(letter(), FINE)));
    // White rows of MMR, one bit each: half a million in a block.
    attack.block(0, 256, 0xFF, 0);
    assert_eq!(attack.receiver.ended(), Some(Why::EndlessPage), "{:?}", attack.events);
    let report = attack.receiver.finish();
    assert!(!report.complete && report.pages.iter().all(|page| page.report.cut));
}

/// A page whose frames all came well, but of which not one row can be decoded: T.30 would confirm it.
#[test]
fn a_page_without_a_row_is_not_confirmed() {
    let mut attack = Attack::new(&tiff(&one(letter(), FINE)));
    attack.block(0, 1, 0x00, 0x2E);
    let ended = attack.receiver.ended();
    assert!(attack.answers(5).is_empty(), "an answer went out");
    assert_eq!(ended, Some(Why::PageNotKept), "{:?}", attack.events);
    assert!(decoded(&attack.file()).is_empty());
    let report = attack.receiver.finish();
    assert!(!report.complete && report.not_kept == 1 && report.pages.is_empty());
}

#[test]
fn calls_may_move_between_threads() {
    fn sent<T: Send>() {}
    sent::<Call>();
}
