//! What must hold of every request and of every file, whoever made it: a function for each fuzz
//! target, as in [`doorbell_core::fuzzing`].

mod door;
mod handshake;
mod redaction;
mod request;

pub use doorbell_core::fuzzing::Target;

use crate::store::redb::fuzzing as store;

/// This crate's targets.
pub const TARGETS: [Target; 6] = [
    ("redaction", redaction::redaction),
    ("handshake", handshake::handshake),
    ("sealing", door::sealing),
    ("record", store::record),
    ("segment", store::segment),
    ("restore", store::restore),
];

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
