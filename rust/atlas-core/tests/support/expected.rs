//! Reads the JSON in which the fixtures of property lists say what a correct reader sees.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

/// A dictionary; of a repeated key the first.
pub type Dict = BTreeMap<String, Value>;

/// Every list in `folder` whose name begins with `prefix`: name, bytes, expectation.
pub fn plists(folder: &Path, prefix: &str) -> Vec<(String, Vec<u8>, Value)> {
    let manifest: Value = serde_json::from_slice(&read(&folder.join("MANIFEST.json"))).unwrap();
    let files = manifest["files"].as_array().unwrap().iter();
    let files = files.filter(|file| file["name"].as_str().unwrap().starts_with(prefix));
    files
        .map(|file| {
            let expected = read(&folder.join(file["expected"].as_str().unwrap()));
            let plist = read(&folder.join(file["file"].as_str().unwrap()));
            (file["name"].as_str().unwrap().to_owned(), plist, serde_json::from_slice(&expected).unwrap())
        })
        .collect()
}

fn read(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
        return plain;
    }
    bytes
}

/// The pairs of a dictionary.
pub fn dict(value: &Value) -> Dict {
    let mut dict = Dict::new();
    for pair in value["dict"].as_array().unwrap_or_else(|| panic!("no dictionary: {value}")) {
        dict.entry(pair[0].as_str().unwrap().to_owned()).or_insert_with(|| pair[1].clone());
    }
    dict
}

/// What `value` is the same object as.
pub fn follow(root: &Value, value: &Value) -> Value {
    let Some(path) = value["same_as"].as_array() else { return value.clone() };
    path.iter().fold(root.clone(), |value, key| match key {
        Value::String(key) => dict(&value)[key].clone(),
        Value::Number(index) => value[usize::try_from(index.as_u64().unwrap()).unwrap()].clone(),
        other => panic!("no key: {other}"),
    })
}

/// The 64 bits of an integer.
pub fn integer(value: &Value) -> u64 {
    value["int"].as_str().unwrap_or_else(|| panic!("no integer: {value}")).parse::<i64>().unwrap().cast_unsigned()
}

/// A string, with U+FFFD for what is no text.
pub fn text(value: &Value) -> String {
    match &value["ascii_raw"] {
        Value::String(hex) => String::from_utf8_lossy(&bytes(hex)).into_owned(),
        _ => value["str"].as_str().unwrap_or_else(|| panic!("no string: {value}")).to_owned(),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
