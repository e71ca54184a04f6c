//! Many simulated worlds, one a seed; the seed of one that fails is printed, and replays it.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Check `world` for seeds 0 to `count`. If one fails, its seed is printed with how to replay it, and the
/// panic goes on.
///
/// The environment overrides: `ROPEWALK_SEED=42` checks that seed alone, `ROPEWALK_SEEDS=100000` so many for
/// each thousand that the test asks for.
///
/// ```
/// use ropewalk_reactor::testing::explore;
///
/// explore(100, |seed| assert!(seed < 100));
/// ```
pub fn explore(count: u64, world: impl Fn(u64)) {
    for seed in range(count) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world(seed))) {
            eprintln!("seed {seed} failed; replay it with ROPEWALK_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

/// The first seed, of 0 to `count`, whose world fails, if there is one: for worlds with a planted bug,
/// which must be found. Its failure is not printed.
pub fn first_failing(count: u64, world: impl Fn(u64) -> Result<(), String>) -> Option<(u64, String)> {
    (0..count).find_map(|seed| world(seed).err().map(|failure| (seed, failure)))
}

fn range(count: u64) -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.trim().parse::<u64>().ok());
    match number("ROPEWALK_SEED") {
        Some(seed) => seed..seed.saturating_add(1),
        None => 0..number("ROPEWALK_SEEDS").map_or(count, |seeds| seeds.saturating_mul(count) / 1000),
    }
}
