//! Whether a request that shows a cookie was made by our own page: a browser sends the cookie along
//! with whatever any page asks for, so the cookie alone says nothing of who asks.

use axum::http::{HeaderMap, Method, header::ORIGIN, uri::Authority};

use crate::{
    caller::browser::Csrf,
    config::{ControlUrl, WebOrigin},
    refusal::Refusal,
};

/// What a page sends back with what it changes: the token that it was made with.
pub const CSRF_HEADER: &str = "doorbell-csrf";

/// What browsers say of the page that a request was made by, and pages cannot change.
const FETCH_SITE: &str = "sec-fetch-site";

/// A page of ours made this request: its `Origin` says so. Only [`own_origin`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnOrigin {
    secure: bool,
    path: String,
}

impl OwnOrigin {
    /// Whether the browser speaks https to whatever it speaks to. It says so itself: no proxy in
    /// between has to be believed.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The path under which the browser sees us: empty, or `/bell`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Looks at `Origin`, where there is one: it must be that of `Host`, or the one that clients were
/// told to reach us at.
pub fn own_origin(
    headers: &HeaderMap,
    host: &Authority,
    control_url: Option<&ControlUrl>,
) -> Result<Option<OwnOrigin>, Refusal> {
    let Some(sent) = headers.get(ORIGIN) else {
        return Ok(None);
    };
    let origin = sent.to_str().ok().and_then(WebOrigin::parse);
    let Some(origin) = origin else {
        return Err(Refusal::Forbidden(
            "requests from another Origin are refused, and this one is no site's".to_owned(),
        ));
    };
    let told = control_url.filter(|url| *url.origin() == origin);
    if told.is_none() && !origin.sends(host) {
        return Err(Refusal::Forbidden(format!(
            "this page is of {origin}, and asked for Host {host}: requests from another Origin are refused. \
             If that is this server behind a proxy, let the proxy pass on Host as the browser sent it \
             (nginx: proxy_set_header Host $http_host), or start the server with --control-url {origin}"
        )));
    }
    Ok(Some(OwnOrigin {
        secure: origin.is_secure(),
        path: told.map_or("", ControlUrl::path).to_owned(),
    }))
}

/// Refuses what another site's page made the browser send.
///
/// Reading takes a request that no other page made, as far as the browser says so; what another
/// site reads it is not shown (there is no CORS here). Changing takes proof: the browser must say
/// that the page is ours, and the page must show the token of this session.
pub fn check(
    method: &Method,
    headers: &HeaderMap,
    own: Option<&OwnOrigin>,
    csrf: &Csrf,
) -> Result<(), Refusal> {
    no_other_page(headers)?;
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let site = headers.get(FETCH_SITE).map(|site| site.as_bytes());
    if site != Some(b"same-origin") && own.is_none() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::browser::CookieSecret;

    fn judge(method: Method, pairs: &[(&'static str, &str)]) -> bool {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")))
            .collect();
        let host = headers
            .get("host")
            .map_or("localhost:8788", |host| host.to_str().expect("ASCII"));
        let host = host.parse().expect("an authority");
        own_origin(&headers, &host, None).is_ok_and(|own| {
            let csrf = CookieSecret::sample().csrf();
            check(&method, &headers, own.as_ref(), &csrf).is_ok()
        })
    }

    #[test]
    fn a_page_is_ours_by_its_host_or_by_the_url_that_clients_were_told() {
        let url = ControlUrl::parse("https://bell.example/bell").expect("a URL");
        let own = |origin: &str, host: &str, url: Option<&ControlUrl>| {
            let headers = [("origin", origin)]
                .map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")));
            let headers = headers.into_iter().collect();
            own_origin(&headers, &host.parse().expect("an authority"), url)
        };
        let seen = |secure, path: &str| {
            Ok(Some(OwnOrigin {
                secure,
                path: path.to_owned(),
            }))
        };
        let there = Some(&url);
        assert_eq!(own("https://h", "h:443", None), seen(true, ""));
        assert_eq!(own("http://h:80", "h", None), seen(false, ""));
        for host in ["bell.example", "bell.example:443", "127.0.0.1:8788"] {
            assert_eq!(
                own("https://bell.example", host, there),
                seen(true, "/bell")
            );
        }
        // Whoever comes past the proxy sees no path.
        let direct = own("http://127.0.0.1:8788", "127.0.0.1:8788", there);
        assert_eq!(direct, seen(false, ""));
        for (origin, host) in [
            ("https://evil.example", "bell.example"),
            ("http://bell.example", "127.0.0.1:8788"),
            ("https://bell.example:8443", "127.0.0.1:8788"),
            ("null", "bell.example"),
        ] {
            assert!(own(origin, host, there).is_err(), "{origin} {host}");
        }
        let said = own("https://h", "10.0.0.1:8788", None).expect_err("another");
        for part in ["--control-url https://h", "proxy_set_header Host"] {
            assert!(said.to_string().contains(part), "{said}");
        }
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
