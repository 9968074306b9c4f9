//! The edge to spandsp's C: every `unsafe` block of the project stands in this file.
//!
//! - One [`Engine`] is one T.30 call: a T.38 terminal or a G.711 modem, freed once, used by one thread at a time.
//! - Callbacks only push into [`Heard`], a box that lives as long as the engine. They never unwind (`extern "C"` would abort,
//!   and nothing in them can panic), and never call back into what drives T.30: within the phase D handler they read
//!   statistics and may blank the name of the file to write, which are plain field accesses in C.
//! - spandsp opens its output with `"w"` when it takes a DCS while no document is open. After it closed one (outside ECM, at
//!   EOP) that would empty a file of received pages. Its T.30 takes no DCS any more then, but a file of pages should not hang
//!   on that: the name is blanked as soon as EOP is met, and a DCS would be answered with DCN.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use spandsp::fax::FaxState;
use spandsp::t38_core::{T38DataRateManagement, T38Version};
use spandsp::t38_terminal::T38Terminal;
use spandsp::{ReceiveCompletion, ReceiveRecovery, spandsp_sys as sys};

use super::{OutIfp, fcf};

/// Packets that may wait to be sent. One tick makes a handful; a caller that stops taking them loses the newest.
const MOST_WAITING: usize = 1024;
/// Notes that may wait between two calls of [`Engine::notes`].
const MOST_NOTES: usize = 1024;
/// spandsp copies a file's name into 256 bytes.
const MOST_PATH: usize = 255;
/// An identity string of T.30 has 20 characters (ITU-T T.30 §5.3.6.2.4).
pub(super) const MOST_IDENTITY: usize = 20;

/// spandsp's warning when the carrier of a page outside ECM goes before its end.
const NO_RTC: &[u8] = b"Page did not end cleanly";

/// Octets of a non-standard frame that are looked at: makers and models are told by the first few.
const MOST_NON_STANDARD: usize = 64;

/// What a callback heard, in order.
pub(super) enum Note {
    /// DIS or DCS was read and agreed upon.
    PhaseB,
    /// A page ended: `fcf` is the sender's command (or, when we send, the answer to ours), `stored` the pages in the file by now.
    PhaseD {
        fcf: u8,
        stored: usize,
        statistics: sys::t30_stats_t,
        /// The carrier of a page outside ECM went before six EOLs were met.
        no_rtc: bool,
    },
    /// We said a final frame: MCF, RTP, RTN, DCN ...
    Said {
        fcf: u8,
    },
    PhaseE {
        code: i32,
    },
}

/// A page as it stands in the file.
pub(super) struct Stored {
    pub partial: bool,
    pub rows: u32,
    pub width: u32,
    pub x_per_metre: u32,
    pub y_per_metre: u32,
    pub bad_rows: u32,
}

/// Strings of the far end, each bounded by [`MOST_IDENTITY`] or a constant of spandsp's own tables.
#[derive(Default)]
pub(super) struct FarEnd {
    pub ident: Option<String>,
    pub sub_address: Option<String>,
    pub selective_polling: Option<String>,
    pub password: Option<String>,
    pub sender_ident: Option<String>,
    pub country: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
}

/// Bits of spandsp's `t30_set_supported_…` functions.
pub(super) struct Abilities {
    pub ecm: bool,
    pub modems: c_int,
    pub codings: c_int,
    pub resolutions: c_int,
    pub sizes: c_int,
}

/// What a sender says of itself.
#[derive(Default)]
pub(super) struct Said {
    pub ident: String,
    pub sub_address: String,
    pub sender_ident: String,
}

struct Heard {
    t30: *mut sys::t30_state_t,
    receiving: bool,
    packets: VecDeque<OutIfp>,
    notes: VecDeque<Note>,
    frames: u64,
    /// See [`Note::PhaseD`].
    no_rtc: bool,
    /// The far end's NSF or NSS from its T.35 country code on, at most [`MOST_NON_STANDARD`] octets.
    non_standard: Vec<u8>,
}

enum Media {
    T38(T38Terminal),
    Audio(FaxState),
}

/// One T.30 call inside spandsp.
pub(super) struct Engine {
    /// `None` only while dropping: the callbacks' box must outlive it.
    media: Option<Media>,
    heard: *mut Heard,
    t30: *mut sys::t30_state_t,
    path: CString,
    tones: Tones,
    finished: Option<i32>,
}

// SAFETY: the C state and the box behind `heard` are reached through this value alone, `&mut self` for everything that changes
// them; spandsp keeps no thread-local state.
unsafe impl Send for Engine {}

impl Engine {
    /// An engine over T.38 (`true`) or over audio, calling or answering. `None`: no memory, or a path that spandsp cannot hold.
    pub(super) fn new(t38: bool, calling: bool, path: &str) -> Option<Self> {
        if path.is_empty() || path.len() > MOST_PATH {
            return None;
        }
        let path = CString::new(path).ok()?;
        let heard = Box::into_raw(Box::new(Heard {
            t30: ptr::null_mut(),
            receiving: !calling,
            packets: VecDeque::new(),
            notes: VecDeque::new(),
            frames: 0,
            no_rtc: false,
            non_standard: Vec::new(),
        }));
        let mut engine =
            Self { media: None, heard, t30: ptr::null_mut(), path, tones: Tones::new(), finished: None };
        let media = open(t38, calling, heard)?;
        engine.t30 = match &media {
            Media::T38(terminal) => terminal.get_t30_state().ok()?.as_ptr(),
            Media::Audio(fax) => fax.get_t30_state().ok()?.as_ptr(),
        };
        engine.media = Some(media);
        let user = heard.cast::<c_void>();
        // SAFETY: `t30` belongs to `media`, just made; `heard` lives until after `media` is dropped; the handlers keep to the
        // rules at the head of this file.
        unsafe {
            (*heard).t30 = engine.t30;
            sys::t30_set_phase_b_handler(engine.t30, Some(phase_b), user);
            sys::t30_set_phase_d_handler(engine.t30, Some(phase_d), user);
            sys::t30_set_phase_e_handler(engine.t30, Some(phase_e), user);
            sys::t30_set_real_time_frame_handler(engine.t30, Some(frame), user);
            let log = sys::t30_get_logging_state(engine.t30);
            sys::span_log_set_message_handler(log, Some(logged), user);
            sys::span_log_set_level(log, sys::SPAN_LOG_WARNING as c_int);
            if calling {
                sys::t30_set_tx_file(engine.t30, engine.path.as_ptr(), -1, -1);
                sys::t30_set_retransmit_capable(engine.t30, true);
            } else {
                sys::t30_set_rx_file(engine.t30, engine.path.as_ptr(), -1);
                sys::t30_set_keep_bad_quality_pages(engine.t30, true);
                sys::t30_set_supported_output_compressions(engine.t30, super::T6);
                sys::t30_set_supported_t30_features(
                    engine.t30,
                    (sys::T30_SUPPORT_IDENTIFICATION | sys::T30_SUPPORT_SUB_ADDRESSING) as c_int,
                );
            }
        }
        Some(engine)
    }

    pub(super) fn able(&mut self, abilities: &Abilities) {
        // SAFETY: setters of plain fields on a live T.30 state.
        unsafe {
            sys::t30_set_supported_modems(self.t30, abilities.modems);
            sys::t30_set_supported_compressions(self.t30, abilities.codings);
            sys::t30_set_supported_bilevel_resolutions(self.t30, abilities.resolutions);
            sys::t30_set_supported_image_sizes(self.t30, abilities.sizes);
            sys::t30_set_ecm_capability(self.t30, abilities.ecm);
        }
    }

    pub(super) fn say(&mut self, said: &Said) {
        let text = |words: &str| CString::new(identity(words)).unwrap_or_default();
        // SAFETY: the strings end with NUL and are copied by the C; each is at most MOST_IDENTITY bytes.
        unsafe {
            sys::t30_set_tx_ident(self.t30, text(&said.ident).as_ptr());
            if !said.sub_address.is_empty() {
                sys::t30_set_tx_sub_address(self.t30, text(&said.sub_address).as_ptr());
            }
            if !said.sender_ident.is_empty() {
                sys::t30_set_tx_sender_ident(self.t30, text(&said.sender_ident).as_ptr());
            }
        }
    }

    /// One IFP packet in sequence. What the C refuses (it counts on any bytes) is no error of the call.
    pub(super) fn ifp(&mut self, seq: u16, bytes: &[u8]) {
        if let Some(Media::T38(terminal)) = &self.media
            && let Ok(core) = terminal.get_t38_core_state()
        {
            let _ = core.rx_ifp_packet(bytes, seq);
        }
        self.guard_the_file();
    }

    pub(super) fn advance(&mut self, samples: u32) {
        if let Some(Media::T38(terminal)) = &self.media {
            terminal.send_timeout(samples.min(i32::MAX as u32) as i32);
        }
        self.guard_the_file();
    }

    pub(super) fn listen(&mut self, samples: &mut [i16]) {
        if let Some(Media::Audio(fax)) = &self.media {
            self.tones.listen(samples);
            fax.rx(samples);
        }
        self.guard_the_file();
    }

    /// Fills `samples`; silence where T.30 has nothing to say.
    pub(super) fn speak(&mut self, samples: &mut [i16]) {
        let spoken = match &self.media {
            Some(Media::Audio(fax)) => fax.tx(samples).min(samples.len()),
            _ => 0,
        };
        samples[spoken..].fill(0);
        self.guard_the_file();
    }

    pub(super) fn fax_heard(&self) -> bool {
        self.tones.fax_heard()
    }

    pub(super) fn outgoing(&mut self) -> Option<OutIfp> {
        self.heard_mut().packets.pop_front()
    }

    pub(super) fn note(&mut self) -> Option<Note> {
        self.heard_mut().notes.pop_front()
    }

    /// HDLC frames heard so far: the sign that the far end goes on.
    pub(super) fn frames(&mut self) -> u64 {
        self.heard_mut().frames
    }

    fn heard_mut(&mut self) -> &mut Heard {
        // SAFETY: made by Box::into_raw in `new`, freed only in Drop; no C runs while this borrow lives, as C runs only inside
        // methods that take `&mut self`.
        unsafe { &mut *self.heard }
    }

    pub(super) fn statistics(&self) -> sys::t30_stats_t {
        statistics(self.t30)
    }

    pub(super) fn stored(&self) -> usize {
        // SAFETY: a getter on a live T.30 state.
        usize::try_from(unsafe { sys::t30_receive_page_count(self.t30) }).unwrap_or(0)
    }

    pub(super) fn page(&self, index: usize) -> Option<Stored> {
        let index = c_int::try_from(index).ok()?;
        // SAFETY: all fields of the C struct are integers, for which zero is a value.
        let mut page = unsafe { std::mem::zeroed::<sys::t4_rx_recovery_page_t>() };
        // SAFETY: the C checks the index against its own count and fills `page`.
        if unsafe { sys::t30_receive_page(self.t30, index, &mut page) } != 0 {
            return None;
        }
        let positive = |value: c_int| u32::try_from(value).unwrap_or(0);
        Some(Stored {
            partial: page.partial != 0,
            rows: positive(page.rows as c_int),
            width: positive(page.width as c_int),
            x_per_metre: positive(page.x_resolution),
            y_per_metre: positive(page.y_resolution),
            bad_rows: positive(page.bad_rows as c_int),
        })
    }

    pub(super) fn far_end(&mut self) -> FarEnd {
        let (country, vendor, model) = make(&self.heard_mut().non_standard);
        // SAFETY: each getter gives NULL or a string that ends with NUL inside the live T.30 state, and it is copied before
        // anything else can happen to the state.
        unsafe {
            FarEnd {
                ident: words(sys::t30_get_rx_ident(self.t30)),
                sub_address: words(sys::t30_get_rx_sub_address(self.t30)),
                selective_polling: words(sys::t30_get_rx_selective_polling_address(self.t30)),
                password: words(sys::t30_get_rx_password(self.t30)),
                sender_ident: words(sys::t30_get_rx_sender_ident(self.t30)),
                country,
                vendor,
                model,
            }
        }
    }

    /// Closes the file (a page in progress is kept as far as its rows are sound); the engine hears and says nothing after it.
    /// Returns the code of phase E if T.30 came so far.
    pub(super) fn finish(&mut self) -> Option<i32> {
        let completion = match &mut self.media {
            Some(Media::T38(terminal)) => terminal.finalize_receive().completion,
            Some(Media::Audio(fax)) => fax.finalize_receive().completion,
            None => return None,
        };
        if let ReceiveCompletion::Completed { code } = completion {
            self.finished = Some(code);
        }
        self.finished
    }

    /// See the head: a file that spandsp closed must never be opened by it again.
    fn guard_the_file(&mut self) {
        let heard = self.heard_mut();
        if !heard.receiving || heard.t30.is_null() {
            return;
        }
        // SAFETY: getters, and a setter that copies a short string into a field.
        unsafe {
            let closed = sys::t30_receive_output_closed(self.t30) != 0;
            let name = if closed && self.stored() > 0 { c"".as_ptr() } else { self.path.as_ptr() };
            sys::t30_set_rx_file(self.t30, name, -1);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.media = None;
        // SAFETY: made by Box::into_raw in `new`; nothing of C that could call back is left.
        drop(unsafe { Box::from_raw(self.heard) });
    }
}

fn open(t38: bool, calling: bool, heard: *mut Heard) -> Option<Media> {
    let policy = ReceiveRecovery::PreserveDecodedRows;
    if !t38 {
        let fax = if calling { FaxState::new(true) } else { FaxState::new_receiver(policy) }.ok()?;
        fax.set_transmit_on_idle(true);
        return Some(Media::Audio(fax));
    }
    let user = heard.cast::<c_void>();
    // SAFETY: `heard` outlives the terminal (see Drop); the handler only pushes.
    let terminal = unsafe {
        if calling {
            T38Terminal::new_raw(true, Some(packet), user)
        } else {
            T38Terminal::new_receiver_raw(policy, Some(packet), user)
        }
    }
    .ok()?;
    let core = terminal.get_t38_core_state().ok()?;
    core.set_t38_version(T38Version::V0);
    core.set_data_rate_management_method(T38DataRateManagement::TransferredTcf);
    drop(core);
    Some(Media::T38(terminal))
}

/// What a station may say of itself: printable ASCII, at most [`MOST_IDENTITY`].
fn identity(words: &str) -> String {
    words.chars().filter(|c| (' '..='~').contains(c)).take(MOST_IDENTITY).collect()
}

/// # Safety
/// `text` is NULL or ends with NUL.
unsafe fn words(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: by this function's contract.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    let bytes = &bytes[..bytes.len().min(200)];
    let words = String::from_utf8_lossy(bytes).trim().to_owned();
    (!words.is_empty()).then_some(words)
}

/// Country, maker and model by spandsp's tables. spandsp itself looks only at NSF, which a called machine sends; callers send NSS.
fn make(non_standard: &[u8]) -> (Option<String>, Option<String>, Option<String>) {
    if non_standard.is_empty() {
        return (None, None, None);
    }
    let mut octets = [0u8; MOST_NON_STANDARD];
    let length = non_standard.len().min(MOST_NON_STANDARD);
    octets[..length].copy_from_slice(&non_standard[..length]);
    let (mut country, mut vendor, mut model) = (ptr::null(), ptr::null(), ptr::null());
    // SAFETY: the C reads at most `length` octets and the two of the country code, all inside `octets`; it gives NULL or
    // constants.
    unsafe {
        sys::t35_decode(octets.as_ptr(), length as c_int, &mut country, &mut vendor, &mut model);
        (words(country), words(vendor), words(model))
    }
}

fn statistics(t30: *mut sys::t30_state_t) -> sys::t30_stats_t {
    // SAFETY: all fields are integers; the C fills them from a live state.
    unsafe {
        let mut statistics = std::mem::zeroed();
        sys::t30_get_transfer_statistics(t30, &mut statistics);
        statistics
    }
}

/// T.30's words for a completion code: spandsp's own table, a constant.
pub(super) fn completion_words(code: i32) -> String {
    // SAFETY: the C gives a constant string for any integer.
    unsafe { words(sys::t30_completion_code_to_str(code)) }.unwrap_or_default()
}

fn push(heard: &mut Heard, note: Note) {
    if heard.notes.len() < MOST_NOTES {
        heard.notes.push_back(note);
    }
}

unsafe extern "C" fn packet(
    _core: *mut sys::t38_core_state_t,
    user: *mut c_void,
    bytes: *const u8,
    length: c_int,
    count: c_int,
) -> c_int {
    let (Ok(length), false, false) = (usize::try_from(length), user.is_null(), bytes.is_null()) else {
        return -1;
    };
    // SAFETY: `user` is the box of this engine, borrowed by no one while C runs; `bytes` holds `length` octets.
    let (heard, bytes) = unsafe { (&mut *user.cast::<Heard>(), std::slice::from_raw_parts(bytes, length)) };
    if heard.packets.len() < MOST_WAITING {
        heard.packets.push_back(OutIfp { bytes: bytes.to_vec(), copies: count.clamp(1, 8) as usize });
    }
    0
}

unsafe extern "C" fn phase_b(user: *mut c_void, _result: c_int) -> c_int {
    // SAFETY: as in `packet`.
    push(unsafe { &mut *user.cast::<Heard>() }, Note::PhaseB);
    sys::t30_err_e::T30_ERR_OK as c_int
}

unsafe extern "C" fn phase_d(user: *mut c_void, result: c_int) -> c_int {
    // SAFETY: as in `packet`.
    let heard = unsafe { &mut *user.cast::<Heard>() };
    let command = fcf::bare(result as u8);
    let statistics = statistics(heard.t30);
    // SAFETY: a getter; and a setter of one field that T.30 reads only at the next DCS.
    let stored = unsafe {
        if heard.receiving && command == fcf::EOP && statistics.error_correcting_mode == 0 {
            sys::t30_set_rx_file(heard.t30, c"".as_ptr(), -1);
        }
        usize::try_from(sys::t30_receive_page_count(heard.t30)).unwrap_or(0)
    };
    let no_rtc = std::mem::take(&mut heard.no_rtc);
    push(heard, Note::PhaseD { fcf: command, stored, statistics, no_rtc });
    sys::t30_err_e::T30_ERR_OK as c_int
}

unsafe extern "C" fn phase_e(user: *mut c_void, code: c_int) {
    // SAFETY: as in `packet`.
    push(unsafe { &mut *user.cast::<Heard>() }, Note::PhaseE { code });
}

/// spandsp's T.30 warns of a page without RTC in its log alone: it drops the row in work and calls the page good.
unsafe extern "C" fn logged(user: *mut c_void, _level: c_int, text: *const c_char) {
    if user.is_null() || text.is_null() {
        return;
    }
    // SAFETY: `text` ends with NUL; `user` as in `packet`. What the other callbacks call while they borrow it logs nothing.
    unsafe {
        if CStr::from_ptr(text).to_bytes().starts_with(NO_RTC) {
            (*user.cast::<Heard>()).no_rtc = true;
        }
    }
}

unsafe extern "C" fn frame(user: *mut c_void, incoming: bool, bytes: *const u8, length: c_int) {
    // SAFETY: as in `packet`.
    let heard = unsafe { &mut *user.cast::<Heard>() };
    heard.frames = heard.frames.wrapping_add(u64::from(incoming));
    let (Ok(length), false) = (usize::try_from(length), bytes.is_null()) else { return };
    // SAFETY: `bytes` holds `length` octets: address, control, FCF, information.
    let [_, _, command, information @ ..] = (unsafe { std::slice::from_raw_parts(bytes, length) }) else {
        return;
    };
    let command = fcf::bare(*command);
    if incoming && matches!(command, fcf::NSF | fcf::NSS) {
        heard.non_standard = information[..information.len().min(MOST_NON_STANDARD)].to_vec();
    } else if !incoming && fcf::ends_a_turn(command) {
        push(heard, Note::Said { fcf: command });
    }
}

/// Ears for fax tones of the caller: CNG (ITU-T T.30 §4.1) and the V.21 preamble.
struct Tones {
    cng: *mut sys::modem_connect_tones_rx_state_t,
    preamble: *mut sys::modem_connect_tones_rx_state_t,
    heard: bool,
}

/// spandsp's `MODEM_CONNECT_TONES_FAX_CNG` and `MODEM_CONNECT_TONES_FAX_PREAMBLE`.
const TONE_CNG: c_int = 1;
const TONE_PREAMBLE: c_int = 6;

impl Tones {
    fn new() -> Self {
        // SAFETY: NULL asks the C to allocate; no callback is given.
        let ear =
            |tone| unsafe { sys::modem_connect_tones_rx_init(ptr::null_mut(), tone, None, ptr::null_mut()) };
        Self { cng: ear(TONE_CNG), preamble: ear(TONE_PREAMBLE), heard: false }
    }

    fn listen(&mut self, samples: &[i16]) {
        let length = samples.len().min(i32::MAX as usize) as c_int;
        for (ear, tone) in [(self.cng, TONE_CNG), (self.preamble, TONE_PREAMBLE)] {
            if ear.is_null() {
                continue;
            }
            // SAFETY: `ear` is live until Drop; the C reads `length` samples.
            unsafe {
                sys::modem_connect_tones_rx(ear, samples.as_ptr(), length);
                self.heard |= sys::modem_connect_tones_rx_get(ear) == tone;
            }
        }
    }

    fn fax_heard(&self) -> bool {
        self.heard
    }
}

impl Drop for Tones {
    fn drop(&mut self) {
        for ear in [self.cng, self.preamble] {
            if !ear.is_null() {
                // SAFETY: allocated in `new`, freed once.
                unsafe { sys::modem_connect_tones_rx_free(ear) };
            }
        }
    }
}
