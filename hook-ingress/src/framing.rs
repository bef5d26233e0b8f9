//! What the parser lets pass and HTTP/1.1 forbids. Whoever reads such a request otherwise than we
//! do, a proxy before us, can be led to take one request for two.

use http::{
    HeaderMap, Request, Version,
    header::{HOST, TRANSFER_ENCODING},
    uri::Authority,
};

use crate::rejection::Rejection;

/// Refuses a request that names its host not once, or whose body is not framed as we read it.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Rejection> {
    check_host(request.version(), request.headers())?;
    check_coding(request.headers())
}

/// RFC 9112, section 3.2.
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Rejection> {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        return if version == Version::HTTP_11 {
            Err(Rejection::NotHttp("There is no Host header."))
        } else {
            Ok(())
        };
    };
    if hosts.next().is_some() {
        return Err(Rejection::NotHttp("There is more than one Host header."));
    }
    let good = host.is_empty()
        || host
            .to_str()
            .ok()
            .and_then(|host| host.parse::<Authority>().ok())
            .is_some_and(|host| !host.as_str().contains('@') && has_a_good_port(host.as_str()));
    if good {
        Ok(())
    } else {
        Err(Rejection::NotHttp("The Host header is not a host's name."))
    }
}

/// Whether what stands behind the host's name, if anything, is a number (RFC 3986, section 3.2.3).
fn has_a_good_port(host: &str) -> bool {
    let behind = host.rsplit(']').next().unwrap_or(host);
    behind
        .split_once(':')
        .is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// RFC 9112, section 6.1: a coding that is not understood is 501. The parser has made sure that
/// the last is chunked.
fn check_coding(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut chunked = 0;
    for line in headers.get_all(TRANSFER_ENCODING) {
        for coding in line.as_bytes().split(|byte| *byte == b',') {
            match coding.trim_ascii() {
                b"" => {}
                coding if coding.eq_ignore_ascii_case(b"chunked") => chunked += 1,
                _ => return Err(Rejection::TransferCoding),
            }
        }
    }
    if chunked > 1 {
        return Err(Rejection::NotHttp("The body is said to be chunked twice."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(version: Version, lines: &[(&str, &str)]) -> Result<(), Rejection> {
        let mut request = Request::builder().version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        check(&request.body(()).expect("a request"))
    }

    #[test]
    fn a_request_names_one_host() {
        for good in [
            "d",
            "d:1",
            "127.0.0.1:8787",
            "[::1]:8787",
            "bell.example.",
            "a_b",
            "d:",
            "",
        ] {
            assert_eq!(
                checked(Version::HTTP_11, &[("host", good)]),
                Ok(()),
                "{good}"
            );
        }
        for bad in [
            "a b", "a/b", "u@d", "d, d", "http://d", "[::1", "d:x", "d:-1", "[::1]:x",
        ] {
            let refused = checked(Version::HTTP_11, &[("host", bad)]);
            assert!(matches!(refused, Err(Rejection::NotHttp(_))), "{bad}");
        }
        assert!(checked(Version::HTTP_11, &[]).is_err());
        assert_eq!(checked(Version::HTTP_10, &[]), Ok(()));
        let two = [("host", "d"), ("host", "d")];
        assert!(checked(Version::HTTP_11, &two).is_err());
        assert!(checked(Version::HTTP_10, &two).is_err());
    }

    #[test]
    fn chunked_is_the_only_coding_and_stands_once() {
        let coded = |lines: &[&str]| {
            let lines = lines.iter().map(|value| ("transfer-encoding", *value));
            let all: Vec<_> = [("host", "d")].into_iter().chain(lines).collect();
            checked(Version::HTTP_11, &all)
        };
        for good in [&["chunked"][..], &["Chunked"], &[" chunked ,"], &[]] {
            assert_eq!(coded(good), Ok(()), "{good:?}");
        }
        for unknown in [
            &["gzip, chunked"][..],
            &["gzip", "chunked"],
            &["identity, chunked"],
            &["deflate,gzip,chunked"],
            &["xchunked"],
        ] {
            assert_eq!(
                coded(unknown),
                Err(Rejection::TransferCoding),
                "{unknown:?}"
            );
        }
        for twice in [&["chunked, chunked"][..], &["chunked", "chunked"]] {
            assert!(
                matches!(coded(twice), Err(Rejection::NotHttp(_))),
                "{twice:?}"
            );
        }
    }
}
