//! Globs over addresses.

use super::split;
use crate::pattern::Pattern;

/// A pattern, a line, and an address: whether they match is what their definition says.
pub(super) fn pattern(data: &[u8]) {
    let (pattern, address) = split(data, b'\n');
    let text = String::from_utf8_lossy(pattern);
    let address = String::from_utf8_lossy(address);
    let Ok(pattern) = text.parse::<Pattern>() else {
        return;
    };
    assert_eq!(pattern.as_str(), text);
    assert_eq!(pattern.matches(&address), defined(&text, &address));
    // A pattern that matches says the beginning of every address that it matches.
    let (_, path) = text.split_at(text.len() - behind_scheme(&text).len());
    assert!(path.starts_with(pattern.literal_path()));
    if pattern.matches(&address) {
        assert!(behind_scheme(&address).starts_with(pattern.literal_path()));
    }
}

/// What stands behind the scheme of a pattern or an address.
fn behind_scheme(text: &str) -> &str {
    let schemes = ["hook:", "web:", "doorbell:/sessions/"];
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.expect("a pattern, and what it matches, begin with a scheme")
}

/// By the words of the definition: `*` is exactly one segment, a trailing `**` one or more.
fn defined(pattern: &str, address: &str) -> bool {
    fn segments(globs: &[&str], parts: &[&str]) -> bool {
        match (globs, parts) {
            ([], []) => true,
            (["**"], parts) => !parts.is_empty(),
            ([glob, globs @ ..], [part, parts @ ..]) => {
                (*glob == "*" || glob == part) && segments(globs, parts)
            }
            _ => false,
        }
    }
    let path = behind_scheme(pattern);
    let scheme = &pattern[..pattern.len() - path.len()];
    let Some(rest) = address.strip_prefix(scheme) else {
        return false;
    };
    let globs: Vec<&str> = path.split('/').collect();
    let parts: Vec<&str> = rest.split('/').collect();
    segments(&globs, &parts)
}
