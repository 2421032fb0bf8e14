//! Where an atlas lies.

use std::path::Path;

use super::super::{atlas_path, entry_path};
use super::uuid;

#[test]
fn beside_the_cache_with_another_extension() {
    let cases = [
        ("/S/dyld/dyld_shared_cache_arm64e", "/S/dyld/dyld_shared_cache_arm64e.atlas"),
        ("/S/dyld/dyld_shared_cache_arm64e.development", "/S/dyld/dyld_shared_cache_arm64e.atlas"),
        ("/S/dyld/dyld_shared_cache_arm64e.01.dylddata", "/S/dyld/dyld_shared_cache_arm64e.01.atlas"),
        ("/S/dyld.d/cache", "/S/dyld.d/cache.atlas"),
        ("/S/.cache", "/S/.cache.atlas"),
        ("/S/.cache.x", "/S/.cache.atlas"),
        ("/S/cache.", "/S/cache.atlas"),
        ("cache.x", "cache.atlas"),
        ("/S/ä.ö", "/S/ä.atlas"),
    ];
    for (cache, atlas) in cases {
        assert_eq!(atlas_path(Path::new(cache)), Path::new(atlas), "{cache}");
    }
}

#[test]
fn by_upper_case_uuid_in_the_archive() {
    assert_eq!(entry_path(uuid()), "caches/uuids/4B2A1C9E-0000-4000-8000-00000000ABCD.plist");
}
