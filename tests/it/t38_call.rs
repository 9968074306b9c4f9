//! Whole fax calls in virtual time: pixel-identical or flagged, never hanging, confirmed only when durable.

mod line;
mod pages;

use std::time::Duration;

use faxgate::fax::Bitmap;
use faxgate::t38::call::{Mode, Role, Settings, T38Terms, Why};
use faxgate::t38::session::{Coding, Codings, Response, Sending, Station};
use faxgate::t38::udptl::Correction;

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
