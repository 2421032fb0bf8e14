//! The rows of a cache's images, and the `__LINKEDIT` that they share.

use super::super::{HAS_ADDRESS, HAS_PREFERRED, HAS_UUID};
use super::*;
use crate::schema::tests::records::{image, int, segment};
use crate::schema::tests::tree::text;

fn known(images: Vec<Tree>) -> std::sync::Arc<super::super::KnownCache> {
    strict(&memory(atlas_with(&[(uuid(), records::cache(images))], None))).unwrap().unwrap()
}

#[test]
fn rows_say_what_the_record_says() {
    let _alone = alone();
    let both = image(2, BASE + 0x100, &[]).with("addr", int(5)).without("uuid");
    let known = known(vec![image(1, BASE, &SEGMENTS), both, image(3, 0, &[]).without("padr").with("addr", int(9))]);
    let columns = known.columns();
    let flags: Vec<u8> = columns.images.iter().map(|image| image.flags).collect();
    assert_eq!(flags, [HAS_UUID | HAS_PREFERRED, HAS_ADDRESS | HAS_PREFERRED, HAS_UUID | HAS_ADDRESS]);
    assert_eq!(columns.images.iter().map(|image| image.address).collect::<Vec<_>>(), [BASE, 5, 9]);
    assert_eq!(columns.images.iter().map(|image| image.vm_end).collect::<Vec<_>>(), [BASE + 0x9000, 0, 0]);
    assert_eq!((columns.segments_of(0).len(), columns.segments_of(1).len(), columns.segments_of(3).len()), (3, 0, 0));
    assert_eq!((columns.segments.capacity(), columns.images.capacity()), (3, 3), "as much room as they take");
    assert!(known.byte_length() > columns.byte_length());
}

#[test]
fn shared_linkedit_is_what_two_have() {
    let _alone = alone();
    let linkedit = |address, size| segment("__LINKEDIT", address, size);
    let with = |number, segments| image(number, BASE, &[]).with("segs", Tree::Array(segments));
    let utf16 = linkedit(0x9000, 0x100).with("name", Tree::Utf16("__LINKEDIT".to_owned()));
    let known = known(vec![
        with(1, vec![linkedit(0x5000, 0x100), segment("__TEXT", 0x1000, 0x100)]),
        with(2, vec![linkedit(0x5000, 0x100), segment("__TEXT", 0x1000, 0x100)]),
        with(3, vec![linkedit(0x5000, 0x200), linkedit(0x9000, 0x100)]),
        with(4, vec![utf16.clone(), linkedit(0x7000, 0)]),
        with(5, vec![linkedit(0x5000, 0x100).with("name", text("__LINKEDIT2"))]),
        with(6, vec![linkedit(0x4000, 0x100)]),
        with(7, vec![linkedit(0x4000, 0x300)]),
        // Twice, and by nobody else.
        with(8, vec![linkedit(0xb000, 0x100), linkedit(0xb000, 0x100)]),
    ]);
    assert_eq!(known.shared_linkedit(), [(0x5000, 0x100), (0x9000, 0x100)]);
}
