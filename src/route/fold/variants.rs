//! Forms of one Chinese character that writers and fonts use for each other: Hong Kong's and Taiwan's standards, the
//! older forms of print, and those that OCR engines give for them.
//!
//! [`FORMS`] are forms of the same character (in the Unicode Han database, z-variants and semantic variants that no one
//! tells apart in office papers). [`SIMPLIFIED`] are simplified characters with those that they stand for; one may stand for
//! several (发 for 發 and 髮), and all of them are then compared as one: a phrase has neighbours to tell it by.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The form that is compared, then those folded to it.
const FORMS: &[&str] = &[
    "為爲",
    "裡裏",
    "線綫",
    "台臺",
    "峰峯",
    "眾衆",
    "衛衞",
    "啟啓",
    "床牀",
    "群羣",
    "祕秘",
    "著着",
    "麵麪",
    "妝粧",
    "匯滙",
    "恆恒",
    "污汚",
    "繡綉",
    "鉤鈎",
    "嘆歎",
    "溫温",
    "說説",
    "稅税",
    "脫脱",
    "銳鋭",
    "閱閲",
    "悅悦",
    "兌兑",
    "蛻蜕",
    "教敎",
    "晚晩",
    "沒没",
    "錄録",
    "綠緑",
    "剝剥",
    "虛虚",
    "戶户戸",
    "產産",
    "顏顔",
    "強强",
    "寶寳",
    "雞鷄",
    "豬猪",
    "唇脣",
    "洩泄",
    "蹤踪",
    "跡迹",
    "獎奬",
    "灶竈",
    "廚厨",
    "廁厠",
    "廈厦",
    "館舘",
    "鄰隣",
    "場塲",
    "偽僞",
    "敘敍叙",
    "抬擡",
    "涼凉",
    "決决",
    "況况",
    "減减",
    "湊凑",
    "淨净",
    "咒呪",
    "冊册",
    "刪删",
    "姍姗",
    "查査",
    "券劵",
    "蔥葱",
    "窗窓",
    "鬥鬭",
    "鑑鑒",
    "豔艷",
    "村邨",
    "鋪舖",
    "曬晒",
    "佈布",
    "值値",
    "真眞",
    "鎮鎭",
    "慎愼",
    "填塡",
    "顛顚",
    "既旣",
    "即卽",
    "鄉鄕",
    "概槪",
    "靜静",
    "清淸",
    "青靑",
    "黃黄",
    "橫横",
    "內内",
    "吳吴",
    "呂吕",
    "別别",
    "步歩",
    "每毎",
    "絕絶",
    "奧奥",
    "粵粤",
    "煙烟",
    "僱雇",
    "牆墻",
    "痺痹",
    "癡痴",
    "糧粮",
    "蓋盖",
    "勳勛",
    "卻却",
    "檯枱",
    "溼濕",
    "盃杯",
    "舉擧",
    "菴庵",
    "驗騐",
    "市巿",
    "爭争",
    "緒緖",
    "疊叠",
    "鏽銹",
    "踴踊",
    "韭韮",
];

/// Simplified characters and the traditional ones that each stands for.
const SIMPLIFIED: &str = include_str!("simplified.txt");

/// The block where all of them stand (CJK Unified Ideographs).
const FIRST: u32 = 0x4e00;
const LAST: u32 = 0x9fff;

/// For each character of the block the form that is compared.
static FOLDED: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut table: Vec<char> = (FIRST..=LAST).filter_map(char::from_u32).collect();
    let mut members: HashMap<char, Vec<char>> = HashMap::new();
    let of_simplified =
        SIMPLIFIED.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    // forms first, so that the form which they keep is kept by simplified ones too
    for class in FORMS.iter().copied().chain(of_simplified) {
        let known = class.chars().map(|c| looked_up(&table, c)).find(|kept| members.contains_key(kept));
        // of a simplified class the traditional form is kept
        let second = class.chars().nth(usize::from(!FORMS.contains(&class)));
        let Some(kept) = known.or(second) else { continue };
        let mut all: Vec<char> = members.remove(&kept).unwrap_or_default();
        for c in class.chars() {
            all.extend(members.remove(&looked_up(&table, c)).unwrap_or_default());
            all.push(c);
        }
        for c in &all {
            if let Some(place) = place(*c).and_then(|at| table.get_mut(at)) {
                *place = kept;
            }
        }
        members.insert(kept, all);
    }
    table
});

fn place(c: char) -> Option<usize> {
    usize::try_from(u32::from(c).checked_sub(FIRST)?).ok()
}

fn looked_up(table: &[char], c: char) -> char {
    place(c).and_then(|at| table.get(at)).copied().unwrap_or(c)
}

/// The form of a character that is compared.
pub fn one_form(c: char) -> char {
    if c.is_ascii() { c } else { looked_up(&FOLDED, c) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_stands_once_and_folds_to_one_that_stays() {
        let mut seen = std::collections::HashSet::new();
        for forms in FORMS {
            assert!(forms.chars().count() >= 2, "{forms}");
            for form in forms.chars() {
                assert!(seen.insert(form), "{form} stands twice");
            }
            let kept = one_form(forms.chars().next().unwrap());
            assert!(forms.chars().all(|form| one_form(form) == kept), "{forms}");
            assert_eq!(one_form(kept), kept, "{forms}");
        }
    }

    #[test]
    fn simplified_and_traditional_meet() {
        for (simplified, traditional) in [
            ("食物环境卫生署", "食物環境衞生署"),
            ("发牌", "發牌"),
            ("头发", "頭髮"),
            ("里程", "里程"),
            ("台风", "颱風"),
        ] {
            let fold = |text: &str| text.chars().map(one_form).collect::<String>();
            assert_eq!(fold(simplified), fold(traditional));
        }
        for (a, b) in [('土', '士'), ('未', '末'), ('己', '已'), ('牌', '照')] {
            assert_ne!(one_form(a), one_form(b));
        }
        for c in (FIRST..=LAST).filter_map(char::from_u32) {
            assert_eq!(one_form(one_form(c)), one_form(c), "{c}");
        }
    }
}
