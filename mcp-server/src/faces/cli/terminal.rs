//! What a person reads: without a control byte from anyone else's text, and without a token of ours
//! that a sender repeats.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use doorbell_ingress::redact::redact;
use serde::Serialize;

use crate::config::colour_wanted;

/// `text` with every control character made visible: an escape sequence in a payload, header,
/// label or context must not reach the terminal. Line breaks and tabs go too; see [`lines`].
///
/// Tokens are hidden as [`without_tokens`] does; a text that is cut is cut after that.
pub(super) fn printable(text: &str) -> String {
    visible(&without_tokens(text), |_| false)
}

/// As [`printable`], but line breaks and tabs stay: for a body shown as a block.
pub(super) fn lines(text: &str) -> String {
    visible(&without_tokens(text), |c| matches!(c, '\n' | '\t'))
}

/// `text` with `[token]` where it holds a token of ours: senders repeat the URL they post to.
pub(super) fn without_tokens(text: &str) -> Cow<'_, str> {
    match redact(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(rest) => Cow::Owned(String::from_utf8_lossy(&rest).into_owned()),
    }
}

/// The base64 of bytes that are no text, those of a token of ours in it replaced.
pub(super) fn binary(base64: &str) -> String {
    let bytes = BASE64_STANDARD.decode(base64).unwrap_or_default();
    format!("(base64) {}", BASE64_STANDARD.encode(redact(&bytes)))
}

fn visible(text: &str, may_stay: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && !may_stay(c) {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
    }
    out
}

/// Control characters (C0, DEL, C1) and those that reorder what is around them (bidi controls).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Prints one JSON object on a line of its own.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    say(&safe_json(&serde_json::to_string(value)?))
}

/// JSON on one line that, besides, can be put between a client's tags: no `<`, `>` or `&` stands in
/// it.
pub(super) fn inert_json(value: &impl Serialize) -> io::Result<String> {
    let text = safe_json(&serde_json::to_string(value)?);
    // Outside its strings JSON has none of them.
    Ok(text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026"))
}

/// JSON that is the same to a program and harmless on a terminal. JSON escapes C0 itself; DEL, C1
/// and the bidi controls can stand in its strings alone, and are escaped here.
fn safe_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    /// For what matters less.
    pub(super) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// For what matters most.
    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// For what is looked for.
    pub(super) fn accent(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// For what is well.
    pub(super) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// For what is not.
    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Prints a line to standard output.
pub(super) fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Prints a line of explanation to standard error.
pub(super) fn explain(line: &str) {
    // If standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints why a command failed.
pub(super) fn complain(why: &str) {
    let head = if colour(&io::stderr()) {
        "\u{1b}[1;31merror:\u{1b}[0m"
    } else {
        "error:"
    };
    explain(&format!("{head} {}", lines(why)));
}

/// Whether to colour what goes to `stream`.
pub(super) fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && colour_wanted()
}

#[cfg(test)]
mod tests {
    use doorbell_core::token::{Token, TokenKind};
    use doorbell_ingress::machine::SystemChance;

    use super::*;

    #[test]
    fn json_on_a_terminal_is_harmless_and_reads_the_same() {
        let hostile = "\u{1b}\u{7f}\u{9b}\u{202e}é\n";
        let text = safe_json(&serde_json::to_string(hostile).expect("JSON"));
        assert!(text.chars().all(|c| !is_unsafe(c)), "{text:?}");
        let back: String = serde_json::from_str(&text).expect("still JSON");
        assert_eq!(back, hostile);
    }

    #[test]
    fn no_control_character_gets_through() {
        let hostile: String = (0..=0x9f_u8)
            .map(char::from)
            .chain("\u{202e}\u{2066}é".chars())
            .collect();
        let safe = printable(&hostile);
        assert!(safe.chars().all(|c| !is_unsafe(c)), "{safe:?}");
        assert!(safe.ends_with('é'));
        assert_eq!(
            printable("\u{1b}]52;c;AAAA\u{7}"),
            "\\u{1b}]52;c;AAAA\\u{7}"
        );
        assert_eq!(lines("a\n\tb\r"), "a\n\tb\\u{d}");
    }

    #[test]
    fn no_token_gets_through_however_it_is_written() {
        let token = Token::mint(TokenKind::Hook, &SystemChance)
            .expose()
            .to_owned();
        for shown in [printable, lines] {
            assert_eq!(shown(&format!("/hook/{token}?a")), "/hook/[token]?a");
            let escaped = token.replace('_', "%5F");
            assert_eq!(shown(&format!("é%20{escaped}\u{1b}")), "é%20[token]\\u{1b}");
        }
        assert_eq!(without_tokens("dbh_short"), "dbh_short");
    }
}
