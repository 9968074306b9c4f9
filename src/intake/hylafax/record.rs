//! What a `recvq` file's own tags tell of its call.

use jiff::tz::TimeZone;

use super::params::{DataFormat, Dcs, Params};
use crate::decode::tiff::Ifd;
use crate::fax::{CallRecord, Receipt, StationId};
use crate::intake::tags::Tags;
use crate::intake::ticket::named_call_ids;
use crate::intake::{CallIdMap, foreign};

/// The call as the tags tell it. `maps` name the CallIDs; `device` chooses among them.
pub fn from_tags(tags: &Tags<'_>, device: Option<&str>, maps: &[CallIdMap], zone: &TimeZone) -> CallRecord {
    let first = tags.pages.first();
    let text = |raw: Option<&[u8]>| raw.and_then(|raw| foreign::told(&foreign::text(raw)));
    let (tsi, call_ids) = tags.stations();
    let session = Session::of(tags);
    let (make, model) = match first {
        // HylaFAX writes our own modem there.
        Some(page) if tags.by_spandsp() => (text(page.make()), text(page.model())),
        _ => (None, None),
    };
    let told = CallRecord {
        tsi: tsi.map(StationId),
        subaddress: first.and_then(|page| text(page.fax_sub_address())),
        received_at: tags.received_at(zone),
        seconds: tags.seconds(),
        rate: session.params.and_then(|params| params.bit_rate()),
        ecm: session.ecm(),
        data_format: Some(session.format().name().to_owned()).filter(|_| first.is_some()),
        sender_make: make,
        sender_model: model,
        receipt: tags.error().map_or(Receipt::Unknown, Receipt::Broken),
        ..CallRecord::default()
    };
    told.or(named_call_ids(&call_ids, device, maps))
}

/// What the first page's tags tell of the session: the DCS before the packed parameters before the compression.
pub(super) struct Session {
    pub params: Option<Params>,
    pub dcs: Option<Dcs>,
    pub compression: DataFormat,
}

impl Session {
    pub fn of(tags: &Tags<'_>) -> Self {
        let page = tags.pages.first();
        let dcs = page.and_then(Ifd::fax_dcs).map(foreign::text).and_then(|text| Dcs::parse(&text));
        let two_d = page.and_then(Ifd::group3_options).is_some_and(|options| options & 1 == 1);
        let compression = match page.and_then(Ifd::compression) {
            Some(4) => DataFormat::Mmr,
            Some(9 | 34661) => DataFormat::Jbig,
            Some(7) => DataFormat::JpegColour,
            _ if two_d => DataFormat::Mr,
            _ => DataFormat::Mh,
        };
        Self { params: page.and_then(Ifd::fax_recv_params).map(Params::unpack), dcs, compression }
    }

    /// The compression tag wins where it says what two packed bits cannot: JBIG or JPEG.
    pub fn format(&self) -> DataFormat {
        if matches!(self.compression, DataFormat::Jbig | DataFormat::JpegColour) {
            return self.compression;
        }
        let packed = || self.params.and_then(|params| params.df);
        self.dcs.as_ref().map(Dcs::data_format).or_else(packed).unwrap_or(self.compression)
    }

    pub fn ecm(&self) -> Option<bool> {
        self.dcs.as_ref().map(Dcs::ecm).or_else(|| self.params.map(|params| params.ecm))
    }
}
