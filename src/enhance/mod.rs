//! [`Page`] → [`CleanPage`]: a private copy that the OCR engine reads well. Never shown to people.
//!
//! Fax pixels are not square (ITU-T T.4 standard resolution is 204 by 98), fax lines spray specks, a dirty
//! scanner glass draws vertical streaks, and sheets go in crooked. Each is taken out here, in this order:
//! streaks, specks, squaring, skew, smoothing. What was done stands in the [`Plan`], and [`to_page`] leads
//! every point of the copy back to the page as received.
//!
//! Everything here is a pure function of pixels: no clock, no file, no randomness.

mod blank;
mod direction;
mod fingerprint;
mod geometry;
mod ink;
mod levels;
mod likeness;
mod sketch;
mod skew;
mod smooth;
mod specks;
mod square;
mod streaks;
mod texture;
mod turn;

#[cfg(test)]
mod tests;

pub use direction::{LinesRun, lines_run};
pub use fingerprint::fingerprint;
pub use geometry::{clean_size, page_size, to_clean, to_page};
pub use likeness::{Likeness, Side, Windows, likeness};
pub use sketch::Sketch;
pub use turn::{then, turned};

use crate::fax::{CleanPage, Page, Plan, Raster, Turn};

/// Which steps are taken.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Remove isolated specks.
    pub despeckle: bool,
    /// Remove vertical streaks that a dirty scanner glass draws.
    pub destreak: bool,
    /// Take out skew.
    pub deskew: bool,
    /// Smooth the stairs of black and white pixels, and melt the dots of pages sent in gray.
    pub smooth: bool,
    /// Make gray paper white and pale print black, on pages sent in gray.
    pub levels: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { despeckle: true, destreak: true, deskew: true, smooth: true, levels: true }
    }
}

impl Settings {
    /// Every step by its name, and whether it is taken.
    pub fn steps(&mut self) -> [(&'static str, &mut bool); 5] {
        [
            ("despeckle", &mut self.despeckle),
            ("destreak", &mut self.destreak),
            ("deskew", &mut self.deskew),
            ("smooth", &mut self.smooth),
            ("levels", &mut self.levels),
        ]
    }
}

/// How many pixels the private copy of `page` will have, before it is made.
pub fn copy_pixels(page: &Page) -> u64 {
    let (width, height) = page.raster.size();
    let scale = square::Scale::choose(page.resolution, width, height);
    (f64::from(width) * scale.x * f64::from(height) * scale.y) as u64
}

/// Makes the private copy.
pub fn clean(page: &Page, settings: &Settings) -> CleanPage {
    let (width, height) = page.raster.size();
    let scale = square::Scale::choose(page.resolution, width, height);
    let mut ink = ink::of(&page.raster);
    let bilevel = matches!(page.raster, Raster::Bilevel(_));

    let streaks = if settings.destreak { streaks::remove(&mut ink, scale.x_dpi) } else { 0 };
    let dithered = bilevel && texture::is_dithered(&ink);
    let specks = if settings.despeckle { specks::remove(&mut ink, scale.x_dpi, scale.y_dpi) } else { 0 };
    let blank = blank::is_blank(&ink, &scale, dithered);
    let skew = if settings.deskew && !blank { skew::estimate(&ink, &scale) } else { 0.0 };

    let mut gray = match &page.raster {
        Raster::Bilevel(_) => square::bilevel(&ink, &scale),
        // A scanner's gray levels are worth more to the engine than our despeckled black and white.
        other => square::gray(&ink::luminance(other), width, height, &scale),
    };
    if skew != 0.0 {
        gray = skew::rotate(&gray, skew);
    }
    if settings.smooth && bilevel {
        gray = smooth::gaussian(gray, if dithered { smooth::DITHERED } else { smooth::THRESHOLDED });
    }
    if settings.levels && settings.smooth && dithered {
        levels::stretch(&mut gray);
    }
    CleanPage {
        width: gray.width,
        height: gray.height,
        samples: gray.samples,
        dpi: scale.dpi,
        plan: Plan { scale_x: scale.x, scale_y: scale.y, skew, turn: Turn::None, specks, streaks, blank },
    }
}
