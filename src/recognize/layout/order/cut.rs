//! A page cut into bands of rows, and bands into columns (recursive X-Y cut; Nagy and Seth, 1984), with a say on which
//! way a block with gutters is read.

use super::Spot;

/// Columns within columns deeper than this are read row by row.
const DEEPEST: u32 = 12;
/// A gutter is at least so many lines' heights wide.
const GUTTER: f32 = 1.0;
/// A gap between rows above this many lines' heights ends a block of columns, where only one of them goes on.
const BLOCK_GAP: f32 = 1.2;
/// A gap between rows above this many lines' heights always ends it.
const SECTION_GAP: f32 = 3.0;
/// So many lines on one side alone may stand above a block's first row.
const LEAD: usize = 40;
/// A line of running text is at least so many times as wide as it is high …
const TEXT_WIDTH: i32 = 9;
/// … and fills at least this share of its column.
const TEXT_FILL: f32 = 0.7;
/// Columns of text have at least so many lines.
const TEXT_LINES: usize = 3;
/// A table's cell has at most so many lines side by side with one line of another cell.
const CELL_LINES: usize = 3;
/// Part of a line's height, above and below, that does not count when rows are told apart …
const ROW_RIM: i32 = 4;
/// … and when it is asked what stands beside a cell of several lines.
const CELL_RIM: i32 = 8;
/// At least this share of a table's lines stand in rows.
const IN_ROWS: f32 = 0.6;

/// The order in which spots are read: each index once.
pub fn order(spots: &[Spot]) -> Vec<usize> {
    let all: Vec<usize> = (0..spots.len()).collect();
    let mut heights: Vec<i32> = spots.iter().map(Spot::height).collect();
    heights.sort_unstable();
    let line = heights.get(heights.len() / 2).copied().unwrap_or(1) as f32;
    let mut ordered = Vec::with_capacity(spots.len());
    Cutter { spots, line }.read(all, 0, &mut ordered);
    ordered
}

struct Cutter<'a> {
    spots: &'a [Spot],
    /// Usual height of a line.
    line: f32,
}

/// Rows that overlap: their lines, and the gaps between them.
#[derive(Debug, Clone)]
struct Band {
    lines: Vec<usize>,
    top: i32,
    bottom: i32,
}

/// Columns that nothing covers: from, to.
type Gaps = Vec<(i32, i32)>;

impl Cutter<'_> {
    fn spot(&self, at: usize) -> Spot {
        self.spots.get(at).copied().unwrap_or(Spot { left: 0, top: 0, right: 1, bottom: 1 })
    }

    /// Reads lines: block by block from the top.
    fn read(&self, lines: Vec<usize>, depth: u32, ordered: &mut Vec<usize>) {
        let bands = self.bands(lines);
        let mut rest = bands.as_slice();
        while !rest.is_empty() {
            let (block, gaps) = self.block(rest);
            let (block, after) = rest.split_at(block.clamp(1, rest.len()));
            rest = after;
            if depth < DEEPEST && !gaps.is_empty() && self.reads_by_columns(block, &gaps) {
                let all: Vec<usize> = block.iter().flat_map(|band| band.lines.iter().copied()).collect();
                for column in self.columns(&all, &gaps) {
                    self.read(column, depth + 1, ordered);
                }
            } else {
                self.rows(block, &gaps, ordered);
            }
        }
    }

    /// A table's rows. A cell of several lines makes one row of what stands beside them.
    fn rows(&self, block: &[Band], gaps: &[(i32, i32)], ordered: &mut Vec<usize>) {
        let all: Vec<usize> = block.iter().flat_map(|band| band.lines.iter().copied()).collect();
        for band in self.bands_of(all, CELL_RIM) {
            let cells = self.columns(&band.lines, gaps);
            if cells.iter().all(|cell| self.heights(cell) <= CELL_LINES) {
                self.row(&band.lines, gaps, ordered);
            } else {
                self.bands(band.lines).iter().for_each(|band| self.row(&band.lines, gaps, ordered));
            }
        }
    }

    /// One band: its cells from the left, each from the top.
    fn row(&self, lines: &[usize], gaps: &[(i32, i32)], ordered: &mut Vec<usize>) {
        let own;
        let gaps = if gaps.is_empty() {
            own = self.gaps(lines);
            &own
        } else {
            gaps
        };
        for mut cell in self.columns(lines, gaps) {
            cell.sort_by_key(|&at| {
                let spot = self.spot(at);
                (spot.top + spot.bottom, spot.left, at)
            });
            ordered.append(&mut self.by_rows(cell));
        }
    }

    /// Lines sorted downwards: those on one row from the left.
    fn by_rows(&self, lines: Vec<usize>) -> Vec<usize> {
        let mut ordered: Vec<usize> = Vec::with_capacity(lines.len());
        let mut row: Vec<usize> = Vec::new();
        for at in lines {
            let same = row.first().is_some_and(|&first| {
                let (one, other) = (self.spot(first), self.spot(at));
                let shared = one.bottom.min(other.bottom) - one.top.max(other.top);
                shared * 2 >= one.height().min(other.height())
            });
            if !same {
                row.sort_by_key(|&at| (self.spot(at).left, at));
                ordered.append(&mut row);
            }
            row.push(at);
        }
        row.sort_by_key(|&at| (self.spot(at).left, at));
        ordered.append(&mut row);
        ordered
    }

    /// Bands from the top. Only the middle half of a line counts: feet of one row reach to heads of the next.
    fn bands(&self, lines: Vec<usize>) -> Vec<Band> {
        self.bands_of(lines, ROW_RIM)
    }

    /// Bands of lines less the `rim`th part of their height above and below.
    fn bands_of(&self, lines: Vec<usize>, rim: i32) -> Vec<Band> {
        let core = |at: usize| {
            let spot = self.spot(at);
            let rim = spot.height() / rim;
            (spot.top + rim, (spot.bottom - rim).max(spot.top + rim + 1))
        };
        let mut lines = lines;
        lines.sort_by_key(|&at| (core(at), self.spot(at).left, at));
        let mut bands: Vec<Band> = Vec::new();
        for at in lines {
            let (top, bottom) = core(at);
            match bands.last_mut() {
                Some(band) if top < band.bottom => {
                    band.lines.push(at);
                    band.bottom = band.bottom.max(bottom);
                }
                _ => bands.push(Band { lines: vec![at], top, bottom }),
            }
        }
        bands
    }

    /// How many bands from the first on make a block, and the gutters that they share; none for a plain band.
    fn block(&self, bands: &[Band]) -> (usize, Gaps) {
        const PLAIN: (usize, Gaps) = (1, Vec::new());
        let (mut length, mut shared, mut gutters) = (0usize, Gaps::new(), Gaps::new());
        let (mut left, mut right) = (i32::MAX, i32::MIN);
        for band in bands {
            let own = self.gaps(&band.lines);
            let narrowed = if length == 0 { own } else { self.common(&shared, &own) };
            left = band.lines.iter().map(|&at| self.spot(at).left).fold(left, i32::min);
            right = band.lines.iter().map(|&at| self.spot(at).right).fold(right, i32::max);
            let inner: Gaps =
                narrowed.iter().copied().filter(|&(from, to)| from > left && to < right).collect();
            let closed = !gutters.is_empty() && inner.is_empty();
            let apart = length.checked_sub(1).and_then(|before| bands.get(before));
            let apart = apart.is_some_and(|before| self.gap(before, band) > SECTION_GAP * self.line);
            if closed || apart || (inner.is_empty() && (band.lines.len() > 1 || length >= LEAD)) {
                break;
            }
            (length, shared, gutters) = (length + 1, narrowed, inner);
        }
        let Some(block) = bands.get(..length) else { return PLAIN };
        if gutters.is_empty() {
            return PLAIN;
        }
        // Lines above or below that stand on one side alone belong to a column only if they stand close to it.
        let far =
            |pair: &[Band]| matches!(pair, [one, other] if self.gap(one, other) > BLOCK_GAP * self.line);
        let head = self.same_side(block.iter(), &gutters);
        if block.get(..=head).unwrap_or(block).windows(2).any(far) {
            return PLAIN;
        }
        let tail = block.len() - self.same_side(block.iter().rev(), &gutters);
        let below = block.get(tail.saturating_sub(1)..).filter(|_| tail < block.len()).unwrap_or(&[]);
        let length = below.windows(2).position(far).map_or(block.len(), |at| tail.max(1) + at);
        let block = block.get(..length).unwrap_or(block);
        let two_sided = |band: &&Band| self.columns(&band.lines, &gutters).len() > 1;
        let rows = block.iter().filter(two_sided).count();
        let stacked =
            block.iter().any(|band| self.columns(&band.lines, &gutters).iter().any(|cell| cell.len() > 1));
        let all: Vec<usize> = block.iter().flat_map(|band| band.lines.iter().copied()).collect();
        let columns = self.columns(&all, &gutters);
        let beside = || self.bands_of(all.clone(), CELL_RIM).len() < block.len();
        let texts = || columns.iter().all(|column| self.is_running_text(column));
        if columns.len() > 1 && (rows > 1 || stacked || beside() || texts()) {
            (length, gutters)
        } else {
            PLAIN
        }
    }

    /// How many bands, from the first given, stand in the same single column.
    fn same_side<'b>(&self, bands: impl Iterator<Item = &'b Band>, gutters: &[(i32, i32)]) -> usize {
        let side = |band: &Band| {
            let mut sides = band.lines.iter().map(|&at| self.column_of(at, gutters));
            let first = sides.next()?;
            sides.all(|side| side == first).then_some(first)
        };
        let mut first = None;
        bands
            .take_while(|band| match side(band) {
                None => false,
                one => *first.get_or_insert(one) == one,
            })
            .count()
    }

    fn column_of(&self, at: usize, gutters: &[(i32, i32)]) -> usize {
        let left = self.spot(at).left;
        gutters.partition_point(|&(_, to)| to <= left)
    }

    /// White between two bands.
    fn gap(&self, one: &Band, other: &Band) -> f32 {
        let bottom = one.lines.iter().map(|&at| self.spot(at).bottom).max().unwrap_or(one.bottom);
        let top = other.lines.iter().map(|&at| self.spot(at).top).min().unwrap_or(other.top);
        (top - bottom) as f32
    }

    /// What lies between and beside a band's lines, wide enough for a gutter.
    fn gaps(&self, lines: &[usize]) -> Gaps {
        let mut spans: Vec<(i32, i32)> =
            lines.iter().map(|&at| (self.spot(at).left, self.spot(at).right)).collect();
        spans.sort_unstable();
        let mut gaps = Vec::new();
        let mut covered = i32::MIN;
        for (left, right) in spans {
            gaps.push((covered, left));
            covered = covered.max(right);
        }
        gaps.push((covered, i32::MAX));
        gaps.retain(|&(from, to)| self.is_wide(from, to));
        gaps
    }

    fn is_wide(&self, from: i32, to: i32) -> bool {
        f64::from(to) - f64::from(from) >= f64::from(GUTTER * self.line)
    }

    fn common(&self, one: &Gaps, other: &Gaps) -> Gaps {
        let (mut at, mut to) = (one.iter().peekable(), other.iter().peekable());
        let mut common = Vec::new();
        while let (Some(&&(a, b)), Some(&&(c, d))) = (at.peek(), to.peek()) {
            if self.is_wide(a.max(c), b.min(d)) {
                common.push((a.max(c), b.min(d)));
            }
            if b < d {
                at.next();
            } else {
                to.next();
            }
        }
        common
    }

    /// Lines by the columns between gutters, from the left.
    fn columns(&self, lines: &[usize], gutters: &[(i32, i32)]) -> Vec<Vec<usize>> {
        let mut columns: Vec<Vec<usize>> = vec![Vec::new(); gutters.len() + 1];
        for &at in lines {
            if let Some(column) = columns.get_mut(self.column_of(at, gutters)) {
                column.push(at);
            }
        }
        columns.retain(|column| !column.is_empty());
        columns
    }

    /// Columns of running text, or lines that keep no rows: read column by column. Else a table or a form.
    fn reads_by_columns(&self, block: &[Band], gutters: &Gaps) -> bool {
        let all: Vec<usize> = block.iter().flat_map(|band| band.lines.iter().copied()).collect();
        let columns = self.columns(&all, gutters);
        if columns.len() < 2 {
            return false;
        }
        let (mut in_rows, mut beside) = (0, 0);
        for band in block {
            let cells = self.columns(&band.lines, gutters);
            if cells.len() > 1 {
                beside += band.lines.len();
                if cells.iter().all(|cell| self.heights(cell) <= CELL_LINES) {
                    in_rows += band.lines.len();
                }
            }
        }
        let keeps_rows = beside > 0 && in_rows as f32 >= IN_ROWS * beside as f32;
        !keeps_rows || columns.iter().all(|column| self.is_running_text(column))
    }

    /// Rows of a cell.
    fn heights(&self, cell: &[usize]) -> usize {
        self.bands(cell.to_vec()).len()
    }

    /// Most lines fill the column.
    fn is_running_text(&self, column: &[usize]) -> bool {
        let (Some(left), Some(right)) = (
            column.iter().map(|&at| self.spot(at).left).min(),
            column.iter().map(|&at| self.spot(at).right).max(),
        ) else {
            return false;
        };
        let bands = self.bands(column.to_vec());
        let fill = |band: &&Band| {
            let ink: i32 = band.lines.iter().map(|&at| self.spot(at).width()).sum();
            let high = band.lines.iter().map(|&at| self.spot(at).height()).max().unwrap_or(1);
            ink >= TEXT_WIDTH * high && ink as f32 >= TEXT_FILL * (right - left) as f32
        };
        let full = bands.iter().filter(fill).count();
        bands.len() >= TEXT_LINES && full * 3 >= bands.len() * 2
    }
}
