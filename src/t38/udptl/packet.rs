//! One UDPTL packet: `UDPTLPacket` of ITU-T T.38 Annex A in aligned PER (ITU-T X.691).
//!
//! ```text
//! seq-number (2) │ primary: length, bytes │ 0x00 count (length, bytes)*              redundancy
//!                                         │ 0x80 01 span, count (length, bytes)*     FEC
//! ```
//!
//! A length below 128 is one octet, below 16,384 two. Bytes after the packet are padding and are left alone.

use super::{MOST_DATAGRAM, MOST_ENTRIES, MOST_OPEN_TYPE, MOST_SPAN};

/// The bit of the choice of error-recovery: FEC rather than secondaries.
const FEC_CHOSEN: u8 = 0x80;

/// A UDPTL packet; its parts point into the datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The sequence number of the primary IFP; wraps at 65,536.
    pub seq: u16,
    /// The primary IFP; may be empty.
    pub primary: &'a [u8],
    /// What helps against loss.
    pub recovery: Recovery<'a>,
}

/// The error-recovery field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery<'a> {
    /// Earlier IFPs: entry 0 is `seq - 1`, entry 1 is `seq - 2`. An entry of no length says nothing of its IFP.
    Redundant(Vec<&'a [u8]>),
    /// Parity: of `n` entries, entry `m` is the XOR of the IFPs `seq + m - n`, `seq + m - 2n`, … `seq + m - span × n`.
    Fec {
        /// How many IFPs each entry covers.
        span: usize,
        /// The parities, each as long as the longest IFP that it covers.
        entries: Vec<&'a [u8]>,
    },
}

/// Why a datagram is not taken for UDPTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotUdptl {
    /// It ends in the middle of a field.
    #[error("ends within a field")]
    Short,
    /// It is longer than [`MOST_DATAGRAM`].
    #[error("longer than a datagram may be")]
    Long,
    /// A length of 16,384 or more, which PER sends in fragments.
    #[error("a field in fragments")]
    Fragmented,
    /// RTP or RTCP that comes after the switch to T.38.
    #[error("an RTP straggler")]
    Rtp,
    /// A span that is no small number.
    #[error("a FEC span out of reach")]
    Span,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], NotUdptl> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NotUdptl::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn octet(&mut self) -> Result<u8, NotUdptl> {
        let (first, rest) = self.0.split_first().ok_or(NotUdptl::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    /// A length determinant, ITU-T X.691 §11.9.
    fn length(&mut self) -> Result<usize, NotUdptl> {
        let first = self.octet()?;
        match first {
            0..0x80 => Ok(usize::from(first)),
            0x80..0xc0 => Ok(usize::from(first & 0x3f) << 8 | usize::from(self.octet()?)),
            _ => Err(NotUdptl::Fragmented),
        }
    }

    fn open_type(&mut self) -> Result<&'a [u8], NotUdptl> {
        let length = self.length()?;
        self.take(length)
    }

    /// A sequence of open types. All are walked; the first [`MOST_ENTRIES`] are kept.
    fn entries(&mut self) -> Result<Vec<&'a [u8]>, NotUdptl> {
        let count = self.length()?;
        let mut entries = Vec::with_capacity(count.min(MOST_ENTRIES));
        for _ in 0..count {
            let entry = self.open_type()?;
            if entries.len() < MOST_ENTRIES {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// An unconstrained INTEGER that must be a small one.
    fn span(&mut self) -> Result<usize, NotUdptl> {
        let length = self.length()?;
        let octets = self.take(length)?;
        let value = octets.iter().try_fold(0_usize, |value, octet| {
            let value = value << 8 | usize::from(*octet);
            (value <= MOST_SPAN).then_some(value)
        });
        value.ok_or(NotUdptl::Span)
    }
}

impl<'a> Packet<'a> {
    /// Reads a datagram; bytes after the packet are padding.
    ///
    /// # Errors
    /// [`NotUdptl`] where a field is cut, in fragments or out of reach.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, NotUdptl> {
        Ok(Self::parse_some(datagram)?.0)
    }

    /// As [`Packet::parse`], with the count of bytes of padding after it.
    pub(crate) fn parse_some(datagram: &'a [u8]) -> Result<(Self, usize), NotUdptl> {
        if datagram.len() > MOST_DATAGRAM {
            return Err(NotUdptl::Long);
        }
        let mut reader = Reader(datagram);
        let seq = u16::from(reader.octet()?) << 8 | u16::from(reader.octet()?);
        let primary = reader.open_type()?;
        let recovery = if reader.octet()? & FEC_CHOSEN == 0 {
            Recovery::Redundant(reader.entries()?)
        } else {
            let span = reader.span()?;
            Recovery::Fec { span, entries: reader.entries()? }
        };
        Ok((Self { seq, primary, recovery }, reader.0.len()))
    }

    /// Writes the packet; `None` where a part is longer than [`MOST_OPEN_TYPE`] or the span is above [`MOST_SPAN`].
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = self.seq.to_be_bytes().to_vec();
        write_open_type(&mut bytes, self.primary)?;
        let entries = match &self.recovery {
            Recovery::Redundant(entries) => {
                bytes.push(0);
                entries
            }
            Recovery::Fec { span, entries } => {
                let span = u8::try_from(*span).ok().filter(|span| usize::from(*span) <= MOST_SPAN)?;
                bytes.extend([FEC_CHOSEN, 1, span]);
                entries
            }
        };
        write_length(&mut bytes, entries.len())?;
        for entry in entries {
            write_open_type(&mut bytes, entry)?;
        }
        Some(bytes)
    }
}

/// The bytes that an open type of `length` takes in a packet.
pub(super) fn open_type_size(length: usize) -> usize {
    length + if length < 0x80 { 1 } else { 2 }
}

fn write_length(bytes: &mut Vec<u8>, length: usize) -> Option<()> {
    match u16::try_from(length).ok()? {
        short @ 0..0x80 => bytes.push(short.to_be_bytes()[1]),
        long if length <= MOST_OPEN_TYPE => bytes.extend((long | 0x8000).to_be_bytes()),
        _ => return None,
    }
    Some(())
}

fn write_open_type(bytes: &mut Vec<u8>, open: &[u8]) -> Option<()> {
    write_length(bytes, open.len())?;
    bytes.extend_from_slice(open);
    Some(())
}
