//! Quarter turns of the private copy: for pages that came upside down or sideways.

use crate::fax::{CleanPage, Turn};

/// `first`, then `second`, as one turn.
pub fn then(first: Turn, second: Turn) -> Turn {
    match (quarters(first) + quarters(second)) % 4 {
        0 => Turn::None,
        1 => Turn::Quarter,
        2 => Turn::Half,
        _ => Turn::ThreeQuarters,
    }
}

fn quarters(turn: Turn) -> u8 {
    match turn {
        Turn::None => 0,
        Turn::Quarter => 1,
        Turn::Half => 2,
        Turn::ThreeQuarters => 3,
    }
}

/// The copy turned clockwise by `turn`, its plan told.
pub fn turned(clean: &CleanPage, turn: Turn) -> CleanPage {
    let (width, height) = (clean.width as usize, clean.height as usize);
    let samples = match turn {
        Turn::None => clean.samples.clone(),
        Turn::Half => clean.samples.iter().rev().copied().collect(),
        Turn::Quarter => columns(&clean.samples, width, height, true),
        Turn::ThreeQuarters => columns(&clean.samples, width, height, false),
    };
    let sideways = matches!(turn, Turn::Quarter | Turn::ThreeQuarters);
    let (new_width, new_height) =
        if sideways { (clean.height, clean.width) } else { (clean.width, clean.height) };
    let mut plan = clean.plan.clone();
    plan.turn = then(plan.turn, turn);
    CleanPage { width: new_width, height: new_height, samples, dpi: clean.dpi, plan }
}

/// Columns become rows: from the bottom up if `clockwise`, else the last column first.
fn columns(samples: &[u8], width: usize, height: usize, clockwise: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * height);
    for new_row in 0..width {
        let x = if clockwise { new_row } else { width - 1 - new_row };
        let column = samples.iter().skip(x).step_by(width.max(1)).take(height);
        if clockwise {
            out.extend(column.rev());
        } else {
            out.extend(column);
        }
    }
    out
}
