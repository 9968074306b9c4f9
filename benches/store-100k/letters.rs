//! Letters as an office gets them: words with places, in English and Chinese, from a few hundred senders.

use faxgate::fax::{
    Arrival, Box2, CallRecord, Damage, Disposition, Document, Fault, FaxId, Format, Line, Millis, Number,
    Original, PageText, Receipt, Script, Sha256, Stage, StationId, Word,
};
use faxgate::store::Fax;

/// Stands in one fax of a thousand.
pub const RARE: &str = "quarantine";

const ENGLISH: &str = "the of and to in a for application renewal licence permit premises restaurant inspection report public \
    health hygiene department officer dear sir madam enclosed please find attached documents regarding our reference your \
    letter dated payment invoice amount dollars hong kong kowloon road street floor building tenant owner complaint noise water \
    drainage market stall hawker food factory bakery liquor board hearing appeal notice court summons witness statement tender \
    contract quotation supply delivery works project engineer survey plan drawing approval condition requirement compliance \
    yours faithfully manager director secretary telephone facsimile email address registered office company limited";
const CHINESE: &str = "食物環境衞生署牌照組申請續期酒牌食肆處所衛生檢查報告投訴噪音渠務街市攤檔小販上訴聆訊通知書傳票證人陳述招標合約報價供應工程圖則批准條件\
    遵辦此致經理主任秘書電話傳真地址註冊有限公司敬啟者附上文件參考編號來函日期款項港元九龍道街樓大廈租客業主";

/// A day's milliseconds.
const DAY: Millis = 86_400_000;
const WORDS_A_LINE: u64 = 9;

/// One fax as the pipeline would have left it.
pub struct Letter {
    pub fax: Fax,
    pub texts: Vec<PageText>,
}

/// Chance that repeats itself: the same letters in every run.
pub struct Letters {
    state: u64,
    english: Vec<&'static str>,
    chinese: Vec<char>,
    now: Millis,
}

impl Letters {
    pub fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            state: 0x9e37_79b9_7f4a_7c15,
            english: ENGLISH.split_whitespace().collect(),
            chinese: CHINESE.chars().filter(|c| !c.is_whitespace()).collect(),
            now: now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(0)),
        }
    }

    /// xorshift64*.
    fn chance(&mut self, below: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }

    /// Few words are frequent, many are rare.
    fn skewed(&mut self, below: u64) -> usize {
        let one = self.chance(below);
        usize::try_from(self.chance(one + 1)).unwrap_or(0)
    }

    /// Fax `number` of `all`, which came over a year.
    pub fn next(&mut self, number: u32, all: u32) -> Letter {
        let at = self.now - 365 * DAY + 365 * DAY / i64::from(all.max(1)) * i64::from(number);
        let chinese = self.chance(2) == 0;
        let pages = 1 + u32::from(self.chance(3) == 0) + u32::from(self.chance(10) == 0);
        let texts = (0..pages).map(|_| self.page(chinese, number)).collect();
        let sender = self.chance(400);
        let call = CallRecord {
            did: Some(Number(format!("+8522345{:04}", self.chance(300)))),
            caller: Some(Number(format!("+8522{:07}", sender * 7_919))),
            tsi: Some(StationId(format!("+852 2{:07}", sender * 7_919))),
            receipt: Receipt::Complete,
            ..CallRecord::default()
        };
        let digest = Sha256::of(&number.to_le_bytes());
        let [a, b, c, d] = number.to_be_bytes();
        let document = Document {
            pdf: digest,
            bytes: 60_000,
            preview: None,
            pages,
            damage: vec![Damage::default(); pages as usize],
            without_text: vec![],
            resolution: "204 x 196 dpi".to_owned(),
        };
        let odd = number % 500 == 17;
        let fault =
            odd.then(|| Fault::new("decode.unknown-format", Disposition::Quarantine, "It is no fax."));
        let fax = Fax {
            id: FaxId::new(at, [0, a, b, c, d]),
            arrival: Arrival {
                source: "modems".to_owned(),
                source_key: number.to_string(),
                file_name: format!("fax{number:06}.tif"),
                at,
            },
            call,
            original: Original { sha256: digest, bytes: 40_000, format: Format::Tiff },
            stage: if odd { Stage::Quarantined } else { Stage::Closed },
            since: at,
            round: 0,
            attempts: 0,
            claims: 0,
            next_at: at,
            document: Some(document),
            routing: None,
            fault,
        };
        Letter { fax, texts }
    }

    fn page(&mut self, chinese: bool, number: u32) -> PageText {
        let count = 12 + self.chance(14);
        let mut lines: Vec<Line> = (0..count).map(|at| self.line(chinese, at)).collect();
        if number % 1_000 == 3
            && let Some(word) = lines.first_mut().and_then(|line| line.words.first_mut())
        {
            word.text = RARE.to_owned();
        }
        PageText { lines, confidence: 88.0, ..PageText::default() }
    }

    fn line(&mut self, chinese: bool, at: u64) -> Line {
        let top = 100.0 + at as f32 * 60.0;
        let words: Vec<Word> = (0..WORDS_A_LINE)
            .map(|place| {
                let text = if chinese {
                    let length = self.chinese.len() as u64;
                    // Neighbours in the list are words of the language.
                    let from = self.skewed(length - 4);
                    self.chinese[from..from + 2].iter().collect()
                } else {
                    let length = self.english.len() as u64;
                    let at = self.skewed(length);
                    self.english[at].to_owned()
                };
                let left = 120.0 + place as f32 * 150.0;
                let spread = self.chance(60) as f32;
                Word {
                    text,
                    at: Box2 { left, top, right: left + 130.0, bottom: top + 40.0 },
                    confidence: 38.5 + spread,
                    space_before: place > 0 && !chinese,
                }
            })
            .collect();
        let script = if chinese { Script::Han } else { Script::Latin };
        let place = Box2 { left: 120.0, top, right: 1_500.0, bottom: top + 40.0 };
        Line { words, at: place, script, header: at == 0, vertical: false }
    }
}

/// One department for each ten rules, and one for the rest.
pub fn departments(rules: u32) -> String {
    let one =
        |id: &str| format!("[[department]]\nid = \"{id}\"\nname = \"{id}\"\nmaildir = \"../mail/{id}\"\n");
    let many: String = (0..rules.div_ceil(10)).map(|number| one(&format!("d{number}"))).collect();
    format!("fallback = \"registry\"\n{}{many}", one("registry"))
}

/// Rules on numbers, then on words; `turn` sends some of the words elsewhere.
pub fn rules(count: u32, turn: u32) -> String {
    let words: Vec<&str> = ENGLISH.split_whitespace().collect();
    let mut text = String::new();
    for number in 0..count {
        let to = (number / 10 + if number % 7 == 0 { turn } else { 0 }) % count.div_ceil(10);
        let condition = if number % 2 == 0 {
            format!("did = [\"+8522345{number:04}\"]")
        } else {
            // Each pair of words comes once.
            let (one, all) = (number as usize, words.len());
            format!("text = [\"{} {}\"]", words[one % all], words[(one * 7 + one / all) % all])
        };
        text += &format!("[[rule]]\nname = \"r{number}\"\n{condition}\nto = [\"d{to}\"]\n");
    }
    text + "[default]\nto = [\"registry\"]\n"
}
