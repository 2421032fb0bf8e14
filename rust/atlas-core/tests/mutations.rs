//! Two hundred thousand damaged inputs for each run: nothing may panic, take a second, or take more memory than
//! 32 MiB and four times the input.
//!
//! `DYLD_ATLAS_MUTATIONS` sets the number of inputs, `DYLD_ATLAS_MUTATION_SEED` the first random number; the defaults
//! are fixed, so that a failure comes again. It is reported with the seed, the number and the bytes of the input.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "every function here serves a test")]
#![allow(clippy::duplicate_mod, reason = "the seeds are made with what other tests make records with")]

mod exercise;
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use exercise::seeds::{Seeds, seeds};
use exercise::{Exercise, Form, wrap};
use support::mutate::{Random, mutate};

/// Inputs in one run, over all formats.
const INPUTS: u64 = 200_000;
/// What an input may take beside four times its length. Whoever exercises it makes copies, which are counted as well.
const MEMORY: u64 = 32 << 20;
const TIME: Duration = Duration::from_secs(1);
/// Fixtures that are longer would leave no time for the others.
const LONGEST: usize = 16 << 10;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// The worst of a run.
#[derive(Default)]
struct Worst {
    inputs: u64,
    accepted: u64,
    time: Duration,
    memory: u64,
}

/// Runs `share` in a hundred of all inputs of the format `name`.
fn run(name: &str, share: u64, exercise: Exercise) {
    let mut seeds = seeds(name);
    let sound = seeds.iter().filter(|(_, bytes)| exercise(bytes)).count();
    assert!(2 * sound >= seeds.len(), "{name}: of {} seeds only {sound} are sound", seeds.len());
    if let Some(folder) = support::fixtures("archive/oracle") {
        fixtures(&folder, name, &mut seeds);
    }
    if let Some(folder) = support::fixtures("plist/dyld") {
        fixtures(&folder, name, &mut seeds);
    }
    let first = number("DYLD_ATLAS_MUTATION_SEED", 2026);
    let mut worst = Worst::default();
    for index in 0..number("DYLD_ATLAS_MUTATIONS", INPUTS) * share / 100 {
        let mut random = Random::new(first.wrapping_add(index));
        let (seed, bytes) = &seeds[random.below(seeds.len())];
        let (_, other) = &seeds[random.below(seeds.len())];
        let mut input = bytes.clone();
        mutate(&mut input, other, &mut random);
        one(&format!("{name} {index} from {seed}"), &input, exercise, &mut worst);
    }
    let Worst { inputs, accepted, time, memory } = worst;
    println!("{name}: {inputs} inputs, {accepted} accepted, at worst {time:?} and {memory} bytes");
    assert!(accepted > inputs / 100 && accepted < inputs, "{name}: the damage is no damage, or nothing else");
}

fn one(what: &str, input: &[u8], exercise: Exercise, worst: &mut Worst) {
    let mut sound = Ok(false);
    let mut took = Duration::MAX;
    let mut memory = 0;
    // Again where it was slow: the machine may have been busy with something else.
    for _ in 0..4 {
        let start = Instant::now();
        let used = measure(|| sound = catch_unwind(AssertUnwindSafe(|| exercise(input))));
        (took, memory) = (took.min(start.elapsed()), used.bytes_max);
        if took < TIME {
            break;
        }
    }
    let place = || {
        let name = what.replace([' ', '/'], "-");
        let path = std::env::temp_dir().join(format!("dyld-atlas-{name}"));
        std::fs::write(&path, input).unwrap();
        format!("{what} ({} bytes, kept as {})", input.len(), path.display())
    };
    assert!(sound.is_ok(), "{}: panicked, as said above", place());
    assert!(took < TIME, "{}: took {took:?}", place());
    assert!(memory <= MEMORY + 4 * input.len() as u64, "{}: took {memory} bytes", place());
    worst.inputs += 1;
    worst.accepted += u64::from(sound.unwrap_or(false));
    worst.time = worst.time.max(took);
    worst.memory = worst.memory.max(memory);
}

/// Adds the files of `folder` that the format `name` reads.
fn fixtures(folder: &Path, name: &str, seeds: &mut Seeds) {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.is_file()) {
        let bytes = std::fs::read(file).unwrap();
        if bytes.len() > LONGEST {
            continue;
        }
        let is = |magics: &[&[u8]]| magics.iter().any(|magic| bytes.starts_with(magic));
        let is_process = bytes.windows(5).any(|key| key == b"Tproc");
        let form = if is_process { Form::Process } else { Form::Cache };
        let input = match name {
            "archive" if is(&[b"AA01", b"YAA1", b"pbz"]) => bytes,
            "container" if is(&[b"pbz"]) => bytes,
            "plist" if is(&[b"bplist"]) => bytes,
            "snapshot" if is(&[b"bplist"]) => wrap(form, &bytes),
            _ => continue,
        };
        seeds.push((file.file_name().unwrap().to_string_lossy().into_owned(), input));
    }
}

// The shares are what each format deserves by its size, not by the speed of its reader; together they are a hundred.

#[test]
fn archives() {
    run("archive", 18, exercise::archive);
}

#[test]
fn containers() {
    run("container", 10, exercise::container);
}

#[test]
fn plists() {
    run("plist", 13, exercise::plist);
}

#[test]
fn snapshots() {
    run("snapshot", 18, exercise::snapshot);
}

#[test]
fn machos() {
    run("macho", 11, exercise::macho);
}

#[test]
fn caches() {
    run("cache", 13, exercise::cache);
}

#[test]
fn slides() {
    run("slide", 7, exercise::slide);
}

#[test]
fn cores() {
    run("core", 10, exercise::core);
}

#[test]
fn damage_is_found() {
    let panics: Exercise = |_| panic!("on purpose");
    let sleeps: Exercise = |_| {
        std::thread::sleep(TIME);
        true
    };
    let hoards: Exercise = |_| !std::hint::black_box(vec![1_u8; 33 << 20]).is_empty();
    for exercise in [panics, sleeps, hoards] {
        let found = catch_unwind(AssertUnwindSafe(|| one("on-purpose", b"bytes", exercise, &mut Worst::default())));
        assert!(found.is_err());
    }
    one("sound", b"bytes", |bytes| bytes.len() == 5, &mut Worst::default());
}
