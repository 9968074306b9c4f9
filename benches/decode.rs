//! Clean Group 4 pages: faxgate's decoder beside libtiff's, in one process, from file to pixels.
//!
//! ```text
//! cargo bench --bench decode                              a page of fixtures/faxes
//! FAXGATE_BENCH_TIFFS=a.tif:b.tif cargo bench --bench decode     first pages of these files too
//! ```
//!
//! Both open a TIFF in memory or from the page cache, and decode one strip into packed rows. libtiff is loaded at
//! run time; without it only faxgate is measured. Times are the thread's on a processor.

use std::ffi::{CString, c_char, c_void};
use std::path::{Path, PathBuf};

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use faxgate::decode::t4::{self, DecodeOptions};
use faxgate::decode::{Limits, open};
use faxgate::fax::{Bitmap, Coding, Format, Raster};

#[path = "damage/tiff_file.rs"]
mod tiff_file;

type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void;
type ReadStrip = unsafe extern "C" fn(*mut c_void, u32, *mut c_void, isize) -> isize;
type Close = unsafe extern "C" fn(*mut c_void);
type SetHandler = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// The three functions of libtiff that read a page.
struct Libtiff {
    open: Open,
    read_strip: ReadStrip,
    close: Close,
}

impl Libtiff {
    fn load() -> Option<Self> {
        // SAFETY: libtiff has no initialisers that could do harm, and stays loaded as long as the program runs.
        let library = Box::leak(Box::new(unsafe { libloading::Library::new("libtiff.so.6") }.ok()?));
        // SAFETY: names and types are those of tiffio.h: TIFFOpen(const char*, const char*),
        // TIFFReadEncodedStrip(TIFF*, uint32_t, void*, tmsize_t), TIFFClose(TIFF*), TIFFSetWarningHandler(fn).
        unsafe {
            let quiet: SetHandler = *library.get(b"TIFFSetWarningHandler").ok()?;
            quiet(std::ptr::null_mut());
            Some(Self {
                open: *library.get(b"TIFFOpen").ok()?,
                read_strip: *library.get(b"TIFFReadEncodedStrip").ok()?,
                close: *library.get(b"TIFFClose").ok()?,
            })
        }
    }

    /// The first strip of a file, into `rows`; how many bytes came.
    fn read(&self, path: &CString, rows: &mut [u8]) -> isize {
        // SAFETY: the path ends with 0; the handle is used only between open and close; the buffer is as long as said.
        unsafe {
            let file = (self.open)(path.as_ptr(), c"r".as_ptr());
            assert!(!file.is_null(), "libtiff opens {path:?}");
            let read = (self.read_strip)(file, 0, rows.as_mut_ptr().cast(), rows.len() as isize);
            (self.close)(file);
            read
        }
    }
}

/// Time that this thread spent on a processor: what else the machine does is not counted.
struct CpuTime;

impl CpuTime {
    fn so_far() -> Duration {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
        let nanoseconds = stat.split(' ').next().and_then(|word| word.parse().ok());
        Duration::from_nanos(nanoseconds.expect("nanoseconds first"))
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::so_far()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::so_far() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// The first page of a TIFF.
fn first_page(path: &Path) -> Bitmap {
    let bytes = std::fs::read(path).expect("a file that can be read");
    let opened = open(&bytes, Format::Tiff, &Limits::default()).expect("a TIFF");
    match opened.page(0).expect("a page").raster {
        Raster::Bilevel(map) => map,
        other => panic!("{}: {:?}", path.display(), other.size()),
    }
}

fn main() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/faxes");
    let mut pages = vec![fixtures.join("licensing-letter-mix/original.tif")];
    if let Some(more) = std::env::var_os("FAXGATE_BENCH_TIFFS") {
        pages.extend(std::env::split_paths(&more));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let libtiff = Libtiff::load();
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    for path in &pages {
        let page = first_page(path);
        let coded = tiff_file::by_faxgate(&page, Coding::Mmr);
        let file = tiff_file::of_coded(&coded);
        let name = path
            .components()
            .rev()
            .take(2)
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>();
        let mut group = criterion.benchmark_group(format!("g4 {}", name.join(" of ")));
        let options = DecodeOptions {
            coding: Coding::Mmr,
            width: page.width(),
            rows: Some(page.height()),
            byte_align: false,
            most_rows: 100_000,
        };
        assert!(t4::decode(&coded.data, &options).map == page);
        group.bench_function("faxgate, code words to rows", |bench| {
            bench.iter(|| t4::decode(black_box(&coded.data), &options));
        });
        group.bench_function("faxgate, file to page", |bench| {
            bench.iter(|| {
                let opened = open(black_box(&file), Format::Tiff, &Limits::default()).expect("a TIFF");
                opened.page(0).expect("a page")
            });
        });
        if let Some(libtiff) = &libtiff {
            let path = folder.path().join("page.tif");
            std::fs::write(&path, &file).expect("a file in a temporary folder");
            let path = CString::new(path.into_os_string().into_encoded_bytes()).expect("no zero in a path");
            let mut rows = vec![0u8; page.stride() * page.height() as usize];
            assert_eq!(libtiff.read(&path, &mut rows), rows.len() as isize);
            assert!(rows == page.bits(), "both read the same page");
            group.bench_function("libtiff, file to rows", |bench| {
                bench.iter(|| libtiff.read(&path, &mut rows))
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
