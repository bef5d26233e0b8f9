//! What is typed for a text, and what is read of what a program prints and a user types.

use doorbell_core::fuzzing::take;

use super::{
    clean::clean,
    discipline::Discipline,
    inject::sequence,
    modes::{Bracketed, Modes},
    typing::Typing,
};

/// The longest line that a terminal in canonical mode keeps, on any system.
const LINE: usize = 1_024;

/// A text becomes one injection from which nothing breaks out, and where reads are cut makes no
/// difference.
pub(crate) fn pty(mut data: &[u8]) {
    let [how] = take(&mut data);
    let text = String::from_utf8_lossy(data);
    let cleaned = clean(&text);
    assert!(cleaned.len() <= text.len());
    assert_eq!(clean(&cleaned), cleaned);
    let kept = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    assert!(cleaned.chars().all(kept));
    let tty = Discipline {
        canonical: how & 1 != 0,
        eof: (how & 2 != 0).then_some(4),
        enter: if how & 4 != 0 { b'\n' } else { b'\r' },
    };
    typed(
        &cleaned,
        sequence(&text, how & 8 != 0, tty),
        how & 8 != 0,
        tty,
    );

    let (whole, whole_on) = modes(data, data.len().max(1));
    let (cut, cut_on) = modes(data, usize::from(how >> 4) + 1);
    assert_eq!((whole, whole_on), (cut, cut_on));
    assert_eq!(
        user(data, data.len().max(1), how & 1 != 0),
        user(data, usize::from(how >> 4) + 1, how & 1 != 0)
    );
}

/// Nothing in the middle submits or ends a paste, and no line is longer than what a terminal keeps.
fn typed(cleaned: &str, bytes: Option<Vec<u8>>, bracketed: bool, tty: Discipline) {
    let Some(mut bytes) = bytes else {
        assert!(cleaned.is_empty());
        return;
    };
    assert_eq!(bytes.pop(), Some(tty.enter));
    if tty.canonical {
        let ends = |byte: &u8| *byte == b'\n' || Some(*byte) == tty.eof || *byte == tty.enter;
        assert!(bytes.split(ends).all(|line| line.len() <= LINE));
        let handed_over = tty.eof.unwrap_or(tty.enter);
        bytes.retain(|byte| *byte != handed_over);
    }
    let inner = match bracketed {
        true => bytes
            .strip_prefix(b"\x1b[200~")
            .and_then(|rest| rest.strip_suffix(b"\x1b[201~"))
            .expect("a paste has a beginning and an end"),
        false => &bytes,
    };
    let text = std::str::from_utf8(inner).expect("it was a text");
    let kept = |c: char| !c.is_control() || (bracketed && matches!(c, '\n' | '\t'));
    assert!(text.chars().all(kept), "a control character is typed");
}

/// What holds after a program printed this, read so many bytes at a time.
fn modes(output: &[u8], at_a_time: usize) -> (String, bool) {
    let (mut modes, bracketed) = (Modes::default(), Bracketed::default());
    for read in output.chunks(at_a_time) {
        modes.read(read, &bracketed);
    }
    (format!("{modes:?}"), bracketed.is_on())
}

/// The same of what a user typed.
fn user(input: &[u8], at_a_time: usize, by_line: bool) -> String {
    let mut typing = Typing::new(by_line);
    for read in input.chunks(at_a_time) {
        typing.read(read);
    }
    let said = format!("{typing:?}");
    assert!(said.len() < 1_000, "it keeps all that is typed");
    said
}
