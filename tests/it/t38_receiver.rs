//! Fax calls to the real process, in real time over loopback: taken, refused, cut short, left behind and found again.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use faxgate::fax::Bitmap;

use crate::harness::t38::{LOOPBACK, Receiver, ended, receive};
use crate::t38_call::pages::{STANDARD, decoded, fixture, stretched, tiff};

/// A call of one short page takes some ten seconds; what is waited for is far less, unless the machine is busy.
const LONG: Duration = Duration::from_secs(150);

/// Short pages of a real fax, each other than the next, and their file.
fn fax(receiver: &Receiver, pages: u32) -> (Vec<Bitmap>, PathBuf) {
    let letter = fixture("licensing-letter-en", 0);
    let maps: Vec<Bitmap> = (0..pages).map(|page| stretched(&letter, 110 + 10 * page, 1, 1)).collect();
    let bytes = tiff(&maps.iter().map(|map| (map.clone(), STANDARD)).collect::<Vec<_>>());
    let path = receiver.path(&format!("sent-{pages}.tif"));
    std::fs::write(&path, bytes).unwrap();
    (maps, path)
}

fn received(path: &PathBuf) -> Vec<Bitmap> {
    decoded(&std::fs::read(path).unwrap())
}

#[test]
fn a_fax_over_udp_comes_whole_with_all_that_is_known_of_its_call() {
    let receiver = Receiver::start("csi = \"+852 3010 1001\"\n", LOOPBACK);
    let (pages, file) = fax(&receiver, 2);
    let args = ["--tsi", "+852 2345 6789", "--subaddress", "4242", "--from", "85223456789"];
    let sent = receiver.send(&file, "28101234", &args);
    assert_eq!(sent.code, Some(0), "{sent:?}\n{}", receiver.log());
    assert_eq!(
        (sent.told["pages"].as_u64(), sent.told["far_end"].as_str()),
        (Some(2), Some("+852 3010 1001"))
    );
    receiver.wait("the fax in the spool", LONG, |receiver| receiver.faxes().len() == 1);
    let (path, record) = receiver.faxes().remove(0);
    assert_eq!(received(&path), pages);
    for (key, value) in [
        ("did", "28101234"),
        ("caller", "85223456789"),
        ("tsi", "+852 2345 6789"),
        ("subaddress", "4242"),
        ("device", "loop"),
        ("media", "t38"),
        ("result", "ok"),
        ("data_format", "MMR"),
    ] {
        assert_eq!(record[key], value, "{key} in {record}");
    }
    assert_eq!(
        (record["pages"].as_u64(), record["partial"].as_bool(), record["ecm"].as_bool()),
        (Some(2), Some(false), Some(true))
    );
    assert_eq!(record["page_sizes"][1]["rows"], 120);
    assert!(
        record["packets"]["received"].as_u64() > Some(50) && record.get("page_damage").is_none(),
        "{record}"
    );
    receiver.wait("the call counted", LONG, |receiver| receiver.metric("faxgate_t38_calls_total") == 1.0);
    assert_eq!(receiver.metric("faxgate_t38_pages_total"), 2.0);
    assert_eq!(receiver.asked("/healthz").0, 200);
}

#[test]
fn tcp_tls_the_change_from_audio_and_audio_to_the_end_at_once() {
    let names = vec!["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let keys = tempfile::tempdir().unwrap();
    let (certificate, key) = (keys.path().join("cert.pem"), keys.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = format!(
        "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\"]\ncertificate = {certificate:?}\nkey = {key:?}\n"
    );
    let receiver = Receiver::start(&settings, LOOPBACK);
    let (pages, file) = fax(&receiver, 1);
    let roots = certificate.to_str().unwrap();
    let tried: [(&str, &str, &[&str], &str); 4] = [
        ("tcp", "1001", &[], "t38"),
        ("tls", "1002", &["--roots", roots], "t38"),
        ("udp", "1003", &["--audio-first"], "t38"),
        ("udp", "1004", &["--audio", "--no-ecm"], "g711"),
    ];
    let senders: Vec<_> = tried
        .iter()
        .map(|(transport, number, args, _)| receiver.sender(&file, number, transport, args).spawn().unwrap())
        .collect();
    for (sender, (transport, number, args, _)) in senders.into_iter().zip(&tried) {
        let sent = ended(sender);
        assert_eq!(sent.code, Some(0), "{transport} {number} {args:?}: {sent:?}\n{}", receiver.log());
    }
    receiver.wait("all faxes in the spool", LONG, |receiver| receiver.faxes().len() == tried.len());
    for (path, record) in receiver.faxes() {
        let (_, number, _, medium) = tried.iter().find(|one| record["did"] == one.1).unwrap();
        assert_eq!(record["media"], *medium, "{number}");
        assert_eq!(received(&path), pages, "{number}");
    }
}

#[test]
fn killed_in_the_middle_of_page_three_of_five_two_pages_are_delivered_after_the_restart() {
    let mut receiver = Receiver::start("", LOOPBACK);
    let (pages, file) = fax(&receiver, 5);
    let mut sender = receiver.sender(&file, "28101234", "udp", &["--tsi", "KILLED"]).spawn().unwrap();
    receiver.wait("two pages on the disk", LONG, |receiver| receiver.pages_in_progress() == 2);
    // The third has begun, and is some seconds from its end.
    std::thread::sleep(Duration::from_millis(1500));
    receiver.kill();
    sender.kill().unwrap();
    sender.wait().unwrap();
    assert!(receiver.faxes().is_empty());
    receiver.again();
    // What is found is finished before the first call is taken.
    let (path, record) = receiver.faxes().remove(0);
    assert_eq!(received(&path), pages[..2]);
    assert_eq!((record["pages"].as_u64(), record["partial"].as_bool()), (Some(2), Some(true)));
    assert_eq!((record["did"].as_str(), record["tsi"].as_str()), (Some("28101234"), Some("KILLED")));
    assert_eq!(record["result"], "failed");
    assert!(
        record["error"].as_str().is_some_and(|why| why.contains("while the call was in progress")),
        "{record}"
    );
    assert_eq!(receiver.pages_in_progress(), 0);
}

#[test]
fn a_sender_that_vanishes_leaves_its_whole_pages_and_why() {
    let receiver = Receiver::start("silence = \"3s\"\n", LOOPBACK);
    let (pages, file) = fax(&receiver, 3);
    let mut sender = receiver.sender(&file, "28101234", "udp", &[]).spawn().unwrap();
    receiver.wait("a page on the disk", LONG, |receiver| receiver.pages_in_progress() >= 1);
    sender.kill().unwrap();
    sender.wait().unwrap();
    receiver.wait("the fax in the spool", LONG, |receiver| receiver.faxes().len() == 1);
    let (path, record) = receiver.faxes().remove(0);
    let got = received(&path);
    assert_eq!(got.first(), pages.first());
    assert!(got.len() < 3);
    assert_eq!(
        (record["result"].as_str(), record["error"].as_str()),
        (Some("failed"), Some("the line fell silent"))
    );
    assert_eq!(record["partial"], true);
}

#[test]
fn one_call_too_many_is_told_486_and_the_first_goes_on() {
    let receiver = Receiver::start("most_calls = 1\n", LOOPBACK);
    let (pages, file) = fax(&receiver, 1);
    let first = receiver.sender(&file, "1", "udp", &[]).spawn().unwrap();
    receiver.wait("the first call", LONG, |receiver| receiver.metric("faxgate_t38_calls_in_progress") == 1.0);
    let second = receiver.send(&file, "2", &[]);
    assert_eq!((second.code, second.told["answered"].as_bool()), (Some(1), Some(false)));
    let sentence = second.told["sentence"].as_str().unwrap();
    assert!(sentence.contains("486"), "{sentence}");
    assert_eq!(ended(first).code, Some(0));
    receiver.wait("the fax in the spool", LONG, |receiver| receiver.faxes().len() == 1);
    assert_eq!(received(&receiver.faxes()[0].0), pages);
    assert_eq!(receiver.metric("faxgate_t38_refused_total"), 1.0);
}

#[test]
fn without_room_or_a_spool_that_can_be_written_calls_are_told_503() {
    let full = Receiver::start("least_space = \"8000000GiB\"\n", LOOPBACK);
    let (_, file) = fax(&full, 1);
    let broken = Receiver::start("", LOOPBACK);
    let part = broken.path("spool/.part");
    std::fs::remove_dir_all(&part).unwrap();
    std::fs::write(&part, b"in the way").unwrap();
    for receiver in [&full, &broken] {
        receiver.wait("the receiver unwell", LONG, |receiver| receiver.asked("/healthz").0 == 503);
        let sent = receiver.send(&file, "1", &[]);
        assert_eq!(sent.code, Some(1));
        assert!(sent.told["sentence"].as_str().unwrap().contains("503"), "{}", sent.told);
    }
    // Once it is well, calls are taken again.
    std::fs::remove_file(&part).unwrap();
    std::fs::create_dir(&part).unwrap();
    broken.wait("the receiver well", LONG, |receiver| receiver.asked("/healthz").0 == 200);
}

#[test]
fn foreign_packets_at_the_call_s_port_are_counted_and_change_nothing() {
    let receiver = Receiver::start("ports = \"47200-47239\"\nmost_calls = 2\n", LOOPBACK);
    let (pages, file) = fax(&receiver, 1);
    let sender = receiver.sender(&file, "1", "udp", &[]).spawn().unwrap();
    receiver.wait("the call", LONG, |receiver| receiver.metric("faxgate_t38_calls_in_progress") == 1.0);
    // The peer has spoken first by now: T.38 begins with its indicators at once.
    std::thread::sleep(Duration::from_millis(1500));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Sequence number 7, one byte of IFP (V.21 preamble), no redundancy: a packet as a peer might send it.
    let packet = [0, 7, 1, 0x06, 0, 0];
    for _ in 0..20 {
        for port in 47_200..=47_239 {
            stranger.send_to(&packet, ("127.0.0.1", port)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let sent = ended(sender);
    assert_eq!(sent.code, Some(0), "{sent:?}\n{}", receiver.log());
    receiver.wait("the fax in the spool", LONG, |receiver| receiver.faxes().len() == 1);
    let (path, record) = receiver.faxes().remove(0);
    assert_eq!(received(&path), pages);
    assert_eq!(record["packets"]["foreign"], 20, "{record}");
}

#[test]
fn told_to_end_it_takes_no_more_calls_and_lets_those_in_progress_end() {
    let mut receiver = Receiver::start("", LOOPBACK);
    let (pages, file) = fax(&receiver, 1);
    let sender = receiver.sender(&file, "1", "udp", &[]).spawn().unwrap();
    receiver.wait("the call", LONG, |receiver| receiver.metric("faxgate_t38_calls_in_progress") == 1.0);
    receiver.terminate();
    receiver.wait("the end begun", LONG, |receiver| receiver.log().contains("no more calls are taken"));
    let late = receiver.send(&file, "2", &[]);
    assert!(late.told["sentence"].as_str().unwrap_or_default().contains("503"), "{late:?}");
    assert_eq!(ended(sender).code, Some(0));
    assert_eq!(receiver.end(), Some(0), "{}", receiver.log());
    assert_eq!(received(&receiver.faxes()[0].0), pages);
}

#[test]
fn told_to_end_at_once_it_delivers_what_is_there_as_cut_short() {
    let mut receiver = Receiver::start("finish_within = \"0s\"\n", LOOPBACK);
    let (pages, file) = fax(&receiver, 4);
    let sender = receiver.sender(&file, "1", "udp", &[]).spawn().unwrap();
    receiver.wait("two pages on the disk", LONG, |receiver| receiver.pages_in_progress() == 2);
    receiver.terminate();
    assert_eq!(receiver.end(), Some(0), "{}", receiver.log());
    let (path, record) = receiver.faxes().remove(0);
    assert_eq!(received(&path)[..2], pages[..2]);
    assert_eq!(
        (record["partial"].as_bool(), record["error"].as_str()),
        (Some(true), Some("the receiver was stopped"))
    );
    let sent = ended(sender);
    assert_eq!((sent.code, sent.told["sent"].as_bool()), (Some(1), Some(false)), "{sent:?}");
}

#[test]
fn nobody_else_is_answered_or_even_read() {
    let trunk = "[[t38.trunk]]\nname = \"far\"\nnetworks = [\"192.0.2.0/24\"]\n";
    let receiver = Receiver::start("listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n", trunk);
    let options = "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
                   To: <sip:x@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    stranger.send_to(options.as_bytes(), receiver.at("udp")).unwrap();
    assert!(stranger.recv(&mut [0; 2000]).is_err());
    let mut stream = std::net::TcpStream::connect(receiver.at("tcp")).unwrap();
    let mut said = Vec::new();
    let read = std::io::Read::read_to_end(&mut stream, &mut said);
    assert!(read.is_err() || said.is_empty(), "{said:?}");
    assert_eq!(receiver.metric("faxgate_t38_strangers_total"), 2.0);
}

#[test]
fn two_receivers_do_not_share_a_spool() {
    let receiver = Receiver::start("", LOOPBACK);
    let second = receive(&receiver.path("")).stdout(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1));
    assert!(said.contains("Another receiver uses the spool"), "{said}");
}

#[test]
fn all_that_is_wrong_with_its_configuration_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[t38]\nspool = \"none\"\nlisten = [\"tls:127.0.0.1:5061\", \"5060\"]\nports = \"90-80\"\nfastest = \"33600\"\n\
                [[t38.trunk]]\nname = \"a b\"\nnetworks = [\"0.0.0.0/0\", \"carrier\"]\ndid = [\"form\"]\npasword = 1\n";
    std::fs::write(folder.path().join("faxgate.toml"), text).unwrap();
    let told = receive(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(4), "{said}");
    for wanted in [
        "config.path.missing",
        "config.t38.tls",
        "`listen`: expected udp:",
        "`ports`: expected a range",
        "`fastest` is none of",
        "config.name.form",
        "config.t38.networks",
        "`networks`: expected an address",
        "no key `pasword`",
    ] {
        assert!(said.contains(wanted), "{wanted} is not in\n{said}");
    }
}

#[test]
fn a_file_that_no_fax_machine_could_send_is_refused_before_anybody_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.pdf");
    std::fs::write(&file, b"%PDF-1.4 and so on").unwrap();
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_faxgate"))
        .args(["t38", "--send"])
        .arg(&file)
        .arg("sip:1@127.0.0.1:9")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(1));
    assert!(said.contains("is no fax TIFF: it is no TIFF at all") && said.contains("tiffg4"), "{said}");
}

#[test]
fn callers_who_must_log_in_are_let_in_by_the_right_password_alone() {
    let keys = tempfile::tempdir().unwrap();
    let (right, wrong) = (keys.path().join("right"), keys.path().join("wrong"));
    std::fs::write(&right, "open sesame\n").unwrap();
    std::fs::write(&wrong, "open barley\n").unwrap();
    let trunk = format!("{LOOPBACK}[t38.trunk.callers]\nuser = \"pbx\"\npassword_file = {right:?}\n");
    let receiver = Receiver::start("", &trunk);
    let (pages, file) = fax(&receiver, 1);
    for args in [&[][..], &["--user", "pbx", "--password-file", wrong.to_str().unwrap()]] {
        let sent = receiver.send(&file, "1", args);
        assert_eq!((sent.code, sent.told["answered"].as_bool()), (Some(1), Some(false)), "{sent:?}");
        assert!(sent.told["sentence"].as_str().unwrap().contains("not let in"), "{}", sent.told);
    }
    let sent = receiver.send(&file, "1", &["--user", "pbx", "--password-file", right.to_str().unwrap()]);
    assert_eq!(sent.code, Some(0), "{sent:?}\n{}", receiver.log());
    receiver.wait("the fax in the spool", LONG, |receiver| receiver.faxes().len() == 1);
    assert_eq!(received(&receiver.faxes()[0].0), pages);
}

/// Answers REGISTER as a carrier does: a challenge, then 200 for so long as was asked. Gives what was asked, in order.
fn registrar() -> (u16, std::sync::mpsc::Receiver<String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8000];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let asked = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let line = |name: &str| {
                let found = asked.lines().find(|line| line.to_lowercase().starts_with(name));
                found.unwrap_or_default().to_owned()
            };
            let head = ["via:", "from:", "call-id:", "cseq:"].map(line).join("\r\n");
            let more = if line("authorization:").is_empty() {
                "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\", algorithm=MD5"
                    .to_owned()
            } else {
                [line("contact:"), line("expires:")].join("\r\n")
            };
            let status = if line("authorization:").is_empty() { "401 Unauthorized" } else { "200 OK" };
            let answer = format!(
                "SIP/2.0 {status}\r\n{head}\r\n{};tag=r\r\n{more}\r\nContent-Length: 0\r\n\r\n",
                line("to:")
            );
            let answer = answer.replace("\r\n\r\nContent-Length", "\r\nContent-Length");
            let _ = socket.send_to(answer.as_bytes(), from);
            if tell.send(asked).is_err() {
                return;
            }
        }
    });
    (port, told)
}

#[test]
fn a_trunk_is_registered_with_at_the_start_and_told_at_the_end() {
    let (port, told) = registrar();
    let keys = tempfile::tempdir().unwrap();
    let password = keys.path().join("password");
    std::fs::write(&password, "secret").unwrap();
    let trunk = format!(
        "{LOOPBACK}[t38.trunk.register]\nserver = \"127.0.0.1:{port}\"\ndomain = \"carrier.test\"\nuser = \"85230101001\"\npassword_file = {password:?}\n"
    );
    let mut receiver = Receiver::start("", &trunk);
    receiver.wait("the registration", LONG, |receiver| receiver.metric("faxgate_t38_registered") == 1.0);
    let asked: Vec<String> = told.try_iter().collect();
    assert!(asked[0].starts_with("REGISTER sip:carrier.test SIP/2.0"), "{}", asked[0]);
    let login = asked.iter().find(|asked| asked.contains("Authorization: Digest")).expect("a login");
    assert!(login.contains("username=\"85230101001\"") && !login.contains("secret"), "{login}");
    assert_eq!(receiver.asked("/healthz").0, 200);
    receiver.terminate();
    assert_eq!(receiver.end(), Some(0), "{}", receiver.log());
    let last: Vec<String> = told.try_iter().collect();
    let taken_back = |asked: &String| asked.contains("Expires: 0") || asked.contains("expires=0");
    assert!(last.iter().any(taken_back), "{last:?}");
}

#[test]
fn a_call_that_brings_nothing_is_hung_up_recorded_and_counted() {
    let receiver = Receiver::start("first_packet = \"3s\"\n", LOOPBACK);
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let port = caller.local_addr().unwrap().port();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image {port} udptl t38\r\n\
         a=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
    );
    let request = |method: &str, to: &str, body: &str| {
        format!(
            "{method} sip:28101234@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-{method}\r\n\
             From: <sip:555@127.0.0.1>;tag=a\r\nTo: {to}\r\nCall-ID: nothing@test\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:555@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    caller
        .send_to(request("INVITE", "<sip:28101234@127.0.0.1>", &sdp).as_bytes(), receiver.at("udp"))
        .unwrap();
    let mut buffer = [0; 8000];
    let mut next = |start: &str| loop {
        let length = caller
            .recv(&mut buffer)
            .unwrap_or_else(|error| panic!("no {start}: {error}\n{}", receiver.log()));
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if message.starts_with(start) {
            return message;
        }
    };
    let answer = next("SIP/2.0 200");
    let to = answer.lines().find_map(|line| line.strip_prefix("To: ")).unwrap().to_owned();
    caller.send_to(request("ACK", &to, "").as_bytes(), receiver.at("udp")).unwrap();
    let bye = next("BYE ");
    let copied: Vec<&str> = bye
        .lines()
        .filter(|line| ["Via", "From", "To:", "Call-ID", "CSeq"].iter().any(|name| line.starts_with(name)))
        .collect();
    let done = format!("SIP/2.0 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n", copied.join("\r\n"));
    caller.send_to(done.as_bytes(), receiver.at("udp")).unwrap();
    receiver.wait("the record", LONG, |receiver| receiver.failed().len() == 1);
    let record = receiver.failed().remove(0);
    assert_eq!((record["did"].as_str(), record["caller"].as_str()), (Some("28101234"), Some("555")));
    assert_eq!((record["pages"].as_u64(), record["result"].as_str()), (Some(0), Some("failed")));
    assert_eq!(record["error"], "nothing of a fax was ever heard", "{record}");
    assert!(receiver.faxes().is_empty());
    receiver.wait("the call counted", LONG, |receiver| receiver.metrics().contains("outcome=\"no-pages\""));
}
