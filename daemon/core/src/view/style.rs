//! The dress that all pages share.

use super::escape::html;

/// Value of the `Content-Security-Policy` of rendered pages: no script, nothing from anywhere, the style inline. Even
/// a name that escaped its escaping could not do anything.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{max-width:72rem;margin:1.5rem auto;padding:0 1rem}\
h1{font-size:1.3rem;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}\
th,td{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{border-bottom:1px solid;font-weight:600}\
td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
td.t{white-space:nowrap}\
.problem{color:light-dark(#a00,#f88)}";

/// Everything up to the page's content; `title` is escaped here.
pub(super) fn begin_page(out: &mut String, title: &str) {
    for part in [
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
        &html(title).to_string(),
        "</title>\n<style>",
        STYLE,
        "</style>\n</head>\n<body>\n<h1>",
        &html(title).to_string(),
        "</h1>\n",
    ] {
        out.push_str(part);
    }
}

/// Everything after the page's content.
pub(super) fn end_page(out: &mut String) {
    out.push_str("</body>\n</html>\n");
}
