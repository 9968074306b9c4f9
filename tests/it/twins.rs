//! The same sheet is known again after another scan, and a form that was filled differently is not taken for it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use faxgate::decode::{raw_g3, t4};
use faxgate::enhance::{self, Likeness, Sketch};
use faxgate::fax::{
    Arrival, Bitmap, CallRecord, Coding, Damage, DeliveryState, Fault, FaxId, Fingerprint, Format, Kin,
    Kinship, Number, Original, Page, PageText, Raster, Receipt, Resolution, Stage, Turn,
};
use faxgate::pipeline::{self, Answer, Context, Reader, Settings};
use faxgate::route::{Outcome, Rule, Rules, Site};
use faxgate::store::{self, NewFax, Prints, Store};
use faxgate::worker::Transcript;
use tokio_util::sync::CancellationToken;

use crate::fixtures::kit::canvas::{Canvas, mm};
use crate::fixtures::kit::chance::Chance;
use crate::fixtures::kit::fonts::Fonts;
use crate::fixtures::kit::machine::{Halftone, Machine};
use crate::fixtures::kit::papers::{self, Field, Form, HARBOUR, Letter, Tongue};
use crate::fixtures::kit::sheet::Sheet;
use crate::pipeline_house::{DAY, FRONT, MINUTE, ScriptedCourier, policy};

/// How a sheet is scanned.
#[derive(Clone, Copy)]
struct Scan {
    rows: i32,
    skew: i32,
    specks: u32,
    shift: (i32, i32),
    header: Option<&'static str>,
    halftone: Halftone,
    seed: &'static str,
}

const FINE: Scan = Scan {
    rows: 196,
    skew: 0,
    specks: 30,
    shift: (0, 0),
    header: None,
    halftone: Halftone::Threshold,
    seed: "once",
};
const AGAIN: Scan = Scan { specks: 200, skew: 20, shift: (6, 14), seed: "again", ..FINE };
const HEADER: &str = "2026-11-23 10:23  FROM 2345 6789  TO 3010 1001  P. 1/3";

fn fonts() -> Fonts {
    Fonts::load().unwrap()
}

fn typed(draw: impl FnOnce(&mut Sheet<'_>)) -> Canvas {
    let fonts = fonts();
    let mut sheet = Sheet::new(&fonts, mm(215.15), mm(210.0));
    draw(&mut sheet);
    sheet.canvas
}

/// One form, filled by different people: fields of the same kind and length.
fn form(name: &str, identity: &str, phone: &str, amount: &str, case: &str) -> Canvas {
    let rows = vec![
        vec![Field::new("Name", name, 60), Field::new("HKID No.", identity, 40)],
        vec![Field::new("Telephone", phone, 50), Field::new("Case No.", case, 50)],
        vec![Field::new("Amount claimed", amount, 100)],
    ];
    application(rows, false)
}

/// The same form with these rows, its second box ticked or not.
fn application(rows: Vec<Vec<Field>>, renewal: bool) -> Canvas {
    let form = Form {
        tongue: Tongue::English,
        from: Some(HARBOUR),
        number: "HD 507",
        title: vec!["APPLICATION FOR ALLOWANCE".into()],
        to: "To: Benefits Section".into(),
        rows,
        ticks: vec![("First application".into(), true), ("Renewal".into(), renewal)],
        remarks: vec![],
        photo: false,
        declaration: "I declare that the particulars given above are true and complete.".into(),
    };
    typed(|sheet| papers::form(sheet, &form, &mut Chance::named("hand")))
}

fn letter(subject: &str, sentences: [&str; 3]) -> Canvas {
    let letter = Letter {
        tongue: Tongue::English,
        from: HARBOUR,
        references: vec!["Our Ref: HC/0417/26".into()],
        to: vec!["The Director".into()],
        dear: "Dear Sir,",
        subject,
        paragraphs: sentences.map(str::to_owned).to_vec(),
        closing: "Yours faithfully,",
        signer: vec!["Chan Tai Man".into()],
        sans: false,
    };
    typed(|sheet| papers::letter(sheet, &letter, &mut Chance::named("hand")))
}

/// Papers of this story, typed once.
struct Desk {
    forms: [Canvas; 4],
    letters: [Canvas; 3],
}

fn desk() -> &'static Desk {
    static DESK: OnceLock<Desk> = OnceLock::new();
    DESK.get_or_init(|| Desk {
        forms: [
            form("Wong Ka Yan", "Z903275(0)", "3385 8131", "4,341.34", "BN/05042/26"),
            form("Lee Siu Ming", "K653475(3)", "6313 0085", "6,621.97", "BN/40225/26"),
            form("Cheung Mei", "A118846(2)", "2754 9906", "1,078.50", "BN/77310/26"),
            form("Chan Tai Man", "Z903275(0)", "3385 8131", "4,341.34", "BN/05042/26"),
        ],
        letters: [
            letter(
                "Licence of premises",
                [
                    "The licence of the premises expires at the end of this year and we apply for its renewal.",
                    "Please find enclosed the certified accounts for your perusal.",
                    "Kindly acknowledge receipt of this letter by return fax.",
                ],
            ),
            letter(
                "Lift machine room",
                [
                    "Our engineer will attend on Monday to inspect the lift machine room of the building.",
                    "The tenant has vacated the premises and returned all keys to the caretaker.",
                    "Should you require further information please do not hesitate to call.",
                ],
            ),
            letter(
                "Hearing of the appeal",
                [
                    "We shall be grateful if the hearing could be adjourned to a date after the holidays.",
                    "The deposit has been paid by cheque drawn on the Harbour Bank.",
                    "A copy of the floor plan is attached for ease of reference.",
                ],
            ),
        ],
    })
}

fn scanned(paper: &Canvas, how: Scan) -> Page {
    let mut moved = Canvas::blank(paper.width, paper.height);
    for y in 0..paper.height {
        for x in 0..paper.width {
            let ink = paper.at(x - how.shift.0, y - how.shift.1);
            moved.ink[(y * paper.width + x) as usize] = ink;
        }
    }
    let machine = Machine {
        dpi_x: 204,
        dpi_y: how.rows,
        width: 1728,
        halftone: how.halftone,
        skew: how.skew,
        specks: how.specks,
        streaks: 0,
        slips: 0,
        turn: Turn::None,
    };
    let mut map = machine.scan(&moved, &mut Chance::named(how.seed)).bitmap;
    if let Some(header) = how.header {
        machine.print_header(&fonts(), &mut map, header);
    }
    let resolution = Resolution { x: 204.0, y: f64::from(how.rows) };
    Page { raster: Raster::Bilevel(map), resolution, ccitt: None, damage: Damage::default() }
}

fn sketched(page: &Page) -> (Sketch, Fingerprint) {
    let clean = enhance::clean(page, &enhance::Settings::default());
    let sketch = Sketch::of(&clean, page.resolution, &PageText::default());
    let print = enhance::fingerprint(&sketch).unwrap();
    (sketch, print)
}

fn laid(a: &(Sketch, Fingerprint), b: &(Sketch, Fingerprint)) -> (u32, Likeness) {
    (a.1.distance(b.1), enhance::likeness(&a.0, &b.0))
}

#[test]
fn a_sheet_is_known_again_after_another_scan() {
    let scans = [
        ("specks", Scan { specks: 800, seed: "specks", ..FINE }),
        ("standard", Scan { rows: 98, seed: "standard", ..FINE }),
        ("fell to the right", Scan { skew: 100, seed: "right", ..FINE }),
        ("rose, standard", Scan { rows: 98, skew: -100, seed: "left", ..FINE }),
        ("shifted", Scan { shift: (40, 60), seed: "shifted", ..FINE }),
        ("header", Scan { header: Some(HEADER), seed: "header", ..FINE }),
        ("photo mode", Scan { halftone: Halftone::Diffusion, seed: "photo", ..FINE }),
    ];
    for paper in [&desk().forms[0], &desk().letters[0]] {
        let first = sketched(&scanned(paper, FINE));
        for (name, how) in scans {
            let (distance, likeness) = laid(&first, &sketched(&scanned(paper, how)));
            assert!(distance <= 40, "{name}: {distance} bits");
            assert!(likeness.same() && likeness.cut.is_none(), "{name}: {likeness:?}");
        }
    }
}

#[test]
fn what_the_same_form_says_of_another_person_is_another_sheet() {
    let forms: Vec<_> = desk().forms.iter().map(|form| sketched(&scanned(form, FINE))).collect();
    for (at, form) in forms.iter().enumerate() {
        for (other_at, other) in forms.iter().enumerate().take(at) {
            let (distance, likeness) = laid(form, other);
            assert!(distance < 40, "the trap: a fingerprint alone would say that {at} is {other_at}");
            assert!(!likeness.same(), "{at} {other_at}: {likeness:?}");
            // The last form differs from the first by the name alone.
            assert!(!likeness.nearly() || (other_at, at) == (0, 3), "{at} {other_at}: {likeness:?}");
        }
    }
}

/// The form with its second box ticked, or not.
fn ticked(second: bool) -> Canvas {
    let row = vec![Field::new("Name", "Wong Ka Yan", 60), Field::new("HKID No.", "Z903275(0)", 40)];
    application(vec![row], second)
}

/// The paper with a ruler's stroke on it, in millimetres: 0.3 mm thick.
fn struck(paper: &Canvas, (x, y): (f32, f32), (across, down): (f32, f32)) -> Canvas {
    let mut paper = paper.clone();
    let at = |share: f32| (mm(x + across * share), mm(y + down * share));
    // One stroke of the pen would be dotted where it is long.
    for piece in 0..20 {
        let from = |thirds: i32| at((piece as f32 + thirds as f32 / 3.0) / 20.0);
        paper.stroke([from(0), from(1), from(2), from(3)], 2, 255);
    }
    paper
}

#[test]
fn what_was_struck_out_or_ticked_is_another_sheet_though_every_word_can_be_read() {
    let desk = desk();
    // Through words of the letter's first line, through "Benefits" on the form, level and rising; down the margin.
    let struck = [
        ("words", &desk.letters[0], struck(&desk.letters[0], (22.0, 86.0), (12.0, 0.0))),
        ("a line", &desk.letters[0], struck(&desk.letters[0], (22.0, 86.0), (90.0, 1.0))),
        ("rising", &desk.letters[0], struck(&desk.letters[0], (22.0, 87.0), (14.0, -0.8))),
        ("the addressee", &desk.forms[0], struck(&desk.forms[0], (30.0, 60.4), (12.0, 0.0))),
        ("the margin", &desk.letters[0], struck(&desk.letters[0], (18.0, 80.0), (0.0, 30.0))),
    ];
    let form = ticked(false);
    let marked = struck.iter().map(|(name, before, after)| (*name, *before, after));
    let again = ticked(true);
    for (name, before, after) in marked.chain([("a tick", &form, &again)]) {
        for first in [FINE, Scan { rows: 98, ..FINE }] {
            let first = sketched(&scanned(before, first));
            for how in [FINE, AGAIN, Scan { rows: 98, ..AGAIN }] {
                let (_, likeness) = laid(&first, &sketched(&scanned(after, how)));
                assert!(!likeness.same(), "{name}: {likeness:?}");
            }
        }
    }
}

#[test]
fn letters_on_one_letterhead_are_strangers() {
    let letters: Vec<_> = desk().letters.iter().map(|letter| sketched(&scanned(letter, FINE))).collect();
    for (at, letter) in letters.iter().enumerate() {
        for other in letters.iter().take(at) {
            let (_, likeness) = laid(letter, other);
            assert!(!likeness.nearly() && likeness.odd() > 0.1, "{likeness:?}");
        }
    }
}

/// Reads no words: pictures alone.
struct InkReader;

impl Reader for InkReader {
    fn read<'a>(&'a self, page: &'a Page) -> Answer<'a, Result<Transcript, Fault>> {
        Box::pin(async move {
            let clean = enhance::clean(page, &enhance::Settings::default());
            let text = PageText { blank: clean.plan.blank, ..PageText::default() };
            let fingerprint = enhance::fingerprint(&Sketch::of(&clean, page.resolution, &text));
            Ok(Transcript { text, codes: Vec::new(), fingerprint, plan: clean.plan, millis: 1 })
        })
    }
}

struct Office {
    ctx: Arc<Context>,
    courier: Arc<ScriptedCourier>,
    clock: Arc<AtomicI64>,
    _dir: tempfile::TempDir,
}

impl Office {
    async fn new(rules: Rules) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&store::Settings { dir: dir.path().to_path_buf() }).await.unwrap();
        let courier = Arc::new(ScriptedCourier::default());
        let clock = Arc::new(AtomicI64::new(1_795_482_900_000));
        let settings =
            Settings { poll: Duration::from_millis(20), grace: Duration::ZERO, ..Settings::default() };
        let mut ctx = Context::new(store, Arc::new(InkReader), policy(&courier, rules), settings);
        let ticks = Arc::clone(&clock);
        ctx.clock = Arc::new(move || ticks.fetch_add(1, Ordering::Relaxed));
        Self { ctx: Arc::new(ctx), courier, clock, _dir: dir }
    }

    /// Takes in a fax and carries it as far as it goes.
    async fn receive(&self, key: &str, pages: &[&Page], call: CallRecord) -> FaxId {
        let files: Vec<(String, Vec<u8>)> = pages
            .iter()
            .enumerate()
            .map(|(at, page)| {
                let Raster::Bilevel(map) = &page.raster else { panic!("faxes are black and white") };
                let kind = if page.resolution.y > 150.0 { "ff" } else { "fn" };
                let data = t4::encode(map, Coding::Mh, t4::EncodeOptions::default());
                (format!("{kind}0a1b2c3S0.{:02}", at + 1), data)
            })
            .collect();
        let bytes = raw_g3::bundle(&files);
        let sha256 = self.ctx.store.blobs().put(&bytes).await.unwrap();
        let at = (self.ctx.clock)();
        let arrival =
            Arrival { source: "spool".into(), source_key: key.into(), file_name: format!("{key}.g3"), at };
        let original = Original { sha256, bytes: bytes.len() as u64, format: Format::G3Bundle };
        let id = self.ctx.store.admit(NewFax { arrival, call, original }).await.unwrap().id;
        pipeline::drain(Arc::clone(&self.ctx), CancellationToken::new()).await.unwrap();
        // Ids within a millisecond are not in order.
        self.clock.fetch_add(1_000, Ordering::Relaxed);
        id
    }

    async fn kin(&self, id: &FaxId) -> Vec<Kinship> {
        self.ctx.store.kin(id).await.unwrap()
    }
}

fn to_front(outcome: Outcome) -> Rules {
    let rule = Rule { name: "all".into(), to: vec!["front".into()], outcome, ..Rule::default() };
    Rules::new(vec![rule], vec!["front".into()], Site::default(), "v1".into()).unwrap()
}

fn call(receipt: Receipt) -> CallRecord {
    CallRecord { caller: Some(Number("+852 2345 6789".into())), receipt, ..CallRecord::default() }
}

fn kinship(fax: &FaxId, kin: Kin) -> Kinship {
    Kinship { fax: fax.clone(), kin }
}

/// The page's first rows, as they stand when the call breaks.
fn cut(page: &Page, share: f64) -> Page {
    let Raster::Bilevel(map) = &page.raster else { panic!("faxes are black and white") };
    let rows = (f64::from(map.height()) * share) as u32;
    let bits = (0..rows).flat_map(|y| map.row(y).to_vec()).collect();
    Page { raster: Raster::Bilevel(Bitmap::from_rows(map.width(), rows, bits).unwrap()), ..page.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_sent_again_is_linked_said_and_delivered_all_the_same() {
    let office = Office::new(to_front(Outcome::default())).await;
    let pages = [&desk().letters[0], &desk().forms[0]];
    let first: Vec<Page> = pages.iter().map(|paper| scanned(paper, FINE)).collect();
    let again: Vec<Page> = pages.iter().map(|paper| scanned(paper, AGAIN)).collect();
    let one = office.receive("one", &first.iter().collect::<Vec<_>>(), call(Receipt::Complete)).await;
    office.clock.fetch_add(3 * DAY, Ordering::Relaxed);
    let two = office.receive("two", &again.iter().collect::<Vec<_>>(), CallRecord::default()).await;
    assert_eq!(office.kin(&one).await, []);
    assert_eq!(
        office.kin(&two).await,
        [kinship(&one, Kin::Retransmission)],
        "by another number, three days later"
    );
    assert_eq!(office.ctx.store.later_kin(&one).await.unwrap(), [kinship(&two, Kin::Retransmission)]);
    let events = office.ctx.store.events(&two).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "fax.kin").count(), 1);
    assert_eq!(office.courier.recipients(), [FRONT, FRONT], "nothing is dropped");

    // Worked on once more, it is what it was.
    office.ctx.store.replay(&two, "anna", (office.ctx.clock)()).await.unwrap();
    pipeline::drain(Arc::clone(&office.ctx), CancellationToken::new()).await.unwrap();
    assert_eq!(office.kin(&two).await, [kinship(&one, Kin::Retransmission)]);

    // A form of another person on the same letter is no twin, nor is anything after the window.
    let other = scanned(&desk().forms[1], FINE);
    let three = office.receive("three", &[&first[0], &other], call(Receipt::Complete)).await;
    assert_eq!(office.kin(&three).await, []);
    office.clock.fetch_add(20 * DAY, Ordering::Relaxed);
    let four = office.receive("four", &first.iter().collect::<Vec<_>>(), call(Receipt::Complete)).await;
    assert_eq!(office.kin(&four).await, []);
    office.ctx.store.verify_events().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_drops_only_what_every_address_has() {
    let office = Office::new(to_front(Outcome { drop_duplicate: true, ..Outcome::default() })).await;
    let page = scanned(&desk().letters[1], Scan { rows: 98, ..FINE });
    let again = scanned(&desk().letters[1], Scan { rows: 98, ..AGAIN });
    let finer = scanned(&desk().letters[1], AGAIN);
    let broken = office.receive("broken", &[&page], call(Receipt::Broken("T.30 T2 timeout".into()))).await;
    let one = office.receive("one", &[&page], call(Receipt::Complete)).await;
    assert_eq!(office.courier.recipients().len(), 2, "the first copy may be incomplete");
    assert_eq!(office.kin(&one).await, [kinship(&broken, Kin::Retransmission)]);

    let two = office.receive("two", &[&again], call(Receipt::Complete)).await;
    assert_eq!(office.courier.recipients().len(), 2, "the front desk has it");
    let fax = office.ctx.store.fax(&two).await.unwrap().unwrap();
    assert_eq!(fax.stage, Stage::Closed);
    let deliveries = office.ctx.store.deliveries(&two).await.unwrap();
    let states: Vec<_> = deliveries.iter().map(|one| (one.state, one.because.as_deref())).collect();
    assert_eq!(states, [(DeliveryState::Withdrawn, Some("route.duplicate"))]);
    let kinds: Vec<String> =
        office.ctx.store.events(&two).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds[kinds.len() - 3..], ["fax.routed", "fax.duplicate-dropped", "fax.closed"]);

    let three = office.receive("three", &[&finer], call(Receipt::Complete)).await;
    assert!(office.kin(&three).await.contains(&kinship(&one, Kin::Retransmission)));
    assert_eq!(office.courier.recipients().len(), 3, "it shows more than the first");

    // A person who has it sent once more gets it.
    office.ctx.store.replay(&two, "anna", (office.ctx.clock)()).await.unwrap();
    pipeline::drain(Arc::clone(&office.ctx), CancellationToken::new()).await.unwrap();
    assert_eq!(office.courier.recipients().len(), 4, "whoever replays a fax wants to have it");

    // The same letter with its first words struck out says something else.
    let paper = struck(&desk().letters[1], (22.0, 86.0), (12.0, 0.0));
    let crossed = scanned(&paper, Scan { rows: 98, ..FINE });
    office.receive("crossed", &[&crossed], call(Receipt::Complete)).await;
    assert_eq!(office.courier.recipients().len(), 5, "it was delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_broke_is_completed_by_the_next_and_the_other_way_round() {
    let office = Office::new(to_front(Outcome::default())).await;
    let pages: Vec<Page> = [&desk().letters[0], &desk().letters[1], &desk().letters[2]]
        .iter()
        .map(|p| scanned(p, FINE))
        .collect();
    let torn = cut(&pages[1], 0.5);
    let broke = || call(Receipt::Broken("no carrier".into()));
    let part = office.receive("part", &[&pages[0], &torn], broke()).await;
    let whole = office.receive("whole", &pages.iter().collect::<Vec<_>>(), call(Receipt::Complete)).await;
    assert_eq!(office.kin(&whole).await, [kinship(&part, Kin::CompletesEarlier)]);
    let late = office.receive("late", &[&pages[0], &pages[1]], broke()).await;
    assert!(office.kin(&late).await.contains(&kinship(&whole, Kin::PartOfEarlier)));

    // The first page alone, cut: found by its sender, since its fingerprint is another.
    let scrap = cut(&pages[0], 0.5);
    let shred = office.receive("shred", &[&scrap], broke()).await;
    assert!(office.kin(&shred).await.contains(&kinship(&whole, Kin::PartOfEarlier)));
    // Shorter by intention: nobody says that something is missing.
    let cover = office.receive("cover", &[&pages[0]], call(Receipt::Complete)).await;
    assert!(!office.kin(&cover).await.contains(&kinship(&whole, Kin::PartOfEarlier)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_came_twice_is_told_and_kept() {
    let office = Office::new(to_front(Outcome::default())).await;
    let (a, b) = (scanned(&desk().letters[0], FINE), scanned(&desk().letters[1], FINE));
    let b_again = scanned(&desk().letters[1], AGAIN);
    let twice = office.receive("twice", &[&a, &b, &b_again], call(Receipt::Complete)).await;
    assert_eq!(office.ctx.store.repeats(&twice).await.unwrap(), [(3, 2)]);
    let fax = office.ctx.store.fax(&twice).await.unwrap().unwrap();
    assert_eq!(fax.document.unwrap().pages, 3, "both copies are kept");
    // Sent again without the stumble, it is the same fax.
    let clean = office.receive("clean", &[&a, &b], call(Receipt::Complete)).await;
    assert_eq!(office.kin(&clean).await, [kinship(&twice, Kin::Retransmission)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn faxes_of_one_call_are_one_conversation() {
    let office = Office::new(to_front(Outcome::default())).await;
    let of = |id: &str| CallRecord { call_id: Some(id.into()), ..call(Receipt::Complete) };
    let (a, b) = (scanned(&desk().letters[0], FINE), scanned(&desk().letters[1], FINE));
    let one = office.receive("one", &[&a], of("77@pbx")).await;
    let other = office.receive("other", &[&a], of("78@pbx")).await;
    let two = office.receive("two", &[&b], of("77@pbx")).await;
    assert_eq!(office.kin(&two).await, [kinship(&one, Kin::SameCall)]);
    for id in [&one, &two] {
        assert_eq!(office.ctx.store.conversation(id).await.unwrap(), [one.clone(), two.clone()]);
    }
    assert_eq!(office.ctx.store.conversation(&other).await.unwrap(), []);
    assert_eq!(office.kin(&other).await, [kinship(&one, Kin::Retransmission)]);
    // Servers count calls anew some day.
    office.clock.fetch_add(600 * MINUTE, Ordering::Relaxed);
    let later = office.receive("later", &[&b], of("77@pbx")).await;
    assert_eq!(office.kin(&later).await, [kinship(&two, Kin::Retransmission)]);
}

#[tokio::test]
async fn a_fingerprint_is_found_among_many() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&store::Settings { dir: dir.path().to_path_buf() }).await.unwrap();
    let mut chance = Chance::named("fingerprints");
    let mut ids = Vec::new();
    let mut prints = Vec::new();
    for n in 0..120 {
        let bytes = format!("fax {n}").into_bytes();
        let sha256 = store.blobs().put(&bytes).await.unwrap();
        let arrival = Arrival { source: "s".into(), source_key: n.to_string(), file_name: "f".into(), at: n };
        let original = Original { sha256, bytes: bytes.len() as u64, format: Format::Tiff };
        let fax = NewFax { arrival, call: CallRecord::default(), original };
        let id = store.admit(fax).await.unwrap().id;
        let print = Fingerprint([(); 4].map(|()| chance.bits()));
        let filed = Prints { pages: vec![(1, print)], marks: vec!["from:85223456789".into()] };
        store.file_prints(&id, &filed, n).await.unwrap();
        store.file_prints(&id, &filed, n).await.unwrap();
        ids.push(id);
        prints.push(print);
    }
    for (n, print) in prints.iter().enumerate() {
        let mut noisy = *print;
        for _ in 0..20 {
            let at = chance.below(256) as usize;
            noisy.0[at / 64] ^= 1 << (at % 64);
        }
        let asking = ids[(n + 1) % ids.len()].clone();
        let found = store.alike(&asking, &[(1, noisy)], (0, 1_000), 56, 3).await.unwrap();
        assert_eq!(found.first().map(|found| &found.fax), Some(&ids[n]), "{n}");
        assert_eq!(found.len(), 1, "strangers are far");
        assert_eq!(store.alike(&ids[n], &[(1, noisy)], (0, 1_000), 56, 3).await.unwrap(), [], "not oneself");
    }
    assert_eq!(
        store.alike(&ids[0], &[(1, prints[50])], (60, 1_000), 56, 3).await.unwrap(),
        [],
        "too long ago"
    );
    let marked = store.marked(&ids[0], "from:85223456789", (0, 1_000), 2).await.unwrap();
    assert_eq!(marked, [ids[119].clone(), ids[118].clone()]);
}
