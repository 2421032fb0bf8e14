//! What the integration tests share; each uses its part.

#![allow(dead_code, unused_imports, reason = "each test uses its part")]

pub mod build;
pub mod code;
pub mod expected;
mod fixtures;
pub mod tree;

pub use build::process_plist;
pub use fixtures::fixtures;
