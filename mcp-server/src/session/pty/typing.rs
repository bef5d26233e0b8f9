//! Whether the user is in the middle of a key.
//!
//! A key may be several bytes (a UTF-8 character, an escape sequence, a mouse report), a terminal's
//! answer is, and a paste is many; the end of a read may lie within. Nothing is typed in between.

use std::time::Duration;

/// How long the rest of a key may take: a lone ESC is a key too.
const KEY: Duration = Duration::from_millis(100);
/// How long the rest of a paste may take.
const PASTE: Duration = Duration::from_secs(2);
const PASTE_BEGINS: &[u8] = b"200";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Follows what the user types.
#[derive(Debug, Default)]
pub(super) struct Typing {
    place: Place,
    /// Not a terminal but a pipe: what is in the middle of a line is in the middle of something.
    by_line: bool,
    mid_line: bool,
    given_up: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Between,
    /// In a UTF-8 character, so many bytes before its end.
    Character(u8),
    Escape,
    /// In a control sequence; its parameters.
    Csi(Vec<u8>),
    /// Behind SS3: one byte is left.
    Ss3,
    /// In an X10 mouse report, so many bytes before its end.
    Mouse(u8),
    /// In a string: a terminal's answer.
    Str,
    /// In a paste, so many bytes into its terminator.
    Paste(usize),
}

impl Typing {
    /// Follows a terminal, or, with `by_line`, a pipe.
    pub(super) fn new(by_line: bool) -> Self {
        Self {
            by_line,
            ..Self::default()
        }
    }

    /// Reads what was typed.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let place = std::mem::take(&mut self.place);
            self.place = step(place, *byte);
        }
        if let Some(last) = bytes.last() {
            (self.mid_line, self.given_up) = (!matches!(last, b'\n' | b'\r'), false);
        }
    }

    /// How long to wait for the rest, or `None` if nothing is missing.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self.place {
            Place::Between if self.by_line && self.mid_line && !self.given_up => Some(KEY),
            Place::Between => None,
            Place::Paste(_) => Some(PASTE),
            _ => Some(KEY),
        }
    }

    /// The rest did not come: what there is was all.
    pub(super) fn give_up(&mut self) {
        (self.place, self.given_up) = (Place::Between, true);
    }

    /// An injection ended the line.
    pub(super) fn submitted(&mut self) {
        self.mid_line = false;
    }

    /// Whether it is a pipe.
    pub(super) fn is_by_line(&self) -> bool {
        self.by_line
    }

    /// Whether the last line has not been ended.
    pub(super) fn is_mid_line(&self) -> bool {
        self.mid_line
    }
}

fn step(place: Place, byte: u8) -> Place {
    match (place, byte) {
        (Place::Paste(at), byte) => match at {
            at if PASTE_ENDS[at] == byte && at + 1 == PASTE_ENDS.len() => Place::Between,
            at if PASTE_ENDS[at] == byte => Place::Paste(at + 1),
            _ => Place::Paste(usize::from(byte == 0x1b)),
        },
        (Place::Mouse(left), _) => left_of(left, Place::Mouse),
        (Place::Character(left), 0x80..=0xbf) => left_of(left, Place::Character),
        (_, 0x1b) => Place::Escape,
        (Place::Escape, b'[') => Place::Csi(Vec::new()),
        (Place::Escape, b'O') => Place::Ss3,
        (Place::Escape, b']' | b'P' | b'X' | b'^' | b'_') => Place::Str,
        (Place::Str, 0x07 | 0x18 | 0x1a) => Place::Between,
        (Place::Str, _) => Place::Str,
        (Place::Csi(numbers), b'~') if numbers == PASTE_BEGINS => Place::Paste(0),
        (Place::Csi(numbers), b'M') if numbers.is_empty() => Place::Mouse(3),
        // The Linux console's function keys: ESC [ [ A.
        (Place::Csi(numbers), b'[') if numbers.is_empty() => Place::Ss3,
        (Place::Csi(_), 0x40..=0x7e) => Place::Between,
        (Place::Csi(mut numbers), 0x20..=0x3f) if numbers.len() < 64 => {
            numbers.push(byte);
            Place::Csi(numbers)
        }
        // Also behind ESC, which is Alt, and behind a character that broke off.
        (_, 0xc2..=0xdf) => Place::Character(1),
        (_, 0xe0..=0xef) => Place::Character(2),
        (_, 0xf0..=0xf4) => Place::Character(3),
        _ => Place::Between,
    }
}

fn left_of(left: u8, place: fn(u8) -> Place) -> Place {
    if left > 1 {
        place(left - 1)
    } else {
        Place::Between
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Typing {
        let mut typing = Typing::default();
        typing.read(bytes);
        typing
    }

    #[test]
    fn a_key_is_whole_at_its_last_byte_and_not_before() {
        let keys: [&[u8]; 15] = [
            b"a",
            "é".as_bytes(),
            "日".as_bytes(),
            "🔔".as_bytes(),
            b"\x1b[A",
            b"\x1bOP",
            b"\x1b[15;5~",
            b"\x1b[<0;10;20M",
            b"\x1b[M !!",
            "\x1bé".as_bytes(),
            b"\x1b[24;80R",
            b"\x1b]11;rgb:0/0/0\x07",
            b"\x1b]11;rgb:0/0/0\x1b\\",
            b"\x1bP>|xterm\x1b\\",
            b"\x1b[[A",
        ];
        for key in keys {
            for end in 1..key.len() {
                assert!(
                    typed(&key[..end]).patience().is_some(),
                    "{key:?} is not whole at {end}"
                );
            }
            assert_eq!(typed(key).patience(), None, "{key:?}");
        }
    }

    #[test]
    fn a_paste_is_whole_at_its_terminator() {
        let paste = b"\x1b[200~one\rtwo \x1b[A \x1b\x1b[201~";
        for end in 6..paste.len() {
            assert_eq!(typed(&paste[..end]).patience(), Some(PASTE), "{end}");
        }
        assert_eq!(typed(paste).patience(), None);
    }

    #[test]
    fn bytes_that_are_no_utf_8_hold_nothing() {
        for bytes in [&b"\xff"[..], b"\x80", b"\xc3a", b"\xe2\x82a"] {
            assert_eq!(typed(bytes).patience(), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_pipe_is_whole_at_the_end_of_a_line() {
        let mut pipe = Typing::new(true);
        pipe.read(b"half a li");
        assert!(pipe.patience().is_some());
        pipe.read(b"ne\n");
        assert_eq!(pipe.patience(), None);
    }
}
