//! What must hold of every input, whoever made it: a function for each fuzz target.
//!
//! Each takes any bytes and panics where a promise is broken. The fuzzer in `fuzz/` looks for such
//! bytes; what it found on the way lies in `fuzz/corpus`, and the tests go through it again.

mod address;
mod glob;
mod pattern;
mod token;

/// A name, as in `fuzz/corpus/<name>`, and what it calls.
pub type Target = (&'static str, fn(&[u8]));

/// This crate's targets.
pub const TARGETS: [Target; 4] = [
    ("token", token::token),
    ("jid", address::jid),
    ("pattern", pattern::pattern),
    ("glob", glob::glob),
];

/// A part of an input in front of the first `separator`, and what is behind it.
pub fn split(data: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == separator) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// So many bytes off the front, zeros where there are not enough.
pub fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let len = N.min(data.len());
    taken[..len].copy_from_slice(&data[..len]);
    *data = &data[len..];
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_has_met_is_met_again() {
        for (name, target) in TARGETS {
            let corpus = format!("{}/../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let mut count = 0;
            for file in std::fs::read_dir(corpus).expect(name) {
                target(&std::fs::read(file.expect("a file").path()).expect("it can be read"));
                count += 1;
            }
            assert!(count > 0, "{name} has no corpus");
        }
    }
}
