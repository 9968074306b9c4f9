//! What the peer says while its page waits for the disk: the rest of its command, and the command again and again.
//!
//! - The rest of the command's signal is fed to T.30 afterwards: T.30 answers only when the signal has ended.
//! - A signal that begins meanwhile is the command repeated, as nothing else follows a command without an answer (ITU-T T.30
//!   §5.4.1). It is dropped to its end, also where the page is durable before that.
//! - In audio nothing is kept, and the peer speaks as long as it is loud.

use std::collections::VecDeque;

use crate::t38::udptl::Ifp;

/// IFPs of the rest of a command: its checksum, the end of its signal, silence; each three times at most.
const MOST_REST: usize = 64;
/// Mean level of a frame of audio above which the peer speaks: some 47 dB below full.
const LOUD: u32 = 100;
/// The indicator of T.38 §7.2 for no signal, in an IFP of version 0.
const NO_SIGNAL: u8 = 0;
/// Fields of T.38 §7.3 that end a signal: HDLC's, with a good or a bad frame before it or none.
const SIGNAL_ENDS: [u8; 3] = [1, 4, 5];

/// What came while a page waited.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    rest: VecDeque<Ifp>,
    /// The command was begun again.
    repeated: bool,
    talking: bool,
}

impl Repeats {
    /// Sorts out an IFP that came while a page waits.
    pub(super) fn sort(&mut self, ifp: Ifp) {
        match indicator(&ifp.bytes) {
            Some(NO_SIGNAL) => self.talking = false,
            Some(_) => {
                self.repeated = true;
                self.talking = true;
            }
            None if ends(&ifp.bytes) => self.talking = false,
            None => {}
        }
        if !self.repeated && self.rest.len() < MOST_REST {
            self.rest.push_back(ifp);
        }
    }

    /// Hears a frame of audio that is not fed.
    pub(super) fn listen(&mut self, frame: &[i16]) {
        let sum: u32 = frame.iter().map(|sample| u32::from(sample.unsigned_abs())).sum();
        self.talking = sum > LOUD * frame.len() as u32;
    }

    /// Whether the peer is in the middle of a signal.
    pub(super) fn talking(&self) -> bool {
        self.talking
    }

    /// The page waits no more.
    pub(super) fn resume(&mut self) {
        self.repeated = false;
        self.talking = false;
    }

    /// The rest of the command, before anything that comes later.
    pub(super) fn next(&mut self) -> Option<Ifp> {
        self.rest.pop_front()
    }
}

/// The indicator that an IFP of version 0 is, by its number; 255 for an extended one.
fn indicator(ifp: &[u8]) -> Option<u8> {
    let first = *ifp.first().filter(|first| **first & 0x40 == 0)?;
    Some(if first & 0x20 == 0 { first >> 1 & 0x0F } else { 255 })
}

/// Whether the first field of the IFP, or the second, ends a signal. HDLC's end stands alone or after a frame's.
fn ends(ifp: &[u8]) -> bool {
    let [_, count @ 1..=2, heads, ..] = ifp else { return false };
    let (first, second) = (heads >> 4, heads & 0x0F);
    // A field with data fills up its octet: then the end, if any, is not looked for.
    first & 0x08 == 0
        && (SIGNAL_ENDS.contains(&first) || (*count == 2 && SIGNAL_ENDS.contains(&(second & 0x07))))
}
