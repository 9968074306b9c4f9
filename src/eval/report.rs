//! What was found, in cells of language × resolution × halftone, with every page's row behind it.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};

use super::score::{RowScore, Score};
use super::truth::Language;

/// Rows per inch below which a page is of standard and of fine resolution.
const FINE_FROM: f64 = 150.0;
const SUPERFINE_FROM: f64 = 250.0;

/// Resolution down the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The file could not be opened.
    Unknown,
    /// Below 150 rows an inch.
    Standard,
    /// Below 250.
    Fine,
    /// From there.
    Superfine,
}

impl Resolution {
    /// Of so many rows an inch.
    pub fn of(rows_per_inch: f64) -> Self {
        match rows_per_inch {
            rows if rows <= 0.0 || rows.is_nan() => Self::Unknown,
            rows if rows < FINE_FROM => Self::Standard,
            rows if rows < SUPERFINE_FROM => Self::Fine,
            _ => Self::Superfine,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Standard => "standard",
            Self::Fine => "fine",
            Self::Superfine => "superfine",
        }
    }
}

/// How gray became black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dither {
    /// By a threshold.
    Threshold,
    /// By error diffusion.
    Diffusion,
}

impl Dither {
    /// Of what the truth says.
    pub fn of(diffused: bool) -> Self {
        if diffused { Self::Diffusion } else { Self::Threshold }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Diffusion => "diffusion",
        }
    }
}

/// One page.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PageRow {
    /// The file's name in its folder.
    pub file: String,
    /// From 1.
    pub page: usize,
    /// Language of the truth; no reader but a peer is told.
    pub language: Language,
    /// Down the page.
    pub resolution: Resolution,
    /// Halftone.
    pub dither: Dither,
    /// Errors.
    #[serde(flatten)]
    pub score: Score,
    /// User and system time of all processes, a page's share of its file.
    pub cpu_seconds: f64,
    /// Of it, the page worker's or the command's.
    pub reader_cpu_seconds: f64,
    /// Of the page worker, or of the command's largest process.
    pub peak_bytes: u64,
    /// A process was started for this page, so loading of models is in its time.
    pub started: bool,
    /// What went wrong.
    pub fault: Option<String>,
}

/// Sums over pages of one kind.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Cell {
    /// Language.
    pub language: Language,
    /// Resolution.
    pub resolution: Resolution,
    /// Halftone.
    pub dither: Dither,
    /// Pages.
    pub pages: usize,
    /// True characters.
    pub characters: usize,
    /// Wrong ones, by position.
    pub character_errors: usize,
    /// Per cent.
    pub character_error_rate: f64,
    /// True words; none in Chinese.
    pub words: usize,
    /// Wrong ones.
    pub word_errors: usize,
    /// Per cent; absent in Chinese.
    pub word_error_rate: Option<f64>,
    /// Characters in a wrong place of the order.
    pub order_errors: usize,
    /// Per cent of the true characters.
    pub order_error_rate: f64,
    /// Mean seconds a page.
    pub cpu_seconds: f64,
}

/// Cost of a page, over all that did not fail.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Costs {
    /// Pages measured.
    pub pages: usize,
    /// Mean.
    pub cpu_seconds: f64,
    /// 95th percentile (nearest rank).
    pub cpu_seconds_p95: f64,
    /// Mean without pages on which a process was started.
    pub cpu_seconds_warm: Option<f64>,
    /// Pages on which a process was started.
    pub started: usize,
    /// Largest peak of any page.
    pub peak_bytes: u64,
}

/// All of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// `faxgate`, or the peer's command.
    pub system: String,
    /// Sums.
    pub cells: Vec<Cell>,
    /// Cost.
    pub costs: Costs,
    /// Pages that failed.
    pub failed: usize,
    /// Every page.
    pub pages: Vec<PageRow>,
}

impl Report {
    /// Sums up.
    pub fn of(system: String, pages: Vec<PageRow>) -> Self {
        let mut kinds: BTreeMap<_, Vec<&PageRow>> = BTreeMap::new();
        for page in &pages {
            kinds.entry((page.language, page.resolution, page.dither)).or_default().push(page);
        }
        let cells = kinds.iter().map(|(kind, pages)| cell(*kind, pages)).collect();
        let failed = pages.iter().filter(|page| page.fault.is_some()).count();
        Self { system, cells, costs: costs(&pages), failed, pages }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
            "language",
            "resolution",
            "halftone",
            "pages",
            "characters",
            "CER %",
            "WER %",
            "order %",
            "CPU s",
        ]);
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for cell in &self.cells {
            table.add_row([
                cell.language.name().to_owned(),
                cell.resolution.name().to_owned(),
                cell.dither.name().to_owned(),
                cell.pages.to_string(),
                cell.characters.to_string(),
                format!("{:.2}", cell.character_error_rate),
                cell.word_error_rate.map_or_else(|| "–".into(), |rate| format!("{rate:.2}")),
                format!("{:.2}", cell.order_error_rate),
                format!("{:.2}", cell.cpu_seconds),
            ]);
        }
        format!("{table}\n{}", self.costs.sentence())
    }

    /// The lines with most errors, worst first: page, errors, truth, reading.
    pub fn worst(&self, count: usize) -> Vec<(&PageRow, &RowScore)> {
        let rows = self.pages.iter().flat_map(|page| page.score.rows.iter().map(move |row| (page, row)));
        let mut rows: Vec<_> = rows.filter(|(_, row)| row.errors > 0).collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.errors));
        rows.truncate(count);
        rows
    }
}

impl Costs {
    fn sentence(&self) -> String {
        let warm = self.cpu_seconds_warm.map_or_else(String::new, |warm| {
            format!(" ({warm:.2} s without the {} pages on which a process was started)", self.started)
        });
        format!(
            "{} pages: {:.2} CPU s a page{warm}, 95th percentile {:.2} s, peak memory {} MB",
            self.pages,
            self.cpu_seconds,
            self.cpu_seconds_p95,
            self.peak_bytes.div_ceil(1 << 20),
        )
    }
}

fn cell((language, resolution, dither): (Language, Resolution, Dither), pages: &[&PageRow]) -> Cell {
    let sum = |of: fn(&Score) -> usize| pages.iter().map(|page| of(&page.score)).sum::<usize>();
    let (characters, words) = (sum(|score| score.characters), sum(|score| score.words));
    let (character_errors, word_errors) =
        (sum(|score| score.character_errors), sum(|score| score.word_errors));
    let order_errors = sum(|score| score.order_errors);
    Cell {
        language,
        resolution,
        dither,
        pages: pages.len(),
        characters,
        character_errors,
        character_error_rate: per_cent(character_errors, characters),
        words,
        word_errors,
        word_error_rate: (language != Language::Zh).then(|| per_cent(word_errors, words)),
        order_errors,
        order_error_rate: per_cent(order_errors, characters),
        cpu_seconds: mean(pages.iter().map(|page| page.cpu_seconds)).unwrap_or(0.0),
    }
}

fn costs(pages: &[PageRow]) -> Costs {
    let good: Vec<&PageRow> = pages.iter().filter(|page| page.fault.is_none()).collect();
    let mut seconds: Vec<f64> = good.iter().map(|page| page.cpu_seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let rank = (seconds.len() * 95).div_ceil(100).saturating_sub(1);
    let started = good.iter().filter(|page| page.started).count();
    Costs {
        pages: good.len(),
        cpu_seconds: mean(seconds.iter().copied()).unwrap_or(0.0),
        cpu_seconds_p95: seconds.get(rank).copied().unwrap_or(0.0),
        cpu_seconds_warm: mean(good.iter().filter(|page| !page.started).map(|page| page.cpu_seconds)),
        started,
        peak_bytes: good.iter().map(|page| page.peak_bytes).max().unwrap_or(0),
    }
}

/// Errors per cent; where nothing truly stands, what was read is counted in characters but has no rate.
fn per_cent(errors: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * errors as f64 / of as f64 }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}
