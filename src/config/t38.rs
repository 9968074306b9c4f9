//! `[t38]` and `[[t38.trunk]]` of `faxgate.toml`: the process that answers fax calls itself.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use toml_span::{Span, Spanned};

use super::codes;
use super::sheet::{Note, Sheet};
use super::spools::Names;
use super::table::{Reader, choose};
use crate::t38::receiver::settings::{
    CallerSource, DidSource, Listen, Login, OfferT38, Settings, Trunk, is_the_world, network,
};
use crate::t38::session::Modems;
use crate::t38::sip::{Net, Register, Transport};

/// More calls than this no machine was measured with.
const MOST_CALLS: i64 = 1_000;
/// The unit file allows 128 tasks: these, eight for the disk, and those of SIP.
const MOST_THREADS: i64 = 64;
/// Below this the first long fax fills the disk.
const LEAST_SPACE: u64 = 16 << 20;
const SILENCE: RangeInclusive<Duration> = Duration::from_secs(3)..=Duration::from_secs(600);
/// T.30's own timers go up to 40 s and are tried three times.
const STANDSTILL: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(3_600);
const LONGEST: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3_600);
const FINISH: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);
/// A registrar that is asked more often than this answers 423 (RFC 3261 §10.2.8).
const EXPIRES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(86_400);

/// What the file says of T.38, and where the spool stands.
pub(super) struct T38 {
    pub(super) settings: Settings,
    pub(super) spool_at: Span,
}

/// Reads the table. Where a value is wrong a finding says so and the usual one stands.
pub(super) fn read(mut table: Reader<'_>) -> T38 {
    let mut settings = Settings::default();
    let spool_at = spool(&mut table, &mut settings);
    listeners(&mut table, &mut settings);
    let ports_at = media(&mut table, &mut settings);
    station(&mut table, &mut settings);
    limits(&mut table, &mut settings);
    if let Some(at) = ports_at {
        enough_ports(&table, &settings, at);
    }
    let mut names = Names::default();
    let trunks = table.tables("trunk");
    if trunks.is_empty() {
        let note = Note::error(codes::T38_TRUNK_NONE, "[t38] has no [[t38.trunk]]: nobody could call");
        table.sheet().note(table.head(), note);
    }
    settings.trunks = trunks.into_iter().filter_map(|one| trunk(one, &mut names)).collect();
    settings.metrics = table.parsed("metrics", codes::VALUE_FORM, socket).map(|address| address.value);
    table.finish();
    T38 { settings, spool_at }
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address such as \"127.0.0.1:9465\"".to_owned())
}

fn spool(table: &mut Reader<'_>, settings: &mut Settings) -> Span {
    if !table.has("spool") {
        table.missing("spool");
    }
    let Some(spool) = table.folder("spool") else { return table.head() };
    settings.spool = spool.value;
    spool.span
}

fn listeners(table: &mut Reader<'_>, settings: &mut Settings) {
    if !table.has("listen") {
        table.missing("listen");
    }
    let sheet = table.sheet();
    for text in table.texts("listen").map_or(vec![], |list| list.value) {
        match Listen::parse(&text.value) {
            Ok(listen) if settings.listen.contains(&listen) => {
                sheet.note(text.span, Note::error(codes::VALUE_FORM, "`listen` names this twice"));
            }
            Ok(listen) => settings.listen.push(listen),
            Err(message) => {
                sheet.note(text.span, Note::error(codes::VALUE_FORM, format!("`listen`: {message}")));
            }
        }
    }
    let (certificate, key) = (table.path("certificate"), table.path("key"));
    match (&certificate, &key) {
        (Some(_), None) => table.missing("key"),
        (None, Some(_)) => table.missing("certificate"),
        _ => {}
    }
    let wanted = settings.listen.iter().any(|listen| listen.transport == Transport::Tls);
    if wanted && certificate.is_none() && key.is_none() {
        let note = Note::error(codes::T38_TLS, "`listen` has a tls: address, and there is no `certificate`")
            .help("name the PEM files of the certificate chain and of its key: `certificate` and `key`");
        sheet.note(table.head(), note);
    }
    for (what, file) in [("certificate", &certificate), ("key", &key)] {
        if let Some(file) = file {
            present(sheet, what, file);
        }
    }
    settings.tls = certificate.zip(key).map(|(certificate, key)| (certificate.value, key.value));
}

/// A file that the receiver reads, at its own start and as its own user: its absence here is a warning.
fn present(sheet: Sheet<'_>, what: &str, file: &Spanned<std::path::PathBuf>) {
    if !file.value.is_file() {
        let message = format!("`{what}`: there is no file {}", file.value.display());
        let note = Note::warning(codes::T38_FILE, message).help(
            "`faxgate t38` does not start without it; a systemd credential exists only while its unit runs",
        );
        sheet.note(file.span, note);
    }
}

fn media(table: &mut Reader<'_>, settings: &mut Settings) -> Option<Span> {
    let mut ports_at = None;
    let address = table.parsed("address", codes::VALUE_FORM, |text| {
        let address: Result<IpAddr, _> = text.parse();
        address.map_err(|_| "expected an IP address, no name".to_owned())
    });
    if let Some(address) = &address
        && address.value.is_unspecified()
    {
        let note = Note::error(codes::VALUE_FORM, "`address` is what peers send to: 0.0.0.0 is nobody");
        table
            .sheet()
            .note(address.span, note.help("leave it out, and each peer is told the address it reached"));
    }
    settings.address = address.map(|address| address.value);
    if let Some(ports) = table.parsed("ports", codes::VALUE_FORM, ports) {
        ports_at = Some(ports.span);
        settings.ports = ports.value;
    }
    settings.audio = table.flag("audio").map_or(settings.audio, |audio| audio.value);
    let offer = table.choice("offer_t38", &OfferT38::NAMES);
    if let Some(offer) = offer {
        if offer.value == OfferT38::Never && !settings.audio {
            let message = "`offer_t38 = \"never\"` with `audio = false`: a call that begins as audio could bring nothing";
            let note = Note::error(codes::VALUE_FORM, message);
            table.sheet().note(offer.span, note.help("leave one of the two out"));
        }
        settings.offer_t38 = offer.value;
    }
    ports_at
}

/// A call that changes to T.38 has two for a moment; RTP takes even ones alone.
fn enough_ports(table: &Reader<'_>, settings: &Settings, at: Span) {
    let pairs = usize::from(*settings.ports.end() - *settings.ports.start()) / 2;
    if pairs < settings.most_calls {
        let message = format!("`ports` has {pairs} pairs of ports for {} calls at once", settings.most_calls);
        table.sheet().note(at, Note::warning(codes::T38_PORTS, message));
    }
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let wrong = || "expected a range such as \"40000-44999\", above 1023".to_owned();
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
    let (first, last) = (number(first)?, number(last)?);
    if first < 1024 || last <= first { Err(wrong()) } else { Ok(first..=last) }
}

fn station(table: &mut Reader<'_>, settings: &mut Settings) {
    if let Some(csi) = table.text("csi") {
        // T.30 §5.3.6.2.4: twenty characters; letters are a custom of the trade.
        let fits = csi.value.len() <= 20 && csi.value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !fits {
            let note = Note::error(codes::VALUE_FORM, "`csi` is at most twenty printable ASCII characters");
            table
                .sheet()
                .note(csi.span, note.help("the number under which this station answers: \"+852 3010 1001\""));
        }
        settings.station.csi = csi.value;
    }
    settings.station.ecm = table.flag("ecm").map_or(settings.station.ecm, |ecm| ecm.value);
    let rates = [
        ("14400", Modems::default()),
        ("9600", Modems { v17: false, ..Modems::default() }),
        ("4800", Modems { v17: false, v29: false, ..Modems::default() }),
    ];
    if let Some(rate) = table.choice("fastest", &rates) {
        settings.station.modems = rate.value;
    }
}

fn limits(table: &mut Reader<'_>, settings: &mut Settings) {
    if let Some(most) = table.integer("most_calls", 1..=MOST_CALLS) {
        settings.most_calls = usize::try_from(most).unwrap_or(settings.most_calls);
    }
    if let Some(space) = table.size("least_space") {
        if space.value < LEAST_SPACE {
            let message = format!("`least_space` is at least {}MiB", LEAST_SPACE >> 20);
            table.sheet().note(space.span, Note::error(codes::VALUE_RANGE, message));
        }
        settings.least_space = space.value;
    }
    let watch = &mut settings.watch;
    for (key, range, place) in [
        ("first_packet", SILENCE, &mut watch.first_packet),
        ("silence", SILENCE, &mut watch.silence),
        ("standstill", STANDSTILL, &mut watch.no_progress),
        ("longest_call", LONGEST, &mut watch.longest),
        ("finish_within", FINISH, &mut settings.finish_within),
    ] {
        *place = table.duration(key, range).map_or(*place, |value| value.value);
    }
    if let Some(threads) = table.integer("threads", 1..=MOST_THREADS) {
        settings.threads = usize::try_from(threads).unwrap_or(settings.threads);
    }
}

fn trunk(mut table: Reader<'_>, names: &mut Names) -> Option<Trunk> {
    let sheet = table.sheet();
    let name = table.required_text("name");
    if let Some(name) = &name {
        names.check(&table, "trunk", name);
    }
    let networks = networks(&mut table);
    let callers = table.table("callers").and_then(login);
    let (register, login) = match table.table("register") {
        Some(register) => registration(register),
        None => (None, None),
    };
    let did = words(&mut table, "did", "a place of the dialled number", &DidSource::NAMES, &DidSource::USUAL);
    let caller = words(
        &mut table,
        "caller",
        "a place of the caller's number",
        &CallerSource::NAMES,
        &CallerSource::USUAL,
    );
    let most_calls = table.integer("most_calls", 1..=MOST_CALLS).and_then(|most| usize::try_from(most).ok());
    if let (Some((world, at)), None) = (networks.iter().find(|(net, _)| is_the_world(net)), &callers) {
        let message =
            format!("the network {}/0 is everybody, and no login is asked of callers", world.address);
        let note = Note::error(codes::T38_NETWORKS, message);
        sheet.note(*at, note.help("name the trunk's own networks, or ask for a login: [t38.trunk.callers]"));
    }
    table.finish();
    let networks = networks.into_iter().map(|(net, _)| net).collect();
    Some(Trunk { name: name?.value, networks, callers, register, login, did, caller, most_calls })
}

fn networks(table: &mut Reader<'_>) -> Vec<(Net, Span)> {
    if !table.has("networks") {
        table.missing("networks");
    }
    let sheet = table.sheet();
    let mut found = Vec::new();
    for text in table.texts("networks").map_or(vec![], |list| list.value) {
        match network(&text.value) {
            Ok(net) => found.push((net, text.span)),
            Err(message) => {
                sheet.note(text.span, Note::error(codes::VALUE_FORM, format!("`networks`: {message}")));
            }
        }
    }
    found
}

fn words<T: Copy>(
    table: &mut Reader<'_>,
    key: &'static str,
    what: &str,
    names: &[(&str, T)],
    usual: &[T],
) -> Vec<T> {
    let sheet = table.sheet();
    match table.texts(key) {
        Some(list) => list.value.iter().filter_map(|text| choose(sheet, text, what, names)).collect(),
        None => usual.to_vec(),
    }
}

/// `user`, `password_file`, `realm`.
fn login(mut table: Reader<'_>) -> Option<Login> {
    let login = read_login(&mut table);
    table.finish();
    login
}

fn read_login(table: &mut Reader<'_>) -> Option<Login> {
    if table.has("password") {
        let (at, _) = table.take("password")?;
        let note = Note::error(codes::KEY_MISPLACED, "a password does not stand in this file")
            .help("write it to a file that only the receiver can read, and name that: `password_file`");
        table.sheet().note(at, note);
    }
    let user = table.required_text("user");
    if !table.has("password_file") {
        table.missing("password_file");
    }
    let file = table.path("password_file");
    if let Some(file) = &file {
        present(table.sheet(), "password_file", file);
    }
    let realm = table.text("realm").map(|realm| realm.value).unwrap_or_default();
    Some(Login { user: user?.value, realm, password_file: file?.value })
}

fn registration(mut table: Reader<'_>) -> (Option<Register>, Option<Login>) {
    let server = table.required_text("server");
    let transports = [("udp", Transport::Udp), ("tcp", Transport::Tcp), ("tls", Transport::Tls)];
    let transport = table.choice("transport", &transports).map_or(Transport::Udp, |chosen| chosen.value);
    let domain = table.text("domain");
    let expires = table.duration("expires", EXPIRES);
    let number = table.text("number");
    let login = read_login(&mut table);
    let sheet = table.sheet();
    table.finish();
    let Some(server) = server else { return (None, login) };
    let Some((host, port)) = host_and_port(&server.value, transport) else {
        let note =
            Note::error(codes::VALUE_FORM, "`server` is a host and perhaps a port: sip.example.net:5060");
        sheet.note(server.span, note);
        return (None, login);
    };
    let user = number.map(|number| number.value).or_else(|| login.as_ref().map(|login| login.user.clone()));
    let register = Register {
        domain: domain.map_or_else(|| host.clone(), |domain| domain.value),
        user: user.unwrap_or_default(),
        host,
        port,
        transport,
        expires: expires.map_or(600, |expires| u32::try_from(expires.value.as_secs()).unwrap_or(600)),
    };
    (Some(register), login)
}

/// A registrar's name or address, and its port.
fn host_and_port(text: &str, transport: Transport) -> Option<(String, u16)> {
    let (host, port) = transport.host_and_port(text)?;
    let good = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
    good.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        assert_eq!(host_and_port("sip.example.net", Transport::Udp), Some(("sip.example.net".into(), 5060)));
        assert_eq!(host_and_port("192.0.2.1:5070", Transport::Udp), Some(("192.0.2.1".into(), 5070)));
        assert_eq!(host_and_port("[2001:db8::1]:5070", Transport::Udp), Some(("2001:db8::1".into(), 5070)));
        for bad in ["", ":5060", "a b", "host:0", "host:x", "sip:host", "[::1"] {
            assert_eq!(host_and_port(bad, Transport::Udp), None, "{bad}");
        }
    }

    #[test]
    fn port_ranges() {
        assert_eq!(ports("40000-44999"), Ok(40_000..=44_999));
        for bad in ["", "40000", "80-90", "5000-4000", "5000-5000", "1-99999"] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }
}
