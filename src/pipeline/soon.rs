//! Stands in for what `route` is about to offer; goes when it does.
#![allow(dead_code)]

use crate::fax::Millis;
use crate::route::{Moment, Rules};

pub(super) struct NoOffice;
impl NoOffice {
    pub(super) fn next_opening(&self, now: Millis) -> Millis {
        now
    }
}
pub(super) trait Soon: Clone {
    fn office(&self) -> Option<NoOffice> {
        None
    }
    fn moment(&self, at: Millis) -> Moment {
        let hours = at.div_euclid(3_600_000);
        let days = hours.div_euclid(24);
        Moment {
            minute: (hours.rem_euclid(24) * 60) as u16,
            weekday: ((days + 3).rem_euclid(7) + 1) as u8,
            date: String::new(),
            holiday: None,
        }
    }
    fn without_junk(&self) -> Self {
        self.clone()
    }
}
impl Soon for Rules {}
