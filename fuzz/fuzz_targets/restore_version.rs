//! Any two files are edited into each other. The first byte chooses the path, a zero byte separates
//! the files.

#![no_main]

#[path = "../../crates/manifest/tests/invariants/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let path = invariants::PATHS[usize::from(*first) % invariants::PATHS.len()];
    let split = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (current, target) = bytes.split_at(split);
    invariants::restore_holds(path, current, target.strip_prefix(&[0]).unwrap_or(target));
});
