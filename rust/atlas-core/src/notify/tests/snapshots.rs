//! Snapshots of a process that changes, made from plain values.

use std::sync::Arc;

use crate::archive::ArchiveWriter;
use crate::model::{Image, Opening, Options, Snapshot};
use crate::schema::tests::records::{self, BASE, image, int, own_image};

/// Images that the cache of these snapshots has.
pub const CACHED: usize = 40;

/// What a process has loaded: own images by number and address, cache images by bit, and where the cache lies.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    pub own: Vec<(u8, u64)>,
    pub bitmap: Vec<u8>,
    pub slide: u64,
}

impl Loads {
    /// Own images only, each at an address of its own.
    pub fn own(numbers: impl IntoIterator<Item = u8>) -> Self {
        Self {
            own: numbers.into_iter().map(|number| (number, u64::from(number) * 0x10_0000)).collect(),
            ..Self::default()
        }
    }
}

/// The snapshot at `time`; the record of its cache is taken over from `before` where there is one, as a source does.
pub fn snapshot(time: u64, loads: &Loads, before: Option<&Snapshot>) -> Arc<Snapshot> {
    let before = before.filter(|before| before.shared_cache().is_some());
    let own = loads.own.iter().map(|&(number, address)| own_image(number.into(), address)).collect();
    let mut process = records::process(own).with("time", int(time));
    if !loads.bitmap.is_empty() {
        process = process.with("dsc1", records::reference(loads.slide, &loads.bitmap));
    }
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"process.plist", process.encode()).unwrap();
    if !loads.bitmap.is_empty() && before.is_none() {
        let cached = (0..CACHED as u64).map(|n| image(1000 + u128::from(n), BASE + n * 0x10_0000, &[])).collect();
        let path = crate::cache::entry_path(uuid::Uuid::parse_str(records::CACHE).unwrap());
        writer.add_file(path.as_bytes(), records::atlas(records::cache(cached)).encode()).unwrap();
    }
    let mut opening = Opening::new(writer.to_bytes(None).unwrap().into(), Options::default()).unwrap();
    if let Some(before) = before {
        opening.offer_cache_of(before);
    }
    Arc::new(opening.finish().unwrap())
}

/// What names an image in these tests: its number, and where it lies.
pub fn key(image: &Image) -> (u128, u64) {
    (image.uuid().unwrap().as_u128(), image.address().0)
}

/// The keys of all images of a snapshot, in its order.
pub fn keys(snapshot: &Snapshot) -> Vec<(u128, u64)> {
    let images = snapshot.images();
    (0..images.columns().len()).map(|index| key(&images.get(index).unwrap())).collect()
}
