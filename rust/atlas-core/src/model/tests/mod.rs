//! Snapshots as their users see them, against plain re-implementations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::mutable_key_type, reason = "what changes inside a list is made once, and no hash sees it")]

mod cases;
mod diff;
mod lookup;
mod merge;
mod opening;
mod ranges;
mod rewrite;

use std::sync::Arc;

use uuid::Uuid;

use super::{Image, ImageSet, Opening, Options, Segment, SharedCache, Snapshot};
use crate::archive::ArchiveWriter;
use crate::bplist::Text;
use crate::bytes::Bytes;
use crate::cache::entry_path;
use crate::schema::tests::policy;
use crate::schema::tests::records::{self, CACHE};
use crate::schema::tests::tree::Tree;

fn cache_uuid() -> Uuid {
    Uuid::parse_str(CACHE).unwrap()
}

/// An archive of a process, and of the atlas with the cache [`CACHE`] if there is one.
fn archive(process: &Tree, cache: Option<&Tree>) -> Bytes {
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"process.plist", process.encode()).unwrap();
    if let Some(cache) = cache {
        writer.add_file(entry_path(cache_uuid()).as_bytes(), records::atlas(cache.clone()).encode()).unwrap();
    }
    writer.to_bytes(None).unwrap().into()
}

fn atlas(cache: &Tree) -> Bytes {
    let mut writer = ArchiveWriter::new();
    writer.add_file(entry_path(cache_uuid()).as_bytes(), records::atlas(cache.clone()).encode()).unwrap();
    writer.to_bytes(None).unwrap().into()
}

fn options(lenient: bool) -> Options {
    Options { policy: policy(lenient), ..Options::default() }
}

fn open_with(process: &Tree, cache: Option<&Tree>, lenient: bool) -> Snapshot {
    Opening::new(archive(process, cache), options(lenient)).unwrap().finish().unwrap()
}

fn open(process: &Tree, cache: Option<&Tree>) -> Snapshot {
    open_with(process, cache, false)
}

/// A snapshot of own images, and of those images of a cache that `bitmap` names.
fn snapshot(own: Vec<Tree>, cache: Vec<Tree>, bitmap: &[u8], slide: u64) -> Snapshot {
    let process = records::process(own).with("dsc1", records::reference(slide, bitmap));
    open(&process, Some(&records::cache(cache)))
}

fn own_images(own: Vec<Tree>) -> Arc<ImageSet> {
    Arc::clone(open(&records::process(own), None).images())
}

fn string(text: Option<Text<'_>>) -> Option<String> {
    text.map(|text| text.decode_lossy().into_owned())
}

/// Holds columns, segment columns and handles of a list to one another.
fn consistent(images: &Arc<ImageSet>) {
    let (columns, segments) = (images.columns(), images.segment_columns());
    assert_eq!((images.len(), images.is_empty()), (columns.len(), columns.is_empty()));
    assert!(images.get(columns.len()).is_none());
    let mut next = 0;
    for index in 0..columns.len() {
        let image = images.get(index).unwrap();
        let handle = (image.address().0, image.preferred_load_address().0);
        assert_eq!(handle, (columns.address[index], columns.preferred_load_address[index]));
        assert_eq!(image.slide().0, handle.0.wrapping_sub(handle.1));
        assert_eq!(image.uuid().map_or([0; 16], Uuid::into_bytes), columns.uuid[index]);
        assert_eq!(image.shared_cache().is_some(), images.is_in_cache(index));
        let mut end = 0_u64;
        for segment in image.segments() {
            assert_eq!(segments.image_index[next], index as i32);
            assert_eq!(segments.address[next], segment.address().0);
            assert_eq!(segment.address().0, segment.preferred_load_address().0.wrapping_add(image.slide().0));
            assert_eq!((segments.vm_size[next], segments.file_size[next]), (segment.vm_size(), segment.file_size()));
            assert_eq!(segments.permissions[next], segment.permissions());
            assert_eq!(images.segment_name(&segments, next), segment.name());
            assert!(segment.image() == image && segment.name().is_some());
            end = end.max(segment.address().0.saturating_add(segment.vm_size()));
            next += 1;
        }
        assert_eq!((columns.vm_end[index], image.segment_count()), (end, image.segments().count()), "image {index}");
    }
    assert_eq!((next, segments.is_empty()), (segments.len(), next == 0));
}

#[test]
fn everything_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Snapshot>();
    shared::<Opening>();
    shared::<ImageSet>();
    shared::<Image>();
    shared::<Segment>();
    shared::<SharedCache>();
}
