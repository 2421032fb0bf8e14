//! Lists every image of a shared cache with UUID and segments, by this crate and by the crate `object`, and takes the
//! time.
//!
//! `cargo run --release --example list_cache -- MAIN [ROUNDS]`. Both map the files anew in every round, in turn, and
//! what they find is compared before any time counts. The benchmarks of the Python package show the figures beside
//! their own.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use atlas_core::Limits;
use atlas_core::bplist::Text;
use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::{CacheGroup, scavenge};
use atlas_core::schema::Policy;
use object::Endianness;
use object::macho::MachHeader64;
use object::read::macho::{DyldCache, LoadCommandVariant, MachHeader as _, Segment as _};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What a listing found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Summary {
    images: usize,
    segments: usize,
    digest: u64,
}

impl Summary {
    /// Every value of a listing goes through here: nothing is left for an optimiser to leave out.
    fn add(&mut self, value: u64) {
        self.digest = (self.digest ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17);
    }

    fn image(&mut self, address: u64, uuid: [u8; 16], path: &[u8]) {
        self.images += 1;
        self.add(address);
        self.add(u64::from_le_bytes(std::array::from_fn(|index| uuid[index])));
        self.add(path.len() as u64);
    }

    fn segment(&mut self, address: u64, vm_size: u64, name: &[u8]) {
        self.segments += 1;
        self.add(address);
        self.add(vm_size);
        self.add(name.len() as u64);
    }
}

/// By this crate.
fn by_atlas_core(main: &Path) -> Result<Summary> {
    let group = CacheGroup::open(main, &mut |path| Bytes::open(path, Mode::Map))?;
    let known = scavenge(&group, Mode::Map, Policy { lenient: false, limits: Limits::default() })?;
    let (columns, mut found) = (known.columns(), Summary::default());
    let text = |position| known.text(position).and_then(Text::as_str).unwrap_or_default();
    for (index, image) in columns.images.iter().enumerate() {
        found.image(image.address, image.uuid, text(image.install_name).as_bytes());
        for segment in columns.segments_of(index) {
            found.segment(segment.preferred_load_address, segment.vm_size, text(segment.name).as_bytes());
        }
    }
    Ok(found)
}

/// By `object`: its list of images, then the load commands of each.
fn by_object(main: &Path) -> Result<Summary> {
    let open = |path: &Path| Bytes::open(path, Mode::Map);
    let bytes = open(main)?;
    let suffixes = DyldCache::<Endianness>::subcache_suffixes(&*bytes)?;
    let beside = |suffix: &String| PathBuf::from(format!("{}{suffix}", main.display()));
    let others: Vec<Bytes> =
        suffixes.iter().map(|suffix| open(&beside(suffix))).collect::<std::result::Result<_, _>>()?;
    let others: Vec<&[u8]> = others.iter().map(|bytes| &**bytes).collect();
    let cache = DyldCache::<Endianness>::parse(&*bytes, &others)?;
    let mut found = Summary::default();
    for image in cache.images() {
        let path = image.path()?;
        let (data, offset) = image.image_data_and_offset()?;
        let header = MachHeader64::<Endianness>::parse(data, offset)?;
        let endian = header.endian()?;
        let (mut uuid, mut segments) = ([0; 16], Vec::new());
        let mut commands = header.load_commands(endian, data, offset)?;
        while let Some(command) = commands.next()? {
            match command.variant()? {
                LoadCommandVariant::Segment64(segment, _) => segments.push(segment),
                LoadCommandVariant::Uuid(command) => uuid = command.uuid,
                _ => {}
            }
        }
        found.image(image.info().address.get(endian), uuid, path.as_bytes());
        for segment in segments {
            found.segment(segment.vmaddr(endian), segment.vmsize(endian), segment.name());
        }
    }
    Ok(found)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let main = PathBuf::from(arguments.next().ok_or("usage: list_cache MAIN [ROUNDS]")?);
    let rounds = arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(15_usize);
    let expected = by_atlas_core(&main)?;
    let other = by_object(&main)?;
    if expected != other {
        return Err(format!("atlas-core found {expected:?}, object {other:?}").into());
    }
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..rounds {
        for (list, taken) in [by_atlas_core, by_object].into_iter().zip(&mut times) {
            let start = Instant::now();
            black_box(list(black_box(&main))?);
            taken.push(start.elapsed());
        }
    }
    let least = times.map(|taken| taken.into_iter().min().unwrap_or_default().as_secs_f64());
    println!(
        "{{\"images\": {}, \"segments\": {}, \"atlas-core\": {}, \"object\": {}}}",
        expected.images, expected.segments, least[0], least[1]
    );
    Ok(())
}
