//! Keys that are not read: they are found wherever they stand, and looked for only where there are any.

use super::records::{self, BASE, CACHE, int};
use super::tree::{Tree, dict, text};
use super::{cache, policy, process};
use crate::bplist::Plist;
use crate::schema::{ImageTable, UnknownKey};

/// The keys in words, each with the number that it has as value.
fn shown(plist: &Plist, keys: &[UnknownKey]) -> Vec<String> {
    let view = plist.view();
    let object = |reference| {
        view.object(reference).map(|object| object.text().map_or(object.kind().into(), |text| text.decode_lossy()))
    };
    keys.iter().map(|unknown| format!("{}: {}", object(unknown.key).unwrap(), object(unknown.value).unwrap())).collect()
}

/// The same for an image: its own, then those of each segment.
fn of_image(images: &ImageTable, index: u32) -> (Vec<String>, Vec<Vec<String>>) {
    let unknown = images.unknown(index).unwrap();
    let segments = unknown.segments.iter().map(|keys| shown(images.plist(), keys)).collect();
    (shown(images.plist(), &unknown.image), segments)
}

#[test]
fn of_a_process() {
    let images = (0..3).map(|n| records::own_image(n, 0x10_0000 * n as u64)).collect();
    let tree = records::process(images)
        .with("dsc1", records::reference(0, &[1]).with("dnew", text("1")))
        .with("envp", dict([("root", text("/r")), ("enew", text("2"))]))
        .with(
            "aots",
            Tree::Array(vec![records::aot_image(1), Tree::True, records::aot_image(2).with("anew", text("3"))]),
        )
        .with("imgs[1].inew", text("4"))
        // Declared by dyld, and read by nobody.
        .with("imgs[1].flag", int(1))
        .with("imgs[2].segs[1].snew", text("5"))
        .with("imgs[2].segs[0].size", Tree::True)
        .with("cput", text("6"));
    let (record, warnings) = process(&tree, policy(true)).unwrap();
    assert_eq!(warnings.len(), 2);
    let plist = record.plist();
    assert_eq!(shown(plist, &record.unknown_of_cache()), ["dnew: 1"]);
    assert_eq!(shown(plist, &record.unknown_of_environment()), ["enew: 2"]);
    let translated: Vec<_> = record.unknown_of_aot_images().iter().map(|keys| shown(plist, keys)).collect();
    assert_eq!(translated, [vec![], vec!["anew: 3".to_owned()]]);
    assert_eq!(record.aot_images().unwrap().len(), translated.len());
    assert_eq!(shown(plist, &record.unknown()), ["cput: 6"]);
    let none = vec![vec![]; 3];
    assert_eq!(of_image(&record.images, 0), (vec![], none.clone()));
    assert_eq!(of_image(&record.images, 1), (vec!["inew: 4".to_owned(), "flag: integer".to_owned()], none));
    // Of three segments one was dropped.
    assert_eq!(of_image(&record.images, 2), (vec![], vec![vec!["snew: 5".to_owned()], vec![]]));
    assert!(record.images.unknown(3).is_none());
}

#[test]
fn where_there_are_none_nobody_looks() {
    let (record, _) = process(&records::process(vec![records::own_image(1, 0); 3]), policy(false)).unwrap();
    assert!(record.images.unknown(0).is_none());
    assert!(record.unknown().is_empty() && record.unknown_of_cache().is_empty());
    assert!(record.unknown_of_environment().is_empty() && record.unknown_of_aot_images().is_empty());
}

/// Wherever a key may hide from a walk that remembers the keys of the dictionary before.
#[test]
fn in_any_image_or_segment() {
    let images = || (0..4).map(|n| records::own_image(n, 0x10_0000 * n as u64)).collect();
    for path in (0..4).flat_map(|n| [format!("imgs[{n}]"), format!("imgs[{n}].segs[0]"), format!("imgs[{n}].segs[2]")])
    {
        let sound = records::process(images());
        let many: Vec<_> = (0..20).map(|n| (text(&format!("k{n:03}")), Tree::True)).collect();
        for keys in [&many[..1], &many[..]] {
            let mut tree = sound.clone();
            tree.at(&path).pairs().extend_from_slice(keys);
            let (record, _) = process(&tree, policy(false)).unwrap();
            let found = (0..4)
                .map(|n| of_image(&record.images, n))
                .map(|(image, segments)| image.len() + segments.iter().map(Vec::len).sum::<usize>());
            assert_eq!(found.sum::<usize>(), keys.len(), "{path}");
        }
    }
}

/// A key need be no string to be kept.
#[test]
fn keys_that_are_no_strings() {
    let mut tree = records::process(vec![dict([("addr", int(1))])]);
    tree.pairs().push((int(9), text("root")));
    tree.at("imgs[0]").pairs().push((Tree::Data(vec![1]), text("image")));
    let (record, _) = process(&tree, policy(false)).unwrap();
    assert_eq!(shown(record.plist(), &record.unknown()), ["integer: root"]);
    assert_eq!(of_image(&record.images, 0).0, ["data: image"]);
}

#[test]
fn of_a_cache() {
    let path = |path: &str| format!("uuids.{CACHE}.{path}");
    let tree = records::atlas(records::cache(vec![records::image(1, BASE, &records::SEGMENTS)]));
    let (record, _) = cache(&tree, policy(false)).unwrap();
    assert!(record.unknown().is_empty() && record.images.unknown(0).is_none());
    assert!(
        record.unknown_of_subcaches().iter().all(|file| file.subcache.is_empty() && file.mappings.concat().is_empty())
    );
    let tree = tree
        .with(&path("cnew"), text("1"))
        .with(&path("dscs[1].fnew"), text("2"))
        .with(&path("dscs[1].maps[1].mnew"), text("3"))
        .with(&path("imgs[0].inew"), text("4"));
    let (record, _) = cache(&tree, policy(false)).unwrap();
    assert_eq!(shown(record.plist(), &record.unknown()), ["cnew: 1"]);
    assert_eq!(of_image(&record.images, 0).0, ["inew: 4"]);
    let files = record.unknown_of_subcaches();
    assert_eq!((files.len(), &files[0].mappings), (2, &vec![vec![], vec![]]));
    assert_eq!(shown(record.plist(), &files[1].subcache), ["fnew: 2"]);
    assert!(files[1].mappings[0].is_empty());
    assert_eq!(shown(record.plist(), &files[1].mappings[1]), ["mnew: 3"]);
}
