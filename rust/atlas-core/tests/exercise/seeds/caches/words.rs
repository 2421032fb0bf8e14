//! Integers in the byte order of a file.

/// Bytes that grow, in one order.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub bytes: Vec<u8>,
    pub big: bool,
}

impl Words {
    pub fn new(big: bool) -> Self {
        Self { bytes: Vec::new(), big }
    }

    pub fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes.extend(if self.big { number.to_be_bytes() } else { number.to_le_bytes() });
        self
    }

    pub fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes.extend(if self.big { number.to_be_bytes() } else { number.to_le_bytes() });
        self
    }

    pub fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes.extend(if self.big { number.to_be_bytes() } else { number.to_le_bytes() });
        self
    }

    /// A number of 8 bytes where `wide`, else of 4.
    pub fn word(&mut self, wide: bool, number: u64) -> &mut Self {
        if wide { self.u64(number) } else { self.u32(u32::try_from(number).unwrap()) }
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }

    /// A text in a field of a fixed size.
    pub fn text(&mut self, text: &str, size: usize) -> &mut Self {
        let end = self.bytes.len() + size;
        self.bytes.extend(text.as_bytes());
        assert!(self.bytes.len() <= end, "{text} is too long");
        self.pad(end)
    }

    /// Zeros up to a length.
    pub fn pad(&mut self, length: usize) -> &mut Self {
        self.bytes.resize(length.max(self.bytes.len()), 0);
        self
    }

    /// Writes over what is there.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn put_u32(&mut self, at: usize, number: u32) {
        self.put(at, &if self.big { number.to_be_bytes() } else { number.to_le_bytes() });
    }

    pub fn put_u64(&mut self, at: usize, number: u64) {
        self.put(at, &if self.big { number.to_be_bytes() } else { number.to_le_bytes() });
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}
