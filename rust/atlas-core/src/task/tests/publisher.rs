//! Publishes atlases by dyld's own protocol, into memory of whatever kind.

use uuid::Uuid;

use super::super::all_image_infos::LARGEST;
use super::super::memory::PointerFormat;
use super::super::recorded::RecordedMemory;
use super::super::written::{WrittenImage, WrittenProcess, WrittenSegment};
use crate::archive::{ArchiveWriter, Stamp};

/// Where a publisher writes.
pub trait Plant {
    /// New memory.
    fn map(&mut self, size: usize) -> u64;
    fn unmap(&mut self, address: u64);
    fn write(&mut self, address: u64, bytes: &[u8]);
    fn store(&mut self, address: u64, value: u64, width: usize);
    /// Two words at once.
    fn swap(&mut self, address: u64, pair: [u64; 2], format: PointerFormat);
}

/// What dyld does whenever it has loaded or unloaded something.
pub struct Publisher<P> {
    pub plant: P,
    infos: u64,
    format: PointerFormat,
    /// Address and capacity.
    buffer: Option<(u64, usize)>,
    pub time: u64,
}

impl<P: Plant> Publisher<P> {
    /// Writes the structure of a process that has published nothing.
    pub fn new(mut plant: P, infos: u64, format: PointerFormat) -> Self {
        plant.write(infos, &empty_infos(format));
        Self { plant, infos, format, buffer: None, time: 0 }
    }

    fn at(&self, wide: u64, narrow: u64) -> u64 {
        self.infos + if self.format == PointerFormat::Bits64 { wide } else { narrow }
    }

    fn announce(&mut self, address: u64, size: usize) {
        let place = self.at(0x130, 0xa8);
        self.plant.swap(place, [address, size as u64], self.format);
    }

    /// Sets one field of the structure.
    pub fn set(&mut self, (wide, narrow): (u64, u64), value: u64, width: usize) {
        let place = self.at(wide, narrow);
        self.plant.store(place, value, width);
    }

    /// Publishes `atlas` with a later time.
    pub fn publish(&mut self, atlas: &[u8]) {
        let pointer = self.format.pointer_size();
        let (array, uuids) = ((0x08, 0x08), (0x60, 0x34));
        self.set(array, 0, pointer);
        self.set(uuids, 0, pointer);
        let new = self.plant.map(atlas.len());
        self.plant.write(new, atlas);
        self.announce(new, atlas.len());
        match self.buffer {
            Some((old, capacity)) if capacity >= atlas.len() => {
                self.plant.write(old, atlas);
                self.announce(old, atlas.len());
            }
            old => {
                if let Some((old, _)) = old {
                    self.plant.unmap(old);
                }
                // With room, so that the next ones are written over it.
                let capacity = atlas.len() + atlas.len() / 8;
                let third = self.plant.map(capacity);
                self.plant.write(third, atlas);
                self.announce(third, atlas.len());
                self.buffer = Some((third, capacity));
            }
        }
        self.plant.unmap(new);
        self.time += 1;
        let time = self.time;
        self.set((0xb8, 0x68), time, 8);
        self.set((0x04, 0x04), 1, 4);
        self.set((0xb8, 0x68), time, 8);
        self.set(array, 0x1000, pointer);
    }
}

/// The structure of a process that has published nothing, of version 18.
pub fn empty_infos(format: PointerFormat) -> Vec<u8> {
    let mut infos = vec![0; if format == PointerFormat::Bits64 { LARGEST } else { 224 }];
    infos[0] = 18;
    infos
}

/// Memory of this process, written piece by piece, so that a reader sees every state between.
pub struct RecordedPlant {
    pub memory: RecordedMemory,
    next: u64,
}

impl RecordedPlant {
    pub fn new(memory: RecordedMemory) -> Self {
        Self { memory, next: 0x10_0000 }
    }
}

impl Plant for RecordedPlant {
    fn map(&mut self, size: usize) -> u64 {
        let address = self.next;
        self.next += (size as u64 + 0x1fff) & !0xfff;
        self.memory.change(|contents| contents.map(address, vec![0; size], 3, None));
        address
    }

    fn unmap(&mut self, address: u64) {
        self.memory.change(|contents| contents.unmap(address));
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        for (index, piece) in bytes.chunks(512).enumerate() {
            let place = address + index as u64 * 512;
            assert!(self.memory.change(|contents| contents.write(place, piece)), "not mapped: {place:#x}");
        }
    }

    fn store(&mut self, address: u64, value: u64, width: usize) {
        let bytes = value.to_le_bytes();
        assert!(self.memory.change(|contents| contents.write(address, &bytes[..width])));
    }

    fn swap(&mut self, address: u64, pair: [u64; 2], format: PointerFormat) {
        let bytes = pair.map(|word| word.to_le_bytes());
        let width = format.pointer_size();
        let pair = [&bytes[0][..width], &bytes[1][..width]].concat();
        assert!(self.memory.change(|contents| contents.write(address, &pair)));
    }
}

/// What the atlases of a run are like.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub stamp: Stamp,
    /// Entries beside `process.plist`, each with a checksum of its own.
    pub more_files: bool,
}

pub const SEALED: Kind = Kind { stamp: Stamp::Crc32c, more_files: false };

/// Of how many atlases a run is made.
pub const VARIANTS: u64 = 48;

/// The time that the record of `variant` holds.
pub const fn time(variant: u64) -> u64 {
    (1 << 40) + variant
}

/// An atlas that differs from every other variant in every image; four in a row have the same length.
pub fn atlas(variant: u64, kind: Kind) -> Vec<u8> {
    let count = 30 + variant / 4 % 3 * 10;
    let images = (0..count).map(|index| {
        let address = 0x1_0000_0000 + (variant << 32) + index * 0x1_0000;
        WrittenImage {
            address,
            uuid: Some(Uuid::from_u64_pair(variant + 1, index)),
            file_path: Some(format!("/usr/local/lib/{variant:04}/library{index:04}.dylib")),
            segments: vec![WrittenSegment { name: "__TEXT".into(), vm_size: 0x4000 + variant, ..Default::default() }],
            ..Default::default()
        }
    });
    let process = WrittenProcess {
        pid: 77,
        platform: 1,
        timestamp: time(variant),
        state: 0x50,
        images: images.collect(),
        ..Default::default()
    };
    let mut archive = ArchiveWriter::with_stamp(kind.stamp);
    archive.add_file(b"process.plist", process.into_plist().unwrap()).unwrap();
    if kind.more_files {
        for file in 0..4_u64 {
            let data = (variant * 5 + file).to_le_bytes().repeat(300);
            archive.add_file(format!("more/{file}").as_bytes(), data).unwrap();
        }
    }
    archive.to_bytes(None).unwrap()
}

pub fn atlases(kind: Kind) -> Vec<Vec<u8>> {
    (0..VARIANTS).map(|variant| atlas(variant, kind)).collect()
}
