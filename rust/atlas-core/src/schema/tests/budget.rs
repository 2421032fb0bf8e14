//! What is shared, within reason and beyond.

use std::sync::Arc;

use super::records::{self, BASE, CACHE, int};
use super::tree::{Tree, dict, text};
use super::{cache, is_limit, policy, process};
use crate::limits::Limits;
use crate::schema::Policy;

fn shared(tree: Tree) -> Tree {
    Tree::Shared(Arc::new(tree))
}

fn refused(tree: &Tree) {
    for lenient in [false, true] {
        let error = process(tree, policy(lenient)).map(|_| ()).unwrap_err();
        assert!(is_limit(&error), "{error}");
        assert!(error.hint().is_none(), "lenient opening would not help");
    }
}

#[test]
fn a_cache_whose_images_share_one_list_of_segments() {
    let segments = (0..12).map(|n| records::segment("__SEGMENT_OF_SOME_KIND", BASE + n * 0x1000, 0x1000)).collect();
    let segments = shared(Tree::Array(segments));
    let images = (0..3000)
        .map(|n| records::image(n, BASE + n as u64 * 0x1_0000, &[]).with("segs", segments.clone()))
        .collect::<Vec<_>>();
    let (record, _) = cache(&records::atlas(records::cache(images)), policy(false)).unwrap();
    assert_eq!((record.images.len(), record.images.all_segments()), (3000, 36_000));
    super::rows::walked(&record.images);
}

#[test]
fn one_image_a_thousand_times() {
    let tree = records::process(vec![shared(records::own_image(1, 0x1000)); 1000]);
    assert_eq!(process(&tree, policy(false)).unwrap().0.images.len(), 1000);
}

#[test]
fn segments_that_multiply() {
    let segments = shared(Tree::Array(vec![shared(records::segment("__TEXT", 0, 1)); 10_000]));
    let image = shared(dict([("addr", int(1)), ("segs", segments)]));
    refused(&records::process(vec![image; 10_000]));
}

/// What is dropped costs as much as what is kept.
#[test]
fn faults_that_multiply() {
    let segments = shared(Tree::Array(vec![Tree::True; 10_000]));
    let image = shared(dict([("addr", int(1)), ("segs", segments)]));
    let tree = records::process(vec![image; 10_000]);
    assert!(is_limit(&process(&tree, policy(true)).unwrap_err()));
}

#[test]
fn names_that_multiply() {
    for key in ["file", "name"] {
        let image = dict([("addr", int(1)), (key, text(&"n".repeat(100_000)))]);
        refused(&records::process(vec![shared(image); 10_000]));
    }
}

#[test]
fn keys_that_multiply() {
    let key = shared(text("unknown"));
    let large = |tree: Tree| {
        let Tree::Dict(mut pairs) = tree else { panic!() };
        pairs.splice(0..0, vec![(key.clone(), Tree::True); 20_000]);
        shared(Tree::Dict(pairs))
    };
    let images = large(dict([("addr", int(1))]));
    refused(&records::process(vec![images; 20_000]));
    let translated = Tree::Array(vec![large(records::aot_image(1)); 20_000]);
    refused(&records::process(vec![]).with("aots", translated));
    let file = large(records::subcache("x", 0));
    let mapping = large(records::mapping(0));
    for files in
        [vec![file; 1000], vec![shared(records::subcache("x", 0).with("maps", Tree::Array(vec![mapping; 1000])))]]
    {
        let tree = records::atlas(records::cache(vec![]).with("dscs", Tree::Array(files)));
        assert!(is_limit(&cache(&tree, policy(true)).unwrap_err()));
    }
}

/// Neither the names themselves nor the warnings that show them.
#[test]
fn long_names_of_metrics() {
    let key = shared(text(&"m".repeat(1 << 20)));
    let metrics = |value: Tree| Tree::Dict(vec![(key.clone(), value); 1000]);
    refused(&records::process(vec![]).with("metr", metrics(int(1))));
    let few = Tree::Dict(vec![(key.clone(), Tree::True); 15]);
    let (_, warnings) = process(&records::process(vec![]).with("metr", few), policy(true)).unwrap();
    assert_eq!(warnings.len(), 15);
    assert!(warnings.iter().all(|warning| warning.len() < 200));
}

#[test]
fn keys_of_the_root_that_multiply() {
    let key = shared(text(&"u".repeat(100_000)));
    let mut tree = records::process(vec![]);
    tree.pairs().extend(vec![(key, Tree::True); 1000]);
    refused(&tree);
}

/// What one section may cost, two may not cost each.
#[test]
fn sections_that_are_each_within_bounds() {
    let key = shared(text(&"k".repeat(1 << 20)));
    let metrics = Tree::Dict(vec![(key.clone(), int(1)); 12]);
    let mut tree = records::process(vec![]).with("metr", metrics);
    assert!(process(&tree, policy(false)).is_ok());
    tree.pairs().extend(vec![(key, Tree::True); 12]);
    refused(&tree);
}

#[test]
fn files_that_multiply() {
    let files = |count| Tree::Array(vec![shared(records::subcache(&"f".repeat(4000), 0)); count]);
    let tree = |count| records::atlas(records::cache(vec![]).with("dscs", files(count)));
    assert_eq!(cache(&tree(1024), policy(false)).unwrap().0.subcaches().len(), 1024);
    let error = cache(&tree(1025), policy(true)).unwrap_err();
    assert!(is_limit(&error));
    assert_eq!(error.location().key_path, Some(format!("uuids.{CACHE}.dscs")));
}

#[test]
fn the_limit_of_images() {
    for (count, lenient) in [(4, false), (4, true), (5, false), (5, true)] {
        let tree = records::process(vec![dict([("addr", int(1))]); count]);
        let limits = Limits { images: 4, ..Limits::DEFAULT };
        let read = process(&tree, Policy { lenient, limits });
        if count == 4 {
            assert!(read.is_ok());
            continue;
        }
        let error = read.unwrap_err();
        assert!(is_limit(&error));
        assert_eq!(error.location().key_path.as_deref(), Some("imgs"));
        assert!(error.to_string().ends_with("images of one record: the limit is 4, the input asks for 5"), "{error}");
    }
}
