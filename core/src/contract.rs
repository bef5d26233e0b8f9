//! The laws every store must obey.
//!
//! Each law is a sentence and a function that panics where the sentence is not true. An adapter's
//! test hands [`every_law_holds`] a way to open fresh stores, and is held to new laws without
//! being touched. [`store_behaves_like_the_model`] does the same with actions taken at random.
//!
//! Time is given with every request and starts at [`T0`], so nothing here sleeps. The store must
//! not forget anything while a law runs: open it with a retention that is longer than the test.

#[cfg(test)]
mod bent;
mod browsers;
mod channels;
mod endings;
mod grants;
mod inbox;
mod keys;
mod life;
mod observe;
mod page;
mod put;
mod random;
mod rates;
mod rings;
mod routes;
mod settle;
mod subject;
mod waiting;

use std::{pin::Pin, sync::Arc};

use crate::ports::{Ring, Store};
pub use random::store_behaves_like_the_model;
pub use rings::Rings;
pub use subject::{Subject, T0};

/// A sentence about stores that must be true.
#[derive(Clone, Copy)]
pub struct Law {
    /// The sentence, its words joined with `_`.
    pub name: &'static str,
    /// Panics where a fresh store breaks it.
    pub run: fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Lists a room's laws. They are private: one that is left out is dead code, and the compiler
/// says so.
macro_rules! list_laws {
    ($($law:ident),* $(,)?) => {
        pub(super) const LAWS: &[$crate::contract::Law] = &[$($crate::contract::Law {
            name: stringify!($law),
            run: |subject| Box::pin($law(subject)),
        }),*];
    };
}
use list_laws;

/// Every law there is.
pub fn laws() -> Vec<Law> {
    [
        grants::LAWS,
        keys::LAWS,
        browsers::LAWS,
        channels::LAWS,
        endings::LAWS,
        routes::LAWS,
        put::LAWS,
        inbox::LAWS,
        settle::LAWS,
        observe::LAWS,
        life::LAWS,
        page::LAWS,
        waiting::LAWS,
        rates::LAWS,
    ]
    .concat()
}

/// Holds a store to every law, each with an empty store of its own that tells the given ring.
///
/// The name of each law goes to stderr before it is tried, so that a failed test shows which.
pub async fn every_law_holds<S: Store + 'static>(open: impl AsyncFn(Arc<dyn Ring>) -> Arc<S>) {
    for law in laws() {
        eprintln!("law: {}", law.name.replace('_', " "));
        let rings = Arc::new(Rings::default());
        let store = open(rings.clone()).await;
        (law.run)(Subject::new(store, rings)).await;
    }
}
