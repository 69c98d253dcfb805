//! Histories as a fuzzer makes them. `cargo test` plays the corpus in `__fuzz__`; `tests/run --long` searches on.

use super::world;

/// Longer ones only cost time: what matters is near.
const LONGEST: usize = 48 * super::draw::STEP;
/// Inputs after the corpus, which is played whole; without a number the end would come after a second.
const INVENTED: usize = 200;

#[test]
fn decide() {
    bolero::check!()
        .with_max_len(LONGEST)
        .with_iterations(INVENTED)
        .for_each(|bytes: &[u8]| drop(world::play(bytes)));
}
