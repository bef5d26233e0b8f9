//! What every request to the control listener passes: is it meant for us, and who sent it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, Method,
        header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, WWW_AUTHENTICATE},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{rest::Problem, same_origin};
use crate::{
    caller::{self, Caller, browser::Shown},
    house::House,
    refusal::Refusal,
};

/// The address that a connection came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Which names the control listener answers to.
///
/// An IP literal and `localhost` are always ours: DNS rebinding, which this check is against,
/// needs a name. Other names have to be listed.
#[derive(Clone, Debug, Default)]
pub struct Hosts(pub Vec<String>);

impl Hosts {
    fn allow(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        // A Host names no user (RFC 9110 section 7.2), and others may read one as the host.
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok()
            || self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// Refuses a request whose `Host` is not ours or whose `Origin` is another's.
pub async fn meant_for_us(
    State(hosts): State<Arc<Hosts>>,
    request: Request,
    next: Next,
) -> Response {
    match check(&hosts, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => Problem(refusal).into_response(),
    }
}

fn check(hosts: &Hosts, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut named = headers.get_all(HOST).iter();
    let host = named
        .next()
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if named.next().is_some() || !hosts.allow(host) {
        return Err(Refusal::Forbidden(
            "this Host is not ours; to be reached by another name, list it with --allowed-host"
                .to_owned(),
        ));
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let same = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    if same {
        Ok(())
    } else {
        Err(Refusal::Forbidden(
            "requests from another Origin are refused".to_owned(),
        ))
    }
}

/// Learns who sent a request and leaves the [`Caller`] in its extensions; the credential goes no
/// further, so that nothing below can log it.
pub async fn let_in(State(house): State<Arc<House>>, mut request: Request, next: Next) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    match who(&house, method, path, request.headers()).await {
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
) -> Result<Caller, Refusal> {
    if !headers.contains_key(AUTHORIZATION)
        && path.starts_with("/v1/")
        && let Some(shown) = Shown::find(headers)
        && let Some(admitted) = house.authenticator.browser(&shown)
    {
        same_origin::check(method, headers, &shown.secret.csrf())?;
        return caller::identify_as(admitted, headers);
    }
    caller::identify(headers, &house.authenticator).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")))
            .collect()
    }

    #[test]
    fn a_name_that_is_not_listed_is_refused() {
        let hosts = Hosts(vec!["bell.example".to_owned()]);
        for good in [
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
