//! Images and segments of one table, in every way to get at them.

use super::super::{ImageRow, ImageTable, ImageVisitor, SegmentRow};
use super::records::{self, int};
use super::tree::{Tree, dict, text};
use super::{policy, process};

/// What a walk shows.
#[derive(Default)]
pub(super) struct Walked(pub(super) Vec<(ImageRow, Vec<SegmentRow>)>);

impl ImageVisitor for Walked {
    fn image(&mut self, index: u32, row: &ImageRow) {
        assert_eq!(index as usize, self.0.len(), "one after the other");
        self.0.push((*row, Vec::new()));
    }

    fn segment(&mut self, index: u32, row: &SegmentRow) {
        assert_eq!(index as usize + 1, self.0.len(), "segments follow their image");
        self.0[index as usize].1.push(*row);
    }
}

/// Everything that a row says, as something that can be compared.
fn words(row: &ImageRow) -> ([Option<u64>; 2], Option<[u8; 16]>, [u32; 4]) {
    let places = [row.position, row.install_name, row.file_path, row.segments];
    ([row.address, row.preferred_load_address], row.uuid, places)
}

/// Walks `table`, and holds every other way to the same.
pub(super) fn walked(table: &ImageTable) -> Walked {
    let mut walked = Walked::default();
    table.walk(&mut walked);
    assert_eq!(walked.0.len(), table.len() as usize);
    assert_eq!(table.is_empty(), walked.0.is_empty());
    let mut all = 0;
    for (index, (row, segments)) in walked.0.iter().enumerate() {
        let direct = table.row(index as u32).unwrap();
        assert_eq!(words(&direct), words(row));
        assert_eq!(table.segments(&direct).collect::<Vec<_>>(), *segments);
        assert_eq!(table.segment_count(&direct), segments.len());
        all += segments.len();
    }
    assert_eq!(table.all_segments(), all);
    assert!(table.row(table.len()).is_none() && table.row(u32::MAX).is_none());
    walked
}

pub(super) fn string(table: &ImageTable, position: u32) -> Option<String> {
    table.text(position).map(|text| text.decode().unwrap().into_owned())
}

#[test]
fn an_image_has_what_the_record_gives_it() {
    let own = records::own_image(1, 0xffff_ffff_0000_0000).with("name", Tree::Utf16("/usr/lib/ünï.dylib".to_owned()));
    let bare = dict([("addr", int(5))]);
    let (record, _) = process(&records::process(vec![own, bare]), policy(false)).unwrap();
    let walked = walked(&record.images);
    let (row, segments) = &walked.0[0];
    assert_eq!(row.address, Some(0xffff_ffff_0000_4000));
    assert_eq!(row.preferred_load_address, Some(0xffff_ffff_0000_0000));
    assert_eq!(row.uuid, Some(1_u128.to_be_bytes()));
    assert_eq!(string(&record.images, row.install_name).as_deref(), Some("/usr/lib/ünï.dylib"));
    assert_eq!(string(&record.images, row.file_path).as_deref(), Some("/opt/lib1.dylib"));
    assert_eq!(string(&record.images, segments[2].name).as_deref(), Some("__LINKEDIT"));
    let row = segments[1];
    assert_eq!((row.preferred_load_address, row.vm_size, row.file_size), (0xffff_ffff_0000_4000, 0x4000, 0x2000));
    assert_eq!((row.permissions, row.file_offset), (5, Some(0x1000)));
    let (row, segments) = &walked.0[1];
    assert_eq!((row.address, row.preferred_load_address, row.uuid), (Some(5), None, None));
    assert_eq!((row.install_name, row.file_path, row.segments, segments.len()), (0, 0, 0, 0));
    assert!(record.images.text(0).is_none());
}

#[test]
fn what_is_dropped_leaves_no_hole() {
    let images = (0..9).map(|n| records::own_image(n.into(), 0x1000 * n)).collect();
    let tree = records::process(images)
        .with("imgs[0]", Tree::True)
        .with("imgs[3]", dict([]))
        .with("imgs[4]", Tree::Dangling)
        .with("imgs[8]", Tree::Array(vec![]))
        .with("imgs[5].segs[1].size", Tree::Int(-1))
        .with("imgs[6].uuid", Tree::True)
        .with("imgs[7].segs", Tree::Int(1));
    let (record, warnings) = process(&tree, policy(true)).unwrap();
    assert_eq!(warnings.len(), 7, "{warnings:?}");
    assert_eq!(record.images.kept(), Some(&[1, 2, 5, 6, 7][..]));
    let walked = walked(&record.images);
    let numbers: Vec<_> = walked.0.iter().map(|(row, _)| row.uuid.map(|uuid| uuid[15])).collect();
    assert_eq!(numbers, [Some(1), Some(2), Some(5), None, Some(7)]);
    assert_eq!(walked.0.iter().map(|(_, segments)| segments.len()).collect::<Vec<_>>(), [3, 3, 2, 3, 0]);
    let names: Vec<_> = walked.0[2].1.iter().map(|row| string(&record.images, row.name).unwrap()).collect();
    assert_eq!(names, ["__TEXT", "__LINKEDIT"]);
}

#[test]
fn of_a_repeated_key_the_first() {
    let mut own = records::own_image(1, 0x1000);
    own.pairs().extend([(text("addr"), Tree::True), (text("uuid"), records::uuid(2)), (text("segs"), Tree::True)]);
    own.at("segs[0]").pairs().insert(0, (Tree::Utf16("padr".to_owned()), int(0x77)));
    let (record, _) = process(&records::process(vec![own]), policy(false)).unwrap();
    let walked = walked(&record.images);
    assert_eq!(walked.0[0].0.uuid, Some(1_u128.to_be_bytes()));
    assert_eq!(walked.0[0].1[0].preferred_load_address, 0x77);
}

/// Dictionaries of 15 pairs and more have their count outside the marker, and strings of 15 bytes too.
#[test]
fn large_dictionaries_and_long_names() {
    let images = [14, 15, 16, 300].map(|count| {
        let mut own = records::own_image(count, 0x1000);
        while own.pairs().len() < count as usize {
            let key = format!("unknown key {}", own.pairs().len());
            own.pairs().insert(0, (text(&key), Tree::True));
        }
        own.with("file", text(&"x".repeat(count as usize))).with("segs[0].name", text(&"y".repeat(count as usize)))
    });
    let (record, _) = process(&records::process(images.to_vec()), policy(false)).unwrap();
    for (index, (row, segments)) in walked(&record.images).0.iter().enumerate() {
        let count = [14, 15, 16, 300][index];
        assert_eq!(string(&record.images, row.file_path).unwrap().len(), count);
        assert_eq!((string(&record.images, segments[0].name).unwrap().len(), segments.len()), (count, 3));
    }
}

/// The same keys in another order, and other keys of the same number: what was learnt of one shape must not be used for
/// another.
#[test]
fn shapes_that_change_from_one_to_the_next() {
    let mut images = Vec::new();
    for turn in 0..24 {
        let mut own = records::own_image(turn, 0x1000 * turn as u64);
        let length = own.pairs().len();
        own.pairs().rotate_left(turn as usize % length);
        if turn % 3 == 0 {
            own = own.without("padr").with("pbdr", int(3));
        }
        for segment in own.at("segs").items() {
            segment.pairs().rotate_left(turn as usize % 6);
        }
        images.push(own);
    }
    let (record, _) = process(&records::process(images), policy(false)).unwrap();
    for (turn, (row, segments)) in walked(&record.images).0.iter().enumerate() {
        let address = 0x1000 * turn as u64;
        assert_eq!((row.address, row.uuid), (Some(address + 0x4000), Some((turn as u128).to_be_bytes())));
        assert_eq!(row.preferred_load_address, (turn % 3 != 0).then_some(address));
        assert_eq!(segments[2].preferred_load_address, address + 0x8000);
    }
}
