//! One document from the web.

use std::{sync::Arc, time::Duration};

use isomirror_core::catalog::{Answer, Document, DocumentRequest, Url};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header, redirect};
use tokio::time::timeout;

use crate::fetch::{
    ClientError, MOST_REDIRECTS, Policy, asked_pause, build_client, reason, single, why_unasked,
};

/// A whole document comes within this time; else the server only trickles.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a server said about a document, for asking whether it has changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

/// What came of a question.
#[derive(Debug)]
pub(super) enum Reply {
    /// The document, or that there is none.
    Answer(Answer, Validators),
    /// It is what it was.
    Unchanged,
    /// The host wants to be left alone for so long.
    Wait(Duration),
    /// It failed; why, for people. Another try may be better.
    Failed(String),
}

/// The client for documents. A redirection from HTTPS to HTTP is refused: what a document says counts for more where
/// nobody can have changed it on its way.
#[derive(Debug)]
pub(super) struct Web {
    client: Client,
    header: Duration,
}

impl Web {
    pub(super) fn new(policy: &Policy) -> Result<Self, ClientError> {
        let redirections = redirect::Policy::custom(|attempt| {
            let is_private = |url: &url::Url| url.scheme() == "https";
            if attempt.previous().len() > MOST_REDIRECTS {
                attempt.error("too many redirections")
            } else if attempt.previous().iter().any(is_private) && !is_private(attempt.url()) {
                attempt.error("it redirects from https to http")
            } else {
                attempt.follow()
            }
        });
        Ok(Self { client: build_client(policy, redirections)?, header: policy.header })
    }

    /// Asks once.
    pub(super) async fn read(&self, request: &DocumentRequest, known: &Validators) -> Reply {
        let reply = match request {
            DocumentRequest::Content { url, limit } => self.content(url, *limit, known).await,
            DocumentRequest::Destination(url) => self.destination(url).await,
        };
        reply.unwrap_or_else(Reply::Failed)
    }

    async fn content(&self, url: &Url, limit: u64, known: &Validators) -> Result<Reply, String> {
        let mut request = self.request(Method::GET, url);
        let conditions = [
            (header::IF_NONE_MATCH, &known.etag),
            (header::IF_MODIFIED_SINCE, &known.last_modified),
        ];
        for (name, value) in conditions {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let response = self.send(request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Reply::Unchanged);
        }
        if let Some(reply) = no_success(&response) {
            return Ok(reply);
        }
        if single(response.headers(), &header::CONTENT_ENCODING)
            .is_some_and(|coding| coding != "identity")
        {
            let why = "it is compressed, though that was not asked for".to_owned();
            return Ok(Reply::Answer(Answer::Unreadable(why), Validators::default()));
        }
        let validators = Validators {
            etag: single(response.headers(), &header::ETAG).map(str::to_owned),
            last_modified: single(response.headers(), &header::LAST_MODIFIED).map(str::to_owned),
        };
        let Some(url) = final_url(&response) else { return Ok(nowhere()) };
        let bytes = timeout(PATIENCE, body(response, limit)).await;
        let answer = bytes.map_err(|_| "it comes too slowly".to_owned())??.map_or_else(
            || Answer::Unreadable(format!("it is larger than {limit} bytes")),
            |bytes| Answer::Found(Document { url, bytes }),
        );
        Ok(Reply::Answer(answer, validators))
    }

    async fn destination(&self, url: &Url) -> Result<Reply, String> {
        let mut response = self.send(self.request(Method::HEAD, url)).await?;
        let unknown =
            [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED, StatusCode::FORBIDDEN];
        if unknown.contains(&response.status()) {
            response = self.send(self.request(Method::GET, url)).await?;
        }
        if let Some(reply) = no_success(&response) {
            return Ok(reply);
        }
        let Some(url) = final_url(&response) else { return Ok(nowhere()) };
        let document = Document { url, bytes: Arc::default() };
        Ok(Reply::Answer(Answer::Found(document), Validators::default()))
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.client.request(method, url.as_str());
        let request = request.header(header::ACCEPT_ENCODING, "identity");
        // A cache on the way is to ask whether what it has is still right.
        request.header(header::CACHE_CONTROL, "no-cache")
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, String> {
        match timeout(self.header, request.send()).await {
            Ok(response) => response.map_err(why_unasked),
            Err(_) => Err("it does not answer".to_owned()),
        }
    }
}

/// What an answer without a document means.
fn no_success(response: &Response) -> Option<Reply> {
    match response.status() {
        StatusCode::OK => None,
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            Some(Reply::Answer(Answer::Gone, Validators::default()))
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let asked = single(response.headers(), &header::RETRY_AFTER);
            Some(Reply::Wait(asked_pause(asked)))
        }
        status if status.is_server_error() => {
            Some(Reply::Failed(format!("the server answers {status}")))
        }
        status => {
            let answer = Answer::Unreadable(format!("the server answers {status}"));
            Some(Reply::Answer(answer, Validators::default()))
        }
    }
}

fn nowhere() -> Reply {
    let why = "it leads to where nothing is fetched from".to_owned();
    Reply::Answer(Answer::Unreadable(why), Validators::default())
}

fn final_url(response: &Response) -> Option<Url> {
    let mut url = response.url().clone();
    url.set_fragment(None);
    Url::try_from(url.to_string()).ok()
}

/// The bytes; `None` where there are more than `limit`.
async fn body(mut response: Response, limit: u64) -> Result<Option<Arc<[u8]>>, String> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reason)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > limit {
            return Ok(None);
        }
    }
    Ok(Some(bytes.into()))
}
