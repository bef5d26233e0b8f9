//! The targets of every crate by their names.

/// The function of a target; each name is a directory in `corpus`.
///
/// # Panics
///
/// Where there is none of that name.
pub fn target(name: &str) -> fn(&[u8]) {
    let targets = doorbell_core::fuzzing::TARGETS
        .iter()
        .chain(&doorbell_ingress::fuzzing::TARGETS);
    #[cfg(feature = "faces")]
    let targets = targets.chain(doorbell::fuzzing::TARGETS);
    let found = targets.into_iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("there is no target {name}")).1
}
