//! What every request to the control listener passes: is it meant for us, and who sent it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, Method,
        header::{AUTHORIZATION, COOKIE, HOST, WWW_AUTHENTICATE},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    cors,
    rest::Problem,
    same_origin::{self, OwnOrigin},
};
use crate::{
    caller::{self, Caller, browser::Shown},
    config::{ControlUrl, WebOrigin},
    house::House,
    refusal::Refusal,
};

/// The address that a connection came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Which names the control listener answers to.
///
/// An IP literal and `localhost` are always ours: DNS rebinding, which this check is against,
/// needs a name. Other names have to be listed, or be what clients were told to reach us at.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Vec<String>,
    control_url: Option<ControlUrl>,
    guests: Vec<WebOrigin>,
}

impl Hosts {
    /// Those listed, and that of `--control-url`.
    pub fn new(names: Vec<String>, control_url: Option<ControlUrl>) -> Self {
        Self {
            names,
            control_url,
            guests: Vec::new(),
        }
    }

    /// The same, letting pages of these origins ask `/mcp`.
    #[must_use]
    pub fn with_guests(self, guests: Vec<WebOrigin>) -> Self {
        Self { guests, ..self }
    }

    /// Where clients were told to reach us, if they were.
    pub fn control_url(&self) -> Option<&ControlUrl> {
        self.control_url.as_ref()
    }

    fn allow(&self, authority: &Authority) -> bool {
        // A Host names no user (RFC 9110 section 7.2), and others may read one as the host.
        if authority.as_str().contains('@') {
            return false;
        }
        let told = self.control_url.as_ref().map(|url| url.origin().host());
        if told.is_some_and(|told| authority.host().eq_ignore_ascii_case(told)) {
            return true;
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok()
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// Refuses a request whose `Host` is not ours or whose `Origin` is another's; one that a page of
/// ours made goes on with its [`OwnOrigin`].
pub async fn meant_for_us(
    State(hosts): State<Arc<Hosts>>,
    mut request: Request,
    next: Next,
) -> Response {
    let host = match check_host(&hosts, request.headers()) {
        Ok(host) => host,
        Err(refusal) => return Problem(refusal).into_response(),
    };
    if let Some(origin) = cors::guest(&hosts.guests, &request) {
        let mut response = match cors::preflight(&request) {
            Some(response) => response,
            None => next.run(request).await,
        };
        cors::show_to(origin, &mut response);
        return response;
    }
    match same_origin::own_origin(request.headers(), &host, hosts.control_url()) {
        Ok(own) => {
            if let Some(own) = own {
                request.extensions_mut().insert(own);
            }
            next.run(request).await
        }
        Err(refusal) => Problem(refusal).into_response(),
    }
}

fn check_host(hosts: &Hosts, headers: &HeaderMap) -> Result<Authority, Refusal> {
    let mut named = headers.get_all(HOST).iter();
    let host = named.next().and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    let (Some(host), None) = (host, named.next()) else {
        return Err(Refusal::Forbidden(
            "a request must name the Host it is for, once".to_owned(),
        ));
    };
    if !hosts.allow(&host) {
        return Err(Refusal::Forbidden(format!(
            "Host {host} is not a name of this server; to be reached by it, start the server with \
             --allowed-host {}, or with --control-url and the URL that clients use",
            host.host()
        )));
    }
    Ok(host)
}

/// Learns who sent a request and leaves the [`Caller`] in its extensions; the credential goes no
/// further, so that nothing below can log it.
pub async fn let_in(State(house): State<Arc<House>>, mut request: Request, next: Next) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let own = request.extensions().get::<OwnOrigin>();
    match who(&house, method, path, request.headers(), own).await {
        Ok(caller) => {
            request.headers_mut().remove(AUTHORIZATION);
            request.headers_mut().remove(COOKIE);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => {
            let stranger = matches!(refusal, Refusal::Unauthenticated(_));
            let mut response = Problem(refusal).into_response();
            if stranger && let Some(issuer) = house.authenticator.issuer() {
                let challenge = issuer.challenge(request.uri().path(), request.headers());
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

/// A bearer credential goes before a cookie, which the browser sends along whoever asks. Agents do
/// not speak with cookies: `/v1` alone takes one, where our own page made the request.
async fn who(
    house: &House,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    own: Option<&OwnOrigin>,
) -> Result<Caller, Refusal> {
    if !headers.contains_key(AUTHORIZATION)
        && path.starts_with("/v1/")
        && let Some(shown) = Shown::find(headers)
        && let Some(admitted) = house.authenticator.browser(&shown).await
    {
        same_origin::check(method, headers, own, &shown.secret.csrf())?;
        return caller::identify_as(admitted, headers);
    }
    caller::identify(headers, &house.authenticator).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &Hosts, headers: &HeaderMap) -> Result<Option<OwnOrigin>, Refusal> {
        let host = check_host(hosts, headers)?;
        same_origin::own_origin(headers, &host, hosts.control_url())
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")))
            .collect()
    }

    #[test]
    fn a_name_that_is_not_listed_is_refused() {
        let url = ControlUrl::parse("https://told.example/bell").expect("a URL");
        let hosts = Hosts::new(vec!["bell.example".to_owned()], Some(url));
        for good in [
            "told.example",
            "Told.Example:8443",
            "127.0.0.1:8788",
            "localhost",
            "[::1]:9",
            "10.1.2.3",
            "Bell.Example:443",
        ] {
            assert!(check(&hosts, &headers(&[("host", good)])).is_ok(), "{good}");
        }
        for bad in [
            "evil.example",
            "",
            "localhost.evil.example",
            "127.0.0.1.nip.example",
            "evil.example@localhost",
            "bell.example@127.0.0.1:8788",
        ] {
            assert!(check(&hosts, &headers(&[("host", bad)])).is_err(), "{bad}");
        }
        assert!(check(&hosts, &HeaderMap::new()).is_err());
        let twice = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert!(check(&hosts, &twice).is_err());
        let said = check(&hosts, &headers(&[("host", "evil.example:1")])).expect_err("not ours");
        assert!(
            said.to_string().contains("--allowed-host evil.example,"),
            "{said}"
        );
    }

    #[test]
    fn another_origin_is_refused() {
        let check = |origin| {
            check(
                &Hosts::default(),
                &headers(&[("host", "localhost:8788"), ("origin", origin)]),
            )
        };
        assert!(check("http://localhost:8788").is_ok());
        for bad in ["http://localhost:3000", "null", "https://evil.example", ""] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
