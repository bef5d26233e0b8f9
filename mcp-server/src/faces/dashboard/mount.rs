//! How a browser sees us: over what, and under which path. Pages link relatively, so that only what
//! a browser keeps by path, its cookies, has to know.

use axum::http::HeaderValue;

use crate::{caller::browser::CookieName, config::ControlUrl, faces::same_origin::OwnOrigin};

/// Where a cookie is kept, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    secure: bool,
    /// Empty, or `/bell`.
    path: String,
}

impl Mount {
    /// As the page says that made a request; one that does not say is taken to be at the root,
    /// over http.
    pub(super) fn of(own: Option<&OwnOrigin>) -> Self {
        Self {
            secure: own.is_some_and(OwnOrigin::is_secure),
            path: own.map_or("", OwnOrigin::path).to_owned(),
        }
    }

    /// As clients were told to reach us: somebody comes back there from the issuer, with a request
    /// that another site's page made and that says no `Origin` of ours.
    pub(super) fn told(secure: bool, url: Option<&ControlUrl>) -> Self {
        Self {
            secure,
            path: url.map_or("", ControlUrl::path).to_owned(),
        }
    }

    /// The path of something of ours, as the browser names it.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}{below}", self.path)
    }

    /// Whether the browser speaks https.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// The name of a new session's cookie.
    pub(super) fn cookie_name(&self) -> CookieName {
        match (self.secure, self.path.as_str()) {
            (false, _) => CookieName::Plain,
            (true, "") => CookieName::Host,
            (true, _) => CookieName::Path,
        }
    }

    /// Sets a session's cookie.
    pub(super) fn set(&self, value: &str) -> HeaderValue {
        self.cookie(self.cookie_name(), value, "")
    }

    /// Takes a session's cookie away.
    pub(super) fn unset(&self, name: CookieName) -> HeaderValue {
        self.cookie(name, "", "; Max-Age=0")
    }

    fn cookie(&self, name: CookieName, value: &str, end: &str) -> HeaderValue {
        let (path, secure) = match name {
            CookieName::Host => ("/", "; Secure"),
            CookieName::Path => (self.below(), "; Secure"),
            CookieName::Plain => (self.below(), ""),
        };
        let name = name.as_str();
        let text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Strict{secure}{end}");
        HeaderValue::try_from(text).expect("base64 and a URL's path are ASCII")
    }

    fn below(&self) -> &str {
        match self.path.as_str() {
            "" => "/",
            path => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(secure: bool, url: Option<&str>) -> String {
        let url = url.map(|url| ControlUrl::parse(url).expect("a URL"));
        let mount = Mount::told(secure, url.as_ref());
        mount.set("v").to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn a_cookie_is_kept_below_our_path_alone_and_bound_to_the_host_where_it_can_be() {
        assert_eq!(
            set(true, Some("https://h")),
            "__Host-doorbell_session=v; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            set(true, Some("https://h/bell")),
            "__Secure-doorbell_session=v; Path=/bell; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            set(false, Some("http://h/a/b")),
            "doorbell_session=v; Path=/a/b; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            set(false, None),
            "doorbell_session=v; Path=/; HttpOnly; SameSite=Strict"
        );
    }
}
