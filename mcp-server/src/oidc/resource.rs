//! How a server that believes an issuer describes itself (RFC 9728), so that a client that was
//! refused finds the issuer by itself.

use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, HOST},
    uri::Authority,
};
use serde_json::{Value, json};

use super::Issuer;

/// Where the description of the whole listener is.
const WHOLE: &str = "/.well-known/oauth-protected-resource";
/// The resource that MCP clients ask for; its description is at [`WHOLE`] and this.
const MCP: &str = "/mcp";

/// What a description is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The whole control listener.
    Whole,
    /// `/mcp` alone: RFC 9728 section 3.1 puts the resource's path at the description's end, and
    /// MCP clients look there first.
    Mcp,
}

impl Resource {
    /// What a request to this path asks for.
    fn at(path: &str) -> Self {
        if path == MCP { Self::Mcp } else { Self::Whole }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Mcp => MCP,
        }
    }
}

impl Issuer {
    /// What a 401 says, to a request with these headers: where to read who issues tokens, and
    /// whether one was shown (RFC 6750 section 3).
    pub fn challenge(&self, path: &str, headers: &HeaderMap) -> HeaderValue {
        let url = format!("{}{WHOLE}{}", self.base(headers), Resource::at(path).path());
        let error = if headers.contains_key(AUTHORIZATION) {
            ", error=\"invalid_token\""
        } else {
            ""
        };
        // A URL that was parsed, or a host that was: neither holds a quote.
        HeaderValue::try_from(format!("Bearer resource_metadata=\"{url}\"{error}"))
            .unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
    }

    /// The description, for a request with these headers.
    pub fn description(&self, resource: Resource, headers: &HeaderMap) -> Value {
        json!({
            "resource": self.resource(resource, headers),
            "authorization_servers": [self.settings.issuer.as_str()],
            "bearer_methods_supported": ["header"],
            "resource_name": "Doorbell",
        })
    }

    /// The resource that a client asks the issuer for a token for. The issuer then writes it into
    /// `aud`, so where the audience is a URL of this server, it is that.
    fn resource(&self, resource: Resource, headers: &HeaderMap) -> String {
        let base = self.base(headers);
        let audience = &self.settings.audience;
        let below = audience.strip_prefix(&base);
        if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            audience.clone()
        } else {
            format!("{base}{}", resource.path())
        }
    }

    /// Whether browsers reach us over https, as far as we know.
    pub fn is_secure(&self, headers: &HeaderMap) -> bool {
        self.base(headers).starts_with("https://")
    }

    /// What stands before the path in a URL of ours: the setting, else what the client itself put
    /// into `Host`, which the guard has checked. No header that a proxy adds is believed.
    pub(super) fn base(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.settings.control_url {
            return url.clone();
        }
        base_as_asked(headers)
    }
}

/// The listener's URL as a request without a proxy in between has it: by its `Host`.
pub fn base_as_asked(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    let Some(authority) = authority else {
        return String::new();
    };
    match authority.port_u16() {
        None => format!("http://{}", authority.host()),
        Some(port) => format!("http://{}:{port}", authority.host()),
    }
}
