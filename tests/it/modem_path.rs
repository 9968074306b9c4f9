//! Story: the modem path, with nothing of ours on the line. A sender that is not ours calls Debian's HylaFAX over two
//! soft modems; HylaFAX receives, calls our hook as the integration guide says, and the gateway delivers what was sent.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use faxgate::decode::{self, Limits, t4};
use faxgate::fax::{Bitmap, Coding, Format, Raster};

use crate::harness::gateway::{House, names};
use crate::harness::modems::{CALLER, CALLER_NAME, Line, TSI};
use crate::harness::pdf;

/// From the end of a call to its mail, on a busy machine.
const DELIVERY_MOST: Duration = Duration::from_secs(600);
/// What the sender dials: a department's number.
const DIALLED: &str = "30101101";

const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
maildir = "../mail/registry"
[[department]]
id = "licensing"
name = "Licensing"
maildir = "../mail/licensing"
"#;

const RULES: &str = "[[rule]]\nname = \"licensing-line\"\ndid = \"3010 1101\"\nto = [\"licensing\"]\n[default]\nto = [\"registry\"]\n";

/// The spool of the integration guide.
fn house(line: &Line) -> House {
    let house = House::new(
        &format!(
            r#"
data = "../data"
[[spool]]
name = "modems"
kind = "hylafax"
path = "{recvq}"
logs = "{logs}"
tickets = "{tickets}"
finished_mode = "0640"
[[spool.call_ids]]
device = "tty*"
fields = ["caller", "caller_name", "ignore", "did"]
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
[ocr]
workers = 1
"#,
            recvq = line.received().display(),
            logs = line.logs().display(),
            tickets = line.path("tickets").display(),
        ),
        DEPARTMENTS,
        RULES,
    );
    house.make("mail");
    house
}

/// The FaxDispatch of the integration guide, with our binary where HylaFAX's user can run it.
fn dispatch(line: &Line) -> String {
    let (binary, tickets) = (line.path("faxgate"), line.path("tickets"));
    let built = Path::new(env!("CARGO_BIN_EXE_faxgate"));
    if std::fs::hard_link(built, &binary).is_err() {
        std::fs::copy(built, &binary).unwrap();
    }
    std::fs::create_dir(&tickets).unwrap();
    line.give(&tickets);
    let guide = std::fs::read_to_string(root().join("docs/integration.md")).unwrap();
    let (_, rest) = guide.split_once("```sh\n/usr/bin/faxgate hook hylafax").expect("the guide has it");
    let (rest, _) = rest.split_once("```").expect("it ends");
    let text = format!("/usr/bin/faxgate hook hylafax{rest}");
    text.replace("/usr/bin/faxgate", &binary.display().to_string())
        .replace("/var/spool/faxgate/tickets/hylafax", &tickets.display().to_string())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A fixture coded anew by libtiff, as a program that makes pages to be sent leaves them: without the end-of-page codes
/// (RTC) that a receiver may leave in its file, and which senders take for rows.
fn recoded(line: &Line, slug: &str) -> PathBuf {
    let (from, to) = (root().join("fixtures/faxes").join(slug).join("original.tif"), line.path("sent.tif"));
    let done = Command::new("tiffcp").args(["-c", "g4"]).arg(from).arg(&to).output();
    assert!(done.is_ok_and(|output| output.status.success()), "tiffcp of libtiff-tools codes {slug}");
    to
}

fn pictures(file: &Path) -> Vec<Bitmap> {
    let bytes = std::fs::read(file).unwrap();
    let opened = decode::open(&bytes, Format::Tiff, &Limits::default()).unwrap();
    let picture = |page: u32| match opened.page(page).unwrap().raster {
        Raster::Bilevel(map) => map,
        other => panic!("page {page} is no fax page: {:?}", other.size()),
    };
    (0..opened.page_count()).map(picture).collect()
}

/// The one file in HylaFAX's queue.
fn received(line: &Line) -> PathBuf {
    let folder = line.received();
    let files: Vec<String> = names(&folder).into_iter().filter(|name| name.ends_with(".tif")).collect();
    assert_eq!(files.len(), 1, "{files:?}\n{}", line.log("receiver"));
    folder.join(&files[0])
}

/// Waits for the mail of the dialled number's department; what the gateway knows of the fax.
fn delivered(house: &House) -> serde_json::Value {
    let inbox = house.path("mail/licensing/new");
    let begun = Instant::now();
    while names(&inbox).is_empty() {
        assert!(begun.elapsed() < DELIVERY_MOST, "nothing was delivered\n{}", house.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(names(&inbox).len(), 1);
    assert!(names(&house.path("mail/registry/new")).is_empty());
    let status = house.asked(&["status", "--json"]);
    let faxes = status["faxes"].as_array().unwrap();
    assert_eq!(faxes.len(), 1, "one call is one fax: {status}");
    faxes[0].clone()
}

/// The fax's own PDF.
fn document(house: &House, fax: &serde_json::Value) -> PathBuf {
    let path = house.path("fax.pdf");
    house.told(&["show", fax["id"].as_str().unwrap(), "--pdf", path.to_str().unwrap()], 0);
    path
}

/// What line and sender said of the call is what the gateway knows.
fn told(fax: &serde_json::Value, pages: u32) {
    let call = &fax["call"];
    assert_eq!(call["did"], DIALLED, "{call}");
    assert_eq!(call["caller"], CALLER, "{call}");
    assert_eq!(call["caller_name"], CALLER_NAME, "{call}");
    assert_eq!(call["tsi"], TSI, "{call}");
    assert_eq!(call["receipt"]["state"], "complete", "{call}");
    assert_eq!(call["rate"], 14_400, "{call}");
    assert_eq!(fax["document"]["pages"], pages, "{fax}");
    let damage = fax["document"]["damage"].as_array().unwrap();
    let worth = |one: &serde_json::Value| {
        one["bad_rows"] != 0 || one["bad_rows_announced"] != 0 || one["cut"] == true
    };
    assert!(!damage.iter().any(worth), "{damage:?}");
}

#[test]
fn hylafax_sends_five_pages_over_the_modems_and_the_gateway_delivers_them_pixel_by_pixel() {
    let mut line = Line::new();
    let house = house(&line);
    line.answer(&dispatch(&line));
    let _gateway = house.start();
    let file = recoded(&line, "registry-five-pages-en");
    let sent = pictures(&file);
    line.faxsend(&file, 5, DIALLED).unwrap();
    let fax = delivered(&house);
    assert_eq!(pictures(&received(&line)), sent, "HylaFAX has what was sent");
    told(&fax, 5);
    assert_eq!(
        (&fax["call"]["ecm"], &fax["call"]["data_format"]),
        (&true.into(), &"2-D MMR".into()),
        "{fax}"
    );
    pdf::images_equal(&document(&house, &fax), &sent).unwrap();
}

#[test]
fn efax_sends_a_page_without_error_correction_and_the_gateway_delivers_it_pixel_by_pixel() {
    let mut line = Line::new();
    let house = house(&line);
    line.answer(&dispatch(&line));
    let _gateway = house.start();
    let sent = pictures(&root().join("fixtures/faxes/licensing-letter-en/original.tif"));
    // A TIFF's pages efax fits to its own idea of 98 lines per inch, and rows get lost; code words alone it sends as they are.
    let file = line.path("sent.g3");
    std::fs::write(&file, t4::encode(&sent[0], Coding::Mh, t4::EncodeOptions::default())).unwrap();
    line.efax(&file, DIALLED).unwrap();
    let fax = delivered(&house);
    let come = pictures(&received(&line));
    assert_eq!(come.len(), 1);
    // efax always sets some white rows above a page, for a header.
    assert_eq!(without_top(&come[0]), without_top(&sent[0]), "HylaFAX has what was sent");
    told(&fax, 1);
    assert_eq!(
        (&fax["call"]["ecm"], &fax["call"]["data_format"]),
        (&false.into(), &"1-D MH".into()),
        "{fax}"
    );
    pdf::images_equal(&document(&house, &fax), &come).unwrap();
}

/// A page's rows from the first that is not white.
fn without_top(map: &Bitmap) -> Vec<&[u8]> {
    let rows: Vec<&[u8]> = (0..map.height()).map(|y| map.row(y)).collect();
    let first = rows.iter().position(|row| row.iter().any(|byte| *byte != 0)).expect("there is ink on it");
    rows[first..].to_vec()
}
