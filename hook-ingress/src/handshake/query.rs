//! One parameter of a query string, as a form writes it.

use crate::percent::hex;

/// The value of the first parameter of this name, its escapes undone: `+` is a blank, and a `%`
/// that begins no escape stands for itself. Of repeated parameters only the first counts; one
/// without `=` has the empty value.
pub(super) fn first<'a>(query: &'a str, name: &str) -> Option<impl Iterator<Item = u8> + 'a> {
    query.split('&').find_map(|pair| {
        let (have, value) = pair.split_once('=').unwrap_or((pair, ""));
        decoded(have).eq(name.bytes()).then(|| decoded(value))
    })
}

/// The same, where there is no other parameter.
pub(super) fn only<'a>(query: &'a str, name: &str) -> Option<impl Iterator<Item = u8> + 'a> {
    let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
    match (pairs.next(), pairs.next()) {
        (Some(pair), None) => first(pair, name),
        _ => None,
    }
}

/// Nothing is set aside for it: most queries are asked for a name that they do not hold.
fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        Some(match byte {
            b'+' => b' ',
            b'%' => match escaped(rest) {
                Some(escaped) => {
                    rest = &rest[2..];
                    escaped
                }
                None => b'%',
            },
            other => *other,
        })
    })
}

/// The byte that the two digits behind a `%` stand for.
fn escaped(rest: &[u8]) -> Option<u8> {
    let (high, low) = (hex(*rest.first()?)?, hex(*rest.get(1)?)?);
    Some(high << 4 | low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(query: &str, name: &str) -> Option<Vec<u8>> {
        first(query, name).map(Iterator::collect)
    }

    #[test]
    fn a_value_is_decoded_as_forms_are() {
        for (query, expected) in [
            ("challenge=a", "a"),
            ("x=1&challenge=a+b%20c%2B", "a b c+"),
            ("challenge=%3Cscript%3e", "<script>"),
            ("challenge=100%&y", "100%"),
            ("challenge=%4&y=1", "%4"),
            ("challenge=%zz%25", "%zz%"),
            ("challenge=a=b", "a=b"),
            ("%63hallenge=a", "a"),
            ("challenge", ""),
            ("challenge=", ""),
            ("challenge=%C3%A9", "é"),
        ] {
            let found = value(query, "challenge");
            assert_eq!(found.as_deref(), Some(expected.as_bytes()), "{query}");
        }
    }

    #[test]
    fn the_only_parameter_has_no_other_beside_it() {
        let only = |query| only(query, "c").map(Iterator::collect::<Vec<u8>>);
        for query in ["c=1", "c=1&", "&c=1", "%63=1"] {
            assert_eq!(only(query).as_deref(), Some(&b"1"[..]), "{query}");
        }
        for query in ["c=1&c=2", "c=1&d", "d&c=1", "", "d=1", "c=1&=2"] {
            assert_eq!(only(query), None, "{query}");
        }
    }

    #[test]
    fn of_repeats_the_first_counts_and_near_names_do_not() {
        assert_eq!(value("c=1&c=2", "c").as_deref(), Some(&b"1"[..]));
        assert_eq!(value("c=&c=2", "c").as_deref(), Some(&b""[..]));
        for query in ["", "&&", "cc=1", "C=1", "c%00=1", "c;=1", "=c"] {
            assert_eq!(value(query, "c"), None, "{query}");
        }
    }
}
