//! Queues and turns, without threads.

use super::kind::{Light, Numbers};
use super::parts::{Role, Roster};

type Listeners = Roster<Numbers, Light>;

fn stream(roster: &mut Listeners, first: Option<Numbers>) -> (u64, Light) {
    let light = Light::default();
    let id = roster.reserve();
    roster.add(id, None, Role::Stream(light.clone()), first);
    (id, light)
}

fn handler(roster: &mut Listeners, interest: Option<u32>, first: Option<Numbers>) -> u64 {
    let id = roster.reserve();
    roster.add(id, interest, Role::Handler, first);
    id
}

fn taken(roster: &mut Listeners, id: u64) -> Option<u32> {
    roster.take(id).unwrap().map(|(item, _)| item)
}

fn calls(roster: &mut Listeners) -> Vec<(u64, u32)> {
    let mut calls = Vec::new();
    while let Some(call) = roster.call() {
        calls.push((call.id, call.item));
        roster.called();
    }
    calls
}

#[test]
fn a_stream_gets_the_first_list_and_then_what_is_told() {
    let mut roster = Listeners::default();
    let (id, light) = stream(&mut roster, Some(Numbers(0..2)));
    assert!(light.is_on(), "the first list is there at once");
    roster.publish(&Numbers(7..7));
    roster.publish(&Numbers(10..11));
    let all: Vec<_> = std::iter::from_fn(|| taken(&mut roster, id)).collect();
    assert_eq!(all, [0, 1, 10]);
    assert!(!light.is_on());
    roster.publish(&Numbers(11..12));
    assert!(light.is_on());
}

/// A descriptor that is readable while nothing waits makes an event loop spin; one that is not while something does,
/// hang.
#[test]
fn a_bell_rings_exactly_while_something_waits() {
    let mut roster = Listeners::default();
    let (id, light) = stream(&mut roster, None);
    assert!(!light.is_on());
    roster.publish(&Numbers(0..2));
    assert!(light.is_on());
    assert_eq!(taken(&mut roster, id), Some(0));
    assert!(light.is_on(), "half of the batch is left");
    assert_eq!(taken(&mut roster, id), Some(1));
    assert!(!light.is_on());
    roster.publish(&Numbers(3..4));
    roster.end();
    assert_eq!(taken(&mut roster, id), Some(3), "what was told before the end is heard");
    assert!(light.is_on(), "the end is something to take, too");
    assert!(roster.take(id).is_err() && roster.take(id).is_err() && light.is_on());
    // Who comes after the end has nothing else to wait for.
    for first in [None, Some(Numbers(0..0))] {
        let (late, light) = stream(&mut roster, first);
        assert!(light.is_on() && roster.take(late).is_err());
    }
}

#[test]
fn numbers_start_at_one_and_only_grow() {
    let mut roster = Listeners::default();
    let (one, _) = stream(&mut roster, None);
    let (two, _) = stream(&mut roster, None);
    assert!(roster.remove(two).is_some() && roster.remove(two).is_none());
    let three = handler(&mut roster, None, None);
    assert!(roster.remove(one).is_some() && roster.remove(three).is_some() && roster.is_empty());
    let (four, _) = stream(&mut roster, None);
    assert_eq!([one, two, three, four], [1, 2, 3, 4]);
}

#[test]
fn who_is_struck_off_is_woken_and_hears_no_more() {
    let mut roster = Listeners::default();
    let (id, light) = stream(&mut roster, Some(Numbers(0..0)));
    assert!(roster.remove(id).is_some() && light.is_on());
    assert!(roster.take(id).is_err());
    let (id, light) = stream(&mut roster, None);
    assert_eq!((roster.remove_all().len(), light.is_on()), (1, true));
    assert!(roster.take(id).is_err());
}

#[test]
fn handlers_are_called_in_the_order_of_what_was_told() {
    let mut roster = Listeners::default();
    let a = handler(&mut roster, None, None);
    roster.publish(&Numbers(0..2));
    let b = handler(&mut roster, Some(1), Some(Numbers(101..102)));
    roster.publish(&Numbers(5..6));
    roster.publish(&Numbers(6..7));
    assert!(roster.handlers_are_busy());
    assert_eq!(calls(&mut roster), [(a, 0), (a, 1), (b, 101), (a, 5), (b, 5), (a, 6)]);
    assert!(!roster.handlers_are_busy());
}

#[test]
fn a_handler_out_on_a_call_is_not_called_again_and_may_be_struck_off() {
    let mut roster = Listeners::default();
    let id = handler(&mut roster, None, Some(Numbers(0..2)));
    assert_eq!(roster.call().unwrap().item, 0);
    assert!(roster.call().is_none() && roster.handlers_are_busy());
    assert!(roster.remove(id).is_some());
    assert!(roster.handlers_are_busy(), "it still runs");
    roster.called();
    assert!(!roster.handlers_are_busy() && roster.call().is_none());
}

#[test]
fn a_batch_is_given_back_with_its_last_item() {
    let mut roster = Listeners::default();
    let (id, _) = stream(&mut roster, Some(Numbers(0..2)));
    assert!(roster.take(id).unwrap().unwrap().1.is_none());
    assert!(roster.take(id).unwrap().unwrap().1.is_some());
    assert_eq!(roster.backlog(), 0);
    handler(&mut roster, None, Some(Numbers(4..5)));
    assert_eq!((roster.backlog(), roster.call().unwrap().spent.is_some()), (1, true));
}

#[test]
fn after_the_end_nothing_is_told() {
    let mut roster = Listeners::default();
    let id = handler(&mut roster, None, Some(Numbers(0..1)));
    roster.end();
    roster.publish(&Numbers(1..2));
    assert!(roster.has_ended());
    assert_eq!(calls(&mut roster), [(id, 0)]);
}
