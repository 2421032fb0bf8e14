//! Property lists that no encoder writes: objects by number, each of which may refer to any other, itself included.

/// Builds a list object by object.
pub struct Raw {
    objects: Vec<Vec<u8>>,
    /// Bytes of a reference.
    width: usize,
}

impl Raw {
    pub fn new(width: usize) -> Self {
        Self { objects: Vec::new(), width }
    }

    /// An object by its bytes.
    pub fn push(&mut self, object: Vec<u8>) -> u32 {
        self.objects.push(object);
        self.objects.len() as u32 - 1
    }

    /// Another object in the place of one.
    pub fn replace(&mut self, place: u32, object: u32) {
        self.objects[place as usize] = self.objects[object as usize].clone();
    }

    pub fn integer(&mut self, value: u64) -> u32 {
        self.push([&[0x13][..], &value.to_be_bytes()].concat())
    }

    fn counted(marker: u8, count: usize) -> Vec<u8> {
        match u8::try_from(count) {
            Ok(count @ 0..=14) => vec![marker | count],
            _ => [&[marker | 15, 0x12][..], &(count as u32).to_be_bytes()].concat(),
        }
    }

    pub fn text(&mut self, text: &str) -> u32 {
        self.push([Self::counted(0x50, text.len()), text.as_bytes().to_vec()].concat())
    }

    pub fn data(&mut self, data: &[u8]) -> u32 {
        self.push([Self::counted(0x40, data.len()), data.to_vec()].concat())
    }

    fn references(&self, references: impl Iterator<Item = u32>) -> Vec<u8> {
        references
            .flat_map(|reference| {
                (u64::from(reference) << (64 - 8 * self.width)).to_be_bytes().into_iter().take(self.width)
            })
            .collect()
    }

    pub fn array(&mut self, items: &[u32]) -> u32 {
        let references = self.references(items.iter().copied());
        self.push([Self::counted(0xa0, items.len()), references].concat())
    }

    pub fn dictionary(&mut self, pairs: &[(u32, u32)]) -> u32 {
        let references = self.references(pairs.iter().map(|pair| pair.0).chain(pairs.iter().map(|pair| pair.1)));
        self.push([Self::counted(0xd0, pairs.len()), references].concat())
    }

    /// A dictionary whose keys are texts.
    pub fn keyed(&mut self, pairs: &[(&str, u32)]) -> u32 {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (self.text(key), *value)).collect();
        self.dictionary(&pairs)
    }

    /// The root of a process with these images and `more` keys.
    pub fn process(&mut self, images: u32, more: &[(&str, u32)]) -> u32 {
        let one = self.integer(1);
        let required = [("proc", one), ("plat", one), ("time", one), ("stat", one), ("imgs", images)];
        self.keyed(&[&required[..], more].concat())
    }

    /// A sound segment at `address`.
    pub fn segment(&mut self, name: u32, address: u64, size: u64) -> u32 {
        let (address, size, five) = (self.integer(address), self.integer(size), self.integer(5));
        self.keyed(&[("name", name), ("padr", address), ("size", size), ("fsze", size), ("perm", five)])
    }

    /// The list whose root is `top`; offsets take four bytes.
    pub fn finish(&self, top: u32) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut table = Vec::new();
        for object in &self.objects {
            table.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            bytes.extend_from_slice(object);
        }
        let start = bytes.len() as u64;
        bytes.extend(table);
        bytes.extend([0, 0, 0, 0, 0, 0, 4, self.width as u8]);
        for number in [self.objects.len() as u64, u64::from(top), start] {
            bytes.extend(number.to_be_bytes());
        }
        bytes
    }
}
