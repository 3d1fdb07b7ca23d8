//! Seeded worlds around the engine: a market that trends, gaps and crashes on two venues; links that drop, double,
//! reorder and stall; a disk that answers late or never; an operator with the worst timing; a power cut at any input.
//!
//! Every seed is played twice and must come out equal; after every input the laws are checked. `FUSEWIRE_SEEDS=2000 cargo
//! test --test sim` plays more worlds, `FUSEWIRE_SEED=17 cargo test --test sim` one of them.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests may fail loudly"
)]

mod chance;
mod disk;
mod laws;
mod links;
mod market;
mod operator;
mod stage;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::{Account, World};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    match number("FUSEWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FUSEWIRE_SEEDS").unwrap_or(200),
    }
}

/// Plays a seed twice; a law that breaks says how to see it again.
fn played(seed: u64) -> Account {
    catch_unwind(AssertUnwindSafe(|| {
        let (once, twice) = (World::new(seed).play(), World::new(seed).play());
        assert_eq!(once, twice, "a seed is a world");
        once
    }))
    .unwrap_or_else(|_| panic!("seed {seed} breaks a law; rerun: FUSEWIRE_SEED={seed} cargo test --test sim"))
}

/// Plays all seeds, on as many threads as there are cores.
fn played_all(seeds: &std::ops::Range<u64>) -> Account {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share =
        |first: usize| seeds.clone().skip(first).step_by(threads).map(played).fold(Account::default(), Account::with);
    std::thread::scope(|scope| {
        let shares: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        shares
            .into_iter()
            .map(|share| share.join().expect("every seed keeps the laws"))
            .fold(Account::default(), Account::with)
    })
}

#[test]
fn every_world_keeps_the_laws() {
    let seeds = seeds();
    let worlds = seeds.end - seeds.start;
    let total = played_all(&seeds);
    println!("{worlds} worlds: {total:?}");
    if worlds >= 100 {
        total.assert_that_everything_happened();
    }
}
