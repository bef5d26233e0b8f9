//! Whether the program has asked for bracketed paste.
//!
//! It asks its terminal by DECSET 2004 (`ESC [ ? 2004 h`, also among others: `ESC [ ? 1 ; 2004 h`)
//! and takes it back by DECRST (`l`); XTSAVE and XTRESTORE (`s`, `r`) keep and bring back; RIS
//! (`ESC c`) and DECSTR (`ESC [ ! p`) reset. All of it may be split across reads.

use std::sync::atomic::{AtomicBool, Ordering};

const BRACKETED_PASTE: u32 = 2004;

/// Set by the one who reads the output, looked at by the one who types.
#[derive(Debug, Default)]
pub(super) struct Bracketed(AtomicBool);

impl Bracketed {
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Follows the program's output.
#[derive(Debug, Default)]
pub(super) struct Modes {
    place: Place,
    number: u32,
    named: bool,
    on: bool,
    saved: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// Behind `ESC [`.
    Csi,
    /// Behind `ESC [ ?`, among the numbers.
    Private,
    /// Behind `ESC [ !`.
    Bang,
    /// In a control sequence that is of no interest.
    Ignored,
    /// In a string (OSC, DCS, APC, PM, SOS), whose content is not for us.
    Str,
}

impl Modes {
    /// Reads what the program printed, and says what holds afterwards.
    pub(super) fn read(&mut self, output: &[u8], bracketed: &Bracketed) {
        let mut rest = output;
        while !rest.is_empty() {
            if self.place == Place::Text {
                let Some(at) = rest.iter().position(|byte| *byte == 0x1b) else {
                    break;
                };
                rest = &rest[at..];
            }
            self.place = self.step(rest[0]);
            rest = &rest[1..];
        }
        bracketed.0.store(self.on, Ordering::Release);
    }

    fn step(&mut self, byte: u8) -> Place {
        match (self.place, byte) {
            (_, 0x1b) => Place::Escape,
            // CAN and SUB break off whatever has begun.
            (_, 0x18 | 0x1a) | (Place::Text, _) => Place::Text,
            (Place::Escape, b'[') => Place::Csi,
            (Place::Escape, b']' | b'P' | b'X' | b'^' | b'_') => Place::Str,
            (Place::Escape, b'c') => {
                (self.on, self.saved) = (false, false);
                Place::Text
            }
            (Place::Escape, _) => Place::Text,
            (Place::Str, 0x07) => Place::Text,
            (Place::Str, _) => Place::Str,
            // Other controls are carried out where they stand and end no sequence.
            (place, 0x00..=0x1f) => place,
            (Place::Csi, b'?') => {
                (self.number, self.named) = (0, false);
                Place::Private
            }
            (Place::Csi, b'!') => Place::Bang,
            (Place::Bang, b'p') => {
                self.on = false;
                Place::Text
            }
            (Place::Private, b'0'..=b'9') => {
                let digit = u32::from(byte - b'0');
                self.number = self.number.saturating_mul(10).saturating_add(digit);
                Place::Private
            }
            (Place::Private, b';') => {
                self.named |= self.number == BRACKETED_PASTE;
                self.number = 0;
                Place::Private
            }
            (Place::Private, b'h' | b'l' | b's' | b'r') => {
                if self.named || self.number == BRACKETED_PASTE {
                    match byte {
                        b'h' => self.on = true,
                        b'l' => self.on = false,
                        b's' => self.saved = self.on,
                        _ => self.on = self.saved,
                    }
                }
                Place::Text
            }
            (_, 0x40..=0x7e) => Place::Text,
            (_, _) => Place::Ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bracketed, Modes};

    fn after(output: &str) -> bool {
        let bracketed = Bracketed::default();
        Modes::default().read(output.as_bytes(), &bracketed);
        let whole = bracketed.is_on();
        // Byte by byte it must come to the same.
        let (mut modes, split) = (Modes::default(), Bracketed::default());
        for byte in output.as_bytes() {
            modes.read(&[*byte], &split);
        }
        assert_eq!(
            whole,
            split.is_on(),
            "split, {output:?} means another thing"
        );
        whole
    }

    #[test]
    fn it_is_on_once_the_program_asked_for_it_and_off_once_it_took_that_back() {
        assert!(!after("hello"));
        assert!(after("$ \x1b[?2004h"));
        assert!(!after("\x1b[?2004h$ ls\x1b[?2004l"));
        assert!(after("\x1b[?1;2004h") && after("\x1b[?2004;25h"));
        assert!(!after("\x1b[?2004h\x1b[?1049;2004l"));
    }

    #[test]
    fn other_modes_and_longer_numbers_mean_nothing() {
        for other in [
            "\x1b[?20040h",
            "\x1b[?12004h",
            "\x1b[2004h",
            "\x1b[?2004$p",
            "\x1b[>2004h",
        ] {
            assert!(!after(other), "{other:?}");
        }
        assert!(!after("\x1b[?99999999999999999999h"));
    }

    #[test]
    fn resets_turn_it_off_as_terminals_do() {
        assert!(!after("\x1b[?2004h\x1bc"));
        assert!(!after("\x1b[?2004h\x1b[!p"));
        assert!(after("\x1b[?2004h\x1b[p"));
    }

    #[test]
    fn it_is_kept_and_brought_back() {
        assert!(after("\x1b[?2004h\x1b[?2004s\x1b[?2004l\x1b[?2004r"));
        assert!(!after("\x1b[?2004s\x1b[?2004h\x1b[?2004r"));
    }

    #[test]
    fn what_stands_in_a_title_or_was_broken_off_is_not_asked_for() {
        assert!(!after("\x1b]0;[?2004h\x07"));
        assert!(after("\x1b]0;title\x1b\\\x1b[?2004h"));
        assert!(!after("\x1b[?2004\x18h"));
        assert!(after("\x1b[?20\x1b[?2004h"));
        assert!(
            after("\x1b[?20\r04h"),
            "controls inside are carried out and ignored"
        );
    }
}
