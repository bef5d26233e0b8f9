//! The control listener as its clients reach it, through whatever stands before it.

use std::fmt;

use http::uri::Authority;

/// Scheme, host and port: what a browser says of a page in `Origin`. A scheme's own port counts as
/// none, as RFC 6454 has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin {
    secure: bool,
    host: String,
    port: Option<u16>,
}

impl WebOrigin {
    /// Reads `https://bell.example.com:443`; nothing of a path, and no `null`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority: Authority = authority.parse().ok()?;
        let named = !authority.as_str().contains('@') && !authority.host().is_empty();
        named.then(|| Self::of(secure, &authority))
    }

    fn of(secure: bool, authority: &Authority) -> Self {
        let own_port = if secure { 443 } else { 80 };
        Self {
            secure,
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().filter(|port| *port != own_port),
        }
    }

    /// Whether a browser that asks this origin sends this `Host`.
    pub fn sends(&self, host: &Authority) -> bool {
        Self::of(self.secure, host) == *self
    }

    /// Whether it is spoken to over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host's name, an IPv6 address in its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// `--control-url`: where clients reach the control listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlUrl {
    text: String,
    origin: WebOrigin,
    path: String,
}

/// A text that is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an http:// or https:// URL without user, query and fragment, whose path is made of letters, digits and -._~ between slashes"
)]
pub struct ControlUrlError;

impl ControlUrl {
    /// Reads one; a slash at its end is let go.
    pub fn parse(text: &str) -> Result<Self, ControlUrlError> {
        let text = text.trim_end_matches('/');
        let (scheme, rest) = text.split_once("://").ok_or(ControlUrlError)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let origin = WebOrigin::parse(&format!("{scheme}://{authority}")).ok_or(ControlUrlError)?;
        // It goes into cookies and is compared with what a proxy sends: one spelling alone.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let segments = path.split('/').skip(1);
        let mut legal = segments
            .map(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain));
        if !legal.all(|legal| legal) {
            return Err(ControlUrlError);
        }
        Ok(Self {
            text: text.to_owned(),
            origin,
            path: path.to_owned(),
        })
    }

    /// As it was given, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What a browser calls a page of ours.
    pub fn origin(&self) -> &WebOrigin {
        &self.origin
    }

    /// The path under which all of it lies: empty, or `/bell`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(origin: &str, host: &str) -> bool {
        let host = host.parse().expect("an authority");
        WebOrigin::parse(origin).is_some_and(|origin| origin.sends(&host))
    }

    #[test]
    fn a_schemes_own_port_counts_as_none() {
        for (origin, host) in [
            ("https://bell.example", "bell.example:443"),
            ("https://bell.example:443", "bell.example"),
            ("http://bell.example", "bell.example:80"),
            ("http://bell.example:80", "Bell.Example"),
            ("HTTPS://Bell.Example", "bell.example"),
            ("http://[::1]:8788", "[::1]:8788"),
            ("https://[::1]", "[::1]:443"),
        ] {
            assert!(sends(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://bell.example", "bell.example:443"),
            ("https://bell.example", "bell.example:80"),
            ("https://bell.example:8443", "bell.example"),
            ("https://bell.example", "bell.example:8443"),
            ("https://bell.example.evil", "bell.example"),
            ("https://x@bell.example", "bell.example"),
            ("https://bell.example/", "bell.example"),
            ("ftp://bell.example", "bell.example"),
            ("null", "bell.example"),
            ("", "bell.example"),
        ] {
            assert!(!sends(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn a_control_url_may_have_a_path_of_plain_segments() {
        for (text, path) in [
            ("https://bell.example", ""),
            ("https://bell.example/", ""),
            ("https://bell.example/bell", "/bell"),
            ("http://127.0.0.1:8080/a/b-1_.~/", "/a/b-1_.~"),
        ] {
            let url = ControlUrl::parse(text).expect(text);
            assert_eq!(url.path(), path);
            assert_eq!(url.as_str(), text.trim_end_matches('/'));
        }
        for bad in [
            "",
            "bell.example",
            "ftp://bell.example",
            "https://",
            "https://u@bell.example",
            "https://bell.example//bell",
            "https://bell.example/../x",
            "https://bell.example/a;b",
            "https://bell.example/a%20b",
            "https://bell.example/{x}",
            "https://bell.example/?x",
            "https://bell.example/#x",
            "https://bell.example?x",
        ] {
            assert_eq!(ControlUrl::parse(bad), Err(ControlUrlError), "{bad}");
        }
    }
}
