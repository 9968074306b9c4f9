//! Our T.4 and T.6 against libtiff's, both ways: what it writes we read, what we write it reads.

use std::path::Path;
use std::process::Command;

use faxgate::decode::t4::{self, EncodeOptions};
use faxgate::decode::{Limits, open};
use faxgate::fax::{Bitmap, Coding, Format, Raster};

const WIDTHS: [u32; 9] = [1, 31, 864, 1216, 1728, 2048, 2432, 3456, 4864];

/// A page with letters' worth of edges: runs of many lengths, white rows, black rows, noise.
fn page(width: u32, height: u32) -> Bitmap {
    let mut seed = u64::from(width) * 77 + 1;
    let mut next = move |below: u32| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as u32) % below.max(1)
    };
    let mut map = Bitmap::white(width, height);
    for y in 0..height {
        match next(6) {
            0 => {}
            1 => (0..width).for_each(|x| map.set(x, y, true)),
            2 => (0..width).for_each(|x| map.set(x, y, next(2) == 0)),
            // Like the row above, moved a little: what two-dimensional coding lives on.
            3 | 4 if y > 0 => {
                let shift = next(5) as i64 - 2;
                for x in 0..width {
                    let from = i64::from(x) - shift;
                    let black = u32::try_from(from).is_ok_and(|from| map.black(from, y - 1));
                    map.set(x, y, black);
                }
            }
            _ => {
                let mut x = next(width / 2 + 1);
                while x < width {
                    let (long, far) = (next(8) == 0, next(8) == 0);
                    let run = 1 + next(if long { width } else { 40 });
                    (x..(x + run).min(width)).for_each(|x| map.set(x, y, true));
                    x = x.saturating_add(run + 1 + next(if far { width } else { 60 }));
                }
            }
        }
    }
    map
}

/// A one-strip little-endian TIFF, as small as the format allows.
fn tiff(map: &Bitmap, compression: u16, group3_options: u32, fill_order: u16, strip: &[u8]) -> Vec<u8> {
    let entries: [(u16, u16, u32); 12] = [
        (256, 4, map.width()),
        (257, 4, map.height()),
        (258, 3, 1),
        (259, 3, u32::from(compression)),
        (262, 3, 0),
        (266, 3, u32::from(fill_order)),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, map.height()),
        (279, 4, strip.len() as u32),
        (292, 4, group3_options),
        (296, 3, 2),
    ];
    // Other compressions do not know the tag, and libtiff says so.
    let entries: Vec<_> = entries.into_iter().filter(|entry| entry.0 != 292 || compression == 3).collect();
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

fn tiffcp(arguments: &[&str], from: &Path, to: &Path) -> Vec<u8> {
    let output = Command::new("tiffcp").args(arguments).arg(from).arg(to).output().expect("tiffcp runs");
    assert!(output.status.success(), "tiffcp {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.is_empty(), "tiffcp {arguments:?} complains: {said}");
    std::fs::read(to).expect("tiffcp wrote a file")
}

/// The rows of an uncompressed one-strip TIFF that libtiff wrote: all of them lie at offset 8.
fn uncompressed_rows(file: &[u8], map: &Bitmap) -> Bitmap {
    let length = map.stride() * map.height() as usize;
    Bitmap::from_rows(map.width(), map.height(), file[8..8 + length].to_vec()).expect("all rows")
}

#[test]
fn libtiff_reads_what_we_write() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.tif"), folder.path().join("to.tif"));
    let plain = EncodeOptions { rtc: false, ..EncodeOptions::default() };
    for width in WIDTHS {
        let map = page(width, 60);
        let cases = [
            ("MH", 3, 0, Coding::Mh, plain),
            ("MH filled", 3, 4, Coding::Mh, EncodeOptions { fill_bits: true, ..plain }),
            (
                "MH in bytes",
                2,
                0,
                Coding::Mh,
                EncodeOptions { end_of_line: false, byte_align: true, ..plain },
            ),
            ("MR", 3, 1, Coding::Mr, plain),
            ("MR filled", 3, 5, Coding::Mr, EncodeOptions { fill_bits: true, k: 2, ..plain }),
            ("MMR", 4, 0, Coding::Mmr, EncodeOptions::default()),
        ];
        for (name, compression, group3_options, coding, options) in cases {
            for fill_order in [1u16, 2] {
                let mut strip = t4::encode(&map, coding, options);
                if fill_order == 2 {
                    t4::reverse_bits(&mut strip);
                }
                let file = tiff(&map, compression, group3_options, fill_order, &strip);
                std::fs::write(&from, file).unwrap();
                let rows = tiffcp(&["-C", "-c", "none", "-r", "60", "-f", "msb2lsb"], &from, &to);
                assert!(
                    uncompressed_rows(&rows, &map) == map,
                    "{name}, width {width}, fill order {fill_order}"
                );
            }
        }
    }
}

#[test]
fn we_read_what_libtiff_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.tif"), folder.path().join("to.tif"));
    for width in WIDTHS {
        let map = page(width, 60);
        std::fs::write(&from, tiff(&map, 1, 0, 1, map.bits())).unwrap();
        for scheme in ["g3:1d", "g3:1d:fill", "g3:2d", "g3:2d:fill", "g4"] {
            for order in ["msb2lsb", "lsb2msb"] {
                for rows_per_strip in ["60", "7"] {
                    let arguments = ["-C", "-c", scheme, "-f", order, "-r", rows_per_strip];
                    let file = tiffcp(&arguments, &from, &to);
                    let opened = open(&file, Format::Tiff, &Limits::default()).unwrap();
                    assert_eq!(opened.page_count(), 1);
                    let read = opened.page(0).unwrap();
                    assert!(read.raster == Raster::Bilevel(map.clone()), "{arguments:?}, width {width}");
                    assert!(!read.damage.worth_saying(), "{arguments:?}, width {width}: {:?}", read.damage);
                    // One strip passes on untouched, and says what it is.
                    let coding = read.ccitt.map(|ccitt| ccitt.coding);
                    let expected = match scheme {
                        "g4" => Coding::Mmr,
                        "g3:1d" | "g3:1d:fill" => Coding::Mh,
                        _ => Coding::Mr,
                    };
                    let expected = (rows_per_strip == "60").then_some(expected);
                    assert_eq!(coding, expected, "{arguments:?}, width {width}");
                }
            }
        }
    }
}

/// A page of soft colours or grays, as a one-strip TIFF of 8-bit samples.
fn photograph(width: u32, height: u32, channels: u16, photometric: u32) -> (Vec<u8>, Vec<u8>) {
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let colour = [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)];
            samples.extend(colour.iter().take(usize::from(channels)).map(|&value| value as u8));
        }
    }
    let bits = if channels == 3 { 8 + samples.len() as u32 } else { 8 };
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, u32::from(channels), bits),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, 1, 8),
        (277, 3, 1, u32::from(channels)),
        (278, 4, 1, height),
        (279, 4, 1, samples.len() as u32),
        (284, 3, 1, 1),
        (296, 3, 1, 2),
    ];
    let mut file = b"II*\0".to_vec();
    file.extend((8 + samples.len() as u32 + 6).to_le_bytes());
    file.extend(&samples);
    file.extend([8, 0, 8, 0, 8, 0]);
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    (file, samples)
}

#[test]
fn jpeg_pages_are_what_libtiff_coded() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.tif"), folder.path().join("to.tif"));
    for (channels, photometric, scheme) in [(1, 1, "jpeg:95"), (3, 2, "jpeg:r:95"), (3, 2, "jpeg:95")] {
        let (file, samples) = photograph(200, 96, channels, photometric);
        std::fs::write(&from, file).unwrap();
        for rows in ["96", "32"] {
            let coded = tiffcp(&["-C", "-c", scheme, "-r", rows], &from, &to);
            let page = open(&coded, Format::Tiff, &Limits::default()).unwrap().page(0).unwrap();
            let (Raster::Gray { samples: read, .. } | Raster::Rgb { samples: read, .. }) = &page.raster
            else {
                panic!("{scheme}: {:?}", page.raster.size());
            };
            assert_eq!((page.raster.size(), read.len()), ((200, 96), samples.len()), "{scheme} {rows}");
            let furthest = read.iter().zip(&samples).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(furthest <= Some(12), "{scheme}, {rows} rows a strip: {furthest:?} levels off");
            assert!(!page.damage.worth_saying(), "{:?}", page.damage);
            // A third of the file is missing: a page all the same, and it says so; or an error with a name.
            match open(&coded[..coded.len() / 3], Format::Tiff, &Limits::default()) {
                Ok(opened) => assert!(opened.page(0).map_or(true, |page| page.damage.cut)),
                Err(error) => assert!(error.code().starts_with("decode."), "{error}"),
            }
        }
    }
}

#[test]
fn colours_of_fax_machines_are_lab() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.tif"), folder.path().join("to.tif"));
    let (file, _) = photograph(64, 64, 3, 2);
    std::fs::write(&from, file).unwrap();
    let coded = tiffcp(&["-C", "-c", "jpeg:r:100", "-r", "64"], &from, &to);
    let pixel = |file: &[u8], x: usize, y: usize| match open(file, Format::Tiff, &Limits::default())
        .unwrap()
        .page(0)
        .unwrap()
        .raster
    {
        Raster::Rgb { samples, .. } => [0, 1, 2].map(|channel| samples[(y * 64 + x) * 3 + channel]),
        other => panic!("{:?}", other.size()),
    };
    assert!(pixel(&coded, 63, 32)[0] > 240);
    // The same code words under PhotometricInterpretation 10: the first sample is lightness now.
    let at = coded.windows(4).position(|entry| entry == [0x06, 0x01, 0x03, 0x00]).expect("tag 262");
    let mut lab = coded.clone();
    lab[at + 8] = 10;
    let [red, green, blue] = pixel(&lab, 32, 24);
    assert!(pixel(&lab, 60, 24)[1] > pixel(&lab, 8, 24)[1], "lightness grows to the right");
    assert!(
        (90..170).contains(&green) && green > red + 10 && (60..140).contains(&blue),
        "{red} {green} {blue}"
    );
}
