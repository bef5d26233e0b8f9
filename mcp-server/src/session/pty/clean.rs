//! Text that a terminal program can take for nothing but text.

/// `text` without ESC and the rest of C0 but tab and newline, without DEL, and without C1; CRLF and
/// CR become a newline. C1 as raw bytes (80 to 9F hex) cannot occur, for a `str` is UTF-8: only
/// U+0080 to U+009F can, and those go. A bracketed paste's terminator begins with ESC or with
/// U+009B, so none can be left or come together.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::clean;

    /// What may be left: no control character but tab and newline.
    fn is_harmless(text: &str) -> bool {
        text.chars()
            .all(|c| matches!(c, '\t' | '\n') || !matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}'))
    }

    #[test]
    fn no_character_of_unicode_comes_through_as_a_control() {
        for c in '\0'..=char::MAX {
            let cleaned = clean(&c.to_string());
            assert!(is_harmless(&cleaned), "{c:?} -> {cleaned:?}");
            let harmless = is_harmless(&c.to_string());
            assert!(!harmless || cleaned == c.to_string(), "{c:?} was lost");
        }
    }

    #[test]
    fn no_sequence_of_hostile_characters_comes_together_again() {
        let alphabet: Vec<char> = "\x1b[201~\u{9b}\u{9d}]52;\x07\r\n\t\x03\x7f\u{85}é"
            .chars()
            .collect();
        let mut words = vec![String::new()];
        for _ in 0..3 {
            words = words
                .iter()
                .flat_map(|word| alphabet.iter().map(move |c| format!("{word}{c}")))
                .collect();
            for word in &words {
                let once = clean(word);
                assert!(is_harmless(&once), "{word:?} -> {once:?}");
                assert_eq!(clean(&once), once, "cleaning twice changes {word:?}");
                let kept = |text: &str| text.chars().filter(|c| !c.is_control()).collect();
                let (before, after): (String, String) = (kept(word), kept(&once));
                assert_eq!(before, after, "text was lost");
            }
        }
    }

    #[test]
    fn every_way_to_end_a_line_is_a_newline() {
        assert_eq!(clean("a\r\nb\rc\nd\r\r\n"), "a\nb\nc\nd\n\n");
    }

    #[test]
    fn the_terminator_of_a_paste_is_disarmed_in_both_encodings() {
        assert_eq!(clean("a\x1b[201~b\u{9b}201~c"), "a[201~b201~c");
        assert_eq!(clean("\x1b\x1b[201~[201~"), "[201~[201~");
    }
}
