//! `faxgate t38`: takes fax calls; or with `--send` places one.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::shown::json_text;
use super::{End, failed};
use crate::config::Config;
use crate::decode::{self, Limits};
use crate::fax::{Disposition, Fault, Format, Raster};
use crate::ops::{LogFormat, logging};
use crate::t38::receiver::Receiver;
use crate::t38::sender::{self, Medium, Outcome, Progress, Target};
use crate::t38::session::{Codings, Modems, Sending};
use crate::t38::sip::{Credentials, Transport};

#[derive(Debug, clap::Args)]
pub struct T38Args {
    /// Send this fax TIFF to TARGET instead of taking calls; needs no configuration
    #[arg(long, value_name = "FILE", requires = "target")]
    send: Option<PathBuf>,
    /// Whom to call: sip:number@host[:port]
    #[arg(requires = "send")]
    target: Option<String>,
    /// How to reach the target: udp, tcp or tls
    #[arg(long, default_value = "udp", requires = "send", value_parser = transport)]
    transport: Transport,
    /// Certificate authorities for tls, instead of this machine's (PEM)
    #[arg(long, value_name = "FILE", requires = "send")]
    roots: Option<PathBuf>,
    /// The calling number, as SIP says it
    #[arg(long, default_value = "faxgate", requires = "send")]
    from: String,
    /// User name, where the far end asks for a login
    #[arg(long, requires_all = ["send", "password_file"])]
    user: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// What this machine calls itself on the line (T.30 TSI)
    #[arg(long, default_value = "", requires = "send")]
    tsi: String,
    /// Sub-address (T.30 SUB)
    #[arg(long, default_value = "", requires = "send")]
    subaddress: String,
    /// Without error correction mode
    #[arg(long, requires = "send")]
    no_ecm: bool,
    /// Best compression on the line: mmr, mr or mh
    #[arg(long, default_value = "mmr", requires = "send", value_parser = codings)]
    compression: Codings,
    /// Fastest rate: 14400, 9600 or 4800
    #[arg(long, default_value = "14400", requires = "send", value_parser = modems)]
    rate: Modems,
    /// Send as G.711 audio
    #[arg(long, requires = "send", conflicts_with = "audio_first")]
    audio: bool,
    /// Call as audio, and change to T.38 when the far end asks for it, as most trunks do
    #[arg(long, requires = "send")]
    audio_first: bool,
    /// Earlier packets that each packet carries along, against loss
    #[arg(long, value_name = "COUNT", requires = "send", value_parser = clap::value_parser!(u8).range(0..=8))]
    redundancy: Option<u8>,
    /// Throw away so many percent of all packets, both ways, to try a line's hardness
    #[arg(long, value_name = "PERCENT", requires = "send", value_parser = percent)]
    loss: Option<u32>,
    /// Print how it ended as JSON
    #[arg(long, requires = "send")]
    json: bool,
}

/// Widths that T.30 knows, in pixels: A4, B4 and A3 at 204, 300 and 408 to the inch.
const WIDTHS: [u32; 9] = [1728, 2048, 2432, 2592, 3072, 3648, 3456, 4096, 4864];

/// Takes calls, or places one.
pub fn t38(folder: &Path, args: &T38Args) -> End {
    match (&args.send, &args.target) {
        (Some(file), Some(target)) => {
            logging::start(LogFormat::Text, "warn");
            send(file, target, args).unwrap_or_else(|fault| failed(&fault))
        }
        _ => receive(folder),
    }
}

fn receive(folder: &Path) -> End {
    let (settings, warnings) = match Config::load_t38(folder) {
        Ok(read) => read,
        Err(problems) => {
            eprint!("{}", problems.render());
            return End::Config;
        }
    };
    let Some(settings) = settings else {
        eprintln!("faxgate: faxgate.toml has no [t38]: nothing says where to listen and who may call.");
        return End::Config;
    };
    logging::start(settings.log, "info");
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    // Before any thread: the sandbox holds for what this one starts.
    let receiver = match Receiver::prepare(settings) {
        Ok(receiver) => receiver,
        Err(fault) => return failed(&fault),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Fault::new("cli.runtime", Disposition::Stop, error.to_string())),
    };
    let ended = runtime.block_on(receiver.run(|bound| {
        for listen in bound {
            let transport = listen.transport.name().to_lowercase();
            println!("listening at {transport}:{}", listen.address);
        }
    }));
    match ended {
        Ok(()) => End::Done,
        Err(fault) => failed(&fault),
    }
}

fn send(file: &Path, target: &str, args: &T38Args) -> Result<End, Fault> {
    let refuse = |sentence: String| Fault::new("t38.send", Disposition::Refuse, sentence);
    let target = Target::parse(target, args.transport).ok_or_else(|| {
        refuse(format!("{target} is no target; it looks like sip:28101234@pbx.example:5060."))
    })?;
    let pages = fax_pages(file)?;
    let login = match (&args.user, &args.password_file) {
        (Some(user), Some(file)) => {
            let text =
                std::fs::read_to_string(file).map_err(|error| super::convert::unreadable(file, &error))?;
            let password = text.lines().next().unwrap_or_default().to_owned();
            Some(Credentials { user: user.clone(), password, realm: String::new() })
        }
        _ => None,
    };
    let settings = sender::Settings {
        target,
        from: args.from.clone(),
        sending: Sending {
            tsi: args.tsi.clone(),
            subaddress: args.subaddress.clone(),
            ecm: !args.no_ecm,
            modems: args.rate,
            codings: args.compression,
            ..Sending::default()
        },
        medium: match (args.audio, args.audio_first) {
            (true, _) => Medium::G711,
            (_, true) => Medium::AudioFirst,
            _ => Medium::T38,
        },
        redundancy: args.redundancy.map(usize::from),
        loss: args.loss.unwrap_or(0),
        login,
        roots: args.roots.clone(),
        threads: 1,
        pause: std::time::Duration::ZERO,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new("cli.runtime", Disposition::Stop, error.to_string()))?;
    let bar = bar(pages);
    let files = [file.to_path_buf()];
    let sent = runtime.block_on(sender::send(&files, &settings, |_, progress| show(&bar, &progress)));
    bar.finish_and_clear();
    let outcome = sent.map_err(|trouble| refuse(format!("The call cannot be placed: {trouble}.")))?.pop();
    let outcome = outcome.ok_or_else(|| refuse("The call came to nothing.".to_owned()))?;
    report(args, &outcome);
    Ok(if outcome.is_sent() { End::Done } else { End::Failed })
}

fn report(args: &T38Args, outcome: &Outcome) {
    if !args.json {
        println!("{}", outcome.sentence());
        return;
    }
    let report = outcome.report.as_ref();
    println!(
        "{}",
        json_text(&serde_json::json!({
            "sent": outcome.is_sent(),
            "sentence": outcome.sentence(),
            "answered": outcome.answered,
            "medium": if outcome.t38 { "t38" } else { "g711" },
            "pages": outcome.pages,
            "code": report.map(|report| report.code),
            "words": report.map(|report| report.words.clone()),
            "far_end": report.and_then(|report| report.facts.ident.clone()),
            "rate": report.and_then(|report| report.facts.rate),
            "ecm": report.and_then(|report| report.facts.ecm),
            "seconds": outcome.lasted.as_secs_f64(),
            "packets": outcome.packets,
        }))
    );
}

/// How many pages a file has, if it is a TIFF that a fax machine can send: black and white, of a width that T.30 knows.
fn fax_pages(file: &Path) -> Result<u32, Fault> {
    let no_fax = |why: String| {
        let sentence = format!("{} is no fax TIFF: {why}.", file.display());
        Fault::new("t38.no-fax", Disposition::Refuse, sentence)
            .with_detail("made by: tiffcp -c g4, gs -sDEVICE=tiffg4 -r204x196 -sPAPERSIZE=a4, or fax2tiff")
    };
    let bytes = std::fs::read(file).map_err(|error| super::convert::unreadable(file, &error))?;
    if decode::sniff(&bytes) != Some(Format::Tiff) {
        return Err(no_fax("it is no TIFF at all".to_owned()));
    }
    let opened = decode::open(&bytes, Format::Tiff, &Limits::default()).map_err(|error| error.fault())?;
    for index in 0..opened.page_count() {
        let page = opened.page(index).map_err(|error| error.fault())?;
        let (width, _) = page.raster.size();
        if !matches!(page.raster, Raster::Bilevel(_)) {
            return Err(no_fax(format!("page {} is not black and white", index + 1)));
        }
        if !WIDTHS.contains(&width) {
            return Err(no_fax(format!("page {} is {width} pixels wide, and A4 is 1728", index + 1)));
        }
    }
    Ok(opened.page_count())
}

fn transport(word: &str) -> Result<Transport, String> {
    match word {
        "udp" => Ok(Transport::Udp),
        "tcp" => Ok(Transport::Tcp),
        "tls" => Ok(Transport::Tls),
        _ => Err("expected udp, tcp or tls".to_owned()),
    }
}

fn codings(word: &str) -> Result<Codings, String> {
    match word {
        "mmr" => Ok(Codings { mr: true, mmr: true }),
        "mr" => Ok(Codings { mr: true, mmr: false }),
        "mh" => Ok(Codings { mr: false, mmr: false }),
        _ => Err("expected mmr, mr or mh".to_owned()),
    }
}

fn modems(word: &str) -> Result<Modems, String> {
    match word {
        "14400" => Ok(Modems::default()),
        "9600" => Ok(Modems { v17: false, ..Modems::default() }),
        "4800" => Ok(Modems { v17: false, v29: false, ..Modems::default() }),
        _ => Err("expected 14400, 9600 or 4800".to_owned()),
    }
}

/// Percent, with a fraction, as so many of a thousand.
fn percent(word: &str) -> Result<u32, String> {
    let percent: f64 =
        word.trim_end_matches('%').parse().map_err(|_| "expected a number of percent".to_owned())?;
    if (0.0..=100.0).contains(&percent) {
        Ok((percent * 10.0).round() as u32)
    } else {
        Err("expected 0 to 100".to_owned())
    }
}

/// A bar over pages; silent where standard error is no terminal.
fn bar(pages: u32) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(pages));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} page {pos} of {len}  {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar.set_message("calling");
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    match progress {
        Progress::Ringing(180 | 183) => bar.set_message("ringing"),
        Progress::Ringing(_) => {}
        Progress::Answered => bar.set_message("answered"),
        Progress::Negotiated => bar.set_message("sending"),
        Progress::Pages(pages) => bar.set_position(u64::from(*pages)),
        Progress::HangingUp => bar.set_message("hanging up"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_said_in_percent() {
        assert_eq!((percent("5"), percent("0.5%"), percent("100")), (Ok(50), Ok(5), Ok(1000)));
        assert!(percent("-1").is_err() && percent("101").is_err() && percent("x").is_err());
    }
}
