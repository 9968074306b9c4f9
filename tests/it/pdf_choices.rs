//! What a house may choose of its PDFs: JBIG2, the view, enhanced copies. The picture is the same in each.

use faxgate::compose::{Coded, Conformance, Picture, Settings, View};
use faxgate::decode::t4::encode_mmr;
use faxgate::fax::{Bitmap, Ccitt, Coding, Page, PageText, Raster, Resolution, Turn};

use crate::harness::pdf::{self, READERS};
use crate::pdf::sheet::Sheet;
use crate::pdf::{RESOLUTIONS, TURNS, all_kinds, compose_as, composer, file, letter, phrases};

fn map_of(page: &Page) -> Bitmap {
    match &page.raster {
        Raster::Bilevel(map) => map.clone(),
        _ => panic!("drawn in black and white"),
    }
}

/// The pages with the code words that they would have been received in.
fn received(pages: Vec<(Page, PageText)>) -> Vec<(Page, PageText)> {
    let coded = |page: Page| match &page.raster {
        Raster::Bilevel(map) => {
            let data = encode_mmr(map);
            Page {
                ccitt: Some(Ccitt { coding: Coding::Mmr, data, byte_aligned: false, end_of_line: false }),
                ..page
            }
        }
        _ => page,
    };
    pages.into_iter().map(|(page, text)| (coded(page), text)).collect()
}

#[test]
fn jbig2_is_smaller_and_every_pixel_is_the_one_received() {
    let sheets = RESOLUTIONS.map(|resolution| letter(resolution, Turn::None).page()).to_vec();
    let pages = received(sheets);
    let wish = Settings { picture: Picture::Jbig2, ..Settings::default() };
    let mut composer = composer(&wish);
    for (page, text) in &pages {
        assert_eq!(composer.add(page, text).unwrap(), Coded::Jbig2);
    }
    let small = composer.finish().unwrap();
    let plain = compose_as(&pages, &Settings::default());
    assert!(small.len() < plain.len(), "{} bytes with JBIG2, {} without", small.len(), plain.len());
    assert_eq!(String::from_utf8_lossy(&small).matches("/JBIG2Decode").count(), 3);
    let file = file(&small);
    pdf::qpdf_clean(&file.path).unwrap();
    let maps: Vec<Bitmap> = pages.iter().map(|(page, _)| map_of(page)).collect();
    pdf::images_equal(&file.path, &maps).unwrap();
    let rendered: Vec<_> = maps.into_iter().zip(RESOLUTIONS).collect();
    pdf::rendered_equal(&file.path, &rendered).unwrap();
    pdf::words_found(&file.path, &phrases()).unwrap();
}

#[test]
fn every_choice_keeps_the_promise_of_pdfa() {
    let mut two = Vec::new();
    let mut one = Vec::new();
    for view in [View::AsReceived, View::Upright, View::Straight] {
        for conformance in [Conformance::A2u, Conformance::A1b] {
            let settings = Settings { conformance, picture: Picture::Jbig2, view, enhanced: true };
            let mut composer = composer(&settings);
            for (page, mut text) in all_kinds() {
                text.skew = Some(2.0);
                composer.add(&page, &text).unwrap();
            }
            composer.add_enhanced(1, &map_of(&letter(Resolution::FINE, Turn::None).page().0), 204.0).unwrap();
            composer.add_enhanced(3, &Bitmap::white(300, 200), 300.0).unwrap();
            let made = file(&composer.finish().unwrap());
            pdf::qpdf_clean(&made.path).unwrap();
            if conformance == Conformance::A2u { two.push(made) } else { one.push(made) }
        }
    }
    pdf::pdfa2_ok(&two.iter().map(|file| &file.path).collect::<Vec<_>>()).unwrap();
    pdf::preflight_ok(&one.iter().map(|file| &file.path).collect::<Vec<_>>()).unwrap();
}

#[test]
fn the_pixels_are_the_same_in_every_view() {
    let pages: Vec<_> = TURNS.map(|turn| letter(Resolution::FINE, turn).page()).to_vec();
    let maps: Vec<Bitmap> = pages.iter().map(|(page, _)| map_of(page)).collect();
    let mut crooked = pages.clone();
    crooked.iter_mut().for_each(|(_, text)| text.skew = Some(3.0));
    for (pages, view) in [(&pages, View::AsReceived), (&pages, View::Upright), (&crooked, View::Straight)] {
        let file = file(&compose_as(pages, &Settings { view, ..Settings::default() }));
        pdf::images_equal(&file.path, &maps).unwrap();
    }
}

#[test]
fn as_received_is_what_came_out_of_the_machine() {
    let sheet = letter(Resolution::FINE, Turn::Half).page();
    let file = file(&compose_as(
        std::slice::from_ref(&sheet),
        &Settings { view: View::AsReceived, ..Settings::default() },
    ));
    pdf::rendered_equal(&file.path, &[(map_of(&sheet.0), Resolution::FINE)]).unwrap();
}

#[test]
fn enhanced_copies_stand_behind_the_fax_and_are_found_by_no_search() {
    let pages = vec![letter(Resolution::FINE, Turn::None).page(); 2];
    let settings = Settings { enhanced: true, ..Settings::default() };
    let copy = map_of(&Sheet::new((300.0, 200.0), Resolution::FINE, Turn::None).page().0);
    let mut composer = composer(&settings);
    for (number, (page, text)) in (1..).zip(&pages) {
        composer.add(page, text).unwrap();
        composer.add_enhanced(number, &copy, 200.0).unwrap();
    }
    let bytes = composer.finish().unwrap();
    let file = file(&bytes);
    let maps: Vec<Bitmap> = pages.iter().map(|(page, _)| map_of(page)).chain([copy.clone(), copy]).collect();
    pdf::images_equal(&file.path, &maps).unwrap();
    for reader in READERS {
        let text = pdf::text(&file.path, reader);
        let found = text.matches(phrases()[0].as_str()).count();
        assert_eq!(found, 2, "once a page of the fax: {reader:?}");
        assert_eq!(text.matches('\u{c}').count(), 4, "{reader:?}");
    }
    let document = lopdf::Document::load_mem(&bytes).unwrap();
    let outline = document.get_toc().unwrap();
    let marks: Vec<_> = outline.toc.iter().map(|mark| (mark.title.as_str(), mark.page)).collect();
    assert_eq!(marks, [("As received 原件", 1), ("Enhanced copies, not as received 清晰副本（非原件）", 3)]);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("(Enhanced 1)") && text.contains("(Enhanced 2)"));
    assert!(text.contains("<fax:pageCount>2</fax:pageCount>"));
    assert!(text.contains("<fax:enhancedCopies>2</fax:enhancedCopies>"));
}
