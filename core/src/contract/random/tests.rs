use super::*;
use crate::memory::tests::there_at_once;

fn model() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(Arc::new(Rings::default())))
}

#[test]
fn the_model_behaves_like_itself() {
    for seed in 0..20 {
        there_at_once(store_behaves_like_the_model(model(), seed, 400));
    }
}

#[test]
fn random_actions_meet_every_answer_and_every_state() {
    let mut story = String::new();
    for seed in 0..5 {
        story += &there_at_once(compare(model(), model(), seed, 1_000)).expect("alike");
    }
    for met in [
        "= Minted",
        "= Clash",
        "= Stored",
        "= Duplicate",
        "repeat_of: Some",
        "Some(Repeats",
        "= Revoked",
        "= Replayed(true)",
        "= Replayed(false)",
        "what: Leased",
        "what: Acked",
        "what: Nacked",
        "what: Died",
        "what: Replayed",
        "what: Observed",
        "state: Pending",
        "state: Leased",
        "state: Settled",
        "state: Dead",
        "state: Observed",
        "attempt: 5",
    ] {
        assert!(story.contains(met), "no {met:?}");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let tell = |seed, steps| there_at_once(compare(model(), model(), seed, steps)).expect("alike");
    assert_eq!(tell(7, 200), tell(7, 200));
    assert!(
        tell(7, 200).starts_with(&tell(7, 100)),
        "fewer steps are a prefix"
    );
    assert_ne!(tell(7, 200)[7..], tell(8, 200)[7..]);
}
