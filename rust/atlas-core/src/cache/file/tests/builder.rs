//! Writes cache files of any generation, field by field from the published layout, without the constants of the reader.

use crate::bytes::Bytes;
use crate::cache::CacheFile;

/// Address, size, file offset, slide info (offset, size), flags, maximal and initial protection.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cache) struct Map {
    pub address: u64,
    pub size: u64,
    pub offset: u64,
    pub slide: (u64, u64),
    pub flags: u64,
    pub max: u32,
    pub init: u32,
}

/// A read-only mapping.
pub(in crate::cache) const fn map(address: u64, size: u64, offset: u64) -> Map {
    Map { address, size, offset, slide: (0, 0), flags: 0, max: 5, init: 5 }
}

/// One file to be written. Tables follow the header in the order: mappings, mappings with slide info, images, texts,
/// subcaches, paths.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Builder {
    pub magic: &'static str,
    /// `mappingOffset`.
    pub size: usize,
    pub big: bool,
    pub uuid: [u8; 16],
    pub maps: Vec<Map>,
    pub images: Vec<(u64, &'static str)>,
    /// UUID, offset in memory, suffix.
    pub subcaches: Vec<([u8; 16], u64, &'static str)>,
    pub symbols: [u8; 16],
    /// Fields on top of it all: offset and bytes, written where the header has room.
    pub fields: Vec<(usize, Vec<u8>)>,
    /// Pieces of the file behind the tables.
    pub pieces: Vec<(usize, Vec<u8>)>,
    /// Bytes of the file, if there is more than the tables need.
    pub length: usize,
}

impl Builder {
    pub(in crate::cache) fn new(magic: &'static str, size: usize) -> Self {
        Self {
            magic,
            size,
            big: false,
            uuid: [7; 16],
            maps: vec![map(0x1_8000_0000, 0x4000, 0)],
            images: Vec::new(),
            subcaches: Vec::new(),
            symbols: [0; 16],
            fields: Vec::new(),
            pieces: Vec::new(),
            length: 0x4000,
        }
    }

    pub(in crate::cache) fn u32(&self, value: u32) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    pub(in crate::cache) fn u64(&self, value: u64) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    /// Sets a field of 8 bytes, or two that follow each other.
    pub(in crate::cache) fn set(mut self, at: usize, words: &[u64]) -> Self {
        let bytes = words.iter().flat_map(|word| self.u64(*word)).collect();
        self.fields.push((at, bytes));
        self
    }

    /// Sets fields of 4 bytes.
    pub(in crate::cache) fn set32(mut self, at: usize, words: &[u32]) -> Self {
        let bytes = words.iter().flat_map(|word| self.u32(*word)).collect();
        self.fields.push((at, bytes));
        self
    }

    pub(in crate::cache) fn piece(mut self, at: usize, bytes: Vec<u8>) -> Self {
        self.pieces.push((at, bytes));
        self
    }

    pub(in crate::cache) fn build(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut fields = Vec::new();
        let here = |body: &Vec<u8>| (self.size + body.len()) as u32;
        for map in &self.maps {
            body.extend([map.address, map.size, map.offset].iter().flat_map(|word| self.u64(*word)));
            body.extend([map.max, map.init].iter().flat_map(|word| self.u32(*word)));
        }
        if self.size >= 0x140 {
            fields.push((0x138, [self.u32(here(&body)), self.u32(self.maps.len() as u32)].concat()));
            for map in &self.maps {
                let words = [map.address, map.size, map.offset, map.slide.0, map.slide.1, map.flags];
                body.extend(words.iter().flat_map(|word| self.u64(*word)));
                body.extend([map.max, map.init].iter().flat_map(|word| self.u32(*word)));
            }
        }
        let counts = |offset| [self.u32(offset), self.u32(self.images.len() as u32)].concat();
        let new_images = self.size >= 0x1c8;
        if !self.images.is_empty() {
            let offset = here(&body);
            fields.push((if new_images { 0x1c0 } else { 0x18 }, counts(offset)));
            let texts = if self.size >= 0x98 { 32 } else { 0 };
            let count = self.images.len() as u32;
            let mut path = offset + (32 + texts) * count;
            path += self.subcaches.len() as u32 * if self.size > 0x1c8 { 56 } else { 24 };
            let mut paths = Vec::new();
            let mut rows = Vec::new();
            for (number, (address, name)) in self.images.iter().enumerate() {
                body.extend([*address, 11 * number as u64, 13].iter().flat_map(|word| self.u64(*word)));
                body.extend([path, 0].iter().flat_map(|word| self.u32(*word)));
                rows.extend([number as u8 + 1; 16]);
                rows.extend(self.u64(*address));
                rows.extend([0x1000, path].iter().flat_map(|word| self.u32(*word)));
                paths.extend([name.as_bytes(), b"\0"].concat());
                path += name.len() as u32 + 1;
            }
            if texts != 0 {
                fields.push((0x88, [self.u64(here(&body).into()), self.u64(count.into())].concat()));
                body.extend(rows);
            }
            self.add_subcaches(&mut body, &mut fields);
            body.extend(paths);
        } else {
            self.add_subcaches(&mut body, &mut fields);
        }
        let mut file = vec![0; self.size];
        fields.push((0, format!("{}\0", self.magic).into_bytes()));
        fields.push((0x10, [self.u32(self.size as u32), self.u32(self.maps.len() as u32)].concat()));
        fields.push((0x58, self.uuid.to_vec()));
        fields.push((0x190, self.symbols.to_vec()));
        let base = self.maps.first().map_or(0, |map| map.address);
        fields.push((0xe0, [self.u64(base), self.u64(0x1000_0000)].concat()));
        fields.extend(self.fields.clone());
        for (at, bytes) in fields {
            if at + bytes.len() <= file.len() {
                file[at..at + bytes.len()].copy_from_slice(&bytes);
            }
        }
        file.extend(body);
        for (at, bytes) in &self.pieces {
            file.resize(file.len().max(at + bytes.len()), 0);
            file[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        file.resize(file.len().max(self.length), 0);
        file
    }

    fn add_subcaches(&self, body: &mut Vec<u8>, fields: &mut Vec<(usize, Vec<u8>)>) {
        let count = self.subcaches.len() as u32;
        fields.push((0x188, [self.u32((self.size + body.len()) as u32), self.u32(count)].concat()));
        for (uuid, offset, suffix) in &self.subcaches {
            body.extend(uuid);
            body.extend(self.u64(*offset));
            if self.size > 0x1c8 {
                let mut field = suffix.as_bytes().to_vec();
                field.resize(32, 0);
                body.extend(field);
            }
        }
    }

    pub(in crate::cache) fn bytes(&self) -> Bytes {
        self.build().into()
    }

    pub(in crate::cache) fn parse(&self) -> CacheFile {
        CacheFile::parse(self.bytes()).unwrap()
    }
}
