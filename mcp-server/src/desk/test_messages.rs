//! A message that somebody here sends through a webhook, to try it.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use doorbell_core::{
    acl::{ManageGrants, authorize},
    grant::Grant,
    message,
};
use doorbell_ingress::Test;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, uri::PathAndQuery};
use http_body_util::{BodyExt, Full};

use super::{Answer, local::Local};
use crate::{
    refusal::Refusal,
    wire::{BodyEncoding, SendTest, TestRefused, TestSent, Text},
};

const MESSAGE_ID: &str = "x-message-id";

impl Local {
    /// Sends a test message: by the door's own way, behind the token's check, which is replaced by
    /// whether the caller may list that webhook.
    pub async fn send_test(&self, ask: SendTest) -> Answer<TestSent> {
        for (field, given) in [("source", &ask.source), ("event", &ask.event)] {
            if given.is_some() {
                let rule = "samples of known senders are not made yet; give body and headers";
                return Err(Refusal::invalid(field, rule));
            }
        }
        let grant = self.webhook_of(&ask)?;
        let door = self.house.door.as_ref().ok_or_else(|| {
            Refusal::Unavailable("this server has no front door to send it through".to_owned())
        })?;
        let repeated = match &ask.repeat_of {
            None => None,
            Some(id) => Some(self.whole(id.0).await?),
        };
        let request = request(&ask, repeated)?;
        let test = Test {
            repeat_of: ask.repeat_of.map(|id| id.0),
        };
        let sent = answer(door.test(Arc::clone(&grant), request, test).await).await?;
        tracing::info!(
            jid = %grant.jid(), grant = %grant.id, status = sent.status, by = %self.caller,
            "test message sent"
        );
        Ok(sent)
    }

    /// The live webhook that is meant; another's reads as not found.
    fn webhook_of(&self, ask: &SendTest) -> Answer<Arc<Grant>> {
        let permit = authorize(self.principal(), ManageGrants)?;
        let mut live = self.house.registry.list(&permit, None);
        match (&ask.grant_id, &ask.jid) {
            (Some(id), None) => {
                live.retain(|entry| entry.grant.id == id.0);
                let found = live.pop().map(|entry| entry.grant);
                found.ok_or_else(|| Refusal::NotFound(format!("no live webhook {}", id.0)))
            }
            (None, Some(jid)) => {
                live.retain(|entry| entry.grant.jid() == jid.0);
                let newest = live.pop().map(|entry| entry.grant);
                newest.ok_or_else(|| Refusal::NotFound(format!("no live webhook of {}", jid.0)))
            }
            _ => Err(Refusal::invalid(
                "grant_id",
                "name the webhook, by grant_id or by jid",
            )),
        }
    }

    /// A message in reach, whole.
    async fn whole(&self, id: message::MessageId) -> Answer<message::Message> {
        let scope = self.use_messages()?.scope();
        let now = self.house.clock.now();
        let found = self.house.store.get(id, scope, usize::MAX, now).await?;
        found
            .map(|found| found.message)
            .ok_or_else(|| Refusal::NotFound(format!("no message {id}")))
    }
}

/// What the sender would have sent.
fn request(ask: &SendTest, of: Option<message::Message>) -> Answer<Request<Full<Bytes>>> {
    let (head, kept) = of.map_or_else(Default::default, |of| (of.head, of.body));
    let body = match &ask.body {
        None => kept,
        Some(text) => body(text, ask.body_encoding)?,
    };
    let headers = match &ask.headers {
        None => headers(head.headers.iter())?,
        Some(given) => headers(given.iter().map(|(n, v)| (n.as_str(), v.as_str())))?,
    };
    let method = Method::from_bytes(head.method.as_bytes()).ok();
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = method.unwrap_or(Method::POST);
    *request.uri_mut() = uri(&head.query);
    *request.headers_mut() = headers;
    Ok(request)
}

/// The path of a webhook, without its token, and this query.
fn uri(query: &str) -> Uri {
    let path = match query {
        "" => PathAndQuery::from_static("/hook"),
        // What was kept came as a URL's query once; where it no longer reads as one it is left out.
        query => (format!("/hook?{query}").parse()).unwrap_or(PathAndQuery::from_static("/hook")),
    };
    Uri::from(path)
}

fn body(text: &str, encoding: Option<BodyEncoding>) -> Answer<Bytes> {
    match encoding.unwrap_or(BodyEncoding::Utf8) {
        BodyEncoding::Utf8 => Ok(Bytes::copy_from_slice(text.as_bytes())),
        BodyEncoding::Base64 => BASE64_STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|error| Refusal::invalid("body", format!("is not base64: {error}"))),
    }
}

fn headers<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Answer<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let wrong = |what| Refusal::invalid("headers", format!("{name:?} {what}"));
        let key: HeaderName = name.parse().map_err(|_| wrong("is no header's name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| wrong("has a value with a line's end or a control character"))?;
        headers.append(key, value);
    }
    Ok(headers)
}

/// Reads the door's answer as its sender would.
async fn answer(response: Response<Full<Bytes>>) -> Answer<TestSent> {
    let status = response.status();
    let id = response.headers().get(MESSAGE_ID).cloned();
    let Ok(body) = response.into_body().collect().await;
    let body = body.to_bytes();
    #[derive(serde::Deserialize)]
    struct Said {
        error: TestRefused,
    }
    let error = (!status.is_success()).then(|| serde_json::from_slice::<Said>(&body));
    let error = error.transpose();
    let error = error.map_err(|error| Refusal::Internal(format!("an odd refusal: {error}")))?;
    Ok(TestSent {
        status: status.as_u16(),
        message_id: id.and_then(|id| id.to_str().ok()?.parse().ok()).map(Text),
        error: error.map(|said| said.error),
    })
}
