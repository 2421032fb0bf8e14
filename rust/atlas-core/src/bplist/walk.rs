//! Turns a property list into values, each object once, without recursion and without trust.

use crate::error::{Error, Result};
use crate::limits::Limits;

use super::object::{Integer, Object, References};
use super::text::Text;
use super::view::View;

/// What a [`Build`] gives for an object.
pub type Made<B> = std::result::Result<<B as Build>::Value, <B as Build>::Error>;

/// Makes values of whatever kind the caller wants; [`build`] calls it once per object, from the leaves up.
///
/// An object to which several references point is made once, and its value is cloned: a value should be cheap to
/// clone (a handle), and a caller that compares identities sees the sharing.
pub trait Build {
    /// What an object becomes.
    type Value: Clone;
    /// What can go wrong: the list's own errors, and those of making a value.
    type Error: From<Error>;

    /// The null object.
    fn null(&mut self) -> Made<Self>;
    /// True or false.
    fn boolean(&mut self, value: bool) -> Made<Self>;
    /// An integer.
    fn integer(&mut self, value: Integer) -> Made<Self>;
    /// A floating-point number.
    fn real(&mut self, value: f64) -> Made<Self>;
    /// A moment, in seconds since the beginning of 2001 in UTC; may be infinite or no number.
    fn date(&mut self, seconds: f64) -> Made<Self>;
    /// Bytes.
    fn data(&mut self, data: &[u8]) -> Made<Self>;
    /// Text, perhaps invalid.
    fn text(&mut self, text: Text<'_>) -> Made<Self>;
    /// A number as the key-value archiver refers to objects.
    fn uid(&mut self, value: u128) -> Made<Self>;
    /// The error with the position of the object that could not be made, for one that came without.
    fn place(error: Self::Error, _position: usize) -> Self::Error {
        error
    }
    /// An array, or one of the two kinds of sets.
    fn array(&mut self, items: &[Self::Value]) -> Made<Self>;
    /// A dictionary: as many keys as values, in file order. Each key was made by [`Build::text`]. Keys may repeat, also
    /// as different objects with the same text; the first is meant.
    fn dictionary(&mut self, keys: &[Self::Value], values: &[Self::Value]) -> Made<Self>;
}

/// The value of the whole list.
///
/// More is accepted than plistlib does: sets, which become arrays, and text that is none. Four things are refused that
/// plistlib takes: keys that are no strings, integers of more than 16 bytes, a collection that contains itself, and
/// objects that overlap so much that together they are longer than the part of the list that holds them. So what is
/// made is never larger than what was read, times a constant, however often the list refers to it.
///
/// # Errors
/// [`crate::ErrorKind::Plist`] with the offset of the object or the reference that is wrong.
/// [`crate::ErrorKind::Limit`] where collections nest deeper than `limits.depth`, also through shared objects, or text
/// and data are together longer than `limits.decoded_bytes`.
pub fn build<B: Build>(view: View<'_>, limits: &Limits, builder: &mut B) -> Made<B> {
    let made = build_each(view, &[view.top()], limits, builder)?;
    // One object was asked for, and one was made.
    made.into_iter().next().ok_or_else(|| Error::plist(0, "a value", "none").into())
}

/// The values of some objects of the list. What they share is made once, so that together they cost no more than the
/// whole list does.
///
/// # Errors
/// As [`build`].
pub fn build_each<B: Build>(
    view: View<'_>,
    references: &[u32],
    limits: &Limits,
    builder: &mut B,
) -> std::result::Result<Vec<B::Value>, B::Error> {
    let mut walk = Walk::new(view, limits, builder)?;
    for &reference in references {
        walk.make(reference)?;
    }
    // Each object left its value, and every collection took those of its items away.
    Ok(walk.values)
}

/// The values of some objects of a list, asked for one by one: one that cannot be made does not hinder the next.
/// Together they cost no more than the whole list does, those that fail included.
pub struct Values<'a, 'b, B: Build>(Walk<'a, 'b, B>);

impl<'a, 'b, B: Build> Values<'a, 'b, B> {
    /// Makes nothing yet.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] where the list claims more objects than it has bytes for.
    pub fn new(view: View<'a>, limits: &'b Limits, builder: &'b mut B) -> Result<Self> {
        Walk::new(view, limits, builder).map(Self)
    }

    /// The value of object `reference`.
    ///
    /// # Errors
    /// As [`build`].
    pub fn make(&mut self, reference: u32) -> Made<B> {
        let walk = &mut self.0;
        let made = walk.make(reference);
        let value = walk.values.pop();
        walk.values.clear();
        if let Err(error) = made {
            // What was begun can be begun again.
            for frame in walk.open.drain(..) {
                if let Some(state) = walk.states.get_mut(frame.reference as usize) {
                    *state = NEW;
                }
            }
            return Err(error);
        }
        value.ok_or_else(|| Error::plist(0, "a value", "none").into())
    }

    /// Lets `value` stand for object `reference`, which could not be made: from now on wherever it is met, as a key
    /// also.
    pub fn stand_in(&mut self, reference: u32, value: B::Value) {
        self.0.finish(reference, value, 0, true);
        self.0.values.clear();
    }
}

/// How many objects a reference of this list's width can name. The others cannot be reached, but for the top object,
/// so they need no state.
fn referable(view: View<'_>) -> Result<usize> {
    let count = view.object_count() as usize;
    let area = area(view);
    if count > area {
        let expected = format!("at most {area} objects, as many as there are bytes for them");
        return Err(Error::plist(view.data().len().saturating_sub(24), expected, count.to_string()));
    }
    Ok(match view.reference_width() {
        width @ 1..=3 => count.min(1 << (8 * width)),
        _ => count,
    })
}

fn area(view: View<'_>) -> usize {
    view.area_end().saturating_sub(super::view::HEADER)
}

/// An object is new, then open while its items are made, then done: the state is its index in `Walk::done`.
const NEW: u32 = u32::MAX;
const OPEN: u32 = u32::MAX - 1;

struct Done<V> {
    value: V,
    /// Levels of collections, this one included: 0 for a scalar.
    height: u32,
    is_text: bool,
}

/// A collection whose items are being made.
struct Frame<'a> {
    reference: u32,
    items: Items<'a>,
    /// Items that were begun.
    begun: usize,
    /// How many values there were before its own.
    base: usize,
    height: u32,
}

#[derive(Clone, Copy)]
enum Items<'a> {
    Array(References<'a>),
    Dictionary(References<'a>, References<'a>),
}

impl Frame<'_> {
    /// The next reference, whether it is that of a key, and where it stands.
    #[inline]
    fn next(&mut self, width: usize) -> Result<Option<(u32, bool, usize)>> {
        let (references, index, is_key) = match self.items {
            Items::Array(items) => (items, self.begun, false),
            Items::Dictionary(keys, _) if self.begun < keys.len() => (keys, self.begun, true),
            Items::Dictionary(keys, values) => (values, self.begun - keys.len(), false),
        };
        if index == references.len() {
            return Ok(None);
        }
        self.begun += 1;
        Ok(Some((references.get(index)?, is_key, references.offset() + index * width)))
    }
}

struct Walk<'a, 'b, B: Build> {
    view: View<'a>,
    limits: &'b Limits,
    builder: &'b mut B,
    states: Vec<u32>,
    done: Vec<Done<B::Value>>,
    values: Vec<B::Value>,
    open: Vec<Frame<'a>>,
    /// Bytes of the objects met so far.
    length: usize,
    /// Bytes of text and data among them.
    decoded: u64,
}

impl<'a, 'b, B: Build> Walk<'a, 'b, B> {
    fn new(view: View<'a>, limits: &'b Limits, builder: &'b mut B) -> Result<Self> {
        Ok(Self {
            view,
            limits,
            builder,
            states: vec![NEW; referable(view)?],
            done: Vec::new(),
            values: Vec::new(),
            open: Vec::new(),
            length: 0,
            decoded: 0,
        })
    }

    /// Leaves the value of object `reference`, with all that it holds.
    fn make(&mut self, reference: u32) -> std::result::Result<(), B::Error> {
        self.enter(reference, false, self.view.data().len().saturating_sub(16))?;
        while let Some(frame) = self.open.last_mut() {
            match frame.next(self.view.reference_width())? {
                Some((reference, is_key, at)) => self.enter(reference, is_key, at)?,
                None => self.leave()?,
            }
        }
        Ok(())
    }

    /// Takes the value of an object that is done, makes that of a scalar, or opens a collection. `at` is where the
    /// reference stands.
    #[inline]
    fn enter(&mut self, reference: u32, is_key: bool, at: usize) -> std::result::Result<(), B::Error> {
        let state = self.states.get(reference as usize).copied().unwrap_or(NEW);
        if state == OPEN {
            return Err(
                Error::plist(at, "no collection within itself", "a reference to an enclosing collection").into()
            );
        }
        if let Some(done) = self.done.get(state as usize) {
            if is_key && !done.is_text {
                return Err(self.bad_key(reference)?.into());
            }
            self.values.push(done.value.clone());
            let height = done.height;
            self.raise(height);
            return Ok(());
        }
        let position = self.view.position(reference)?;
        let object = self.view.object_at(position)?;
        let is_text = object.text().is_some();
        if is_key && !is_text {
            return Err(self.bad_key(reference)?.into());
        }
        let width = self.view.reference_width();
        let (payload, decoded) = match object {
            Object::Null | Object::Bool(_) => (0, 0),
            Object::Integer(_) => (1, 0),
            Object::Real(_) => (4, 0),
            Object::Date(_) => (8, 0),
            Object::Uid(bytes) => (bytes.len(), 0),
            Object::Data(bytes) | Object::Ascii(bytes) | Object::Utf16(bytes) => (bytes.len(), bytes.len()),
            Object::Array(items) | Object::Set(items) => (items.len() * width, 0),
            Object::Dictionary(pairs) => (pairs.len() * width * 2, 0),
        };
        self.meet(position, payload, decoded)?;
        let value = match object {
            Object::Null => self.builder.null(),
            Object::Bool(value) => self.builder.boolean(value),
            Object::Integer(value) => self.builder.integer(value),
            Object::Real(value) => self.builder.real(value),
            Object::Date(seconds) => self.builder.date(seconds),
            Object::Uid(bytes) => {
                self.builder.uid(bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
            }
            Object::Data(data) => self.builder.data(data),
            Object::Ascii(text) => self.builder.text(Text::Ascii(text)),
            Object::Utf16(text) => self.builder.text(Text::Utf16(text)),
            Object::Array(items) | Object::Set(items) => {
                return Ok(self.open(reference, position, Items::Array(items))?);
            }
            Object::Dictionary(pairs) => {
                return Ok(self.open(reference, position, Items::Dictionary(pairs.keys, pairs.values))?);
            }
        }
        .map_err(|error| B::place(error, position))?;
        self.finish(reference, value, 0, is_text);
        Ok(())
    }

    fn open(&mut self, reference: u32, position: usize, items: Items<'a>) -> Result<()> {
        self.check_depth(self.open.len() as u64 + 1, position)?;
        if let Some(state) = self.states.get_mut(reference as usize) {
            *state = OPEN;
        }
        self.open.push(Frame { reference, items, begun: 0, base: self.values.len(), height: 1 });
        Ok(())
    }

    /// Makes the innermost open collection, whose items are all there.
    fn leave(&mut self) -> std::result::Result<(), B::Error> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        // Through objects made before, a collection can be higher than the walk was ever deep.
        self.check_depth(u64::from(frame.height), self.view.position(frame.reference)?)?;
        let items = self.values.get(frame.base..).unwrap_or_default();
        let value = match frame.items {
            Items::Array(_) => self.builder.array(items),
            Items::Dictionary(keys, _) => {
                let (keys, values) = items.split_at_checked(keys.len()).unwrap_or_default();
                self.builder.dictionary(keys, values)
            }
        }?;
        self.values.truncate(frame.base);
        self.finish(frame.reference, value, frame.height, false);
        Ok(())
    }

    #[inline]
    fn finish(&mut self, reference: u32, value: B::Value, height: u32, is_text: bool) {
        self.values.push(value.clone());
        if let Some(state) = self.states.get_mut(reference as usize) {
            *state = self.done.len() as u32;
            self.done.push(Done { value, height, is_text });
        }
        self.raise(height);
    }

    /// Notes in the innermost open collection that it holds an item of this height.
    #[inline]
    fn raise(&mut self, height: u32) {
        if let Some(frame) = self.open.last_mut() {
            frame.height = frame.height.max(height.saturating_add(1));
        }
    }

    /// Counts an object with its payload, before anything is made of it.
    #[inline]
    fn meet(&mut self, position: usize, payload: usize, decoded: usize) -> Result<()> {
        self.length = self.length.saturating_add(payload).saturating_add(1);
        if self.length > area(self.view) {
            let expected = format!("objects that do not overlap, {} bytes together", area(self.view));
            return Err(Error::plist(position, expected, format!("objects of {} bytes", self.length)));
        }
        self.decoded = self.decoded.saturating_add(decoded as u64);
        if self.decoded > self.limits.decoded_bytes {
            let error = Error::limit("text and data of a property list", self.limits.decoded_bytes, self.decoded);
            return Err(error.at_offset(position));
        }
        Ok(())
    }

    fn check_depth(&self, depth: u64, position: usize) -> Result<()> {
        if depth > u64::from(self.limits.depth) {
            return Err(Error::limit("nesting", self.limits.depth.into(), depth).at_offset(position));
        }
        Ok(())
    }

    #[cold]
    fn bad_key(&self, reference: u32) -> Result<Error> {
        let position = self.view.position(reference)?;
        let kind = self.view.object_at(position)?.kind();
        Ok(Error::plist(position, "a string as the key of a dictionary", kind))
    }
}
