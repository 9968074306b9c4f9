//! [`Desk`]: takes one mail. When [`Desk::take`] returns, the mail and all that follows from it are on the disk.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::judge::{self, Judgement, Known};
use super::letters::{self, Told};
use super::mail::{self, Kind, Mail};
use crate::deliver::directory::{Directory, InForce};
use crate::deliver::message::base_id;
use crate::fax::{Disposition, Fault, FaxId, Millis, one_line};
use crate::store::{
    BULLETIN, Fallback, Follow, Held, NewMail, NewReturn, Pass, Replies, Store, StoreError, Taken,
};

/// A bounce waits so often, and each time so long, for the attempt that it is about to be recorded.
const TRIES: u32 = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Takes mails that came back. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    directory: InForce,
    clock: Arc<dyn Fn() -> Millis + Send + Sync>,
}

impl Desk {
    /// A desk on this store.
    pub fn new(store: Store, directory: InForce, clock: Arc<dyn Fn() -> Millis + Send + Sync>) -> Self {
        Self { store, directory, clock }
    }

    /// True for an address whose mail is for this desk: the gateway's own, with or without a `+detail`, and its
    /// server's postmaster.
    pub fn is_for_us(&self, address: &str) -> bool {
        let directory = (self.directory)();
        let address = address.to_ascii_lowercase();
        let own = directory.mail.from.to_ascii_lowercase();
        let (Some((local, domain)), Some((own_local, own_domain))) =
            (address.rsplit_once('@'), own.rsplit_once('@'))
        else {
            return address == "postmaster";
        };
        let local = local.split('+').next().unwrap_or(local);
        domain == own_domain && (local == own_local || local == "postmaster")
    }

    /// Takes a mail whole. `envelope`: the sender that the server gave, empty for the null sender; `None`: unknown.
    /// An error means that nothing was taken, and that the mail must be handed over again.
    pub async fn take(&self, bytes: Vec<u8>, envelope: Option<String>) -> Result<Taken, Fault> {
        let now = (self.clock)();
        let directory = (self.directory)();
        let sha256 = self.store.blobs().put(&bytes).await?;
        let bytes = Arc::new(bytes);
        let read = read(Arc::clone(&bytes), envelope.clone()).await;
        let known = match &read {
            Some(mail) => self.known(mail).await?,
            None => Known::default(),
        };
        let judged = match &read {
            Some(mail) => judge::judge(mail, &known, &directory),
            None => Judgement::unreadable(),
        };
        let sender = read.as_ref().and_then(|mail| mail.author.clone()).or(envelope).unwrap_or_default();
        let new = NewReturn {
            sha256,
            sender: one_line(&sender, 254),
            subject: read.as_ref().map(|mail| mail.subject.clone()).unwrap_or_default(),
            verdict: judged.verdict,
            fax: judged.fax.clone(),
            detail: json!({
                "forwarded": judged.forward,
                "report": read.as_ref().and_then(|mail| match &mail.kind {
                    Kind::Report(report) => Some(report),
                    _ => None,
                }),
            }),
        };
        let follows = self.follows(&judged, &new, read.as_ref(), &bytes, &directory, now);
        let taken = self.settled(&new, &follows, &fallback(&directory, now)).await?;
        report(&new, &taken);
        Ok(taken)
    }

    /// Takes it once no attempt on what it is about is under way.
    async fn settled(
        &self,
        new: &NewReturn,
        follows: &[Follow],
        fallback: &Fallback,
    ) -> Result<Taken, StoreError> {
        let mut tries = 0;
        loop {
            match self.store.take_return(new, follows, fallback, (self.clock)()).await {
                Err(StoreError::UnderWay) if tries < TRIES => tries += 1,
                taken => return taken,
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// What the store knows of the names in a mail.
    async fn known(&self, mail: &Mail) -> Result<Known, Fault> {
        let mut known = Known::default();
        if let Some(id) = &mail.id {
            known.itself = self.store.sent_under(id).await?;
            known.itself_own = self.store.own_mail_kind(id).await?.is_some();
        }
        let names = match &mail.kind {
            Kind::Report(report) => &report.names,
            Kind::Complaint(names) => names,
            Kind::Receipt | Kind::Words { .. } => &mail.answers,
        };
        for name in names {
            let mut deliveries = self.store.sent_under(name).await?;
            if deliveries.is_empty()
                && let Some(whole) = whole_of(name)
            {
                deliveries = self.store.sent_under(&whole).await?;
            }
            if deliveries.is_empty() {
                match self.store.own_mail_kind(name).await?.as_deref() {
                    Some(BULLETIN) => known.names_bulletin = true,
                    Some(_) => known.names_own = true,
                    None => {}
                }
            } else {
                known.named.push(deliveries);
            }
        }
        if let Some(first) = known.named.first().and_then(|deliveries| deliveries.first())
            && let Some(fax) = self.store.fax(&first.fax).await?
        {
            known.fax = Some((fax.stage, self.store.deliveries(&fax.id).await?));
        }
        Ok(known)
    }

    /// Judgement → what the store does.
    fn follows(
        &self,
        judged: &Judgement,
        new: &NewReturn,
        mail: Option<&Mail>,
        bytes: &[u8],
        directory: &Directory,
        now: Millis,
    ) -> Vec<Follow> {
        let mut follows: Vec<Follow> = Vec::new();
        for (delivery, fault) in &judged.bounced {
            follows.push(Follow::Bounced { delivery: *delivery, fault: fault.clone() });
        }
        if let (Some(fax), Some((kind, detail))) = (&judged.fax, &judged.note) {
            follows.push(Follow::Noted { fax: fax.clone(), kind, detail: detail.clone() });
        }
        if let Some(why) = judged.forward {
            let at = self.store.blobs().path(&new.sha256).display().to_string();
            let letter = letters::forward(directory, new, why, bytes, &at, now);
            // A report on one of our faxes must not wait behind a flood of other mails.
            let report = mail.is_some_and(|mail| matches!(mail.kind, Kind::Report(_)));
            follows.push(Follow::Mail(NewMail { at_once: report && judged.fax.is_some(), ..letter }));
        }
        let Some(mail) = mail else { return follows };
        if let (Some(fax), Some((from, to))) = (&judged.fax, &judged.pass) {
            let held = Held::Message(judged.answered.clone());
            follows.push(passed(directory, fax, (from, to), held, mail, new, now));
        } else if let (Some(fax), Some(answer)) = (&judged.fax, judged.answer) {
            let told = Told::Nothing(answer);
            follows.extend(answer_to(directory, fax, told, mail, new, now).map(Follow::Mail));
        }
        follows
    }
}

/// The mail of a part (`<fax>.<what>.p5-8@host`) is the mail that it is a part of.
fn whole_of(name: &str) -> Option<String> {
    Some(base_id(name)).filter(|whole| whole != name)
}

/// Off the async threads, and so that a reader that panics loses no mail.
async fn read(bytes: Arc<Vec<u8>>, envelope: Option<String>) -> Option<Mail> {
    let read = tokio::task::spawn_blocking(move || mail::read(&bytes, envelope.as_deref()));
    read.await.ok().flatten()
}

fn passed(
    directory: &Directory,
    fax: &FaxId,
    (from, to): (&str, &str),
    held: Held,
    mail: &Mail,
    new: &NewReturn,
    now: Millis,
) -> Follow {
    let reason = match &mail.kind {
        Kind::Words { rest, .. } => rest.clone(),
        _ => String::new(),
    };
    let pass = Pass {
        fax: fax.clone(),
        from: from.to_owned(),
        to: to.to_owned(),
        targets: directory.department(to).map(|one| one.targets.clone()).unwrap_or_default(),
        who: mail.author.clone().unwrap_or_default(),
        how: "reply",
        held,
        reason,
        expires_at: now + millis(directory.mail.expires),
        sealed: directory.sealed(),
    };
    let told = |told| answer_to(directory, fax, told, mail, new, now);
    let to = to.to_owned();
    let replies = Replies {
        now: told(Told::Done(to.clone())),
        before: told(Told::Before),
        round: told(Told::Round(to)),
    };
    Follow::Passed(Box::new(pass), Box::new(replies))
}

fn answer_to(
    directory: &Directory,
    fax: &FaxId,
    told: Told,
    mail: &Mail,
    new: &NewReturn,
    now: Millis,
) -> Option<NewMail> {
    let author = mail.author.as_deref().filter(|_| !mail.automatic)?;
    letters::answer(directory, fax, told, author, mail, new, now)
}

/// Who gets what bounces, or would go in a circle.
pub(super) fn fallback(directory: &Directory, now: Millis) -> Fallback {
    Fallback {
        target: directory.mail.fallback.clone(),
        host_name: directory.mail.host_name.to_ascii_lowercase(),
        expires_at: now + millis(directory.mail.expires),
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}

fn report(new: &NewReturn, taken: &Taken) {
    if !taken.new {
        tracing::info!(mail = %new.sha256, "a mail came back a second time; it was taken before");
        return;
    }
    metrics::counter!("faxgate_returned_mails_total", "verdict" => new.verdict).increment(1);
    if taken.waiting > 0 {
        metrics::counter!("faxgate_alarms_total", "code" => "returns.too-many").increment(1);
        tracing::error!(mail = %new.sha256, "too many mails came back in this hour: what follows from this one waits");
    }
    let bounced = u64::from(taken.bounced + taken.alarms);
    if bounced > 0 {
        metrics::counter!("faxgate_alarms_total", "code" => judge::BOUNCED).increment(bounced);
        tracing::error!(
            verdict = new.verdict,
            bounced,
            "a fax came back after it was taken; the fallback inbox gets it"
        );
    } else if new.verdict == "own-mail-bounced" || new.verdict == "loop" {
        metrics::counter!("faxgate_alarms_total", "code" => "returns.loop").increment(1);
        tracing::error!(verdict = new.verdict, mail = %new.sha256, "a mail of this gateway came back to it; it is kept");
    } else {
        tracing::info!(verdict = new.verdict, passed = taken.passed, "a mail came back");
    }
}

impl Judgement {
    /// No mail at all, or one that the reader cannot bear.
    fn unreadable() -> Self {
        Self {
            verdict: "unreadable",
            fax: None,
            bounced: vec![],
            note: None,
            forward: Some("it cannot be read as a mail"),
            pass: None,
            answered: String::new(),
            answer: None,
        }
    }
}

/// A mail that is larger than anything that is taken.
pub(super) fn too_large(bytes: u64) -> Fault {
    let sentence = format!(
        "A mail of {bytes} bytes came back, more than the {} that are taken. Look at it and remove it.",
        super::MAIL_MOST
    );
    Fault::new("returns.too-large", Disposition::Refuse, sentence)
}
