//! Headers, which of them are dyld's, replies, and legacy bodies.

use proptest::prelude::*;

use crate::notify::legacy::{LegacyImage, LegacyMessage};
use crate::notify::message::{
    EVENT_BASE, HEADER_SIZE, Header, LEGACY_LOAD, LEGACY_MAIN, LEGACY_UNLOAD, MAX_MESSAGE_SIZE, Notice, ProcessEvent,
};

const PLAIN: Header =
    Header { bits: 0x1112, size: 24, remote_port: 0x103, local_port: 0x205, voucher_port: 0x307, id: 0x4000 };

#[test]
fn a_header_is_six_words_in_the_order_of_mach() {
    let words = [1_u32, 2, 3, 4, 5, 6];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let header = Header { bits: 1, size: 2, remote_port: 3, local_port: 4, voucher_port: 5, id: 6 };
    assert_eq!(Header::read(&bytes), Some(header));
    assert_eq!(header.to_bytes().as_slice(), bytes);
    assert!((0..HEADER_SIZE).all(|short| Header::read(&bytes[..short]).is_none()));
}

#[test]
fn the_ids_of_dyld_are_accepted() {
    let accepted = |id| Header { id, ..PLAIN }.accept(24);
    for id in [LEGACY_LOAD, LEGACY_UNLOAD, LEGACY_MAIN] {
        assert_eq!(accepted(id), Some(Notice::Legacy), "{id:#x}");
    }
    for event in [0, 1, 2, 3, 0xfff] {
        assert_eq!(accepted(EVENT_BASE + event), Some(Notice::Event(ProcessEvent(event))), "{event:#x}");
    }
    assert_eq!(ProcessEvent::MAIN.header().accept(24), Some(Notice::Event(ProcessEvent::MAIN)));
}

#[test]
fn nothing_else_is() {
    for id in [0, 70, 0x0fff, 0x1001, 0x2001, 0x3001, 0x3fff, 0x5000, 0x1_4000, 0x8000_4000, u32::MAX] {
        assert_eq!(Header { id, ..PLAIN }.accept(24), None, "{id:#x}");
    }
    assert_eq!(Header { bits: PLAIN.bits | 0x8000_0000, ..PLAIN }.accept(24), None, "complex");
    for (size, received) in [(0, 24), (23, 24), (25, 24), (32 * 1024 + 1, 32 * 1024 + 1), (u32::MAX, 24)] {
        assert_eq!(Header { size, ..PLAIN }.accept(received), None, "{size} of {received}");
    }
    assert!(Header { size: MAX_MESSAGE_SIZE as u32, ..PLAIN }.accept(MAX_MESSAGE_SIZE).is_some());
}

#[test]
fn a_reply_moves_the_right_that_came() {
    let received = Header { bits: 0x8000_1100 | 18, ..PLAIN };
    let reply = received.reply();
    assert_eq!((reply.bits, reply.size, reply.remote_port), (18, 24, 0x103));
    assert_eq!((reply.local_port, reply.voucher_port, reply.id), (0, 0, 0));
}

fn images(count: usize, path: usize) -> LegacyMessage {
    let image = |n: usize| LegacyImage { uuid: [n as u8; 16], address: n as u64 * 0x1000, path: vec![b'x'; path] };
    LegacyMessage { timestamp: 77, images: (0..count).map(image).collect() }
}

#[test]
fn a_legacy_body_has_the_layout_of_dyld() {
    let message = images(2, 5).to_messages(LEGACY_LOAD).unwrap().pop().unwrap();
    let word = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().unwrap());
    assert_eq!((word(4) as usize, word(20)), (message.len(), LEGACY_LOAD));
    assert_eq!([word(24), word(28), word(32), word(36)], [1, 2, 48, 48 + 64], "version, count, offsets");
    assert_eq!(word(40), 77, "timestamp");
    assert_eq!((word(48 + 32 + 16), word(48 + 32 + 24), word(48 + 32 + 28)), (0x1000, 6, 5), "the second entry");
    assert_eq!(&message[48 + 64..48 + 64 + 12], b"xxxxx\0xxxxx\0");
}

#[test]
fn what_is_too_large_is_halved() {
    for count in [1, 2, 3, 400, 1500, 5000] {
        let all = images(count, 60);
        let messages = all.to_messages(LEGACY_UNLOAD).unwrap();
        assert!(messages.iter().all(|message| message.len() + 68 <= MAX_MESSAGE_SIZE));
        assert!(
            messages.iter().all(|message| Header::read(message).unwrap().accept(message.len()) == Some(Notice::Legacy))
        );
        let read: Vec<_> = messages.iter().flat_map(|message| LegacyMessage::read(message).unwrap().images).collect();
        assert_eq!(read, all.images, "in the same order");
    }
    assert_eq!(images(1500, 60).to_messages(LEGACY_LOAD).unwrap().len(), 8);
    assert!(images(1, MAX_MESSAGE_SIZE).to_messages(LEGACY_LOAD).is_none());
    assert_eq!(images(0, 0).to_messages(LEGACY_LOAD).unwrap().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_read_past_the_message(
        count in 0..6_usize,
        at in 24..200_usize,
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut message = images(count, 9).to_messages(LEGACY_LOAD).unwrap().pop().unwrap();
        for (to, byte) in message.iter_mut().skip(at).zip(bytes) {
            *to = byte;
        }
        let _ = LegacyMessage::read(&message);
        prop_assert_eq!(LegacyMessage::read(&message[..cut.index(message.len())]), None);
    }
}
