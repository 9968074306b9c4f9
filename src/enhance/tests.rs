//! Enhancement as a whole, on drawn pages.

use proptest::prelude::*;

use super::*;
use crate::fax::{Bitmap, Damage, Resolution};

fn page(map: Bitmap, resolution: Resolution) -> Page {
    Page { raster: Raster::Bilevel(map), resolution, ccitt: None, damage: Damage::default() }
}

fn fill(map: &mut Bitmap, x: u32, y: u32, width: u32, height: u32) {
    (y..y + height).for_each(|y| (x..x + width).for_each(|x| map.set(x, y, true)));
}

/// A page of words drawn as bars, falling to the right by `skew` degrees.
fn lines(width: u32, height: u32, skew: f64) -> Bitmap {
    staggered(width, height, skew, 0)
}

/// The same, the words of a line standing farther right than those of the line before.
fn staggered(width: u32, height: u32, skew: f64, stagger: u32) -> Bitmap {
    let mut map = Bitmap::white(width, height);
    let slope = skew.to_radians().tan();
    for line in 0..height / 60 {
        for word in 0..(width - 400) / 80 {
            let x = 200 + word * 80 + line * stagger % 50;
            for dx in 0..60 {
                let fall = (f64::from(x + dx) * slope).round() as i64;
                let y = i64::from(line * 60 + 30) + fall;
                (0..16).for_each(|dy| map.set(x + dx, (y + dy).max(0) as u32, true));
            }
        }
    }
    map
}

#[test]
fn pixels_become_square_whatever_the_machine_sent() {
    let table = [
        // width, height, x dpi, y dpi -> width, height, dpi
        (1728, 1100, 204.0, 98.0, 1728, 2200, 204),
        (1728, 2200, 204.0, 196.0, 1728, 2200, 204),
        (1728, 1100, 200.0, 100.0, 1728, 2200, 200),
        (1728, 4400, 204.0, 391.0, 1728, 2200, 204),
        (3456, 4400, 408.0, 391.0, 3456, 4400, 408),
        (2592, 3300, 300.0, 300.0, 2592, 3300, 300),
        (1200, 1600, 150.0, 150.0, 1200, 1600, 150),
        (600, 800, 72.0, 72.0, 1800, 2400, 216),
        (4800, 6600, 600.0, 600.0, 1600, 2200, 200),
        (1728, 2200, 204.0, 0.0, 1728, 2200, 204),
        (1728, 2200, f64::NAN, f64::INFINITY, 1728, 2200, 204),
        (1728, 1100, 204.0, 150.0, 1728, 1496, 204),
    ];
    for (width, height, x, y, clean_width, clean_height, dpi) in table {
        let clean = clean(&page(Bitmap::white(width, height), Resolution { x, y }), &Settings::default());
        assert_eq!((clean.width, clean.height, clean.dpi), (clean_width, clean_height, dpi), "{x}x{y}");
        assert_eq!(clean.samples.len(), (clean.width * clean.height) as usize);
        assert_eq!(clean_size(&clean.plan, width, height), (clean.width, clean.height));
    }
}

#[test]
fn a_lying_header_cannot_make_the_copy_huge() {
    let clean =
        clean(&page(Bitmap::white(4864, 20000), Resolution { x: 204.0, y: 31.0 }), &Settings::default());
    assert!(f64::from(clean.width) * f64::from(clean.height) < square::MOST_PIXELS * 1.01);
    let empty = super::clean(&page(Bitmap::white(0, 0), Resolution::FINE), &Settings::default());
    assert!(empty.plan.blank && empty.width == 1);
}

#[test]
fn specks_go_and_small_marks_beside_letters_stay() {
    let mut map = Bitmap::white(400, 400);
    fill(&mut map, 100, 100, 10, 30);
    fill(&mut map, 113, 127, 2, 2);
    fill(&mut map, 300, 300, 2, 2);
    fill(&mut map, 20, 350, 1, 1);
    let removed = specks::remove(&mut map, 204.0, 196.0);
    assert_eq!(removed, 2);
    assert!(map.black(113, 127) && !map.black(300, 300));
}

#[test]
fn pieces_are_found_whatever_their_shape() {
    // A U, whose arms meet only at the bottom, and an E lying on its back with a diagonal link.
    let rows = ["X...X.X.X.X", "X...X.X.X.X", "X...X.XXXXX", "XXXXX......", ".....X.....", "..........X"];
    let mut map = Bitmap::white(11, 6);
    for (y, row) in rows.iter().enumerate() {
        row.bytes()
            .enumerate()
            .filter(|(_, c)| *c == b'X')
            .for_each(|(x, _)| map.set(x as u32, y as u32, true));
    }
    let mut areas = Vec::new();
    specks::for_each_piece(&map, |piece| areas.push((piece.area, piece.left, piece.right)));
    areas.sort_unstable();
    assert_eq!(areas, [(1, 10, 11), (11, 6, 11), (12, 0, 6)]);
}

#[test]
fn streaks_go_and_what_they_cross_stays() {
    let mut map = lines(1728, 2200, 0.0);
    let before = map.clone();
    (0..2200).filter(|y| y % 9 != 0).for_each(|y| map.set(777, y, true));
    (0..2200).for_each(|y| map.set(1700, y, true));
    assert_eq!(streaks::remove(&mut map, 204.0), 2);
    let differing = (0..2200).flat_map(|y| (0..1728).map(move |x| (x, y)));
    let wrong = differing.filter(|&(x, y)| map.black(x, y) != before.black(x, y)).count();
    assert_eq!(wrong, 0);
    assert_eq!(streaks::remove(&mut lines(1728, 2200, 0.0), 204.0), 0);
}

#[test]
fn skew_is_found_and_taken_out() {
    for skew in [-5.0, -4.3, -1.2, 0.0, 0.2, 0.9, 2.5, 4.8, 5.0] {
        let page = page(lines(1728, 2200, skew), Resolution::FINE);
        let clean = clean(&page, &Settings::default());
        let expected: f64 = if f64::abs(skew) < skew::LEAST { 0.0 } else { skew };
        assert!((clean.plan.skew - expected).abs() <= 0.1, "{skew}: {}", clean.plan.skew);
        assert!(!clean.plan.blank);
    }
}

/// Every other row of a page, as a machine sends it in standard resolution.
fn halved(map: &Bitmap) -> Bitmap {
    let mut half = Bitmap::white(map.width(), map.height() / 2);
    (0..half.height()).for_each(|y| half.row_mut(y).copy_from_slice(map.row(y * 2)));
    half
}

#[test]
fn the_angle_is_that_of_the_copys_pixels_whatever_the_rows_an_inch() {
    for skew in [-5.0, 3.0, 5.0] {
        let full = lines(1728, 2200, skew);
        for page in
            [page(halved(&full), Resolution::STANDARD), page(full.clone(), Resolution { x: 204.0, y: 204.0 })]
        {
            let found = clean(&page, &Settings::default()).plan.skew;
            assert!((found - skew).abs() <= 0.1, "{skew}: {found} {:?}", page.resolution);
        }
    }
}

#[test]
fn one_crooked_line_of_text_is_enough() {
    let mut map = Bitmap::white(1728, 2200);
    let full = lines(1728, 2200, 2.0);
    (580..680).for_each(|y| map.row_mut(y).copy_from_slice(full.row(y)));
    let found = clean(&page(map, Resolution::FINE), &Settings::default()).plan.skew;
    assert!((found - 2.0).abs() <= 0.25, "{found}");
}

#[test]
fn a_drawings_strokes_are_no_lines_of_text() {
    let mut map = Bitmap::white(1728, 2200);
    let mut chance = 12345u64;
    let mut below = |most: u64| {
        chance = chance.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (chance >> 33) % most
    };
    for _ in 0..60 {
        let (x, y) = (below(1500) as f64, below(2000) as f64);
        let (sin, cos) = (below(628) as f64 / 100.0).sin_cos();
        for step in 0..100 + below(700) {
            let (x, y) = (x + cos * step as f64, y + sin * step as f64);
            if x >= 0.0 && y >= 0.0 {
                fill(&mut map, x as u32, y as u32, 3, 3);
            }
        }
    }
    assert_eq!(clean(&page(map.clone(), Resolution::FINE), &Settings::default()).plan.skew, 0.0);
    assert_eq!(clean(&page(halved(&map), Resolution::STANDARD), &Settings::default()).plan.skew, 0.0);
}

#[test]
fn the_direction_of_lines_is_told() {
    for (map, resolution) in [
        (lines(1728, 2200, 1.3), Resolution::FINE),
        (halved(&lines(1728, 2200, -4.0)), Resolution::STANDARD),
        (lines(1728, 700, 0.0), Resolution::FINE),
    ] {
        let upright = clean(&page(map, resolution), &Settings::default());
        for (turn, expected) in [
            (Turn::None, LinesRun::Across),
            (Turn::Half, LinesRun::Across),
            (Turn::Quarter, LinesRun::Down),
            (Turn::ThreeQuarters, LinesRun::Down),
        ] {
            assert_eq!(lines_run(&turned(&upright, turn)), expected, "{turn:?} {:?}", upright.plan);
        }
    }
    let nothing = Bitmap::white(1728, 1728);
    assert_eq!(lines_run(&clean(&page(nothing, Resolution::FINE), &Settings::default())), LinesRun::Unknown);
}

/// A page that came sideways is skewed sideways too: its lines are found all the same.
#[test]
fn a_crooked_page_that_lies_on_its_side_has_lines_that_run_down() {
    let upright = staggered(1728, 1728, 2.5, 29);
    let mut side = Bitmap::white(1728, 1728);
    for y in 0..1728 {
        (0..1728).filter(|&x| upright.black(x, y)).for_each(|x| side.set(1727 - y, x, true));
    }
    let square = Resolution { x: 204.0, y: 204.0 };
    assert_eq!(lines_run(&clean(&page(side, square), &Settings::default())), LinesRun::Down);
}

#[test]
fn blank_means_nothing_to_read() {
    let blank = |map: Bitmap| clean(&page(map, Resolution::FINE), &Settings::default()).plan.blank;
    assert!(blank(Bitmap::white(1728, 2200)));
    let mut dust = Bitmap::white(1728, 2200);
    (0..100).for_each(|i| fill(&mut dust, 17 * i % 1700, 97 * i % 2190, 1 + i % 2, 2));
    assert!(blank(dust));
    let mut streaked = Bitmap::white(1728, 2200);
    fill(&mut streaked, 500, 0, 2, 2200);
    assert!(blank(streaked));
    let mut one_letter = Bitmap::white(1728, 2200);
    fill(&mut one_letter, 700, 700, 3, 24);
    fill(&mut one_letter, 700, 721, 14, 3);
    assert!(!blank(one_letter), "a single L is text");
    assert!(!blank(lines(1728, 2200, 0.0)));
}

#[test]
fn a_sheets_shadow_is_nothing_to_read_but_text_beside_it_is() {
    let blank = |map: &Bitmap| {
        let fine = clean(&page(map.clone(), Resolution::FINE), &Settings::default()).plan.blank;
        let standard = clean(&page(halved(map), Resolution::STANDARD), &Settings::default()).plan.blank;
        assert_eq!(fine, standard);
        fine
    };
    let mut side = Bitmap::white(1728, 2200);
    fill(&mut side, 0, 0, 14, 2200);
    (0..500).for_each(|i| fill(&mut side, 14 + i % 5, i * 4, 3, 2));
    let mut corner = side.clone();
    fill(&mut corner, 0, 2170, 1728, 30);
    let mut top = Bitmap::white(1728, 2200);
    fill(&mut top, 300, 0, 900, 20);
    for shadow in [side, corner, top] {
        assert!(blank(&shadow));
        let mut with_text = shadow.clone();
        fill(&mut with_text, 900, 1000, 3, 24);
        fill(&mut with_text, 900, 1021, 14, 3);
        assert!(!blank(&with_text), "a single L is text");
        let mut with_header = shadow.clone();
        (0..12).for_each(|i| fill(&mut with_header, 600 + 20 * i, 34, 3, 20));
        assert!(!blank(&with_header), "a line at the very top is text");
    }
    let mut framed = Bitmap::white(1728, 2200);
    fill(&mut framed, 0, 100, 1728, 8);
    fill(&mut framed, 0, 100, 8, 2000);
    fill(&mut framed, 900, 100, 8, 700);
    assert!(!blank(&framed), "a frame is no shadow");
}

/// Letters that the line has half eaten are still text.
#[test]
fn one_faint_line_is_not_blank() {
    let mut faint = Bitmap::white(1728, 2200);
    let full = lines(1728, 2200, 0.0);
    for y in 580..640 {
        (0..1728)
            .filter(|x| full.black(*x, y) && (x * 7 + y * 13) % 11 < 3)
            .for_each(|x| faint.set(x, y, true));
    }
    assert!(!clean(&page(faint.clone(), Resolution::FINE), &Settings::default()).plan.blank);
    assert!(!clean(&page(halved(&faint), Resolution::STANDARD), &Settings::default()).plan.blank);
}

#[test]
fn dots_are_told_from_strokes() {
    let mut dots = Bitmap::white(600, 600);
    (0..600).for_each(|y| (0..600).filter(|x| (x * 7 + y * 13) % 29 == 0).for_each(|x| dots.set(x, y, true)));
    assert!(texture::is_dithered(&dots));
    assert!(!texture::is_dithered(&lines(600, 600, 0.0)));
    assert!(!texture::is_dithered(&Bitmap::white(600, 600)));
}

#[test]
fn gray_and_colour_pages_keep_their_gray() {
    let mut samples = vec![230u8; 300 * 400];
    for y in 100..140 {
        samples[y * 300 + 50..y * 300 + 70].fill(20);
    }
    let raster = Raster::Gray { width: 300, height: 400, samples: samples.clone() };
    let gray = Page {
        raster,
        resolution: Resolution { x: 200.0, y: 200.0 },
        ccitt: None,
        damage: Damage::default(),
    };
    let clean = super::clean(&gray, &Settings::default());
    assert_eq!(clean.samples, samples);
    assert!(!clean.plan.blank);
    let rgb = samples.iter().flat_map(|level| [*level; 3]).collect();
    let raster = Raster::Rgb { width: 300, height: 400, samples: rgb };
    assert_eq!(super::clean(&Page { raster, ..gray.clone() }, &Settings::default()).samples, samples);
    let raster = Raster::Gray { width: 300, height: 400, samples: vec![180; 300 * 400] };
    assert!(super::clean(&Page { raster, ..gray }, &Settings::default()).plan.blank);
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop_oneof![Just(Turn::None), Just(Turn::Quarter), Just(Turn::Half), Just(Turn::ThreeQuarters)]
}

proptest! {
    #[test]
    fn points_lead_there_and_back(
        scale_x in 0.2f64..3.0, scale_y in 0.2f64..3.0, skew in -5.0f64..5.0, turn in any_turn(),
        width in 1u32..4000, height in 1u32..6000, x in 0.0f64..1.0, y in 0.0f64..1.0,
    ) {
        let plan = Plan { scale_x, scale_y, skew, turn, specks: 0, streaks: 0, blank: false };
        let (x, y) = (x * f64::from(width), y * f64::from(height));
        let (clean_x, clean_y) = to_clean(&plan, width, height, x, y);
        let (back_x, back_y) = to_page(&plan, width, height, clean_x, clean_y);
        prop_assert!((back_x - x).abs() < 1e-6 && (back_y - y).abs() < 1e-6);
        let (clean_w, clean_h) = clean_size(&plan, width, height);
        prop_assert!((-2.0..=f64::from(clean_w) + 2.0).contains(&clean_x), "nothing falls off the canvas");
        prop_assert!((-2.0..=f64::from(clean_h) + 2.0).contains(&clean_y));
    }

    /// A mark on the page is found where the plan says, through squaring, deskewing and turning.
    #[test]
    fn marks_are_where_the_plan_says(
        turn in any_turn(), skew in prop_oneof![Just(0.0), -4.5f64..4.5], tall in any::<bool>(),
        x in 60u32..500, y in 60u32..260,
    ) {
        let mut map = Bitmap::white(600, 320);
        fill(&mut map, x, y, 6, 6);
        let resolution = if tall { Resolution::STANDARD } else { Resolution::FINE };
        let scale = square::Scale::choose(resolution, 600, 320);
        let gray = skew::rotate(&square::bilevel(&map, &scale), skew);
        let plan = Plan { scale_x: scale.x, scale_y: scale.y, skew, turn: Turn::None, specks: 0, streaks: 0, blank: false };
        let copy = CleanPage { width: gray.width, height: gray.height, samples: gray.samples, dpi: 204, plan };
        let copy = turned(&copy, turn);
        let (mut sum_x, mut sum_y, mut sum) = (0.0, 0.0, 0.0);
        for (at, level) in copy.samples.iter().enumerate() {
            let ink = f64::from(255 - *level);
            sum_x += ink * ((at as u32 % copy.width) as f64 + 0.5);
            sum_y += ink * ((at as u32 / copy.width) as f64 + 0.5);
            sum += ink;
        }
        let (page_x, page_y) = to_page(&copy.plan, 600, 320, sum_x / sum, sum_y / sum);
        prop_assert!((page_x - f64::from(x) - 3.0).abs() < 0.6, "{page_x} for {x}");
        prop_assert!((page_y - f64::from(y) - 3.0).abs() < 0.6, "{page_y} for {y}");
        prop_assert_eq!(turned(&turned(&copy, Turn::Quarter), Turn::ThreeQuarters).samples, copy.samples);
    }
}
