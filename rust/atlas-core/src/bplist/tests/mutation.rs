//! Valid lists with a few bytes changed: whatever comes of it, it comes quickly and without a panic.

use std::time::Duration;

use cpu_time::ThreadTime;

use super::super::Object;
use super::*;

/// A small generator of numbers (xorshift), so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound.max(1)
    }
}

/// A list with every kind of object.
fn sample() -> Vec<u8> {
    let mut writer = Writer::new();
    let scalars = [
        writer.null(),
        writer.boolean(true),
        writer.integer(5),
        writer.integer(70_000),
        writer.integer(u64::MAX),
        writer.real(0.5),
        writer.date(1e9),
        writer.data(&[9; 40]),
        writer.text("prot"),
        writer.text("/usr/lib/libobjc.A.dylib"),
        writer.text("/Applications/Zoë.app"),
        writer.uid(7),
    ];
    let key = writer.text("imgs");
    let array = writer.array(&scalars);
    let images: Vec<_> = scalars.iter().map(|scalar| writer.dictionary(&[(key, *scalar), (key, array)])).collect();
    let images = writer.array(&images);
    let top = writer.dictionary(&[(key, images), (scalars[8], array)]);
    writer.finish(top).unwrap()
}

/// Reads the list in both ways: as values, and through the view, where objects are only looked at.
fn read_all(bytes: &[u8]) -> bool {
    let Ok(list) = Plist::parse(Bytes::from(bytes.to_vec())) else { return false };
    let view = list.view();
    for reference in 0..view.object_count().min(1000) {
        if let Ok(Object::Dictionary(pairs)) = view.object(reference) {
            let _ = pairs.get("prot");
            let _ = pairs.iter().map(|pair| pair.is_ok()).filter(|ok| *ok).count();
        }
    }
    let mut count = Count::default();
    let counted = build(view, &Limits::DEFAULT, &mut count).is_ok();
    // However wrong the list is, what was asked for stood in it: nothing twice, and nothing that is not there.
    assert!(count.scalars + count.collections + count.bytes + count.items <= bytes.len());
    let read = build(view, &Limits::DEFAULT, &mut Tree).is_ok();
    assert_eq!(read, counted);
    read
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let length = bytes.len();
        // Some changes aim at the trailer and the end of the table: there the least one does most.
        let at = if random.below(8) == 0 { length.saturating_sub(1 + random.below(48)) } else { random.below(length) };
        match random.below(24) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(length), random.below(256) as u8),
            2 => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xFF),
            3..=8 if at < length => bytes[at] ^= 1 << random.below(8),
            9..=14 if at < length => {
                let from = random.below(length);
                bytes[at] = bytes[from];
            }
            _ if at < length => bytes[at] = random.below(256) as u8,
            _ => {}
        }
    }
}

#[test]
fn every_byte_of_a_list_changed_in_every_way() {
    let whole = sample();
    assert!(read_all(&whole));
    for at in 0..whole.len() {
        for value in 0..=255 {
            let mut bytes = whole.clone();
            bytes[at] = value;
            read_all(&bytes);
        }
    }
}

#[test]
fn every_beginning_and_every_end_of_a_list() {
    let whole = sample();
    for at in 0..whole.len() {
        read_all(&whole[..at]);
        read_all(&whole[at..]);
    }
}

#[test]
fn tens_of_thousands_of_changed_lists() {
    let whole = sample();
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut longest = Duration::ZERO;
    let mut accepted = 0;
    for _ in 0..40_000 {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut random);
        let started = ThreadTime::now();
        accepted += u32::from(read_all(&bytes));
        longest = longest.max(started.elapsed());
    }
    // Both ends of the road are taken, or the changes are too strong or too weak to test anything.
    assert!((4_000..36_000).contains(&accepted), "{accepted} of 40000 were accepted");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}
