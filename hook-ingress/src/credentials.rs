//! The token that a request shows: in its path, or in `Authorization`.

use std::borrow::Cow;

use doorbell_core::token::CHANNEL_TOKEN_PREFIX;
use http::{header::AUTHORIZATION, request};

use crate::{
    path::{bare, token_in},
    redact::{basic, redact},
    rejection::Rejection,
};

/// What a request showed: a path's segment goes before a header.
pub(crate) enum Shown<'a> {
    /// A route token, as far as one can tell from its beginning.
    Route(Cow<'a, str>),
    /// A channel token, likewise.
    Channel(Cow<'a, str>),
}

/// The token of a request; `segment` is the path's segment after `/hook/`, `""` where there is
/// none.
pub(crate) fn shown<'a>(
    head: &'a request::Parts,
    segment: &'a str,
) -> Result<Shown<'a>, Rejection> {
    let mut token = token_in(segment).ok_or(Rejection::Token)?;
    if token.is_empty() {
        token = in_header(head)?;
    }
    Ok(match token.starts_with(CHANNEL_TOKEN_PREFIX) {
        true => Shown::Channel(token),
        false => Shown::Route(token),
    })
}

/// The token of the one `Authorization`. Of two, others may have read the one that we do not.
fn in_header(head: &request::Parts) -> Result<Cow<'_, str>, Rejection> {
    let mut all = head.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else {
        return Err(missing(head));
    };
    if all.next().is_some() {
        return Err(Rejection::TwoCredentials);
    }
    value
        .to_str()
        .ok()
        .and_then(authorization)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| missing(head))
}

/// Why a request without a token is refused: some put it into the query (RFC 6750, section 2.3),
/// where every proxy on the way logs it.
fn missing(head: &request::Parts) -> Rejection {
    let query = head.uri.query().unwrap_or_default();
    let named = query
        .split('&')
        .any(|pair| pair.split('=').next() == Some("access_token"));
    if named || matches!(redact(query.as_bytes()), Cow::Owned(_)) {
        Rejection::TokenInQuery
    } else {
        Rejection::NoToken
    }
}

/// The token of `Bearer`, or of `Basic`.
fn authorization(value: &str) -> Option<Cow<'_, str>> {
    if let Some(credentials) = basic(value.as_bytes()) {
        return Some(Cow::Owned(of_basic(&credentials)));
    }
    let (scheme, rest) = value.split_once([' ', '\t'])?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Cow::Borrowed(bare(rest.trim_start_matches([' ', '\t']))))
}

/// The password, or the name where the password is none of our tokens: some senders have a field
/// for one of them only, and fill the other with a word, in whatever encoding; some leave the end
/// of the line behind the password.
fn of_basic(credentials: &[u8]) -> String {
    let plain = String::from_utf8_lossy(credentials);
    let (name, password) = plain.split_once(':').unwrap_or((plain.as_ref(), ""));
    let ours = |text: &str| {
        let mut text = text.bytes();
        text.next() == Some(b'd') && text.next() == Some(b'b') && text.nth(1) == Some(b'_')
    };
    let (name, password) = (bare(name), bare(password));
    let by_name = password.is_empty() || (ours(name) && !ours(password));
    if by_name { name } else { password }.to_owned()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use http::Request;

    use super::*;

    fn token_of(value: &str) -> Option<Cow<'_, str>> {
        authorization(value)
    }

    #[test]
    fn a_bearer_is_found_whatever_the_schemes_case() {
        for (value, token) in [
            ("Bearer x", Some("x")),
            ("bearer  x", Some("x")),
            ("BEARER\tx", Some("x")),
            ("Bearer x/ ", Some("x")),
            ("Digest x", None),
            ("Bearer", None),
            ("", None),
        ] {
            assert_eq!(token_of(value).as_deref(), token, "{value}");
        }
    }

    #[test]
    fn of_basic_the_password_counts_and_else_the_name() {
        for (plain, token) in [
            ("x:dbh_1", "dbh_1"),
            (":dbh_1", "dbh_1"),
            ("dbh_1:", "dbh_1"),
            ("dbh_1", "dbh_1"),
            ("dbh_1:x", "dbh_1"),
            ("dbh_1:dbh_2", "dbh_2"),
            ("dbc_1.2:x-oauth-basic", "dbc_1.2"),
            ("a:b:c", "b:c"),
            ("a:b", "b"),
            ("x:dbh_1\n", "dbh_1"),
            ("dbh_1\r\n", "dbh_1"),
            ("dbh_1: ", "dbh_1"),
            ("x:dbh_1/", "dbh_1"),
        ] {
            for encoded in [
                STANDARD.encode(plain),
                STANDARD.encode(plain).trim_end_matches('=').to_owned(),
            ] {
                let value = format!("basic {encoded}");
                assert_eq!(token_of(&value).as_deref(), Some(token), "{plain}");
            }
        }
        let latin = format!("Basic {}", STANDARD.encode(b"caf\xe9:dbh_1"));
        assert_eq!(token_of(&latin).as_deref(), Some("dbh_1"));
        for bad in ["Basic !!", "Basic", "Basicx eDp5"] {
            assert_eq!(token_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_told_from_none() {
        let refused = |target: &str| {
            let request = Request::builder().uri(target).body(()).expect("a request");
            let (head, ()) = request.into_parts();
            shown(&head, "").err()
        };
        for target in [
            "/hook?access_token=x",
            "/hook?a=1&access_token",
            "/hook?access_token=",
        ] {
            assert_eq!(refused(target), Some(Rejection::TokenInQuery), "{target}");
        }
        for target in [
            "/hook",
            "/hook?",
            "/hook?xaccess_token=1",
            "/hook?a=access_token",
        ] {
            assert_eq!(refused(target), Some(Rejection::NoToken), "{target}");
        }
    }
}
