//! One target of `tests::fuzz` under libFuzzer: `FUZZ_TARGET` names it, and its seeds are written to
//! the directory `FUZZ_SEEDS` before anything is read.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use tests::fuzz::{TARGETS, Target, target};

static TARGET: OnceLock<&Target> = OnceLock::new();

fn begin() {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let Some(found) = target(&name) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        panic!("FUZZ_TARGET is {name:?}; it must be one of {}", names.join(", "));
    };
    if let Some(directory) = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from) {
        for (number, seed) in (found.seeds)().into_iter().enumerate() {
            let file = directory.join(format!("seed-{number}"));
            std::fs::write(&file, seed).expect("FUZZ_SEEDS is a directory that can be written");
        }
    }
    TARGET.get_or_init(|| found);
}

libfuzzer_sys::fuzz_target!(init: begin(), |input: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(input);
    }
});
