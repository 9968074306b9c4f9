//! An LMTP server (RFC 2033): a mail server hands over what comes for the gateway's address.
//!
//! Invariants: `250` after the dot is said only when the mail and all that follows from it are on the disk, else `451`,
//! and the mail server keeps it; a mail ends with CRLF, dot, CRLF and with nothing else; lines, mails, sessions and
//! waits are bounded. There is no login: the socket's folder, or loopback, is the guard.

mod session;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::session::{Session, Step};
use super::{Desk, Listen, MAIL_MOST};
use crate::fax::{Disposition, Fault};

/// Sessions at a time; more wait at the door.
const SESSIONS: usize = 8;
/// Longest command line; RFC 5321 §4.5.3.1.4 asks for 512 and room for extensions.
const COMMAND_MOST: u64 = 4_096;
/// So much of one line is read at a time: a mail may be one line.
const PIECE_MOST: u64 = 1 << 20;
/// Bytes of mails that are being read or taken, of all sessions together; beyond, a client is told to come later.
const IN_HAND_MOST: usize = 2 * MAIL_MOST;
/// How long a mail may take from its first byte to its dot: one that drips in holds a session.
const MAIL_TIME: Duration = Duration::from_secs(30 * 60);
/// How long a client may leave our answer unread.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// At a stop a session may finish the mail that it is at in this time; cut off, the client hands it over again.
const GRACE: Duration = Duration::from_secs(20);
/// How long a client may be silent (RFC 5321 §4.5.3.2: five minutes before commands).
const SILENCE: Duration = Duration::from_secs(300);
/// Anybody may knock; who may open the socket's folder is the admin's choice.
const SOCKET_MODE: u32 = 0o666;

/// A server that listens and does not yet serve.
pub struct Server(Door);

enum Door {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Server {
    /// Listens. A socket that a dead gateway left is replaced; one that somebody answers at is not.
    pub async fn listen(at: &Listen) -> Result<Self, Fault> {
        let door = match at {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Door::Tcp),
            Listen::Unix(path) => unix(path).await.map(Door::Unix),
        };
        let place = match at {
            Listen::Tcp(address) => address.to_string(),
            Listen::Unix(path) => path.display().to_string(),
        };
        door.map(Self).map_err(|error| {
            let sentence = format!(
                "Nothing can listen on {place} (returns.lmtp): is another gateway running, and does its folder exist?"
            );
            Fault::new("returns.listen", Disposition::Stop, sentence).with_detail(error)
        })
    }

    /// Serves until cancelled; sessions in progress finish the mail that they are at, unless it takes too long.
    pub async fn serve(self, desk: Desk, cancel: CancellationToken) {
        let room = Arc::new(Semaphore::new(SESSIONS));
        let hands = Arc::new(Semaphore::new(IN_HAND_MOST));
        let mut sessions = JoinSet::new();
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&room).acquire_owned() => permit,
                () = cancel.cancelled() => break,
            };
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = cancel.cancelled() => break,
            };
            let Ok(stream) = accepted else {
                // Out of descriptors, perhaps: a pause, and again.
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let (desk, hands, cancel) = (desk.clone(), Arc::clone(&hands), cancel.clone());
            sessions.spawn(async move {
                if let Err(error) = talk(stream, &desk, &hands, &cancel).await {
                    tracing::info!(%error, "an LMTP session broke off");
                }
                drop(permit);
            });
            while sessions.try_join_next().is_some() {}
        }
        let finish = async { while sessions.join_next().await.is_some() {} };
        if timeout(GRACE, finish).await.is_err() {
            tracing::warn!("an LMTP session was cut off at the stop; its mail is handed over again");
            sessions.abort_all();
        }
    }

    async fn accept(&self) -> io::Result<Stream> {
        match &self.0 {
            Door::Unix(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as Stream),
            Door::Tcp(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as Stream),
        }
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}
type Stream = Box<dyn Wire>;

async fn unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(_) if UnixStream::connect(path).await.is_ok() => {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody answers at this socket"));
        }
        Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            std::fs::remove_file(path)?
        }
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this is no socket")),
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

async fn talk(
    stream: Stream,
    desk: &Desk,
    hands: &Arc<Semaphore>,
    cancel: &CancellationToken,
) -> io::Result<()> {
    let mut wire = BufReader::new(stream);
    let mut session = Session::default();
    say(&mut wire, "220 faxgate LMTP ready").await?;
    loop {
        let line = tokio::select! {
            line = timeout(SILENCE, command(&mut wire)) => line,
            () = cancel.cancelled() => return say(&mut wire, "421 4.3.2 the gateway stops").await,
        };
        let Ok(line) = line else { return say(&mut wire, "421 4.4.2 nothing came").await };
        let Some(line) = line? else { return Ok(()) };
        match session.line(&line, |address| desk.is_for_us(address)) {
            Step::Say(text) => say(&mut wire, &text).await?,
            Step::Close(text) => return say(&mut wire, &text).await,
            Step::Data(text) => {
                say(&mut wire, &text).await?;
                let read = timeout(MAIL_TIME, data(&mut wire, hands)).await;
                let reply = match read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
                    Read::TooLarge => "552 5.3.4 the mail is too large",
                    Read::NoRoom => "452 4.3.1 too many mails at once",
                    // Its room is free again when it is taken.
                    Read::Mail(mail, _room) => taken(desk, mail, session.sender()).await,
                };
                let replies = session.done(reply);
                say(&mut wire, &replies).await?;
            }
        }
    }
}

/// Hands the mail to the desk: what is said after the dot.
async fn taken(desk: &Desk, mail: Vec<u8>, sender: Option<String>) -> &'static str {
    match desk.take(mail, sender).await {
        Ok(_) => "250 2.0.0 taken",
        Err(fault) => {
            tracing::error!(
                code = fault.code,
                detail = fault.detail,
                "a returned mail is not taken: {}",
                fault.operator
            );
            metrics::counter!("faxgate_faults_total", "code" => fault.code).increment(1);
            "451 4.3.0 not taken now"
        }
    }
}

async fn say(wire: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    say_within(WRITE_TIME, wire, text).await
}

async fn say_within(time: Duration, wire: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    let written = timeout(time, async {
        wire.write_all(format!("{text}\r\n").as_bytes()).await?;
        wire.flush().await
    });
    written.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// A command line without its end; `None`: the client has gone.
async fn command(wire: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    (&mut *wire).take(COMMAND_MOST).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a command line is too long or was cut short",
        ));
    }
    let line = String::from_utf8_lossy(&line);
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// What came up to the dot. What is not kept was read to its end all the same.
#[derive(Debug)]
enum Read {
    /// A mail, and the room that it has in hand.
    Mail(Vec<u8>, Option<OwnedSemaphorePermit>),
    TooLarge,
    NoRoom,
}

/// The mail up to its dot, with the dots of RFC 5321 §4.5.2 taken off. `hands`: room for so many bytes.
async fn data(wire: &mut (impl AsyncBufRead + Unpin), hands: &Arc<Semaphore>) -> io::Result<Read> {
    let mut mail = Vec::new();
    let mut room: Option<OwnedSemaphorePermit> = None;
    let mut refused: Option<Read> = None;
    let mut line = Vec::new();
    // Whether what was read last ended a line with CRLF: a bare LF ends none, or a mail could smuggle in another.
    let mut at_line_start = true;
    let mut ended_with_cr = false;
    loop {
        line.clear();
        let mut piece = (&mut *wire).take(PIECE_MOST);
        let read = timeout(SILENCE, piece.read_until(b'\n', &mut line)).await;
        let read = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // A line longer than one read may be cut between its CR and its LF.
        let whole = line.ends_with(b"\r\n") || ended_with_cr && line == b"\n";
        ended_with_cr = line.last() == Some(&b'\r');
        if at_line_start && line == b".\r\n" {
            return Ok(refused.unwrap_or(Read::Mail(mail, room)));
        }
        let stuffed = at_line_start && line.first() == Some(&b'.');
        let kept = line.get(usize::from(stuffed)..).unwrap_or(&[]);
        if refused.is_none() && mail.len() + kept.len() > MAIL_MOST {
            refused = Some(Read::TooLarge);
        }
        if refused.is_none() {
            // Nobody waits for room with a mail half in hand: two that did would wait for ever.
            let size = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            match (Arc::clone(hands).try_acquire_many_owned(size), &mut room) {
                (Ok(more), Some(room)) => room.merge(more),
                (Ok(first), none) => *none = Some(first),
                (Err(_), _) => refused = Some(Read::NoRoom),
            }
        }
        match refused {
            None => mail.extend_from_slice(kept),
            Some(_) => (mail, room) = (Vec::new(), None),
        }
        at_line_start = whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let hands = Arc::new(Semaphore::new(1_000));
        let read = data(&mut BufReader::new(bytes), &hands).await?;
        Ok(match read {
            Read::Mail(mail, _) => Some(mail),
            Read::TooLarge | Read::NoRoom => None,
        })
    }

    #[tokio::test]
    async fn mails_in_hand_are_bounded_together_and_room_is_given_back() {
        let hands = Arc::new(Semaphore::new(20));
        let mut first = BufReader::new(&b"0123456789\r\n.\r\n"[..]);
        let held = data(&mut first, &hands).await.unwrap();
        assert!(matches!(&held, Read::Mail(mail, Some(_)) if mail.len() == 12), "{held:?}");
        let mut second = BufReader::new(&b"0123456789\r\n.\r\nNOOP\r\n"[..]);
        assert!(matches!(data(&mut second, &hands).await.unwrap(), Read::NoRoom));
        assert_eq!(command(&mut second).await.unwrap().unwrap(), "NOOP", "it was read to its dot");
        drop(held);
        let mut third = BufReader::new(&b"0123456789\r\n.\r\n"[..]);
        assert!(matches!(data(&mut third, &hands).await.unwrap(), Read::Mail(..)));
        assert_eq!(hands.available_permits(), 20);
    }

    #[tokio::test]
    async fn who_does_not_read_our_answers_is_left() {
        let (mut ours, _theirs) = tokio::io::duplex(4);
        let left = say_within(Duration::from_millis(20), &mut ours, "250 a long answer").await.unwrap_err();
        assert_eq!(left.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_mail_ends_with_its_dot_and_with_nothing_else() {
        assert_eq!(read(b"a\r\n..b\r\n.\r\n").await.unwrap().unwrap(), b"a\r\n.b\r\n");
        assert_eq!(read(b"a\n.\r\nb\r\n.\r\n").await.unwrap().unwrap(), b"a\n.\r\nb\r\n");
        assert_eq!(read(b"a\n.\nb\r\n.\r\n").await.unwrap().unwrap(), b"a\n.\nb\r\n");
        assert_eq!(read(b".\r\n").await.unwrap().unwrap(), b"");
        assert!(read(b"a\r\n").await.is_err(), "a mail that was cut short is no mail");
    }

    #[tokio::test]
    async fn a_command_is_bounded() {
        let long = vec![b'a'; 10_000];
        assert!(command(&mut BufReader::new(&long[..])).await.is_err());
        assert_eq!(command(&mut BufReader::new(&b"NOOP\r\n"[..])).await.unwrap().unwrap(), "NOOP");
        assert_eq!(command(&mut BufReader::new(&b""[..])).await.unwrap(), None);
    }
}
