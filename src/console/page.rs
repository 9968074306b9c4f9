//! HTML by hand: few elements, everything escaped. Pure but for the answer's form.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use super::words::Words;
use super::{POLICY, guard};

/// Text for HTML, in elements and in double-quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A table of facts; labels are ours, values are escaped.
pub(super) fn table(rows: &[(&str, String)]) -> String {
    let rows: String = rows
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| format!("<tr><th scope=\"row\">{label}</th><td>{}</td></tr>\n", escaped(value)))
        .collect();
    format!("<table>\n{rows}</table>\n")
}

/// A whole page. `body` is HTML.
pub(super) fn answer(status: StatusCode, tag: &str, title: &str, body: &str) -> Response<Body> {
    let html = format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"../console.css\">\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    guard(response.headers_mut(), POLICY);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// A page of one sentence, in one language or in both.
pub(super) fn plain(
    status: StatusCode,
    languages: &[Words],
    sentence: impl Fn(Words) -> &'static str,
) -> Response<Body> {
    let body: String = languages
        .iter()
        .map(|words| format!("<p lang=\"{}\">{}</p>\n", words.tag(), sentence(*words)))
        .collect();
    let tag = languages.first().map_or("en", |words| words.tag());
    answer(status, tag, "Fax", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_senders_is_markup() {
        let table = table(&[("From", "<script>\"&'".into()), ("Empty", String::new())]);
        assert!(table.contains("&lt;script&gt;&quot;&amp;&#39;"), "{table}");
        assert!(!table.contains("Empty"));
    }
}
