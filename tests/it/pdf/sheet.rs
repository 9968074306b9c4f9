//! Pages for the PDF tests: ink where the words are, and the words as an engine would report them.

use faxgate::fax::{Bitmap, Box2, Damage, Line, Page, PageText, Raster, Resolution, Script, Turn, Word};

/// A page in the making, laid out upright in points, y down.
pub struct Sheet {
    resolution: Resolution,
    turn: Turn,
    size: (f64, f64),
    skew: f64,
    lines: Vec<(Line, Vec<[f64; 4]>)>,
}

/// A4 at fax width, in points, upright.
pub const A4: (f64, f64) = (609.88, 839.75);

impl Sheet {
    /// An empty upright sheet of `size` points that was received so that it needs `turn`.
    pub fn new(size: (f64, f64), resolution: Resolution, turn: Turn) -> Self {
        Self { resolution, turn, size, skew: 0.0, lines: Vec::new() }
    }

    /// Crooked by so many degrees, falling to the right: for the lines that follow. Their words' boxes are
    /// upright around slanted words, as recognition reports them; the page's skew is known.
    pub fn skewed(mut self, degrees: f64) -> Self {
        self.skew = degrees;
        self
    }

    /// A column of 12 point Chinese whose upper left corner is (x, y). A `|` parts two words.
    pub fn column(mut self, x: f64, y: f64, text: &str) -> Self {
        const SIZE: f64 = 12.0;
        let (mut words, mut places, mut top) = (Vec::new(), Vec::new(), y);
        for word in text.split('|') {
            let tall = word.chars().count() as f64 * SIZE;
            let place = [x + 0.5, top + 0.5, x + SIZE - 0.5, top + tall - 0.5];
            let at = self.received(place);
            words.push(Word { text: word.into(), at, confidence: 90.0, space_before: false });
            places.push(place);
            top += tall;
        }
        let at = words.iter().skip(1).fold(words[0].at, |all, word| all.union(word.at));
        let line = Line { words, at, script: Script::Han, header: false, vertical: true };
        self.lines.push((line, places));
        self
    }

    /// A line of 12 point text at (x, y), y being its top. A `|` in the text joins two words without a
    /// blank. `slope`: how much the line falls, as a tangent.
    pub fn line(mut self, x: f64, y: f64, text: &str, slope: f64) -> Self {
        const SIZE: f64 = 12.0;
        let (mut words, mut places) = (Vec::new(), Vec::new());
        let mut left = x;
        for (nth, spaced) in text.split(' ').enumerate() {
            for (part, word) in spaced.split('|').enumerate() {
                let width: f64 =
                    word.chars().map(|c| if c as u32 > 0x2e80 { SIZE } else { SIZE / 2.0 }).sum();
                let top = y + (left - x) * slope;
                // Ink is tighter than the advance: letters have side bearings, and not all have descenders.
                let low = if word.contains(['g', 'p', 'y']) { 1.0 } else { 0.8 };
                let place = [left + 0.5, top, left + width - 0.5, top + SIZE * low];
                let at = self.received(place);
                words.push(Word {
                    text: word.into(),
                    at,
                    confidence: 90.0,
                    space_before: part == 0 && nth > 0,
                });
                places.push(place);
                left += width;
            }
            left += SIZE / 3.0;
        }
        let at = words.iter().skip(1).fold(words[0].at, |all, word| all.union(word.at));
        self.lines.push((Line { words, at, script: Script::Mixed, header: false, vertical: false }, places));
        self
    }

    /// Where each run of characters between blanks is seen on the upright page as received, or on the same
    /// page laid straight.
    pub fn seen(&self, straight: bool) -> Vec<(String, [f64; 4])> {
        let mut seen: Vec<(String, [f64; 4])> = Vec::new();
        for (line, places) in &self.lines {
            for (nth, (word, place)) in line.words.iter().zip(places).enumerate() {
                let at = if straight { self.straightened(*place) } else { self.slanted(*place) };
                match seen.last_mut().filter(|_| nth > 0 && !word.space_before) {
                    Some((text, before)) => {
                        text.push_str(&word.text);
                        let low = [before[0].min(at[0]), before[1].min(at[1])];
                        *before = [low[0], low[1], before[2].max(at[2]), before[3].max(at[3])];
                    }
                    None => seen.push((word.text.clone(), at)),
                }
            }
        }
        seen
    }

    /// The upright box around a box of the level page after the page was skewed about its middle.
    fn slanted(&self, [left, top, right, bottom]: [f64; 4]) -> [f64; 4] {
        let (sin, cos) = self.skew.to_radians().sin_cos();
        let (mx, my) = (self.size.0 / 2.0, self.size.1 / 2.0);
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| {
            let (dx, dy) = (x - mx, y - my);
            (mx + dx * cos - dy * sin, my + dx * sin + dy * cos)
        });
        let pick =
            |of: fn(f64, f64) -> f64, x: fn(&(f64, f64)) -> f64| corners.iter().map(x).reduce(of).unwrap();
        [
            pick(f64::min, |it| it.0),
            pick(f64::min, |it| it.1),
            pick(f64::max, |it| it.0),
            pick(f64::max, |it| it.1),
        ]
    }

    /// The box on the larger page that holds the picture laid straight.
    fn straightened(&self, [left, top, right, bottom]: [f64; 4]) -> [f64; 4] {
        let (sin, cos) = self.skew.to_radians().sin_cos();
        let (wide, high) = self.size;
        let dx = (wide * cos + high * sin.abs() - wide) / 2.0;
        let dy = (high * cos + wide * sin.abs() - high) / 2.0;
        [left + dx, top + dy, right + dx, bottom + dy]
    }

    /// The page and its text.
    pub fn page(&self) -> (Page, PageText) {
        let (width, height) = self.pixels();
        let mut map = Bitmap::white(width, height);
        let lines: Vec<Line> = self.lines.iter().map(|(line, _)| line.clone()).collect();
        for word in lines.iter().flat_map(|line| &line.words) {
            for y in word.at.top.round() as u32..word.at.bottom.round() as u32 {
                for x in word.at.left.round() as u32..word.at.right.round() as u32 {
                    // Stripes and dots: something for a two-dimensional code to do.
                    map.set(x, y, x % 5 < 2 || (x * 7 + y * 3) % 11 == 0);
                }
            }
        }
        let text = PageText {
            lines,
            turn: self.turn,
            skew: Some(self.skew),
            confidence: 90.0,
            ..PageText::default()
        };
        let raster = Raster::Bilevel(map);
        (Page { raster, resolution: self.resolution, ccitt: None, damage: Damage::default() }, text)
    }

    /// Pixels of the page as received.
    fn pixels(&self) -> (u32, u32) {
        let (wide, high) = self.received_size();
        ((wide * self.resolution.x / 72.0).round() as u32, (high * self.resolution.y / 72.0).round() as u32)
    }

    fn received_size(&self) -> (f64, f64) {
        match self.turn {
            Turn::None | Turn::Half => self.size,
            Turn::Quarter | Turn::ThreeQuarters => (self.size.1, self.size.0),
        }
    }

    /// An upright box in points as a box in received pixels: the turn undone.
    fn received(&self, place: [f64; 4]) -> Box2 {
        let [left, top, right, bottom] = self.slanted(place);
        let (wide, high) = self.size;
        let [left, top, right, bottom] = match self.turn {
            Turn::None => [left, top, right, bottom],
            Turn::Half => [wide - right, high - bottom, wide - left, high - top],
            // Received turned right once is upright: upright's left edge was received at the bottom.
            Turn::Quarter => [top, wide - right, bottom, wide - left],
            Turn::ThreeQuarters => [high - bottom, left, high - top, right],
        };
        let x = |points: f64| (points * self.resolution.x / 72.0) as f32;
        let y = |points: f64| (points * self.resolution.y / 72.0) as f32;
        Box2 { left: x(left), top: y(top), right: x(right), bottom: y(bottom) }
    }
}
