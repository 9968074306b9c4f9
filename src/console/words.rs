//! What the pages say, in English and in traditional Chinese.

use crate::fax::Language;

/// The words of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    language: Language,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $en:literal, $zh:literal;)*) => {
        impl Words {
            $($(#[$doc])* pub(super) fn $name(self) -> &'static str {
                match self.language {
                    Language::En => $en,
                    Language::ZhHant => $zh,
                }
            })*
        }
    };
}

words! {
    tag: "en", "zh-Hant";
    other_tag: "zh-hant", "en";
    other_name: "中文", "English";
    title: "Pass this fax on", "轉交此傳真";
    intro: "This fax is not yours? Choose the department that it is for. Your copy stays yours, and the history shows \
            who passed it on.",
           "此傳真並非貴部門所屬？請選擇應收的部門。閣下的副本仍然保留，系統會記錄由誰轉交。";
    department: "Department", "部門";
    choose: "Choose …", "請選擇……";
    reason: "Why? (for the other department; not required)", "原因（供對方部門參考，可不填）";
    name: "Your name (not required)", "閣下姓名（可不填）";
    button: "Pass on", "轉交";
    reference: "Reference", "傳真編號";
    received: "Received", "收到時間";
    sender: "From", "來自";
    dialled: "Number dialled", "撥入號碼";
    pages: "Pages", "頁數";
    was_for: "Sent to", "已送交";
    done_title: "The fax was passed on", "傳真已經轉交";
    done: "It was passed on to", "傳真已轉交";
    before_title: "This fax was passed on before", "此傳真早前已經轉交";
    before: "Your department passed it on to", "貴部門早前已將傳真轉交";
    round_title: "The fax went to the fallback inbox", "傳真已送往後備收件箱";
    round: "It has been there before, or was passed on too often. Somebody at the fallback inbox decides. You had chosen",
           "該部門曾經轉出此傳真，或轉交次數過多，將由後備收件箱的人員決定。閣下所選的部門是";
    guarded: "This fax is for a department whose mails are encrypted. Departments marked “not encrypted” would get it in \
              clear, and the history would say so.",
             "原收件部門的電郵須加密。標示「不加密」的部門會收到未加密的電郵，系統會留下紀錄。";
    in_clear: "not encrypted", "不加密";
    wrong_department: "Choose a department from the list, other than your own.", "請從名單選擇一個其他部門。";
    at: "When", "時間";
    by: "By", "經手";
    why: "Reason", "原因";
    not_now: "This fax cannot be passed on now: it was set aside or discarded, or is being read anew.",
             "此傳真已被擱置或取消，或正在重新處理，現時不能轉交。";
    bad_link: "This link is not valid.", "此連結無效。";
    old_link: "This link is no longer valid: its time is over. Ask the fax administrator.",
              "此連結已經過期，請聯絡傳真系統管理員。";
    no_document: "There is no document to fetch.", "沒有可下載的文件。";
    broken: "The fax gateway cannot answer now. Nothing was changed; please try again later.",
            "傳真系統暫時未能回應，沒有作出任何更改，請稍後再試。";
    fallback: "fallback inbox", "後備收件箱";
}

impl Words {
    pub(super) fn of(language: Language) -> Self {
        Self { language }
    }

    /// Both languages, where it is not known who reads.
    pub(super) fn both() -> [Self; 2] {
        [Self::of(Language::En), Self::of(Language::ZhHant)]
    }
}
