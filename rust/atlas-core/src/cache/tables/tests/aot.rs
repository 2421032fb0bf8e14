use crate::cache::aot::AotCacheHeader;

fn header() -> Vec<u8> {
    let mut bytes = b"AotCache".to_vec();
    bytes.extend([1; 16]);
    bytes.extend([2; 16]);
    bytes.extend([3; 32]);
    bytes.extend([0x9000_u64, 0x100].iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend([5_u32, 0x60 + 3 * 0x20].iter().flat_map(|word| word.to_le_bytes()));
    for row in [[0x1000_u64, 0x2000, 0, 5], [0x4000, 0x3000, 0x2000, 1], [0; 4]] {
        bytes.extend(row.iter().flat_map(|word| word.to_le_bytes()));
    }
    bytes
}

#[test]
fn the_header_of_translations_is_read() {
    let header = AotCacheHeader::parse(&header()).unwrap();
    assert_eq!((header.uuid.as_bytes(), header.x86_uuid.as_bytes()), (&[1; 16], &[2; 16]));
    assert_eq!((header.cambria_version, header.fragment_count, header.header_size), ([3; 32], 5, 0xc0));
    assert_eq!((header.code_signature.offset, header.code_signature.size), (0x9000, 0x100));
    let mappings: Vec<_> = header.mappings.iter().map(|it| (it.address.0, it.file.size, it.file.offset)).collect();
    assert_eq!(mappings, [(0x1000, 0x2000, 0), (0x4000, 0x3000, 0x2000)]);
}

#[test]
fn what_is_none_is_refused() {
    assert!(AotCacheHeader::parse(b"dyld_v1").unwrap_err().to_string().contains("AotCache"));
    let whole = header();
    for length in 8..whole.len() {
        assert!(AotCacheHeader::parse(&whole[..length]).is_err(), "{length}");
    }
    let mut small = whole;
    small[92..96].copy_from_slice(&95_u32.to_le_bytes());
    assert!(AotCacheHeader::parse(&small).is_err());
}
