//! The walking code of the fuzz targets: the same files that `cargo test` runs over mutated inputs.

#[path = "../rust/atlas-core/tests/exercise/mod.rs"]
pub mod exercise;
