//! Runs after the others: whatever they made the program print or store, no raw token is in it.

use std::fs;

use e2e::{run, secrets};

#[test]
fn no_raw_token_is_in_anything_that_was_printed_or_stored() {
    let minted = fs::read_to_string(run::minted()).expect("the e2e tests have run before");
    let minted: Vec<String> = minted.lines().map(str::to_owned).collect();
    assert!(
        !minted.is_empty(),
        "no token was minted: nothing was tested"
    );
    let (found, searched) =
        secrets::search(&run::captured(), &minted).expect("the run's files can be read");
    assert!(searched > 1_000, "nothing was captured");
    assert!(
        found.is_empty(),
        "raw tokens of {} minted:\n{}",
        minted.len(),
        found.join("\n")
    );
}
