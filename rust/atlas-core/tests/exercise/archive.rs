//! Archives: entries, fields, attributes, spans, checksums, lookups, and writing them again.

use atlas_core::archive::{Archive, ArchiveWriter, Checksum, Entry, FieldValue, Verdict};
use atlas_core::bytes::Bytes;

use super::{LIMITS, refuse};

pub fn archive(data: &[u8]) -> bool {
    let archive = match Archive::from_bytes(Bytes::from(data.to_vec()), &LIMITS) {
        Ok(archive) => archive,
        Err(error) => return refuse(&error),
    };
    assert!(archive.codec().is_some() || archive.decoded()[..] == *data);
    entries(&archive);
    checksums(&archive);
    lookups(&archive);
    again(&archive);
    true
}

fn entries(archive: &Archive) {
    assert_eq!(archive.entries().len(), archive.len());
    let mut end = 0;
    for (index, entry) in archive.entries().enumerate() {
        assert_eq!((entry.index(), entry.header_offset()), (index, end), "records follow each other");
        assert!(entry.end_offset() >= entry.header_offset() + entry.header_size());
        assert!(entry.header_size() >= 6 && matches!(&entry.magic(), b"AA01" | b"YAA1"));
        end = entry.end_offset();
        assert_eq!(entry.data().len() as u64, entry.size());
        assert!(entry.data().is_empty() || entry.data_offset() >= entry.header_offset() + entry.header_size());
        assert!(!entry.path_text().is_empty() || entry.path().is_some());
        fields(archive, &entry);
        attributes(archive, &entry);
    }
    assert_eq!(end, archive.decoded().len(), "no byte belongs to no record");
    assert!(archive.entry(archive.len()).is_none());
}

fn fields(archive: &Archive, entry: &Entry<'_>) {
    let mut payload = entry.header_offset() + entry.header_size();
    let mut position = entry.header_offset() + 6;
    for (field, (key, value)) in entry.raw_fields().zip(entry.fields()) {
        assert_eq!((field.key, field.value), (key, value));
        assert!(field.offset >= position && field.offset < entry.header_offset() + entry.header_size());
        position = field.offset + 4;
        let _text = (key.to_string(), format!("{key:?}"));
        match value {
            FieldValue::Blob { size, offset } => {
                let blob = entry.blob(value).expect("a blob lies within the archive");
                assert_eq!((offset, blob.len() as u64), (payload, size));
                payload += blob.len();
                assert_eq!(blob[..], archive.decoded()[offset..payload]);
            }
            _ => assert!(entry.blob(value).is_none()),
        }
    }
    assert_eq!(entry.raw_fields().count(), entry.fields().count());
    assert_eq!(payload, entry.end_offset());
}

fn attributes(archive: &Archive, entry: &Entry<'_>) {
    match entry.extended_attributes() {
        Ok(attributes) => {
            for attribute in attributes {
                assert!(!attribute.name.contains(&0));
                let end = attribute.value_offset + attribute.value.len();
                assert_eq!(archive.decoded()[attribute.value_offset..end], *attribute.value);
            }
        }
        Err(error) => {
            assert!(error.location().entry.is_some());
            refuse(&error);
        }
    }
}

fn checksums(archive: &Archive) {
    let (mut end, mut next) = (0, 0);
    for span in archive.spans() {
        assert_eq!((span.start, span.entries.start), (end, next));
        assert!(span.end > span.start && span.entries.end > span.entries.start);
        assert!((span.start..span.end).contains(&span.stamp_offset));
        assert_eq!(span.checksum() == Checksum::Ok, span.verdict == Verdict::Right);
        (end, next) = (span.end, span.entries.end);
    }
    let each = archive.entries().map(|entry| entry.checksum()).fold(Checksum::None, Checksum::and);
    let all = archive.checksum();
    assert_eq!(each, all, "the whole is its parts");
    assert_eq!(all.ok() == Some(false), archive.verify().map_err(|error| refuse(&error)).is_err());
    // What is kept of the first time is the same.
    assert_eq!(archive.entries().map(|entry| entry.checksum()).fold(Checksum::None, Checksum::and), all);
}

fn lookups(archive: &Archive) {
    for entry in archive.entries() {
        let Some(path) = entry.path() else { continue };
        let found = archive.find_bytes(path);
        if let Some(found) = &found {
            assert_eq!(found.kind(), Some(b'F'), "a link was not followed");
        }
        if entry.kind() == Some(b'F') && !path.split(|&byte| byte == b'/').any(|part| part == b"..") {
            // The first of this path is this one, or one before it: a file, or a link that leads somewhere or nowhere.
            let first =
                archive.entries().find(|other| matches!(other.kind(), Some(b'F' | b'L')) && other.path() == Some(path));
            if found.is_none() {
                assert_ne!(first.map(|first| first.index()), Some(entry.index()), "a file is not found by its path");
            }
        }
        if let Ok(path) = std::str::from_utf8(path) {
            let by_text = archive.find(path).map(|found| found.index());
            assert_eq!(by_text, found.map(|found| found.index()));
            let detour = if path.starts_with('/') { "/nowhere/.." } else { "nowhere/.././" };
            let detour = archive.find(&format!("{detour}{path}")).map(|found| found.index());
            assert_eq!(by_text, detour, "lexical normalisation");
        }
        if archive.len() > 200 && entry.index() > 100 {
            break;
        }
    }
}

/// Copies every entry into a new archive, which must hold the same.
fn again(archive: &Archive) {
    let mut writer = ArchiveWriter::new();
    for entry in archive.entries() {
        if let Err(error) = writer.add_entry(&entry) {
            assert!(entry.raw_fields().any(|field| field.key.0 == *b"XAT"));
            refuse(&error);
            return;
        }
    }
    let bytes = match writer.to_bytes(None) {
        Ok(bytes) => bytes,
        Err(error) => {
            refuse(&error);
            return;
        }
    };
    let copy = Archive::from_bytes(Bytes::from(bytes), &LIMITS).expect("what was written is read");
    assert_eq!(copy.len(), archive.len());
    assert!(copy.spans().iter().all(|span| span.verdict == Verdict::Right) && copy.spans().len() == copy.len());
    if archive.entries().all(|entry| entry.checksum() != Checksum::Bad) {
        copy.verify().expect("right checksums stay right");
    }
    let bytes: usize = archive.entries().map(|entry| entry.data().len()).sum();
    assert_eq!(copy.entries().map(|entry| entry.data().len()).sum::<usize>(), bytes);
    for entry in archive.entries().take(100) {
        let Some(path) = entry.path() else { continue };
        let data = |archive: &Archive| archive.find_bytes(path).map(|found| found.data().to_vec());
        assert_eq!(data(archive), data(&copy), "a path leads to other data than before");
    }
}
