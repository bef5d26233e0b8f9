//! What a path names.
//!
//! Senders join URLs carelessly: slashes that are doubled or come last, and white space that was
//! pasted along, are let go. Nothing is redirected, as few senders follow and some lose the body.

use std::borrow::Cow;

use crate::percent;

/// A path of the front door. It is told by hand: a router would copy the token out of the path
/// and keep it beside the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// `/hook/<token>`, still escaped, or `/hook` with an empty token.
    Hook(&'a str),
    Healthz,
    Nothing,
}

/// What is served at this path.
pub(crate) fn route(path: &str) -> Route<'_> {
    if path == "/healthz" {
        return Route::Healthz;
    }
    if !path.starts_with('/') {
        return Route::Nothing;
    }
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    if segments.next() != Some("hook") {
        return Route::Nothing;
    }
    let token = segments.next().unwrap_or_default();
    if segments.all(is_blank) {
        Route::Hook(token)
    } else {
        Route::Nothing
    }
}

/// The token in its segment, without what is let go around it; `""` where the header is to carry
/// it. `None`: an escape in it is none.
pub(crate) fn token_in(segment: &str) -> Option<Cow<'_, str>> {
    Some(match percent::decoded(segment)? {
        Cow::Borrowed(text) => Cow::Borrowed(bare(text)),
        Cow::Owned(text) => Cow::Owned(bare(&text).to_owned()),
    })
}

/// A token without what is let go around it.
pub(crate) fn bare(text: &str) -> &str {
    text.trim_end_matches(|c: char| c == '/' || c.is_whitespace())
        .trim_start_matches('/')
}

/// Whether a segment holds nothing but slashes and white space.
fn is_blank(segment: &str) -> bool {
    token_in(segment).is_some_and(|rest| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_white_space_around_a_token_are_let_go() {
        for path in [
            "/hook/x",
            "/hook/x/",
            "/hook/x//",
            "//hook/x",
            "///hook//x///",
            "/hook/x/%20",
            "/hook/x/%2F/%09/",
            "/hook/x%20",
            "/hook/x%2f",
            "/hook/x%0D%0A",
            "/hook/x%C2%A0%20/",
            "/hook/%2Fx",
        ] {
            let Route::Hook(segment) = route(path) else {
                panic!("not served: {path}");
            };
            assert_eq!(token_in(segment).as_deref(), Some("x"), "{path}");
        }
        for path in [
            "/hook",
            "/hook/",
            "//hook",
            "/hook//",
            "/hook/%20",
            "/hook/%2F/",
        ] {
            let Route::Hook(segment) = route(path) else {
                panic!("not served: {path}");
            };
            assert_eq!(token_in(segment).as_deref(), Some(""), "{path}");
        }
    }

    #[test]
    fn nothing_else_is_let_go() {
        for path in [
            "",
            "*",
            "/",
            "//",
            "hook/x",
            "/hooks",
            "/hook/x/y",
            "/hook/x/%20y",
            "/hook/x/%",
            "/hook/%20/x",
            "/a/hook/x",
            "/hook%20/x",
            "/v1",
            "/HOOK/x",
            "/healthz/",
            "//healthz",
        ] {
            assert_eq!(route(path), Route::Nothing, "{path}");
        }
        assert_eq!(route("/healthz"), Route::Healthz);
        for (segment, token) in [
            ("%20x", Some(" x")),
            ("x+", Some("x+")),
            ("x%", None),
            ("a%2Fb", Some("a/b")),
        ] {
            assert_eq!(token_in(segment).as_deref(), token, "{segment}");
        }
    }
}
