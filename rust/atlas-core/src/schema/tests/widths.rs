//! Lists of images of every width of offsets and references, sound and broken, against a reading of the tree itself.

use proptest::prelude::*;

use super::super::images::ImageTable;
use super::super::path::Path;
use super::super::rows::Placing;
use super::rows::{string, walked};
use super::tree::{Tree, text};
use super::{is_limit, policy};
use crate::bplist::Plist;
use crate::schema::Report;

const WIDTHS: [(usize, usize); 12] =
    [(1, 1), (2, 1), (2, 2), (3, 1), (4, 2), (4, 4), (3, 3), (8, 8), (1, 8), (8, 1), (5, 7), (4, 1)];

const IMAGE: [&str; 7] = ["addr", "padr", "uuid", "name", "file", "segs", "what"];
const SEGMENT: [&str; 7] = ["name", "padr", "size", "fsze", "perm", "foff", "what"];

fn number() -> impl Strategy<Value = Tree> {
    prop_oneof![
        8 => prop_oneof![0..=255_u64, 0..=70_000_u64, any::<u64>()].prop_map(super::records::int),
        1 => any::<u64>().prop_map(|number| Tree::Wide(number.into())),
        1 => any::<i128>().prop_map(Tree::Wide),
    ]
}

fn other() -> impl Strategy<Value = Tree> {
    prop_oneof![Just(Tree::True), Just(Tree::Dangling), Just(Tree::Dict(vec![])), Just(Tree::Array(vec![]))]
}

fn name() -> impl Strategy<Value = Tree> {
    prop_oneof![3 => "[a-z/]{0,16}".prop_map(Tree::Text), 1 => "[ä-ö/]{0,16}".prop_map(Tree::Utf16)]
}

fn data() -> impl Strategy<Value = Tree> {
    let length = prop_oneof![9 => Just(16_usize), 1 => 0..20_usize];
    length.prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length)).prop_map(Tree::Data)
}

/// `usual`, or seldom something else.
fn mostly(usual: impl Strategy<Value = Tree> + 'static) -> impl Strategy<Value = Tree> {
    prop_oneof![19 => usual, 1 => other()]
}

/// A dictionary of values under those keys: in any order, some missing, some twice, some keys in UTF-16.
fn dictionary(keys: [&'static str; 7], values: [BoxedStrategy<Tree>; 7]) -> impl Strategy<Value = Tree> {
    let pairs = Vec::from_iter(keys.into_iter().zip(values).map(|(key, value)| {
        let spelt = prop_oneof![9 => Just(text(key)), 1 => Just(Tree::Utf16(key.to_owned()))];
        (spelt, value)
    }));
    let usual = pairs.clone().prop_map(Tree::Dict);
    let shuffled = (pairs.clone(), pairs, proptest::collection::vec(0..14_usize, 0..14)).prop_map(|(a, b, picks)| {
        let all = [a, b].concat();
        Tree::Dict(picks.into_iter().map(|pick| all[pick].clone()).collect())
    });
    prop_oneof![4 => usual, 1 => shuffled]
}

fn segment() -> impl Strategy<Value = Tree> {
    let small = prop_oneof![9 => (0..8_u64).prop_map(super::records::int), 1 => number()];
    let values = [
        mostly(name()).boxed(),
        mostly(number()).boxed(),
        mostly(number()).boxed(),
        mostly(number()).boxed(),
        mostly(small).boxed(),
        mostly(number()).boxed(),
        other().boxed(),
    ];
    mostly(dictionary(SEGMENT, values))
}

fn image(segments: usize) -> impl Strategy<Value = Tree> {
    let values = [
        mostly(number()).boxed(),
        mostly(number()).boxed(),
        mostly(data()).boxed(),
        mostly(name()).boxed(),
        mostly(name()).boxed(),
        mostly(proptest::collection::vec(segment(), 0..=segments).prop_map(Tree::Array)).boxed(),
        other().boxed(),
    ];
    mostly(dictionary(IMAGE, values))
}

/// A list that fits into the widths, which may be tiny.
fn list() -> impl Strategy<Value = (Tree, usize)> {
    (0..WIDTHS.len()).prop_flat_map(|widths| {
        let (images, segments) = if WIDTHS[widths].0 == 1 { (1, 1) } else { (12, 4) };
        (proptest::collection::vec(image(segments), 0..=images).prop_map(Tree::Array), Just(widths))
    })
}

/// The value of a key: `Err` where there is one that is not what it should be.
fn value<T>(pairs: &[(Tree, Tree)], key: &str, take: impl Fn(&Tree) -> Option<T>) -> Result<Option<T>, ()> {
    match pairs.iter().find(|(own, _)| own.is(key)) {
        Some((_, value)) => take(value).map(Some).ok_or(()),
        None => Ok(None),
    }
}

fn bits(tree: &Tree) -> Option<u64> {
    let (Tree::Int(number) | Tree::Wide(number)) = tree else { return None };
    u64::try_from(*number).ok().or_else(|| i64::try_from(*number).ok().map(i64::cast_unsigned))
}

fn size(tree: &Tree) -> Option<u64> {
    let (Tree::Int(number) | Tree::Wide(number)) = tree else { return None };
    u64::try_from(*number).ok()
}

fn string_of(tree: &Tree) -> Option<String> {
    if let Tree::Text(text) | Tree::Utf16(text) = tree { Some(text.clone()) } else { None }
}

type Segment = (String, u64, u64, u64, u8, Option<u64>);
type Image = (Option<u64>, Option<u64>, Option<[u8; 16]>, Option<String>, Option<String>, Vec<Segment>);

/// The sound images of a list, and how many faults there are.
fn expected(list: &Tree, placing: Placing) -> (Vec<Image>, usize) {
    let (Tree::Array(list), mut faults, mut images) = (list, 0, Vec::new()) else { panic!() };
    for image in list {
        let Tree::Dict(pairs) = image else {
            faults += 1;
            continue;
        };
        macro_rules! optional {
            ($key:expr, $take:expr) => {
                value(pairs, $key, $take).unwrap_or_else(|()| {
                    faults += 1;
                    None
                })
            };
        }
        let Ok(address) = value(pairs, "addr", bits) else {
            faults += 1;
            continue;
        };
        let preferred = optional!("padr", bits);
        let uuid =
            optional!("uuid", |tree| if let Tree::Data(data) = tree { data.clone().try_into().ok() } else { None });
        let (name, file) = (optional!("name", string_of), optional!("file", string_of));
        let segments = optional!("segs", |tree| if let Tree::Array(items) = tree { Some(items.clone()) } else { None });
        if address.is_none() && (preferred.is_none() || placing == Placing::OwnAddress) {
            faults += 1;
            continue;
        }
        let mut sound = Vec::new();
        for segment in segments.into_iter().flatten() {
            let read = |pairs: &[(Tree, Tree)]| {
                let name = value(pairs, "name", string_of).ok()??;
                let address = value(pairs, "padr", bits).ok()??;
                let (vm, file) = (value(pairs, "size", size).ok()??, value(pairs, "fsze", size).ok()??);
                let permissions = value(pairs, "perm", |tree| u8::try_from(size(tree)?).ok()).ok()??;
                Some((name, address, vm, file, permissions, value(pairs, "foff", size)))
            };
            match if let Tree::Dict(pairs) = &segment { read(pairs) } else { None } {
                Some((name, address, vm, file, permissions, offset)) => {
                    faults += usize::from(offset.is_err());
                    sound.push((name, address, vm, file, permissions, offset.unwrap_or(None)));
                }
                None => faults += 1,
            }
        }
        images.push((address, preferred, uuid, name, file, sound));
    }
    (images, faults)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_way_gives_what_the_tree_says((list, widths) in list(), in_cache in any::<bool>()) {
        let placing = if in_cache { Placing::WithCache } else { Placing::OwnAddress };
        let (offset_width, reference_width) = WIDTHS[widths];
        let Some(bytes) = list.encode_with(offset_width, reference_width) else { return Ok(()) };
        let plist = Plist::parse(bytes.into()).unwrap();
        let position = plist.view().position(plist.view().top()).unwrap();
        let (images, faults) = expected(&list, placing);
        let check = |lenient| {
            let mut report = Report::new(lenient, "entry");
            let table = ImageTable::check(&plist, position, Path::Root, placing, policy(lenient), &mut report);
            table.map(|table| (table, report.into_warnings()))
        };
        let strict = check(false);
        prop_assert_eq!(strict.is_ok(), faults == 0, "{:?}", strict.err());
        if let Ok((table, _)) = strict {
            walked(&table);
        }
        let (table, warnings) = check(true).unwrap();
        prop_assert_eq!(warnings.len(), faults, "{:?}", warnings);
        let found: Vec<Image> = walked(&table).0.iter().map(|(row, segments)| {
            let segments = segments.iter().map(|row| {
                let name = string(&table, row.name).unwrap();
                (name, row.preferred_load_address, row.vm_size, row.file_size, row.permissions, row.file_offset)
            });
            let names = (string(&table, row.install_name), string(&table, row.file_path));
            (row.address, row.preferred_load_address, row.uuid, names.0, names.1, segments.collect())
        }).collect();
        // What is left without the cache are the images with addresses of their own, and again those alone are read.
        let (placed, dropped) = table.placed();
        let own = walked(&placed).0;
        let addresses: Vec<_> = found.iter().filter_map(|image| image.0).collect();
        prop_assert_eq!(own.iter().filter_map(|(row, _)| row.address).collect::<Vec<_>>(), addresses);
        prop_assert_eq!((own.len() as u32 + dropped, placed.len() as usize), (table.len(), own.len()));
        prop_assert_eq!(placed.all_segments(), own.iter().map(|(_, segments)| segments.len()).sum::<usize>());
        prop_assert_eq!(found, images);
    }

    /// Whatever one byte becomes: no panic, and a strict reading that passes is what a lenient one gives.
    #[test]
    fn a_changed_byte((list, widths) in list(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let Some(mut bytes) = list.encode_with(WIDTHS[widths].0, WIDTHS[widths].1) else { return Ok(()) };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let Ok(plist) = Plist::parse(bytes.into()) else { return Ok(()) };
        let Ok(position) = plist.view().position(plist.view().top()) else { return Ok(()) };
        let mut strict = None;
        for lenient in [false, true] {
            let mut report = Report::new(lenient, "entry");
            match ImageTable::check(&plist, position, Path::Root, Placing::WithCache, policy(lenient), &mut report) {
                Ok(table) => {
                    let count = walked(&table).0.len();
                    prop_assert_eq!(*strict.get_or_insert(count), count);
                }
                Err(error) => prop_assert!(!lenient || is_limit(&error) || error.location().offset.is_some()),
            }
        }
    }
}
