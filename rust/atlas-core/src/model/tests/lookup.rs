//! From addresses, UUIDs and names to images.

use super::*;
use crate::schema::tests::records::{BASE, SEGMENTS, image, int, own_image, segment};
use crate::schema::tests::tree::text;

fn linkedit(image: Tree, address: u64) -> Tree {
    let mut image = image;
    image.at("segs").items().push(segment("__LINKEDIT", address, 0x1000));
    image
}

#[test]
fn the_linkedit_that_images_of_a_cache_share_is_nobodys() {
    let slide = 0x1000_0000;
    let shared = BASE + 0x100_0000;
    let only = BASE + 0x200_0000;
    let text = [("__TEXT", 0, 0x4000)];
    let cache = vec![
        linkedit(image(1, BASE, &text), shared),
        linkedit(image(2, BASE + 0x1_0000, &text), shared),
        linkedit(image(3, BASE + 0x2_0000, &text), only),
        // In nobody's use, but it shares all the same.
        linkedit(image(4, BASE + 0x3_0000, &text), BASE + 0x300_0000),
        linkedit(image(5, BASE + 0x4_0000, &text), BASE + 0x300_0000),
    ];
    // An own image whose __LINKEDIT lies, before sliding, just where the shared one does.
    let own = linkedit(image(9, 0x1000, &text).with("addr", int(0x1000)), shared);
    let snapshot = snapshot(vec![own], cache, &[0b1_0111], slide);
    let images = snapshot.images();
    let number = |address: u64| images.at(address).map(|index| images.columns().uuid[index as usize][15]);
    assert_eq!(number(shared + slide), None);
    assert_eq!(number(shared + slide + 0xfff), None);
    assert_eq!(number(only + slide + 0xfff), Some(3));
    assert_eq!(number(BASE + slide + 0x300_0000), None);
    assert_eq!(number(shared), Some(9), "an own image's is its own");
    assert_eq!(number(BASE + slide + 0x1_3fff), Some(2));
    assert_eq!(number(BASE + slide + 0x1_4000), None);
    assert!(images.resolve(shared + slide).is_none());
    let place = images.resolve(only + slide + 5).unwrap();
    assert_eq!(place.image.uuid(), Some(Uuid::from_u128(3)));
    assert_eq!(string(place.segment.unwrap().name()).as_deref(), Some("__LINKEDIT"));
    assert_eq!(place.offset, only + 5 - (BASE + 0x2_0000));
}

#[test]
fn the_linkedit_that_own_images_share_is_nobodys() {
    let own = |number: u128, address: u64, linkedit: u64| {
        self::linkedit(image(number, address, &[("__TEXT", 0, 0x4000)]), linkedit).with("addr", int(address + 0x1000))
    };
    // The last two are one image, listed twice: which first names what is there counts.
    let list = vec![
        own(1, 0x1_0000, 0x9_0000),
        own(2, 0x2_0000, 0x9_0000),
        own(3, 0x3_0000, 0xa_0000),
        own(4, 0x3_0000, 0xa_0000),
    ];
    let images = own_images(list);
    assert_eq!((images.at(0x9_1000), images.at(0x9_1fff), images.at(0xa_1000)), (None, None, Some(2)));
    assert_eq!((images.at(0x1_1000), images.at(0x2_1000)), (Some(0), Some(1)));
    assert_eq!(images.get(1).unwrap().segment_count(), 2, "it is listed all the same");
}

#[test]
fn nothing_lies_in_a_page_zero() {
    let page_zero = |permissions: u64, file_size: u64| {
        let zero = segment("__PAGEZERO", 0, 1 << 32).with("perm", int(permissions)).with("fsze", int(file_size));
        let text = segment("__TEXT", 1 << 32, 0x4000);
        image(1, 1 << 32, &[]).with("addr", int(0x1_0004_0000)).with("segs", Tree::Array(vec![zero, text]))
    };
    let at = |image: Tree, address: u64| own_images(vec![image]).at(address);
    assert_eq!((at(page_zero(0, 0), 0x5_0000), at(page_zero(0, 0), 0x1_0004_0000)), (None, Some(0)));
    assert_eq!(own_images(vec![page_zero(0, 0)]).get(0).unwrap().segment_count(), 2);
    // Anything else at 0 is something.
    assert_eq!((at(page_zero(1, 0), 0x5_0000), at(page_zero(0, 1), 0x5_0000)), (Some(0), Some(0)));
    let zero = segment("__TEXT", 0, 0x4000).with("perm", int(0)).with("fsze", int(0));
    let header = image(1, 0, &[]).with("addr", int(0x7_0000)).with("segs", Tree::Array(vec![zero.clone()]));
    assert_eq!(at(header, 0x7_0000), Some(0), "the header is there");
    let second = Tree::Array(vec![segment("__TEXT", 1 << 32, 0x4000), zero]);
    assert_eq!(at(image(1, 1 << 32, &[]).with("addr", int(1 << 32)).with("segs", second), 0x100), Some(0));
}

#[test]
fn what_lies_at_an_address() {
    let images = own_images(vec![own_image(1, 0x10_0000), own_image(2, 0x20_0000)]);
    let place = images.resolve(0x20_4000 + 0x4001).unwrap();
    assert_eq!((place.image.index(), place.offset), (1, 0x4001));
    assert_eq!(string(place.segment.unwrap().name()).as_deref(), Some("__DATA"));
    for address in [0, 0x10_3fff, 0x10_d000, u64::MAX] {
        assert!(images.resolve(address).is_none(), "{address:#x}");
    }
}

/// A segment that would pass the end of the address space ends there, and holds nothing at its beginning.
#[test]
fn segments_at_the_end_of_the_address_space() {
    let high = segment("__HIGH", u64::MAX - 0xff, 0x1000);
    let both = Tree::Array(vec![high, segment("__LOW", 0x10, 0x100)]);
    let images = own_images(vec![image(1, 0x10, &[]).with("addr", int(0x10)).with("segs", both)]);
    let segment = |address: u64| {
        let place = images.resolve(address)?;
        place.segment.and_then(|segment| string(segment.name()))
    };
    assert_eq!(segment(0x20).as_deref(), Some("__LOW"));
    assert_eq!(segment(u64::MAX).as_deref(), Some("__HIGH"));
    assert_eq!(segment(0xf), None);
}

#[test]
fn by_uuid_the_first() {
    let own = (0..20).map(|n| own_image(n % 7, n as u64 * 0x10_0000)).collect::<Vec<_>>();
    let mut own = own;
    own[0] = own[0].without("uuid");
    own[1] = own[1].with("uuid", records::uuid(0));
    let images = own_images(own);
    assert_eq!(images.by_uuid(Uuid::from_u128(3)), Some(3));
    assert_eq!(images.by_uuid(Uuid::nil()), Some(1), "zeros are a UUID where the record says so");
    assert_eq!(images.by_uuid(Uuid::from_u128(1)), Some(8));
    assert_eq!(images.by_uuid(Uuid::from_u128(99)), None);
    assert_eq!(own_images(vec![own_image(1, 0).without("uuid")]).by_uuid(Uuid::nil()), None);
}

#[test]
fn by_name_the_first() {
    let named =
        |n: u64, name: Tree, file: Tree| own_image(n.into(), n * 0x10_0000).with("name", name).with("file", file);
    let utf16 = |text: &str| Tree::Utf16(text.to_owned());
    let images = own_images(vec![
        named(0, text("/usr/lib/libA.dylib"), text("/private/libA.dylib")),
        named(1, text("/opt/libA.dylib"), text("/opt/x")),
        named(2, utf16("/opt/libÜ.dylib"), utf16("/opt/libA.dylib")),
        named(3, text("libÜ.dylib"), text("x/")),
        image(4, 0x50_0000, &[]).without("name").with("addr", int(0x50_0000)),
    ]);
    let cases = [
        ("libA.dylib", Some(0)),
        ("/usr/lib/libA.dylib", Some(0)),
        ("/private/libA.dylib", Some(0)),
        ("/opt/libA.dylib", Some(1)),
        ("x", Some(1)),
        ("libÜ.dylib", Some(2)),
        ("/opt/libÜ.dylib", Some(2)),
        ("x/", Some(3)),
        ("lib/libA.dylib", None),
        ("LIBA.dylib", None),
        ("opt", None),
        ("libA", None),
    ];
    for (name, index) in cases {
        assert_eq!(images.by_name(name), index, "{name}");
    }
    assert_eq!(own_images(vec![]).by_name("x"), None);
}

#[test]
fn names_of_a_caches_images() {
    let snapshot = snapshot(vec![own_image(1, 0)], vec![image(2, BASE, &SEGMENTS), image(3, BASE + 5, &[])], &[3], 0);
    let images = snapshot.images();
    assert_eq!(images.by_name("lib3.dylib"), Some(2));
    assert_eq!(images.by_name("/usr/lib/lib2.dylib"), Some(1));
    assert_eq!(images.by_name("lib1.dylib"), Some(0));
}
