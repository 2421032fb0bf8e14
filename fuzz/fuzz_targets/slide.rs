//! libFuzzer's entry for `exercise::slide`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _sound = dyld_atlas_fuzz::exercise::slide(data);
});
