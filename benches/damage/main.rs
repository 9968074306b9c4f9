//! damage-table: how many rows faxgate and libtiff get right of damaged pages, as a Markdown table.
//!
//! ```text
//! damage-table [FOLDER...]     pages of these folders; fixtures/faxes if none is named
//! ```

mod kit;
mod tiff_file;

use std::collections::BTreeMap;
use std::path::PathBuf;

use kit::{CODINGS, HARMS, Harm, Libtiff, Score, score, truths};

fn main() {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/faxes"));
    }
    let libtiff = Libtiff::new();
    let (mut pages, mut rows) = (0, 0);
    let mut cells: BTreeMap<(usize, usize, usize), Score> = BTreeMap::new();
    for truth in folders.iter().flat_map(|folder| truths(folder)) {
        pages += 1;
        rows += u64::from(truth.page.height());
        for (at, coding) in CODINGS.into_iter().enumerate() {
            let ours = tiff_file::by_faxgate(&truth.page, coding);
            let theirs = libtiff.encode(&truth.page, coding).expect("libtiff codes a whole page");
            for (by, (encoder, clean)) in [("faxgate", ours), ("libtiff", theirs)].into_iter().enumerate() {
                for (harm, kind) in HARMS.into_iter().enumerate() {
                    *cells.entry((at, by, harm)).or_default() +=
                        score(&libtiff, &truth, &clean, encoder, kind);
                }
            }
        }
    }
    println!("{pages} pages, {rows} rows. Rows right, in %:\n");
    println!("| coding | encoder | damage | faxgate | tiffcp | fax2tiff |\n|---|---|---|---|---|---|");
    for ((coding, by, harm), score) in &cells {
        let share = |right: u64| format!("{:.2}", right as f64 * 100.0 / score.rows as f64);
        let behind = if score.faxgate < score.tiffcp.max(score.fax2tiff) { " (behind)" } else { "" };
        println!(
            "| {} | {} | {} | {}{behind} | {} | {} |",
            ["MH", "MR", "MMR"][*coding],
            ["faxgate", "libtiff"][*by],
            name(HARMS[*harm]),
            share(score.faxgate),
            share(score.tiffcp),
            share(score.fax2tiff),
        );
    }
}

fn name(harm: Harm) -> String {
    match harm {
        Harm::Flips(1) => "1 bit turned".into(),
        Harm::Flips(count) => format!("{count} bits turned"),
        Harm::Bursts(count) => format!("{count} bursts of noise"),
        Harm::Gaps(1) => "1 stretch missing".into(),
        Harm::Gaps(count) => format!("{count} stretches missing"),
        Harm::Cut => "cut".into(),
    }
}
