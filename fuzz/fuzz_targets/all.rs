//! Every target in one binary: `DOORBELL_FUZZ_TARGET` names the one that is run.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("DOORBELL_FUZZ_TARGET").expect("DOORBELL_FUZZ_TARGET names a target");
    doorbell_fuzz::target(&name)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
