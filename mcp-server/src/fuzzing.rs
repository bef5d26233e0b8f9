//! What must hold of what a program prints, what is typed to it, and what an MCP client sends: a
//! function for each fuzz target, as in [`doorbell_core::fuzzing`].

use doorbell_core::fuzzing::Target;

/// This crate's targets.
pub const TARGETS: &[Target] = &[
    #[cfg(unix)]
    ("pty", crate::session::pty::fuzzing::pty),
    ("mcp", crate::faces::mcp::fuzzing::mcp),
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
