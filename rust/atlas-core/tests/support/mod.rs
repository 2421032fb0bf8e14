//! What the tests of the house share: the project's files, and Rust source as a checker sees it.

#![allow(dead_code, reason = "each test uses its part")]

pub mod code;
pub mod tree;
