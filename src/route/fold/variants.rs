//! Forms of one Chinese character that writers and fonts use for each other: Hong Kong's and Taiwan's standards, the
//! older forms of print, and those that OCR engines give for them.
//!
//! Only forms of the same character stand here (in the Unicode Han database, z-variants and semantic variants that
//! no one tells apart in office papers), never simplified characters that merge several.

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

static FOLDED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let of = |forms: &'static str| {
        let mut forms = forms.chars();
        let kept = forms.next();
        forms.filter_map(move |form| kept.map(|kept| (form, kept)))
    };
    FORMS.iter().flat_map(|forms| of(forms)).collect()
});

/// The form of a character that is compared.
pub fn one_form(c: char) -> char {
    if c.is_ascii() { c } else { FOLDED.get(&c).copied().unwrap_or(c) }
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
            let kept = forms.chars().next().unwrap();
            assert!(forms.chars().all(|form| one_form(form) == kept), "{forms}");
        }
    }
}
