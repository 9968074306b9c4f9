//! Where on the pages words must stand: [`Zone`], [`PageSpot`], and both together as [`Within`].

use super::pattern::PatternError;

/// A part of the page as people name it. Where a line stands is told by its middle, as a share of the page's width and
/// height, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    shown: String,
    across: (u16, u16),
    down: (u16, u16),
}

/// Name, from and to across the page, from and to down the page.
type Named = (&'static str, (u16, u16), (u16, u16));

const WHOLE: (u16, u16) = (0, 1_000);
const NAMED: &[Named] = &[
    ("top", WHOLE, (0, 500)),
    ("bottom", WHOLE, (500, 1_000)),
    ("left", (0, 500), WHOLE),
    ("right", (500, 1_000), WHOLE),
    ("middle", WHOLE, (250, 750)),
    ("header-third", WHOLE, (0, 334)),
    ("middle-third", WHOLE, (333, 667)),
    ("footer-third", WHOLE, (666, 1_000)),
    ("top-left", (0, 500), (0, 500)),
    ("top-right", (500, 1_000), (0, 500)),
    ("bottom-left", (0, 500), (500, 1_000)),
    ("bottom-right", (500, 1_000), (500, 1_000)),
];

impl Zone {
    /// Every name that there is.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, ..)| *name)
    }

    /// Understands a name (`top-left`, `header-third`).
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let wanted = text.trim();
        let found = NAMED.iter().find(|(name, ..)| *name == wanted).ok_or_else(|| {
            let names: Vec<&str> = Self::names().collect();
            PatternError::whole(text, format!("no zone of a page; zones are: {}", names.join(", ")))
        })?;
        Ok(Self { shown: found.0.to_owned(), across: found.1, down: found.2 })
    }

    /// The zone as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// `across` is `None` where nothing is known of it (an example's text): then it does not count.
    pub(super) fn holds(&self, across: Option<f32>, down: f32) -> bool {
        let inside = |(from, to): (u16, u16), share: f32| {
            let at = share.clamp(0.0, 1.0) * 1_000.0;
            // the page's own edge belongs to its last zone
            at >= f32::from(from) && (at < f32::from(to) || to == 1_000)
        };
        across.is_none_or(|across| inside(self.across, across)) && inside(self.down, down)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        let around = |mine: (u16, u16), theirs: (u16, u16)| mine.0 <= theirs.0 && theirs.1 <= mine.1;
        around(self.across, other.across) && around(self.down, other.down)
    }
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageSpot {
    /// So manieth, from 1.
    Number(u32),
    /// The last one.
    Last,
}

impl PageSpot {
    /// Understands `1`, `first` or `last`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        match text.trim() {
            "first" => Ok(Self::Number(1)),
            "last" => Ok(Self::Last),
            number => match number.parse() {
                Ok(page) if page > 0 => Ok(Self::Number(page)),
                _ => Err(PatternError::whole(text, "expected a page such as 1, \"first\" or \"last\"")),
            },
        }
    }

    /// `page` is counted from 1.
    pub(super) fn is(self, page: usize, pages: usize) -> bool {
        match self {
            Self::Number(number) => page == number as usize,
            Self::Last => page == pages,
        }
    }
}

/// Where on the pages words must stand. The default is anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Within {
    /// Part of the page.
    pub zone: Option<Zone>,
    /// Which page.
    pub page: Option<PageSpot>,
}

impl Within {
    /// Anywhere at all.
    pub fn is_anywhere(&self) -> bool {
        self.zone.is_none() && self.page.is_none()
    }

    /// Whatever stands within `other` stands within this too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let zone = match (&self.zone, &other.zone) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => mine.covers(theirs),
            (Some(_), None) => false,
        };
        zone && (self.page.is_none() || self.page == other.page)
    }
}
