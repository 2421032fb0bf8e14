//! Names of mappings on Linux.

use super::super::linux::image_path;

#[test]
fn paths_of_images_are_those_that_dyld_would_say() {
    let path = |name| image_path(name).unwrap_or_default();
    assert_eq!(path("/memfd:/usr/lib/dyld (deleted)"), "/usr/lib/dyld");
    assert_eq!(path("/usr/lib/dyld"), "/usr/lib/dyld");
    assert_eq!(path("/tmp/gone (deleted)"), "/tmp/gone (deleted)");
    assert_eq!(path("/memfd:dyld_all_image_infos (deleted)"), "/memfd:dyld_all_image_infos (deleted)");
    assert_eq!(image_path(""), None);
}
