//! Records of every shape, sound and broken, against what the schema says of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod budget;
mod cache_record;
mod faults;
mod process_record;
pub(crate) mod records;
mod rows;
pub(crate) mod tree;
mod unknown;
mod widths;

use uuid::Uuid;

use super::{CacheRecord, Policy, ProcessRecord, Report};
use crate::Result;
use crate::bplist::{Object, Plist};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use tree::{Step, Tree};

pub(crate) fn parse(tree: &Tree) -> Plist {
    Plist::parse(tree.encode().into()).unwrap()
}

pub(crate) fn policy(lenient: bool) -> Policy {
    Policy { lenient, limits: Limits::DEFAULT }
}

/// The record of the process, with warnings.
fn process(tree: &Tree, policy: Policy) -> Result<(ProcessRecord, Vec<String>)> {
    let mut report = Report::new(policy.lenient, "process.plist");
    let record = ProcessRecord::check(parse(tree), policy, &mut report)?;
    Ok((record, report.into_warnings()))
}

/// The record of the cache [`records::CACHE`], with warnings.
fn cache(tree: &Tree, policy: Policy) -> Result<(CacheRecord, Vec<String>)> {
    let mut report = Report::new(policy.lenient, "atlas");
    let uuid = Uuid::parse_str(records::CACHE).unwrap();
    let record = CacheRecord::check(parse(tree), uuid, policy, &mut report)?.expect("the cache is there");
    Ok((record, report.into_warnings()))
}

/// Where the object at `path` stands.
fn position_of(plist: &Plist, path: &str) -> u64 {
    let view = plist.view();
    let mut reference = view.top();
    for step in tree::steps(path) {
        reference = match (step, view.object(reference).unwrap()) {
            (Step::Key(key), Object::Dictionary(pairs)) => pairs.get(&key).unwrap().unwrap(),
            (Step::Index(index), Object::Array(items)) => items.get(index).unwrap(),
            (step, object) => panic!("{path}: {step:?} of {object:?}"),
        };
    }
    view.position(reference).unwrap() as u64
}

/// Key path, offset, expected, found.
fn parts(error: &Error) -> (&str, u64, &str, &str) {
    let (ErrorKind::Schema(mismatch) | ErrorKind::Plist(mismatch)) = error.kind() else { panic!("{error:?}") };
    let at = error.location();
    (at.key_path.as_deref().unwrap_or(""), at.offset.expect("an offset"), &mismatch.expected, &mismatch.found)
}

fn is_limit(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Limit { .. })
}
