//! What the writer is given, the reader gives back.

use proptest::prelude::*;

use super::open;
use crate::archive::{ArchiveWriter, Checksum, Stamp};

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        2 => "[a-z./]{1,12}".prop_map(String::into_bytes),
        1 => prop::sample::select(vec![254usize, 255, 256, 257, 65_000]).prop_map(|size| vec![b'p'; size]),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..300),
        2 => prop::sample::select(vec![255usize, 256, 65_535, 65_536, 70_000]).prop_map(|size| vec![0xa5; size]),
    ]
}

#[derive(Clone, Debug)]
enum Added {
    File(Vec<u8>, Vec<u8>),
    Link(Vec<u8>, Vec<u8>),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn entries_come_back(
        added in prop::collection::vec(prop_oneof![
            (path(), data()).prop_map(|(path, data)| Added::File(path, data)),
            (path(), path()).prop_map(|(path, target)| Added::Link(path, target)),
        ], 1..24),
        stamp in prop::sample::select(vec![Stamp::Crc32c, Stamp::Cksum, Stamp::None]),
    ) {
        // Two paths of 65 000 bytes do not fit into one header.
        let added: Vec<_> = added.into_iter().filter(|added| !matches!(added, Added::Link(path, target) if path.len() + target.len() > 65_400)).collect();
        prop_assume!(!added.is_empty());
        let mut writer = ArchiveWriter::with_stamp(stamp);
        for one in &added {
            match one {
                Added::File(path, data) => writer.add_file(path, data.clone()).unwrap(),
                Added::Link(path, target) => writer.add_link(path, target).unwrap(),
            }
        }
        let bytes = writer.to_bytes(None).unwrap();
        let archive = open(bytes.clone());
        archive.verify().unwrap();
        let files = added.iter().any(|one| matches!(one, Added::File(..)));
        let protected = stamp == Stamp::Crc32c || stamp == Stamp::Cksum && files;
        prop_assert_eq!(archive.checksum(), if protected { Checksum::Ok } else { Checksum::None });

        let is_link = |one: &&Added| matches!(one, Added::Link(..));
        let order: Vec<_> = added.iter().filter(is_link).chain(added.iter().filter(|one| !is_link(one))).collect();
        prop_assert_eq!(archive.len(), order.len());
        for (entry, one) in archive.entries().zip(order) {
            match one {
                Added::File(path, data) => {
                    prop_assert_eq!((entry.kind(), entry.path()), (Some(b'F'), Some(path.as_slice())));
                    prop_assert_eq!(&entry.data()[..], data.as_slice());
                }
                Added::Link(path, target) => {
                    prop_assert_eq!((entry.kind(), entry.path()), (Some(b'L'), Some(path.as_slice())));
                    prop_assert_eq!(entry.link_target(), Some(target.as_slice()));
                }
            }
        }

        let mut copier = ArchiveWriter::with_stamp(stamp);
        for entry in archive.entries() {
            copier.add_entry(&entry).unwrap();
        }
        prop_assert!(copier.to_bytes(None).unwrap() == bytes, "a copy of every entry is the same archive");
    }
}
