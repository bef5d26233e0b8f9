//! Random actions, taken on a store and on the model side by side.

mod action;
mod dice;
mod side;

use std::{fmt::Write, sync::Arc};

use super::{Rings, T0};
use crate::{memory::MemoryStore, ports::Store};
use action::Action;
use dice::Dice;
use side::Side;

/// Takes so many actions on an empty store and on the model, and panics at the first answer that
/// differs.
///
/// The seed decides the actions, so that a failure can be had again; the panic says the seed and
/// tells every action up to the one that differs. Fewer steps of the same seed are a prefix of
/// more.
pub async fn store_behaves_like_the_model(store: Arc<dyn Store>, seed: u64, steps: usize) {
    // A store that fails outright tells no story: its seed at least is known.
    eprintln!("seed {seed}, {steps} steps");
    let model = Arc::new(MemoryStore::new(Arc::new(Rings::default())));
    if let Err(story) = compare(model, store, seed, steps).await {
        panic!("{story}");
    }
}

/// The story of what was done, `Err` where it ends in a difference.
async fn compare(
    model: Arc<dyn Store>,
    store: Arc<dyn Store>,
    seed: u64,
    steps: usize,
) -> Result<String, String> {
    let mut dice = Dice::new(seed);
    let (mut model, mut tested) = (Side::new(model), Side::new(store));
    let mut now = T0;
    let mut story = format!("seed {seed}\n");
    for step in 0..steps {
        now = now.plus(dice.pause());
        let action = Action::roll(&mut dice, model.grants(), model.messages(), model.pages());
        let expected = model.take(&action, now).await;
        let given = tested.take(&action, now).await;
        let line = writeln!(story, "{step} at {now}: {action:?}\n    = {expected:?}");
        line.expect("a string takes what is written");
        if expected != given {
            story.push_str("    the store says otherwise:\n");
            let line = writeln!(story, "    = {given:?}");
            line.expect("a string takes what is written");
            return Err(story);
        }
    }
    Ok(story)
}

#[cfg(test)]
mod tests;
