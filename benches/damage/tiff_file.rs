//! TIFF files of one strip, as small as the format allows.

use faxgate::decode::t4::{self, EncodeOptions};
use faxgate::fax::{Bitmap, Coding};

/// A page's code words, most significant bit first.
#[derive(Clone)]
pub struct Coded {
    pub coding: Coding,
    pub width: u32,
    pub height: u32,
    pub data: Vec<u8>,
}

/// By faxgate's encoder, as fax machines send it: EOLs, k of 4, RTC or EOFB.
pub fn by_faxgate(page: &Bitmap, coding: Coding) -> Coded {
    let data = t4::encode(page, coding, EncodeOptions::default());
    Coded { coding, width: page.width(), height: page.height(), data }
}

/// The code words as a TIFF of one page and one strip.
pub fn of_coded(coded: &Coded) -> Vec<u8> {
    let (compression, group3_options) = match coded.coding {
        Coding::Mh => (3, Some(0)),
        Coding::Mr => (3, Some(1)),
        Coding::Mmr => (4, None),
    };
    file(coded.width, coded.height, compression, group3_options, &coded.data)
}

/// A TIFF of one strip.
pub fn file(width: u32, height: u32, compression: u32, group3_options: Option<u32>, strip: &[u8]) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let mut entries = vec![
        (256u16, LONG, width),
        (257, LONG, height),
        (258, SHORT, 1),
        (259, SHORT, compression),
        (262, SHORT, 0),
        (266, SHORT, 1),
        (273, LONG, 8),
        (277, SHORT, 1),
        (278, LONG, height),
        (279, LONG, strip.len() as u32),
    ];
    entries.extend(group3_options.map(|options| (292, LONG, options)));
    entries.push((296, SHORT, 2));
    let mut file = b"II*\0".to_vec();
    file.extend((8 + strip.len() as u32).to_le_bytes());
    file.extend(strip);
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    file
}
