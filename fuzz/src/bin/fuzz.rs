//! libFuzzer over one target, which `AZDS_FUZZ` names: `cargo xtask fuzz` starts it.
#![no_main]

use std::sync::LazyLock;

use azds_fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("AZDS_FUZZ").unwrap_or_default();
    azds_fuzz::target(&name).expect("AZDS_FUZZ names a target")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
