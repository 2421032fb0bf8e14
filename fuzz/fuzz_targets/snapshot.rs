//! libFuzzer's entry for `exercise::snapshot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _sound = dyld_atlas_fuzz::exercise::snapshot(data);
});
