//! Random steps through the use cases: on a store and on [`MemoryStore`] side by side, which must answer alike at
//! every step, and on one store with the invariants checked as it goes. A failure prints the seed, and the shortest
//! sequence of steps that still fails.

mod access;
mod steps;

use std::sync::Arc;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use rekindle_core::Store;
pub use steps::{ModelState, Step, steps};

use crate::invariants;
use crate::memory::MemoryStore;

/// How many random comparisons each adapter gets.
pub const ROUNDS: u64 = 3;
/// How many sequences of steps one comparison tries.
const SEQUENCES: u32 = 8;
/// How long a sequence is at most.
const LENGTH: usize = 80;

/// The seed of this run: `REKINDLE_SEED`, or a fresh one.
pub fn seed() -> u64 {
    std::env::var("REKINDLE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..))
}

/// A runner whose failures can be repeated by the seed.
pub fn runner(seed: u64, cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    })
}

/// Compares a store, fresh at first, with [`MemoryStore`]: each sequence goes on where the one before left off.
///
/// # Panics
/// When they differ, with the seed and the steps.
pub async fn compare(store: Arc<dyn Store>, round: u64) {
    let seed = seed().wrapping_add(round);
    let sequences = sequences(seed);
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (mut tested, mut model) = (ModelState::over(store), ModelState::over(memory));
    for (number, sequence) in sequences.into_iter().enumerate() {
        for (at, step) in sequence.iter().enumerate() {
            let (found, expected) = (tested.take(step).await, model.take(step).await);
            assert_eq!(
                found,
                expected,
                "step {at} of sequence {number} differs from MemoryStore: {step:?}; \
                 REKINDLE_SEED={} repeats it",
                seed.wrapping_sub(round)
            );
        }
        assert_eq!(tested.everything().await, model.everything().await, "seed {seed}, after sequence {number}");
        invariants::assert_hold(tested.store().as_ref()).await;
    }
}

fn sequences(seed: u64) -> Vec<Vec<Step>> {
    use proptest::strategy::{Strategy, ValueTree};
    let mut runner = runner(seed, SEQUENCES);
    let strategy = steps(LENGTH);
    (0..SEQUENCES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Takes random steps on fresh memory stores, checking the invariants after each.
///
/// # Panics
/// When one is broken, with the seed and the shortest steps that break it.
pub fn invariants_hold(cases: u32) {
    let seed = seed();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runner(seed, cases).run(&steps(LENGTH), |sequence| {
        runtime.block_on(async {
            let mut world = ModelState::over(Arc::new(MemoryStore::new()));
            for step in &sequence {
                world.take(step).await;
                let broken = invariants::check(world.store().as_ref()).await.unwrap();
                if !broken.is_empty() {
                    return Err(TestCaseError::fail(format!("after {step:?}: {}", broken.join("; "))));
                }
            }
            Ok(())
        })
    });
    match outcome {
        Ok(()) => println!("{cases} sequences with REKINDLE_SEED={seed}"),
        Err(TestError::Fail(why, steps)) => panic!("REKINDLE_SEED={seed} repeats it: {why}\nsteps: {steps:#?}"),
        Err(abort @ TestError::Abort(_)) => panic!("REKINDLE_SEED={seed}: {abort}"),
    }
}
