//! No bytes make the reader fail in another way than with an error.

use proptest::prelude::*;

use super::builder::{Builder, Map, map};
use crate::bytes::Bytes;
use crate::cache::CacheFile;

/// Asks all that can be asked.
fn use_up(bytes: Vec<u8>) {
    let Ok(file) = CacheFile::parse(Bytes::from(bytes)) else { return };
    let length = file.bytes().len();
    for mapping in file.mappings() {
        let range = mapping.file_range(length);
        assert!(range.start <= range.end && range.end <= length, "{range:?}");
        assert!(!mapping.name().is_empty() && mapping.end() >= mapping.address.0);
        assert!(mapping.slide_info.as_ref().is_none_or(|info| info.end <= length as u64));
    }
    let paths = file.images().map(|image| image.path_offset).chain(file.text_infos().map(|text| text.path_offset));
    let found = paths.filter_map(|offset| file.path_at(offset)).count();
    assert!(found <= file.images().len() + file.text_infos().len());
    assert!(file.subcache_entries().len() <= 1024);
    let _ = (file.base_address(), file.architecture(), file.unknown_header(), format!("{:?}", file.header()));
}

fn seed(size: usize, big: bool) -> Vec<u8> {
    let mut builder = Builder::new(if big { "dyld_v1     ppc" } else { "dyld_v1  arm64e" }, size);
    builder.big = big;
    builder.maps.push(Map { slide: (0x800, 0x40), ..map(0x1_9000_0000, 0x400, 0x400) });
    builder.images = vec![(0x1_8000_0000, "/a"), (0x1_8000_0100, "/b")];
    builder.subcaches = vec![([1; 16], 0x4000, ".01")];
    builder.length = 0x900;
    builder.build()
}

proptest! {
    #[test]
    fn changed_files(
        size in prop::sample::select(vec![0x28_usize, 0x68, 0x140, 0x1c8, 0x200, 0x238]),
        big in any::<bool>(),
        changes in prop::collection::vec((0_usize..0x900, prop::sample::select(vec![0_u8, 1, 0x7f, 0x80, 0xff])), 0..6),
        length in 0_usize..0x900,
        cut in any::<bool>(),
    ) {
        let mut bytes = seed(size, big);
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        if cut {
            bytes.truncate(length);
        }
        use_up(bytes);
    }

    #[test]
    fn random_headers(header in prop::collection::vec(any::<u8>(), 0..0x300)) {
        use_up([b"dyld_v1  arm64e\0".to_vec(), header].concat());
    }
}
