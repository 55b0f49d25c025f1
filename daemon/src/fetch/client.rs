//! The HTTP client of all transfers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isomirror_core::transfer::{
    answer::{Answer, Asked},
    clock,
    validator::Validator,
    waiting,
};
use reqwest::{
    Client, Response,
    header::{self, HeaderMap, HeaderName},
    redirect,
};
use url::Url;

use super::Policy;
use crate::logging::Chain;

/// Redirections that are followed.
pub const MOST_REDIRECTS: usize = 10;
/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_secs(30);

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client")]
pub struct ClientError(#[source] reqwest::Error);

/// Makes the client: proxies by the environment's `http_proxy` and its like, certificates by the system's store, and no
/// limit for the time of a whole transfer. Silence is for those to notice who read: the client's own timeout would also
/// run while our limit or a slow disk keeps them from reading.
/// What follows redirections is told by `redirections`.
///
/// A small system may have no certificates of authorities at all. HTTP, directories and shares work there; what is asked
/// by HTTPS fails, and [`why_unasked`] tells why.
///
/// # Errors
/// Where the operating system refuses what every program gets.
pub fn build(policy: &Policy, redirections: redirect::Policy) -> Result<Client, ClientError> {
    // Fails only where there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("isomirror/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(policy.connect)
        .pool_idle_timeout(IDLE)
        .redirect(redirections);
    let builder = if has_authorities() { builder } else { builder.tls_certs_only([]) };
    builder.build().map_err(ClientError)
}

/// Whether this machine has certificates of authorities, by which HTTPS is trusted.
fn has_authorities() -> bool {
    Client::builder().build().is_ok()
}

/// Asks for an image, or the part of it that `asked` tells.
pub(super) async fn request(
    client: &Client,
    url: &Url,
    asked: &Asked,
    if_range: Option<&str>,
) -> reqwest::Result<Response> {
    let mut request = client.get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
    if asked.is_range {
        let last = asked.end.map_or_else(String::new, |end| (end - 1).to_string());
        request = request.header(header::RANGE, format!("bytes={}-{last}", asked.offset));
        if let Some(validator) = if_range {
            request = request.header(header::IF_RANGE, validator);
        }
    }
    request.send().await
}

/// The parts of an answer that matter.
pub(super) fn answer(response: &Response) -> Answer {
    let headers = response.headers();
    let text = |name: HeaderName| single(headers, &name);
    let owned = |name: HeaderName| single(headers, &name).map(str::to_owned);
    Answer {
        status: response.status().as_u16(),
        content_length: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        content_range: owned(header::CONTENT_RANGE),
        content_encoding: owned(header::CONTENT_ENCODING),
        content_type: owned(header::CONTENT_TYPE),
        retry_after: owned(header::RETRY_AFTER),
        validator: Validator::of_fields(
            text(header::ETAG),
            text(header::LAST_MODIFIED),
            text(header::DATE),
        ),
    }
}

/// For how long a host that sends `Retry-After` asks to be left alone.
#[must_use]
pub fn asked_pause(retry_after: Option<&str>) -> Duration {
    waiting::retry_after(retry_after, seconds_now())
}

/// Seconds since 1970, as the clock of this machine has them.
fn seconds_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// A field that is text; the first one where it is repeated.
#[must_use]
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Why a server could not be asked. A clock that is wrong makes all certificates invalid, and without any authority none
/// is trusted, so both are told before what is said of a certificate.
#[must_use]
pub fn why_unasked(error: reqwest::Error) -> String {
    let is_secure = error.is_connect() && error.url().is_some_and(|url| url.scheme() == "https");
    let reason = reason(error);
    if is_secure && clock::is_wrong(seconds_now()) {
        return format!("the clock of this machine is wrong, so no certificate counts: {reason}");
    }
    if is_secure && reason.contains("certificate") && !has_authorities() {
        return format!(
            "this machine trusts no authority for HTTPS; install its certificates (ca-certificates): {reason}"
        );
    }
    reason
}

/// What is wrong, in the words of the innermost cause, without the address.
#[must_use]
pub fn reason(error: reqwest::Error) -> String {
    Chain(&error.without_url()).to_string()
}
