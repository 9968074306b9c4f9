//! Once a day: the faxes that rules called junk since the last time, in one mail.

use jiff::tz::TimeZone;

use super::{Context, Policy, post};
use crate::deliver::bulletin::Bulletin;
use crate::fax::{Language, Millis};
use crate::store::{Junk, StoreError};

/// So many are named in one mail, those first that wait longest; the rest is counted, and named the next day.
const MOST: u32 = 200;

/// Puts today's digest into the post, if its hour has come and there is something to tell.
pub(super) async fn post_if_due(ctx: &Context, policy: &Policy, now: Millis) -> Result<(), StoreError> {
    let zone = TimeZone::get(&policy.mail.time_zone).unwrap_or(TimeZone::UTC);
    let Some(day) = due_day(now, policy.alarms.digest_at, &zone) else { return Ok(()) };
    let name = format!("junk.{day}");
    // Asked at each round of the day, so nothing is read once it is out.
    if ctx.store.own_mail_kind(&post::message_id(policy, &name, 1)).await?.is_some() {
        return Ok(());
    }
    let junk = ctx.store.junk(true, MOST).await?;
    if junk.is_empty() {
        return Ok(());
    }
    let (all, untold) = (ctx.store.junk_count().await?, ctx.store.junk_untold().await?);
    let counts = Counts { all, more: untold.saturating_sub(junk.len() as u64) };
    let mails = post::written(policy, &name, &policy.alarms.digest_to, now, |language| {
        words(&junk, counts, language, &zone)
    });
    let named: Vec<_> = junk.iter().map(|one| one.fax.clone()).collect();
    if ctx.store.post_digest(&mails, &named, now).await? {
        tracing::info!(faxes = named.len(), "a digest of junk goes out");
    }
    Ok(())
}

/// The day whose digest is due: today, once its hour has come.
fn due_day(now: Millis, digest_at: u16, zone: &TimeZone) -> Option<String> {
    let local = jiff::Timestamp::from_millisecond(now).ok()?.to_zoned_datetime(zone.clone());
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    (minute >= i32::from(digest_at)).then(|| local.date().to_string())
}

/// What stands beside the faxes that a digest names.
#[derive(Debug, Clone, Copy)]
struct Counts {
    /// In quarantine as junk, named or not.
    all: u64,
    /// Set aside since the last digest and not named in this one.
    more: u64,
}

fn words(junk: &[Junk], counts: Counts, language: Language, zone: &TimeZone) -> Bulletin {
    let Counts { all, more } = counts;
    let count = junk.len() as u64 + more;
    let cells = |one: &Junk| {
        let from =
            [one.call.tsi.as_ref().map(|tsi| tsi.0.clone()), one.call.caller.as_ref().map(|it| it.0.clone())];
        let from: Vec<String> = from.into_iter().flatten().filter(|it| !it.trim().is_empty()).collect();
        vec![
            moment(one.at, zone),
            if from.is_empty() { "–".to_owned() } else { from.join(" / ") },
            one.pages.to_string(),
            one.words.clone(),
            one.rule.clone(),
            one.fax.to_string(),
        ]
    };
    let rows = junk.iter().map(cells).collect();
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    match language {
        Language::En => Bulletin {
            subject: format!("Junk faxes: {count} set aside"),
            before: vec![format!(
                "Rules called these faxes junk. They are kept, and nobody else was told. In quarantine as junk: {all}."
            )],
            headings: owned(&["set aside", "from, as claimed", "pages", "first words", "rule", "fax"]),
            rows,
            after: rest(more, format!("{more} more are not named here: the next digest does. faxgate junk list shows all."), vec![
                "One of them is no junk? On the gateway: faxgate junk release FAX. It is then routed as if no rule called it junk."
                    .to_owned(),
            ]),
        },
        Language::ZhHant => Bulletin {
            subject: format!("垃圾傳真:已擱置 {count} 份"),
            before: vec![format!("以下傳真經規則判為垃圾傳真,已予保留,並未另行通知任何人。現時共擱置 {all} 份。")],
            headings: owned(&["擱置時間", "發件人(自稱)", "頁數", "首段文字", "規則", "傳真編號"]),
            rows,
            after: rest(more, format!("另有 {more} 份未列於此,將於下次摘要列出;執行 faxgate junk list 可查看全部。"), vec![
                "其中有並非垃圾傳真者?請在閘道執行:faxgate junk release 傳真編號。該傳真隨即按其餘規則派送。".to_owned(),
            ]),
        },
    }
}

/// What is said of those that found no room, and then all else.
fn rest(more: u64, sentence: String, mut others: Vec<String>) -> Vec<String> {
    if more > 0 {
        others.insert(0, sentence);
    }
    others
}

/// A moment by the site's clock.
pub(super) fn moment(at: Millis, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(
        |_| "–".to_owned(),
        |at| at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_due_from_its_hour_on_by_the_site_s_clock() {
        let zone = TimeZone::get("Asia/Hong_Kong").unwrap();
        // 2026-11-30 23:59:59 UTC is 07:59:59 of the next day there.
        let at = 1_796_083_199_000;
        assert_eq!(due_day(at, 8 * 60, &zone), None);
        assert_eq!(due_day(at + 1_000, 8 * 60, &zone).as_deref(), Some("2026-12-01"));
    }
}
