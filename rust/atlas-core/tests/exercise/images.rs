//! Lists of images: columns against handles, addresses against a plain search, names, UUIDs and differences.

use std::sync::Arc;

use atlas_core::bplist::Text;
use atlas_core::model::{Image, ImageSet, ListVisitor, diff};
use atlas_core::schema::SegmentRow;

/// Images of which each handle is compared with the columns.
const MOST_IMAGES: usize = 200;

/// What a pass over the whole list shows.
#[derive(Default)]
struct Seen {
    images: usize,
    segments: Vec<(usize, SegmentRow)>,
}

impl ListVisitor for Seen {
    fn image(&mut self, index: usize) {
        assert_eq!(index, self.images);
        self.images += 1;
    }

    fn segment(&mut self, row: &SegmentRow) {
        self.segments.push((self.images - 1, *row));
    }
}

pub fn walk(images: &Arc<ImageSet>) {
    let columns = images.columns();
    let count = columns.len();
    assert_eq!((images.len(), images.is_empty()), (count, count == 0));
    assert_eq!([columns.preferred_load_address.len(), columns.vm_end.len(), columns.uuid.len()], [count; 3]);
    assert!(images.get(count).is_none());
    let segments = images.segment_columns();
    let all = segments.len();
    assert_eq!([segments.vm_size.len(), segments.file_size.len(), segments.permissions.len()], [all; 3]);
    assert_eq!(segments.image_index.len(), all);
    assert!(
        segments.image_index.is_sorted() && segments.image_index.last().is_none_or(|last| (*last as usize) < count)
    );

    let mut seen = Seen::default();
    images.walk(&mut seen);
    assert_eq!((seen.images, seen.segments.len()), (count, all));
    let mut next = 0;
    for index in 0..count.min(MOST_IMAGES) {
        let image = images.get(index).expect("below the count");
        handle(images, &image, index);
        let mut own = 0;
        let mut end = 0;
        for segment in image.segments() {
            assert_eq!(segments.image_index[next] as usize, index);
            assert_eq!(segments.address[next], segment.address().0);
            assert_eq!((segments.vm_size[next], segments.file_size[next]), (segment.vm_size(), segment.file_size()));
            assert_eq!(segments.permissions[next], segment.permissions());
            assert_eq!(images.segment_name(&segments, next), segment.name());
            assert!(segment.name().is_some() && segment.image() == image);
            let (image, row) = &seen.segments[next];
            assert_eq!((*image, row.vm_size, row.file_offset), (index, segment.vm_size(), segment.file_offset()));
            assert_eq!(row.preferred_load_address, segment.preferred_load_address().0);
            assert_eq!(images.text_of(index, row.name), segment.name());
            end = end.max(segment.address().0.saturating_add(segment.vm_size()));
            (own, next) = (own + 1, next + 1);
        }
        assert_eq!(image.segment_count(), own);
        if images.cache_index(index).is_none() {
            assert_eq!(columns.vm_end[index], end);
        }
    }
    assert!(count > MOST_IMAGES || next == all);
    addresses(images);
}

fn handle(images: &Arc<ImageSet>, image: &Image, index: usize) {
    let columns = images.columns();
    assert_eq!(image.index() as usize, index);
    assert!(Arc::ptr_eq(image.set(), images));
    assert_eq!(image.address().0, columns.address[index]);
    assert_eq!(image.preferred_load_address().0, columns.preferred_load_address[index]);
    assert_eq!(image.preferred_load_address() + image.slide(), image.address());
    assert_eq!(image.uuid().map(|uuid| uuid.into_bytes()), columns.has_uuid(index).then(|| columns.uuid[index]));
    assert_eq!((image.install_name(), image.file_path()), (images.install_name(index), images.file_path(index)));
    assert_eq!(image.identifier().uuid, image.uuid());
    assert_eq!(image.shared_cache().is_some(), images.is_in_cache(index));
    assert!(image.same_file(image) && *image == images.get(index).expect("below the count"));
    if let Some(uuid) = image.uuid() {
        let first = images.by_uuid(uuid).expect("it is in the list") as usize;
        assert!(first <= index && images.get(first).and_then(|first| first.uuid()) == Some(uuid));
    }
    for text in [image.install_name(), image.file_path(), image.name()].into_iter().flatten() {
        let Some(name) = text.decode() else { continue };
        let first = images.by_name(&name).expect("it is in the list") as usize;
        let found = images.get(first).expect("an index of the list");
        let is_named = |text: Text<'_>| text.is(&name) || text.leaf().is(&name);
        assert!(first <= index && [found.install_name(), found.file_path()].into_iter().flatten().any(is_named));
    }
}

/// Every edge of a segment, looked up one by one, together, sorted, and by a plain search.
fn addresses(images: &Arc<ImageSet>) {
    let segments = images.segment_columns();
    let mut probes = vec![0, 1, u64::MAX, u64::MAX - 1, 1 << 63];
    for (address, size) in segments.address.iter().zip(&segments.vm_size).take(2000) {
        let end = address.wrapping_add(*size);
        probes.extend([*address, address.wrapping_sub(1), end.wrapping_sub(1), end]);
    }
    let mut found = vec![7; probes.len()];
    images.ranges().lookup(&probes, &mut found);
    let one_by_one: Vec<i32> = probes.iter().map(|probe| images.at(*probe).map_or(-1, u32::cast_signed)).collect();
    assert_eq!(found, one_by_one, "lookup and at differ");
    if segments.len() <= 64 {
        let ranges = ranges(images);
        let plain: Vec<i32> = probes.iter().map(|probe| search(&ranges, *probe)).collect();
        assert_eq!(one_by_one, plain, "the index and a plain search differ");
    }
    for (probe, image) in probes.iter().zip(&found).take(400) {
        match images.resolve(*probe) {
            Some(location) => {
                assert_eq!(location.image.index().cast_signed(), *image);
                let segment = location.segment.expect("an image is found by one of its segments");
                assert!(probe.wrapping_sub(segment.address().0) < segment.vm_size());
                assert_eq!(location.image.address().0.wrapping_add(location.offset), *probe);
            }
            None => assert_eq!(*image, -1),
        }
    }
    probes.sort_unstable();
    let mut sorted = vec![7; probes.len()];
    images.ranges().lookup(&probes, &mut sorted);
    assert!(probes.iter().zip(&sorted).all(|(probe, image)| images.at(*probe).map_or(-1, u32::cast_signed) == *image));
}

/// Start, size and image of each segment, but for a `__LINKEDIT` that images of a cache share, in its record or in the
/// process's, and for a `__PAGEZERO`.
fn ranges(images: &Arc<ImageSet>) -> Vec<(u64, u64, i32)> {
    let (columns, segments) = (images.columns(), images.segment_columns());
    let shared = images.cache().map_or(&[][..], |cache| cache.known().shared_linkedit());
    let is_own = |image: i32| images.cache_index(image as usize).is_none();
    let is_linkedit = |index: usize| images.segment_name(&segments, index).is_some_and(|name| name.is("__LINKEDIT"));
    let header = |image: i32| columns.address[image as usize];
    let mut ranges = Vec::new();
    for (index, (&start, &size)) in segments.address.iter().zip(&segments.vm_size).enumerate() {
        let image = segments.image_index[index];
        let slide = header(image).wrapping_sub(columns.preferred_load_address[image as usize]);
        let shares = |other: usize| {
            let sharer = segments.image_index[other];
            is_own(sharer)
                && header(sharer) != header(image)
                && (segments.address[other], segments.vm_size[other]) == (start, size)
                && is_linkedit(other)
        };
        let is_first = index == 0 || segments.image_index[index - 1] != image;
        let is_empty = segments.permissions[index] == 0 && segments.file_size[index] == 0;
        let is_shared = if is_own(image) {
            (is_linkedit(index) && (0..segments.len()).any(shares))
                || (is_first && is_empty && start == slide && start != header(image))
        } else {
            is_linkedit(index) && shared.contains(&(start.wrapping_sub(slide), size))
        };
        if !is_shared {
            ranges.push((start, size, image));
        }
    }
    ranges
}

/// The rule in its plainest form: of the segments that hold the address the one that begins last, of several the first.
fn search(ranges: &[(u64, u64, i32)], probe: u64) -> i32 {
    let mut best: Option<(u64, i32)> = None;
    for &(start, size, image) in ranges {
        // What would pass the end of the address space ends there.
        let holds = probe >= start && probe - start < size;
        if holds && best.is_none_or(|(other, _)| start > other) {
            best = Some((start, image));
        }
    }
    best.map_or(-1, |(_, image)| image)
}

/// Two lists that must not differ.
pub fn equal(a: &Arc<ImageSet>, b: &Arc<ImageSet>) {
    let (left, right) = (a.columns(), b.columns());
    assert_eq!((&left.address, &left.uuid, &left.vm_end), (&right.address, &right.uuid, &right.vm_end));
    assert_eq!(left.preferred_load_address, right.preferred_load_address);
    let (left, right) = (a.segment_columns(), b.segment_columns());
    assert_eq!((&left.address, &left.vm_size, &left.file_size), (&right.address, &right.vm_size, &right.file_size));
    assert_eq!((&left.image_index, &left.permissions), (&right.image_index, &right.permissions));
    for index in 0..a.len().min(MOST_IMAGES) {
        assert_eq!((a.install_name(index), a.file_path(index)), (b.install_name(index), b.file_path(index)));
    }
    let same = diff(a, b);
    assert!(same.loaded.is_empty() && same.unloaded.is_empty() && same.moved.is_empty(), "{same:?}");
}

/// Every image of either list is loaded, unloaded, moved, or in both.
pub fn difference(old: &Arc<ImageSet>, new: &Arc<ImageSet>) {
    let found = diff(old, new);
    let (gone, come) = (found.unloaded.len() + found.moved.len(), found.loaded.len() + found.moved.len());
    assert_eq!(old.len() - gone, new.len() - come, "{found:?}");
    assert!(found.unloaded.is_sorted_by_key(Image::index) && found.loaded.is_sorted_by_key(Image::index));
    for (before, after) in &found.moved {
        assert!(before.same_file(after) && before.address() != after.address());
    }
}
