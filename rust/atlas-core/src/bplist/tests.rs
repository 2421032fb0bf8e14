//! Tests of the property list: hand-made bytes in, values out, and the other way round.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod hostile;
mod layout;
mod mutation;
mod reading;
mod round_trip;
mod text;
mod unique;
mod walk;
mod writer;

use std::rc::Rc;

use super::{Build, Integer, Made, Plist, Reference, Text, Values, Writer, build};
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// A value as a tree: what tests compare. Shared objects are shared handles.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    /// By its bits, so that not-a-number equals itself.
    Real(u64),
    Date(u64),
    Data(Vec<u8>),
    Text(String),
    /// UTF-16 that is no text.
    Units(Vec<u16>),
    /// Marked ASCII, and no UTF-8.
    Marked(Vec<u8>),
    Uid(u128),
    Array(Vec<Handle>),
    Dictionary(Vec<(Handle, Handle)>),
}

type Handle = Rc<Value>;

struct Tree;

impl Build for Tree {
    type Value = Handle;
    type Error = Error;

    fn null(&mut self) -> Made<Self> {
        Ok(Value::Null.into())
    }
    fn boolean(&mut self, value: bool) -> Made<Self> {
        Ok(Value::Boolean(value).into())
    }
    fn integer(&mut self, value: Integer) -> Made<Self> {
        Ok(Value::Integer(value.0).into())
    }
    fn real(&mut self, value: f64) -> Made<Self> {
        Ok(Value::Real(value.to_bits()).into())
    }
    fn date(&mut self, seconds: f64) -> Made<Self> {
        Ok(Value::Date(seconds.to_bits()).into())
    }
    fn data(&mut self, data: &[u8]) -> Made<Self> {
        Ok(Value::Data(data.to_vec()).into())
    }
    fn text(&mut self, text: Text<'_>) -> Made<Self> {
        Ok(match (text.decode(), text.units()) {
            (Some(text), _) => Value::Text(text.into_owned()),
            (None, Some(units)) => Value::Units(units.collect()),
            (None, None) => Value::Marked(text.payload().to_vec()),
        }
        .into())
    }
    fn uid(&mut self, value: u128) -> Made<Self> {
        Ok(Value::Uid(value).into())
    }
    fn array(&mut self, items: &[Handle]) -> Made<Self> {
        Ok(Value::Array(items.to_vec()).into())
    }
    fn dictionary(&mut self, keys: &[Handle], values: &[Handle]) -> Made<Self> {
        Ok(Value::Dictionary(keys.iter().cloned().zip(values.iter().cloned()).collect()).into())
    }
}

/// Counts what it is asked to make; its values are nothing.
#[derive(Default)]
struct Count {
    scalars: usize,
    collections: usize,
    items: usize,
    /// Bytes of text and data.
    bytes: usize,
}

impl Build for Count {
    type Value = ();
    type Error = Error;

    fn null(&mut self) -> Made<Self> {
        self.data(&[])
    }
    fn boolean(&mut self, _: bool) -> Made<Self> {
        self.data(&[])
    }
    fn integer(&mut self, _: Integer) -> Made<Self> {
        self.data(&[])
    }
    fn real(&mut self, _: f64) -> Made<Self> {
        self.data(&[])
    }
    fn date(&mut self, _: f64) -> Made<Self> {
        self.data(&[])
    }
    fn data(&mut self, data: &[u8]) -> Made<Self> {
        self.scalars += 1;
        self.bytes += data.len();
        Ok(())
    }
    fn text(&mut self, text: Text<'_>) -> Made<Self> {
        self.data(text.payload())
    }
    fn uid(&mut self, _: u128) -> Made<Self> {
        self.data(&[])
    }
    fn array(&mut self, items: &[()]) -> Made<Self> {
        self.collections += 1;
        self.items += items.len();
        Ok(())
    }
    fn dictionary(&mut self, keys: &[()], values: &[()]) -> Made<Self> {
        self.collections += 1;
        self.items += keys.len() + values.len();
        Ok(())
    }
}

fn write_value(writer: &mut Writer, value: &Value) -> Reference {
    match value {
        Value::Null => writer.null(),
        Value::Boolean(value) => writer.boolean(*value),
        Value::Integer(value) => writer.integer(*value),
        Value::Real(bits) => writer.real(f64::from_bits(*bits)),
        Value::Date(bits) => writer.date(f64::from_bits(*bits)),
        Value::Data(data) => writer.data(data),
        Value::Text(text) => writer.text(text),
        Value::Units(units) => writer.utf16(units),
        Value::Marked(text) => writer.marked_ascii(text),
        Value::Uid(value) => writer.uid((*value).try_into().unwrap()),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| write_value(writer, item)).collect();
            writer.array(&items)
        }
        Value::Dictionary(pairs) => {
            let pairs: Vec<_> =
                pairs.iter().map(|(key, value)| (write_value(writer, key), write_value(writer, value))).collect();
            writer.dictionary(&pairs)
        }
    }
}

fn written(value: &Value) -> Vec<u8> {
    let mut writer = Writer::new();
    let top = write_value(&mut writer, value);
    writer.finish(top).unwrap()
}

fn read_within(bytes: &[u8], limits: &Limits) -> Result<Handle> {
    let list = Plist::parse(Bytes::from(bytes.to_vec()))?;
    build(list.view(), limits, &mut Tree)
}

fn read(bytes: &[u8]) -> Result<Handle> {
    read_within(bytes, &Limits::DEFAULT)
}

fn text(text: &str) -> Handle {
    Value::Text(text.to_owned()).into()
}

fn integer(value: i128) -> Handle {
    Value::Integer(value).into()
}

/// A list put together by hand, so that it can be wrong.
#[derive(Clone)]
struct Raw {
    area: Vec<u8>,
    offsets: Vec<u64>,
    offset_width: u8,
    reference_width: u8,
    count: Option<u64>,
    top: u64,
    table: Option<u64>,
}

impl Raw {
    /// Objects one after the other; the last is the top.
    fn new<O: AsRef<[u8]>>(objects: &[O]) -> Self {
        let mut raw = Self {
            area: Vec::new(),
            offsets: Vec::new(),
            offset_width: 4,
            reference_width: 1,
            count: None,
            top: (objects.len() as u64).saturating_sub(1),
            table: None,
        };
        for object in objects {
            raw.offsets.push(8 + raw.area.len() as u64);
            raw.area.extend(object.as_ref());
        }
        raw
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [b"bplist00", self.area.as_slice()].concat();
        let table = bytes.len() as u64;
        for offset in &self.offsets {
            let width = usize::from(self.offset_width).min(8);
            bytes.extend(&offset.to_be_bytes()[8 - width..]);
        }
        bytes.extend([0, 0, 0, 0, 0, 0, self.offset_width, self.reference_width]);
        for number in [self.count.unwrap_or(self.offsets.len() as u64), self.top, self.table.unwrap_or(table)] {
            bytes.extend(number.to_be_bytes());
        }
        bytes
    }
}

/// The offset, expectation and finding of a property-list error.
fn mismatch(error: &Error) -> (u64, String, String) {
    match error.kind() {
        crate::ErrorKind::Plist(found) => {
            (error.location().offset.expect("an offset"), found.expected.to_string(), found.found.to_string())
        }
        other => panic!("not a property-list error: {other:?}"),
    }
}
