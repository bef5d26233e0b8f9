//! Whether a request that shows a cookie was made by our own page: a browser sends the cookie along
//! with whatever any page asks for, so the cookie alone says nothing of who asks.

use axum::http::{
    HeaderMap, Method,
    header::{HOST, ORIGIN},
};

use crate::{caller::browser::Csrf, refusal::Refusal};

/// What a page sends back with what it changes: the token that it was made with.
pub const CSRF_HEADER: &str = "doorbell-csrf";

/// What browsers say of the page that a request was made by, and pages cannot change.
const FETCH_SITE: &str = "sec-fetch-site";

/// Refuses what another site's page made the browser send.
///
/// Reading takes a request that no other page made, as far as the browser says so; what another
/// site reads it is not shown (there is no CORS here). Changing takes proof: the browser must say
/// that the page is ours, and the page must show the token of this session.
pub fn check(method: &Method, headers: &HeaderMap, csrf: &Csrf) -> Result<(), Refusal> {
    no_other_page(headers)?;
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let site = headers.get(FETCH_SITE).map(|site| site.as_bytes());
    if site != Some(b"same-origin") && !is_own(headers) {
        return Err(Refusal::Forbidden(
            "with a cookie, what changes anything must say its Origin".to_owned(),
        ));
    }
    if headers
        .get(CSRF_HEADER)
        .is_some_and(|sent| csrf.is(sent.as_bytes()))
    {
        Ok(())
    } else {
        Err(Refusal::Forbidden(
            "with a cookie, what changes anything must carry the page's Doorbell-Csrf token; reload the page"
                .to_owned(),
        ))
    }
}

/// Refuses what the browser says was made by another page. `none` is the person: a bookmark, a
/// typed address.
pub fn no_other_page(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(FETCH_SITE).map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Refusal::Forbidden(
            "requests that another site's page made are refused".to_owned(),
        )),
    }
}

/// Whether the page says it is of this very origin. The guard has compared it with `Host`; it is
/// compared again so that this holds by itself.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin: &str| origin.split_once("://"));
    match (origin, text(HOST)) {
        (Some((_, authority)), Some(host)) => authority.eq_ignore_ascii_case(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::browser::CookieSecret;

    fn judge(method: Method, pairs: &[(&'static str, &str)]) -> bool {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")))
            .collect();
        check(&method, &headers, &CookieSecret::sample().csrf()).is_ok()
    }

    #[test]
    fn reading_is_refused_where_another_page_asked() {
        for (site, good) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("nonsense", false),
        ] {
            assert_eq!(judge(Method::GET, &[(FETCH_SITE, site)]), good, "{site}");
        }
        assert!(judge(Method::GET, &[]), "an old browser does not say");
    }

    #[test]
    fn changing_takes_our_origin_and_the_token() {
        let token = CookieSecret::sample().csrf().expose();
        let csrf = (CSRF_HEADER, token.as_str());
        let host = ("host", "localhost:8788");
        let own = ("origin", "http://localhost:8788");
        assert!(judge(Method::POST, &[host, own, csrf]));
        assert!(judge(
            Method::DELETE,
            &[host, (FETCH_SITE, "same-origin"), csrf]
        ));
        for bad in [
            &[host, own][..],
            &[host, csrf],
            &[host, own, (CSRF_HEADER, "")],
            &[host, own, (CSRF_HEADER, &token[1..])],
            &[host, ("origin", "http://localhost:3000"), csrf],
            &[host, ("origin", "null"), csrf],
            &[host, own, (FETCH_SITE, "same-site"), csrf],
            &[host, own, (FETCH_SITE, "cross-site"), csrf],
            &[host, (FETCH_SITE, "none"), csrf],
        ] {
            assert!(!judge(Method::POST, bad), "{bad:?}");
        }
    }
}
