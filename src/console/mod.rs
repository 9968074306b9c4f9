//! Pages for people behind signed links: pass a fax on, fetch its document.
//!
//! Standards: RFC 9110 §9.2.1 (GET and HEAD change nothing), CSP level 3, RFC 6266 (`Content-Disposition`).
//!
//! Invariants:
//! - Nothing is shown and nothing done without a valid token ([`links`](crate::deliver::links)); a wrong one and an old
//!   one look the same but for the words.
//! - GET and HEAD change nothing, whoever sends them: mail scanners fetch every link. That a document was fetched is
//!   noted in the history, once a day for each link; a HEAD is not, and reads no document. A fax is passed on by POST alone,
//!   and the token in its address is what another site cannot know (no cookie, so nothing to be misused).
//! - No script, no picture, no frame: the policy forbids all of them, and the pages need none.
//! - All that came from a fax is one bounded line, escaped.
//!
//! TLS is the business of the server in front; this one listens on an address inside.

mod form;
mod page;
mod pass_on;
mod serve;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::words::Words;
use crate::deliver::directory::InForce;
use crate::deliver::links::{Grant, Purpose, Refused, Signer};
use crate::fax::{Fault, Language, Millis, Stage};
use crate::store::Store;

/// Largest form that is read.
const FORM_MOST: usize = 16 << 10;

/// What nothing here needs is forbidden.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// A document is shown by whoever opens the file, never as a page of this site.
const DOCUMENT_POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// All that the pages need.
#[derive(Clone)]
pub struct Console {
    /// Faxes, moves, documents.
    pub store: Store,
    /// Checks tokens.
    pub signer: Arc<Signer>,
    /// Who gets faxes, now.
    pub directory: InForce,
    /// The clock.
    pub clock: Arc<dyn Fn() -> Millis + Send + Sync>,
}

/// Serves until cancelled.
pub async fn serve(listener: TcpListener, console: Console, cancel: CancellationToken) {
    serve::serve(listener, router(console), cancel).await;
}

/// The pages, for whoever serves them.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/pass-on/{token}", get(pass_on::show).post(pass_on::act))
        .route("/fax/{token}", get(document))
        .route("/console.css", get(async || style()))
        .fallback(async || page::plain(StatusCode::NOT_FOUND, &Words::both(), |words| words.bad_link()))
        .layer(DefaultBodyLimit::max(FORM_MOST))
        .with_state(console)
}

impl Console {
    /// What a token gives, or the page that says why it gives nothing.
    fn granted(&self, purpose: Purpose, token: &str) -> Result<Grant, Box<Response<Body>>> {
        self.signer.check(purpose, token, (self.clock)()).map_err(|refused| {
            Box::new(match refused {
                Refused::Forged => {
                    page::plain(StatusCode::NOT_FOUND, &Words::both(), |words| words.bad_link())
                }
                Refused::Expired => page::plain(StatusCode::GONE, &Words::both(), |words| words.old_link()),
            })
        })
    }

    /// Whose language a page is in: the one asked for, else the department's.
    fn words(&self, department: &str, asked: Option<&str>) -> Words {
        let language = match asked {
            Some("en") => Language::En,
            Some("zh-hant") => Language::ZhHant,
            _ => (self.directory)().department(department).map(|one| one.language).unwrap_or_default(),
        };
        Words::of(language)
    }
}

/// `GET /fax/<token>`: the document as a file, and a line in the fax's history, one a day for each link.
async fn document(
    State(console): State<Console>,
    method: Method,
    Path(token): Path<String>,
) -> Response<Body> {
    let grant = match console.granted(Purpose::Fax, &token) {
        Ok(grant) => grant,
        Err(page) => return *page,
    };
    let words = console.words(&grant.department, None);
    let fax = match console.store.fax(&grant.fax).await {
        Ok(Some(fax)) if fax.stage != Stage::Discarded => fax,
        Ok(_) => return page::plain(StatusCode::GONE, &[words], |words| words.no_document()),
        Err(error) => return broken(&words, &error.fault()),
    };
    let Some(made) = &fax.document else {
        return page::plain(StatusCode::NOT_FOUND, &[words], |words| words.no_document());
    };
    // A look at the head reads and fetches nothing. That it was fetched is on record before it is.
    let pdf = if method == Method::GET {
        let pdf = match console.store.blobs().read(&made.pdf).await {
            Ok(pdf) => pdf,
            Err(error) => return broken(&words, &error.fault()),
        };
        let now = (console.clock)();
        let noted = console.store.note_fetched(&fax.id, &grant.department, grant.expires, now).await;
        if let Err(error) = noted {
            return broken(&words, &error.fault());
        }
        pdf
    } else {
        Vec::new()
    };
    let length = match method {
        Method::GET => None,
        _ => tokio::fs::metadata(console.store.blobs().path(&made.pdf)).await.ok().map(|file| file.len()),
    };
    let name = format!("attachment; filename=\"fax_{}.pdf\"", fax.id);
    let mut response = Response::new(Body::from(pdf));
    let headers = response.headers_mut();
    guard(headers, DOCUMENT_POLICY);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // A fax id is ASCII; were it none, the file would go without a name.
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

/// Something of ours does not work: said to the person in general, to the log in particular.
fn broken(words: &Words, fault: &Fault) -> Response<Body> {
    tracing::error!(code = fault.code, detail = fault.detail, "a page cannot be made: {}", fault.operator);
    metrics::counter!("faxgate_faults_total", "code" => fault.code.clone()).increment(1);
    page::plain(StatusCode::SERVICE_UNAVAILABLE, &[*words], |words| words.broken())
}

/// Headers of every answer.
fn guard(headers: &mut HeaderMap, policy: &'static str) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        // The address holds the token: no other site may learn it.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn style() -> Response<Body> {
    let mut response = Response::new(Body::from(include_str!("console.css")));
    guard(response.headers_mut(), POLICY);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    response
}
