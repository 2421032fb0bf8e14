//! Mach-O files and property lists that ask for more than they are.

use std::collections::HashMap;

use atlas_core::bplist::{Build, Integer, Made, Plist, Text, build};
use atlas_core::bytes::Bytes;
use atlas_core::macho::slices;
use atlas_core::memory::ImageFile;
use atlas_core::{Error, ErrorKind, Limits};

use uuid::Uuid;

use crate::bounded;
use crate::support::raw::Raw;

#[test]
fn a_million_load_commands() {
    let count = 1_000_000_u32;
    let mut file = Vec::new();
    for number in [0xfeed_facf, 0x0100_000c, 0, 6, count, 8 * count, 0, 0] {
        file.extend(u32::to_le_bytes(number));
    }
    file.extend(b"\xff\0\0\0\x08\0\0\0".repeat(count as usize));
    let found = bounded("commands", file.len(), || slices(&file).unwrap());
    assert!(found.len() == 1 && found[0].segments.is_empty());

    // As many sections as fit, and one more than there are.
    let sections = 200_000_u32;
    for (claimed, is_sound) in [(sections, true), (sections + 1, false), (u32::MAX, false)] {
        let size = 72 + 80 * sections;
        let mut file = Vec::new();
        for number in [0xfeed_facf, 0x0100_000c, 0, 6, 1, size, 0, 0, 0x19, size] {
            file.extend(u32::to_le_bytes(number));
        }
        file.resize(32 + size as usize, 0);
        // The count stands 64 bytes into the command.
        file[32 + 64..32 + 68].copy_from_slice(&claimed.to_le_bytes());
        let found = bounded("sections", file.len(), || slices(&file));
        assert_eq!(found.is_ok_and(|found| found[0].sections.len() == sections as usize), is_sound);
    }
}

/// Many segments that hold nothing, each a byte on, in one that does.
#[test]
fn segments_that_hold_nothing() {
    let (empty, start) = (60_000_u32, 0x1_0000_0000_u64);
    let mut file = Vec::new();
    for number in [0xfeed_facf, 0x0100_000c, 0, 6, empty + 2, 72 * (empty + 1) + 24, 0, 0, 0x1b, 24] {
        file.extend(u32::to_le_bytes(number));
    }
    file.extend([7; 16]);
    for (address, size) in std::iter::once((start, 0x2_0000)).chain((1..=u64::from(empty)).map(|at| (start + at, 0))) {
        file.extend([0x19, 72].map(u32::to_le_bytes).concat());
        file.extend([0; 16]);
        file.extend([address, size, 0, size / 2].map(u64::to_le_bytes).concat());
        file.extend([0; 16]);
    }
    let image = ImageFile::from_bytes("image".into(), file.clone().into(), Uuid::from_bytes([7; 16])).unwrap();
    let whole = image.slice().segments[0];
    let data = bounded("empty segments", file.len(), || image.segment_data(&whole).unwrap());
    assert!(data[..0x1_0000] == file[..0x1_0000] && data[0x1_0000..] == [0; 0x1_0000]);
    let unmapped = image.read(start + 0x2_0000, 1).unwrap_err();
    assert!(matches!(unmapped.kind(), ErrorKind::UnmappedAddress(_)));
}

/// Counts what is made.
#[derive(Default)]
struct Count(HashMap<&'static str, u64>);

impl Count {
    fn one(&mut self, kind: &'static str) -> Made<Self> {
        *self.0.entry(kind).or_default() += 1;
        Ok(())
    }
}

impl Build for Count {
    type Value = ();
    type Error = Error;

    fn null(&mut self) -> Made<Self> {
        self.one("null")
    }
    fn boolean(&mut self, _: bool) -> Made<Self> {
        self.one("boolean")
    }
    fn integer(&mut self, _: Integer) -> Made<Self> {
        self.one("integer")
    }
    fn real(&mut self, _: f64) -> Made<Self> {
        self.one("real")
    }
    fn date(&mut self, _: f64) -> Made<Self> {
        self.one("date")
    }
    fn data(&mut self, _: &[u8]) -> Made<Self> {
        self.one("data")
    }
    fn text(&mut self, _: Text<'_>) -> Made<Self> {
        self.one("text")
    }
    fn uid(&mut self, _: u128) -> Made<Self> {
        self.one("uid")
    }
    fn array(&mut self, _: &[()]) -> Made<Self> {
        self.one("array")
    }
    fn dictionary(&mut self, _: &[()], _: &[()]) -> Made<Self> {
        self.one("dictionary")
    }
}

fn count(bytes: &[u8]) -> Result<HashMap<&'static str, u64>, Error> {
    let plist = Plist::parse(Bytes::from(bytes.to_vec()))?;
    let mut count = Count::default();
    build(plist.view(), &Limits::DEFAULT, &mut count)?;
    Ok(count.0)
}

#[test]
fn lists_that_name_the_same_again_and_again() {
    // Two references to the level below, four hundred levels: 2^400 values, of which 401 are made.
    let mut raw = Raw::new(2);
    let bottom = raw.integer(1);
    let top = (0..400).fold(bottom, |below, _| raw.array(&[below, below]));
    let bytes = raw.finish(top);
    assert_eq!(bounded("doubling", bytes.len(), || count(&bytes).unwrap())["array"], 400);

    // A thousand arrays of the same thousand objects.
    let mut raw = Raw::new(2);
    let items: Vec<u32> = (0..1000).map(|number| raw.integer(number)).collect();
    let arrays: Vec<u32> = (0..1000).map(|_| raw.array(&items)).collect();
    let top = raw.array(&arrays);
    let bytes = raw.finish(top);
    assert_eq!(bounded("a thousand squared", bytes.len(), || count(&bytes).unwrap())["integer"], 1000);

    // Arrays that lie within each other: each begins one byte after the one before, in one run of markers.
    let mut raw = Raw::new(2);
    let run = raw.push([&[0xaf, 0x11, 0xff, 0xff][..], &[0; 131_070]].concat());
    let top = raw.array(&vec![run; 60_000]);
    let bytes = raw.finish(top);
    let found = bounded("one array in another", bytes.len(), || count(&bytes));
    assert!(matches!(found.unwrap_err().kind(), ErrorKind::Plist(_)), "an array within itself");

    // Deeper than the limit.
    let mut raw = Raw::new(4);
    let bottom = raw.integer(1);
    let top = (0..200_000).fold(bottom, |below, _| raw.array(&[below]));
    let bytes = raw.finish(top);
    let found = bounded("deep", bytes.len(), || count(&bytes));
    assert!(matches!(found.unwrap_err().kind(), ErrorKind::Limit { what: "nesting", .. }));
}
