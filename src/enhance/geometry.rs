//! Where a point of the private copy lies on the page as received, and back.
//!
//! The copy is made in three steps: scaling to square pixels, a quarter turn, and a rotation by the skew
//! about the middle. Turns and rotations are taken from middle to middle, so their order does not matter
//! and a copy that was turned after deskewing obeys the same formula.
//!
//! Points are continuous: (0, 0) is the outer corner of the first pixel, not its middle.

use crate::fax::{CleanPage, Plan, Turn};

/// Size of the page in square pixels, before turn and deskewing.
pub(super) fn squared_size(plan: &Plan, page_w: u32, page_h: u32) -> (u32, u32) {
    let along = |pixels: u32, scale: f64| ((f64::from(pixels) * scale).round() as u32).max(1);
    (along(page_w, plan.scale_x), along(page_h, plan.scale_y))
}

/// Size of the canvas that holds a `width` by `height` picture rotated by `skew` degrees.
pub(super) fn rotated_size(width: u32, height: u32, skew: f64) -> (u32, u32) {
    if skew == 0.0 {
        return (width, height);
    }
    let (sin, cos) = skew.to_radians().sin_cos();
    let (w, h) = (f64::from(width), f64::from(height));
    ((w * cos + h * sin.abs()).ceil() as u32, (h * cos + w * sin.abs()).ceil() as u32)
}

/// Size of the private copy that `plan` makes of a page of `page_w` by `page_h` pixels.
pub fn clean_size(plan: &Plan, page_w: u32, page_h: u32) -> (u32, u32) {
    let (w, h) = squared_size(plan, page_w, page_h);
    let (w, h) = match plan.turn {
        Turn::None | Turn::Half => (w, h),
        Turn::Quarter | Turn::ThreeQuarters => (h, w),
    };
    // Rotated before it is turned, as `turned` does it: the sizes are the same, swapped.
    rotated_size(w, h, plan.skew)
}

/// Size of the page that a copy was made of, from the copy itself: exact where the scales are whole and no
/// skew was taken out, else to the pixel.
pub fn page_size(clean: &CleanPage) -> (u32, u32) {
    let plan = &clean.plan;
    let (w, h) = match plan.turn {
        Turn::None | Turn::Half => (clean.width, clean.height),
        Turn::Quarter | Turn::ThreeQuarters => (clean.height, clean.width),
    };
    let (w, h) = (f64::from(w), f64::from(h));
    // The canvas is w cos + h sin by h cos + w sin; solved for w and h. Skew is far from 45 degrees.
    let (sin, cos) = plan.skew.abs().to_radians().sin_cos();
    let less = cos * cos - sin * sin;
    let (w, h) = ((w * cos - h * sin) / less, (h * cos - w * sin) / less);
    let along = |pixels: f64, scale: f64| ((pixels / scale).round() as u32).max(1);
    (along(w, plan.scale_x), along(h, plan.scale_y))
}

/// A point of the private copy, in pixels of the page as received.
pub fn to_page(plan: &Plan, page_w: u32, page_h: u32, x: f64, y: f64) -> (f64, f64) {
    let (clean_w, clean_h) = clean_size(plan, page_w, page_h);
    let (squared_w, squared_h) = squared_size(plan, page_w, page_h);
    let (dx, dy) = (x - f64::from(clean_w) / 2.0, y - f64::from(clean_h) / 2.0);
    let (sin, cos) = plan.skew.to_radians().sin_cos();
    let (dx, dy) = (dx * cos - dy * sin, dx * sin + dy * cos);
    let (dx, dy) = quarter_turns(dx, dy, back(plan.turn));
    ((dx + f64::from(squared_w) / 2.0) / plan.scale_x, (dy + f64::from(squared_h) / 2.0) / plan.scale_y)
}

/// A point of the page as received, in pixels of the private copy.
pub fn to_clean(plan: &Plan, page_w: u32, page_h: u32, x: f64, y: f64) -> (f64, f64) {
    let (clean_w, clean_h) = clean_size(plan, page_w, page_h);
    let (squared_w, squared_h) = squared_size(plan, page_w, page_h);
    let dx = x * plan.scale_x - f64::from(squared_w) / 2.0;
    let dy = y * plan.scale_y - f64::from(squared_h) / 2.0;
    let (dx, dy) = quarter_turns(dx, dy, plan.turn);
    let (sin, cos) = plan.skew.to_radians().sin_cos();
    let (dx, dy) = (dx * cos + dy * sin, dy * cos - dx * sin);
    (dx + f64::from(clean_w) / 2.0, dy + f64::from(clean_h) / 2.0)
}

/// The turn that undoes `turn`.
fn back(turn: Turn) -> Turn {
    match turn {
        Turn::Quarter => Turn::ThreeQuarters,
        Turn::ThreeQuarters => Turn::Quarter,
        same => same,
    }
}

/// Turns a vector clockwise, y pointing down.
fn quarter_turns(dx: f64, dy: f64, turn: Turn) -> (f64, f64) {
    match turn {
        Turn::None => (dx, dy),
        Turn::Quarter => (-dy, dx),
        Turn::Half => (-dx, -dy),
        Turn::ThreeQuarters => (dy, -dx),
    }
}
