//! Percent-encoding, undone.

use std::borrow::Cow;

/// A text as its sender meant it: some escape the underscore of a token. `None` where an escape is
/// none, or what comes out is not UTF-8.
pub(crate) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'%' {
            hex(bytes.next()?)? << 4 | hex(bytes.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(plain).ok().map(Cow::Owned)
}

/// A hexadecimal digit's value.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_decoded_once_and_strictly() {
        assert_eq!(decoded("dbh_0").as_deref(), Some("dbh_0"));
        assert_eq!(decoded("dbh%5f0%5F").as_deref(), Some("dbh_0_"));
        assert_eq!(decoded("%255f").as_deref(), Some("%5f"));
        for bad in ["%", "%5", "%5g", "%ff"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
