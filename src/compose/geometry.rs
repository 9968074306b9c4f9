//! From pixels of the received page to points on the PDF page, and to the direction in which people read.
//!
//! A fax pixel is not square, so x and y have scales of their own: points = pixels × 72 / resolution. The
//! picture lies on the page as it was received; a page that came upside down or sideways is turned by
//! `/Rotate` for the viewer alone. Its text then runs in the *reading frame*: u along the line, v up.

use crate::fax::{Box2, Resolution, Turn};

/// Pixels per inch outside of this range are no fax and no scan: the page is shown as a fine fax instead.
const PLAUSIBLE_DPI: std::ops::RangeInclusive<f64> = 10.0..=10_000.0;

/// Longest and shortest page edge in points (ISO 32000-1 annex C.2; ISO 19005-2 §6.1.13).
const LONGEST_EDGE: f64 = 14_400.0;
const SHORTEST_EDGE: f64 = 3.0;

/// A page of this size stands in for one without any pixels (A4).
const EMPTY_PAGE: (f64, f64) = (595.275, 841.889);

/// The resolution, or fine where a header's numbers cannot be true.
pub(super) fn plausible(resolution: Resolution) -> Resolution {
    if PLAUSIBLE_DPI.contains(&resolution.x) && PLAUSIBLE_DPI.contains(&resolution.y) {
        resolution
    } else {
        Resolution::FINE
    }
}

/// Cuts to thousandths of a point, downwards: a page must never come out a pixel larger than its picture.
fn cut(points: f64) -> f64 {
    ((points + 1e-7) * 1000.0).floor() / 1000.0
}

/// Least and most skew in degrees that is worth and safe to take out.
const STRAIGHTENED: std::ops::RangeInclusive<f64> = 0.1..=10.0;

/// Of an upright box around a slanted word at least this share is the word's own height.
const OWN_HEIGHT: f64 = 0.2;

/// Where the picture lies on its page. All lengths in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PageFrame {
    /// Page width.
    pub width: f64,
    /// Page height.
    pub height: f64,
    /// Width of the picture, whose left edge is the page's.
    pub picture_width: f64,
    /// Height of the picture, whose top edge is the page's.
    pub picture_height: f64,
    pixels: (f64, f64),
    turn: Turn,
    /// Radians by which the picture is turned against the clock about the page's middle.
    tilt: f64,
}

impl PageFrame {
    /// The frame of a raster of `size` pixels.
    pub fn new(size: (u32, u32), resolution: Resolution, turn: Turn) -> Self {
        let (columns, rows) = (f64::from(size.0), f64::from(size.1));
        if size.0 == 0 || size.1 == 0 {
            let (width, height) = EMPTY_PAGE;
            return Self {
                width,
                height,
                picture_width: 0.0,
                picture_height: 0.0,
                pixels: (0.0, 0.0),
                turn,
                tilt: 0.0,
            };
        }
        let resolution = plausible(resolution);
        let (wide, high) = (columns * 72.0 / resolution.x, rows * 72.0 / resolution.y);
        // A page of several metres (a stuck feeder) is shown smaller: readers refuse what is longer.
        let shrink = (LONGEST_EDGE / wide.max(high)).min(1.0);
        let (picture_width, picture_height) = (cut(wide * shrink), cut(high * shrink));
        Self {
            width: picture_width.max(SHORTEST_EDGE),
            height: picture_height.max(SHORTEST_EDGE),
            picture_width,
            picture_height,
            pixels: (columns, rows),
            turn,
            tilt: 0.0,
        }
    }

    /// The same picture laid straight on a larger page. `skew`: degrees by which its lines fall to the right.
    pub fn straightened(self, skew: f64) -> Self {
        if !STRAIGHTENED.contains(&skew.abs()) || self.picture_width <= 0.0 {
            return self;
        }
        let tilt = skew.to_radians();
        let (sin, cos) = (tilt.sin().abs(), tilt.cos());
        let (wide, high) = (self.picture_width, self.picture_height);
        Self { width: cut(wide * cos + high * sin), height: cut(high * cos + wide * sin), tilt, ..self }
    }

    /// True if the lines of the picture were laid straight.
    pub fn is_straightened(&self) -> bool {
        self.tilt != 0.0
    }

    /// The matrix that paints the picture: from the unit square to the page (ISO 32000-1 §8.9.5.1).
    pub fn picture_matrix(&self) -> [f64; 6] {
        let (wide, high) = (self.picture_width, self.picture_height);
        if self.tilt == 0.0 {
            // At the page's upper left corner.
            return [wide, 0.0, 0.0, high, 0.0, self.height - high];
        }
        let (sin, cos) = self.tilt.sin_cos();
        let (x, y) = self.tilted(0.0, 0.0);
        [wide * cos, wide * sin, -high * sin, high * cos, x, y]
    }

    /// A point of the picture, in points from its lower left corner, on the page.
    fn tilted(&self, x: f64, y: f64) -> (f64, f64) {
        if self.tilt == 0.0 {
            return (x, y + self.height - self.picture_height);
        }
        let (sin, cos) = self.tilt.sin_cos();
        let (dx, dy) = (x - self.picture_width / 2.0, y - self.picture_height / 2.0);
        (self.width / 2.0 + dx * cos - dy * sin, self.height / 2.0 + dx * sin + dy * cos)
    }

    /// The own width and height of what fills an upright box of this size in the picture, its slant undone.
    fn own_size(&self, wide: f64, high: f64) -> (f64, f64) {
        let (sin, cos) = (self.tilt.sin().abs(), self.tilt.cos());
        let less = cos * cos - sin * sin;
        let own = |edge: f64, other: f64| ((edge * cos - other * sin) / less).clamp(edge * OWN_HEIGHT, edge);
        if self.tilt == 0.0 { (wide, high) } else { (own(wide, high), own(high, wide)) }
    }

    /// `/Rotate`: degrees clockwise by which a viewer turns the page.
    pub fn rotate(&self) -> i64 {
        match self.turn {
            Turn::None => 0,
            Turn::Quarter => 90,
            Turn::Half => 180,
            Turn::ThreeQuarters => 270,
        }
    }

    /// The frame of the lines that run down the page as read, right column first (vertical Chinese): u down,
    /// v to the right.
    pub fn downwards(&self) -> Self {
        let turn = match self.turn {
            Turn::None => Turn::ThreeQuarters,
            Turn::Quarter => Turn::None,
            Turn::Half => Turn::Quarter,
            Turn::ThreeQuarters => Turn::Half,
        };
        Self { turn, ..*self }
    }

    /// The first four numbers of a text matrix that writes in the reading direction.
    pub fn matrix(&self) -> [i8; 4] {
        match self.turn {
            Turn::None => [1, 0, 0, 1],
            Turn::Quarter => [0, 1, -1, 0],
            Turn::Half => [-1, 0, 0, -1],
            Turn::ThreeQuarters => [0, -1, 1, 0],
        }
    }

    /// A point of the reading frame on the page (x to the right, y up).
    pub fn on_page(&self, u: f64, v: f64) -> (f64, f64) {
        match self.turn {
            Turn::None => (u, v),
            Turn::Quarter => (-v, u),
            Turn::Half => (-u, -v),
            Turn::ThreeQuarters => (v, -u),
        }
    }

    /// The page's middle, along the reading direction.
    pub fn middle(&self) -> f64 {
        match self.turn {
            Turn::None => self.width / 2.0,
            Turn::Quarter => self.height / 2.0,
            Turn::Half => -self.width / 2.0,
            Turn::ThreeQuarters => -self.height / 2.0,
        }
    }

    /// A box of received pixels in the reading frame. What lies off the page is brought to its edge.
    pub fn span(&self, at: Box2) -> Span {
        let x = |pixel: f32| inside(pixel, self.pixels.0) * self.scale(self.picture_width, self.pixels.0);
        let y = |pixel: f32| {
            self.picture_height
                - inside(pixel, self.pixels.1) * self.scale(self.picture_height, self.pixels.1)
        };
        let (left, right) = order(x(at.left), x(at.right));
        let (low, high) = order(y(at.bottom), y(at.top));
        let (middle, centre) = self.tilted((left + right) / 2.0, (low + high) / 2.0);
        let (wide, tall) = self.own_size(right - left, high - low);
        let (left, right) = (middle - wide / 2.0, middle + wide / 2.0);
        let (low, high) = (centre - tall / 2.0, centre + tall / 2.0);
        let (start, end, bottom, top) = match self.turn {
            Turn::None => (left, right, low, high),
            Turn::Quarter => (low, high, -right, -left),
            Turn::Half => (-right, -left, -high, -low),
            Turn::ThreeQuarters => (-high, -low, left, right),
        };
        Span { start, end, bottom, top }
    }

    fn scale(&self, points: f64, pixels: f64) -> f64 {
        if pixels > 0.0 { points / pixels } else { 0.0 }
    }
}

fn inside(pixel: f32, limit: f64) -> f64 {
    if pixel.is_finite() { f64::from(pixel).clamp(0.0, limit) } else { 0.0 }
}

fn order(a: f64, b: f64) -> (f64, f64) {
    if a <= b { (a, b) } else { (b, a) }
}

/// A box in the reading frame, in points: `start ≤ end` along the line, `bottom ≤ top` across it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub start: f64,
    pub end: f64,
    pub bottom: f64,
    pub top: f64,
}

impl Span {
    pub fn height(&self) -> f64 {
        self.top - self.bottom
    }

    /// Halfway along the line.
    pub fn middle(&self) -> f64 {
        (self.start + self.end) / 2.0
    }

    /// Halfway across it.
    pub fn centre(&self) -> f64 {
        (self.bottom + self.top) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_page_is_as_large_as_its_paper() {
        let frame = PageFrame::new((1728, 1143), Resolution::STANDARD, Turn::None);
        assert!((frame.width - 609.882).abs() < 1e-9, "{}", frame.width);
        assert!((frame.height - 839.755).abs() < 1e-9, "{}", frame.height);
        let span = frame.span(Box2 { left: 0.0, top: 0.0, right: 864.0, bottom: 571.5 });
        assert!((span.end - 304.941).abs() < 1e-3 && (span.bottom - 419.8775).abs() < 1e-3, "{span:?}");
    }

    #[test]
    fn every_turn_keeps_reading_order_and_comes_back_to_the_page() {
        let first = Box2 { left: 10.0, top: 20.0, right: 30.0, bottom: 50.0 };
        for turn in [Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters] {
            let frame = PageFrame::new((200, 300), Resolution { x: 72.0, y: 72.0 }, turn);
            let span = frame.span(first);
            assert!(span.start < span.end && span.bottom < span.top, "{turn:?} {span:?}");
            let corners = [frame.on_page(span.start, span.bottom), frame.on_page(span.end, span.top)];
            let left = corners[0].0.min(corners[1].0);
            let low = corners[0].1.min(corners[1].1);
            assert!((left - 10.0).abs() < 1e-6 && (low - 250.0).abs() < 1e-6, "{turn:?} {corners:?}");
        }
    }

    #[test]
    fn a_straightened_page_holds_all_of_its_picture_and_its_lines_are_level() {
        for turn in [Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters] {
            for skew in [-5.0, 0.7, 3.0] {
                let plain = PageFrame::new((600, 800), Resolution { x: 72.0, y: 72.0 }, turn);
                let frame = plain.straightened(skew);
                let [a, b, c, d, e, f] = frame.picture_matrix();
                for (x, y) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                    let (x, y) = (a * x + c * y + e, b * x + d * y + f);
                    assert!((-0.01..frame.width + 0.01).contains(&x), "{turn:?} {skew} {x}");
                    assert!((-0.01..frame.height + 0.01).contains(&y), "{turn:?} {skew} {y}");
                }
                // Two small words of one line, as received: along the reading direction and down by the skew.
                let (sin, cos) = f64::to_radians(skew).sin_cos();
                let along = match turn {
                    Turn::None => (cos, sin),
                    Turn::Quarter => (sin, -cos),
                    Turn::Half => (-cos, -sin),
                    Turn::ThreeQuarters => (-sin, cos),
                };
                let word = |at: f64| {
                    let (x, y) = (300.0 + along.0 * at, 400.0 + along.1 * at);
                    let [left, top, right, bottom] = [x - 1.0, y - 1.0, x + 1.0, y + 1.0].map(|it| it as f32);
                    frame.span(Box2 { left, top, right, bottom })
                };
                let (first, last) = (word(-200.0), word(200.0));
                assert!((first.centre() - last.centre()).abs() < 0.01, "{turn:?} {skew}: {first:?} {last:?}");
                assert!((last.middle() - first.middle() - 400.0).abs() < 0.01, "{turn:?} {skew}");
            }
        }
        let frame = PageFrame::new((600, 800), Resolution::FINE, Turn::None);
        for wild in [f64::NAN, f64::INFINITY, 0.01, 45.0] {
            assert_eq!(frame.straightened(wild), frame);
        }
    }

    #[test]
    fn numbers_that_cannot_be_true_do_no_harm() {
        let frame = PageFrame::new((1728, 70_000), Resolution { x: f64::NAN, y: 0.0 }, Turn::None);
        assert!(frame.height <= LONGEST_EDGE && frame.width >= SHORTEST_EDGE, "{frame:?}");
        let sliver = PageFrame::new((1728, 1), Resolution::STANDARD, Turn::None);
        assert_eq!(sliver.height, SHORTEST_EDGE);
        let empty = PageFrame::new((0, 0), Resolution::FINE, Turn::None);
        let wild = Box2 { left: f32::NAN, top: -1e30, right: f32::INFINITY, bottom: 1e30 };
        for frame in [frame, sliver, empty] {
            let span = frame.span(wild);
            assert!([span.start, span.end, span.bottom, span.top].iter().all(|value| value.is_finite()));
        }
    }
}
