//! The bytes to type for a text.

use super::{clean::clean, discipline::Discipline};

/// How much of a line is typed before it is handed over, in canonical mode. Linux keeps 4,095 bytes
/// of a line, macOS 1,024; what the user has begun to type takes from that too.
const PIECE: usize = 900;

/// Types `text` and submits it: wrapped as a paste where the program has asked for that, and
/// otherwise as one line. `None`: nothing is left to type.
pub(super) fn sequence(text: &str, bracketed: bool, tty: Discipline) -> Option<Vec<u8>> {
    let mut text = clean(text);
    if text.is_empty() {
        return None;
    }
    if bracketed {
        text = format!("\x1b[200~{text}\x1b[201~");
    } else {
        text = text.replace(['\n', '\t'], " ");
    }
    let mut bytes = if tty.canonical {
        in_pieces(&text, tty)
    } else {
        text.into_bytes()
    };
    bytes.push(tty.enter);
    Some(bytes)
}

/// Cuts long lines between two characters.
fn in_pieces(text: &str, tty: Discipline) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / PIECE);
    let mut line = 0;
    for c in text.chars() {
        if line + c.len_utf8() > PIECE {
            out.push(tty.eof.unwrap_or(tty.enter));
            line = 0;
        }
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        line = if c == '\n' { 0 } else { line + c.len_utf8() };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: Discipline = Discipline {
        canonical: false,
        eof: None,
        enter: b'\r',
    };
    const COOKED: Discipline = Discipline {
        canonical: true,
        eof: Some(4),
        enter: b'\r',
    };

    #[test]
    fn a_text_is_wrapped_for_a_program_that_asked_for_it_and_submitted_once() {
        let typed = sequence("one\r\ntwo\t\x1b[201~\x03", true, RAW);
        assert_eq!(
            typed.as_deref(),
            Some(&b"\x1b[200~one\ntwo\t[201~\x1b[201~\r"[..])
        );
    }

    #[test]
    fn a_text_is_one_line_for_any_other_program() {
        let typed = sequence("one\r\ntwo\tthree\n", false, RAW);
        assert_eq!(typed.as_deref(), Some(&b"one two three \r"[..]));
    }

    #[test]
    fn nothing_is_submitted_where_nothing_is_left() {
        assert_eq!(sequence("\x1b\x07\u{9b}", true, RAW), None);
    }

    #[test]
    fn a_long_line_is_handed_over_in_pieces_that_are_never_empty() {
        let text = "é".repeat(5_000);
        let typed = sequence(&text, false, COOKED).expect("bytes");
        let pieces: Vec<&[u8]> = typed.split(|byte| *byte == 4).collect();
        assert!(pieces.len() > 10);
        assert!(
            pieces
                .iter()
                .all(|piece| !piece.is_empty() && piece.len() <= PIECE + 1)
        );
        assert!(
            pieces
                .iter()
                .all(|piece| std::str::from_utf8(piece).is_ok())
        );
        assert_eq!(pieces.concat(), format!("{text}\r").into_bytes());
    }

    #[test]
    fn a_long_line_is_broken_where_nothing_hands_it_over() {
        let tty = Discipline {
            eof: None,
            ..COOKED
        };
        let typed = sequence(&"x".repeat(2_000), false, tty).expect("bytes");
        assert_eq!(typed.iter().filter(|byte| **byte == b'\r').count(), 3);
    }
}
