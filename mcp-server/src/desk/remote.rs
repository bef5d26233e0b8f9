//! The desk of a running server, asked over its `/v1`.

use std::{
    fmt,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use doorbell_core::{
    address::Jid,
    folder::Folder,
    grant::GrantId,
    key::KeyId,
    label::SessionId,
    message::{MessageId, RouteId},
};
use reqwest::{Method, RequestBuilder, Response, Url, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Answer, Desk,
    address::{Address, KeySource, no_doorbell, shown},
    connect_error, proof,
};
use crate::{
    caller::{FOLDER_HEADER, RECEIVER_HEADER, SESSION_HEADER},
    refusal::Refusal,
    wire::{
        Ack, AckResults, ChannelList, Detail, ExposeChannel, ExposedChannel, IssueChat, IssueKey,
        IssueWebhook, IssuedKey, IssuedToken, KeyList, KeyRevoked, ListTokens, Nack, OpenSession,
        Page, Read, Receive, Received, Replay, Replayed, ReplayedMany, Revoked, RotateSigningKey,
        RouteList, RouteTested, SessionEntry, SessionList, SetRoute, SignInLink, SigningKeyRotated,
        TestRoute, TokenList, WhoAmI,
    },
};

/// How long a request that does not wait may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A desk in a server elsewhere.
pub struct Remote {
    client: reqwest::Client,
    address: Address,
    folder: Option<Folder>,
    receiver: Option<String>,
    session: RwLock<Option<SessionId>>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("url", &self.address.url.as_str())
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// The desk at `address`, as the agent of `folder` if one is given.
    pub fn new(mut address: Address, folder: Option<Folder>) -> Result<Self, Refusal> {
        address.pin();
        // The first provider wins; a second install is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("doorbell/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .map_err(|error| Refusal::Internal(format!("no HTTP client: {error}")))?;
        Ok(Self {
            client,
            address,
            folder,
            receiver: None,
            session: RwLock::default(),
        })
    }

    /// Gives this receiver a name, so that what it leases is not settled by another on its key.
    #[must_use]
    pub fn named(mut self, receiver: impl Into<String>) -> Self {
        self.receiver = Some(receiver.into());
        self
    }

    /// Says which session is this agent's own.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        self.enter(session);
        self
    }

    /// The same for a desk that is shared already: every request from now on says so.
    pub fn enter(&self, session: SessionId) {
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    /// The folder this desk acts as the agent of, if it was narrowed.
    pub fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// Where the server is.
    pub fn url(&self) -> &Url {
        &self.address.url
    }

    /// A request to `/v1/<segments>`, credential and folder on it. Each segment is escaped.
    pub fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let v1 = ["v1"];
        self.request_at(method, v1.iter().chain(segments))
    }

    /// A POST to `/mcp`, credential and folder on it.
    pub fn mcp(&self) -> RequestBuilder {
        self.request_at(Method::POST, ["mcp"].iter())
    }

    fn request_at<'a>(
        &self,
        method: Method,
        segments: impl Iterator<Item = &'a &'a str>,
    ) -> RequestBuilder {
        let mut url = self.address.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(self.address.key.expose());
        if let Some(folder) = &self.folder {
            request = request.header(FOLDER_HEADER, folder.as_str());
        }
        if let Some(receiver) = &self.receiver {
            request = request.header(RECEIVER_HEADER, receiver);
        }
        let session = self.session.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = &*session {
            request = request.header(SESSION_HEADER, session.as_str());
        }
        request
    }

    /// Sends a request and hands back the response if it is a success.
    ///
    /// A key that was found in a data directory goes only to a server that holds it too, and that is
    /// asked each time: one that was there may have died, and its port be another's by now.
    pub async fn send(&self, request: RequestBuilder) -> Answer<Response> {
        let Address {
            url,
            named,
            key,
            key_source,
        } = &self.address;
        if let KeySource::File(_) = key_source {
            proof::demand(&self.client, url, *named, key).await?;
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.problem(response).await)
    }

    /// Asks who we are to the server.
    pub async fn who_am_i(&self) -> Answer<WhoAmI> {
        self.call(self.request(Method::GET, &["whoami"])).await
    }

    /// Asks for a link that signs a browser in.
    pub async fn sign_in_link(&self) -> Answer<SignInLink> {
        self.call(self.request(Method::POST, &["sign_in_links"]))
            .await
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Answer<T> {
        let response = self.send(request.timeout(PATIENCE)).await?;
        self.read_reply(response).await
    }

    async fn read_reply<T: DeserializeOwned>(&self, response: Response) -> Answer<T> {
        let kind = response.headers().get(CONTENT_TYPE);
        if kind.is_none_or(|kind| !kind.as_bytes().starts_with(b"application/json")) {
            let what = "it answers with something else";
            return Err(Refusal::BadServer(no_doorbell(&self.address.url, what)));
        }
        response.json().await.map_err(|error| {
            Refusal::Internal(format!(
                "the server's reply does not read; is it of another version? {}",
                error.without_url()
            ))
        })
    }

    async fn post<A: Serialize, T: DeserializeOwned>(&self, path: &[&str], ask: &A) -> Answer<T> {
        self.call(self.request(Method::POST, path).json(ask)).await
    }

    fn unreachable(&self, error: &reqwest::Error) -> Refusal {
        connect_error::explain(error, &self.address.url, self.address.named)
    }

    /// Reads a problem document (RFC 9457) back into a refusal.
    async fn problem(&self, response: Response) -> Refusal {
        #[derive(serde::Deserialize)]
        struct Problem {
            #[serde(default)]
            code: String,
            #[serde(default)]
            detail: String,
            field: Option<String>,
        }
        let status = response.status();
        match response.json::<Problem>().await {
            Ok(problem) if problem.code == "unauthenticated" => {
                Refusal::Unauthenticated(self.address.key_refused())
            }
            Ok(problem) if !problem.code.is_empty() => {
                Refusal::from_parts(&problem.code, problem.field, problem.detail)
            }
            _ if matches!(status.as_u16(), 502..=504) => Refusal::Unavailable(format!(
                "{} answers {status}: what stands before the server does not reach it",
                shown(&self.address.url)
            )),
            _ => Refusal::BadServer(no_doorbell(
                &self.address.url,
                &format!("it answers {status}"),
            )),
        }
    }
}

impl Desk for Remote {
    async fn issue_webhook(&self, ask: IssueWebhook) -> Answer<IssuedToken> {
        self.post(&["route_tokens", "hook"], &ask).await
    }

    async fn issue_chat(&self, ask: IssueChat) -> Answer<IssuedToken> {
        self.post(&["route_tokens", "chat"], &ask).await
    }

    async fn list_tokens(&self, ask: ListTokens) -> Answer<TokenList> {
        self.call(self.request(Method::GET, &["route_tokens"]).query(&ask))
            .await
    }

    async fn revoke_token(&self, jid: Jid) -> Answer<Revoked> {
        self.call(self.request(Method::DELETE, &["route_tokens", jid.as_str()]))
            .await
    }

    async fn revoke_grant(&self, id: GrantId) -> Answer<Revoked> {
        self.call(self.request(Method::DELETE, &["grants", &id.to_string()]))
            .await
    }

    async fn receive(&self, ask: Receive) -> Answer<Received> {
        let wait = ask.wait_seconds.map_or(0, |wait| wait.get());
        let request = self
            .request(Method::POST, &["messages", "receive"])
            .json(&ask);
        let patience = PATIENCE + Duration::from_secs(wait);
        let response = self.send(request.timeout(patience)).await?;
        self.read_reply(response).await
    }

    async fn ack(&self, ask: Ack) -> Answer<AckResults> {
        self.post(&["messages", "ack"], &ask).await
    }

    async fn nack(&self, ask: Nack) -> Answer<AckResults> {
        self.post(&["messages", "nack"], &ask).await
    }

    async fn read(&self, ask: Read) -> Answer<Page> {
        self.call(self.request(Method::GET, &["messages"]).query(&ask))
            .await
    }

    async fn message(&self, id: MessageId, max_body_bytes: Option<u64>) -> Answer<Detail> {
        let request = self.request(Method::GET, &["messages", &id.to_string()]);
        self.call(request.query(&[("max_body_bytes", max_body_bytes)]))
            .await
    }

    async fn replay(&self, id: MessageId) -> Answer<Replayed> {
        self.call(self.request(Method::POST, &["messages", &id.to_string(), "replay"]))
            .await
    }

    async fn replay_many(&self, ask: Replay) -> Answer<ReplayedMany> {
        self.post(&["messages", "replay"], &ask).await
    }

    async fn issue_key(&self, ask: IssueKey) -> Answer<IssuedKey> {
        self.post(&["keys"], &ask).await
    }

    async fn list_keys(&self) -> Answer<KeyList> {
        self.call(self.request(Method::GET, &["keys"])).await
    }

    async fn revoke_key(&self, id: KeyId) -> Answer<KeyRevoked> {
        self.call(self.request(Method::DELETE, &["keys", &id.to_string()]))
            .await
    }

    async fn expose_channel(&self, ask: ExposeChannel) -> Answer<ExposedChannel> {
        self.post(&["channels"], &ask).await
    }

    async fn list_channels(&self) -> Answer<ChannelList> {
        self.call(self.request(Method::GET, &["channels"])).await
    }

    async fn revoke_channel(&self, id: GrantId) -> Answer<ChannelList> {
        self.call(self.request(Method::DELETE, &["channels", &id.to_string()]))
            .await
    }

    async fn open_session(&self, ask: OpenSession) -> Answer<SessionEntry> {
        self.post(&["sessions"], &ask).await
    }

    async fn list_sessions(&self) -> Answer<SessionList> {
        self.call(self.request(Method::GET, &["sessions"])).await
    }

    async fn end_session(&self, id: SessionId) -> Answer<SessionEntry> {
        self.call(self.request(Method::DELETE, &["sessions", id.as_str()]))
            .await
    }

    async fn set_route(&self, ask: SetRoute) -> Answer<RouteList> {
        self.post(&["routes"], &ask).await
    }

    async fn list_routes(&self) -> Answer<RouteList> {
        self.call(self.request(Method::GET, &["routes"])).await
    }

    async fn remove_route(&self, id: RouteId) -> Answer<RouteList> {
        self.call(self.request(Method::DELETE, &["routes", &id.to_string()]))
            .await
    }

    async fn test_route(&self, ask: TestRoute) -> Answer<RouteTested> {
        self.post(&["routes", "test"], &ask).await
    }

    async fn rotate_signing_key(&self, ask: RotateSigningKey) -> Answer<SigningKeyRotated> {
        self.post(&["signing_keys", "rotate"], &ask).await
    }
}
