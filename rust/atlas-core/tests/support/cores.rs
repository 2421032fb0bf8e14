//! Core files and the images in them, written by hand from the layouts of `<mach-o/loader.h>` and of the notes. Knows
//! nothing of the crate, so that every kind of test can use it.

/// CPU type, subtype, and whether pointers have 8 bytes.
pub type Cpu = (u32, u32, bool);

pub const ARM64: Cpu = (0x0100_000c, 0, true);
pub const X86_64: Cpu = (0x0100_0007, 3, true);
pub const ARM64_32: Cpu = (0x0200_000c, 1, false);

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn word(wide: bool, number: u64) -> Vec<u8> {
    if wide { number.to_le_bytes().to_vec() } else { (number as u32).to_le_bytes().to_vec() }
}

fn name16(name: &str) -> Vec<u8> {
    let mut name = name.as_bytes().to_vec();
    name.resize(16, 0);
    name
}

pub fn command(number: u32, body: &[u8]) -> Vec<u8> {
    [&words(&[number, body.len() as u32 + 8]), body].concat()
}

/// A segment command with sections, of which each has a name, an address and a size.
fn segment(wide: bool, name: &str, place: [u64; 4], protection: u32, sections: &[(&str, u64, u64)]) -> Vec<u8> {
    let mut body = name16(name);
    place.iter().for_each(|number| body.extend(word(wide, *number)));
    body.extend(words(&[protection, protection, sections.len() as u32, 0]));
    for (section, address, size) in sections {
        body.extend(name16(section));
        body.extend(name16(name));
        body.extend(word(wide, *address));
        body.extend(word(wide, *size));
        body.extend(words(&vec![0; if wide { 8 } else { 7 }]));
    }
    command(if wide { 0x19 } else { 1 }, &body)
}

fn macho(cpu: Cpu, kind: u32, commands: &[Vec<u8>]) -> Vec<u8> {
    let size: usize = commands.iter().map(Vec::len).sum();
    let magic = if cpu.2 { 0xfeed_facf } else { 0xfeed_face };
    let mut file = words(&[magic, cpu.0, cpu.1, kind, commands.len() as u32, size as u32, 0x85]);
    if cpu.2 {
        file.extend([0; 4]);
    }
    file.extend(commands.concat());
    file
}

/// An image as its header tells it.
#[derive(Clone, Debug)]
pub struct Image {
    /// `MH_*`: 2 executable, 6 library, 7 dyld.
    pub kind: u32,
    pub uuid: [u8; 16],
    pub install_name: String,
    /// Name, address, size, protection; addresses before sliding.
    pub segments: Vec<(&'static str, u64, u64, u32)>,
    /// Sections of `__DATA`: name, address, size.
    pub sections: Vec<(&'static str, u64, u64)>,
    /// Further load commands.
    pub more: Vec<Vec<u8>>,
}

impl Image {
    /// A library with three segments.
    pub fn new(install_name: &str) -> Self {
        Self {
            kind: 6,
            uuid: [7; 16],
            install_name: install_name.to_owned(),
            segments: vec![("__TEXT", 0, 0x4000, 5), ("__DATA", 0x4000, 0x4000, 3), ("__LINKEDIT", 0x8000, 0x4000, 1)],
            sections: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// The header and the load commands of an image.
pub fn image_header(cpu: Cpu, image: &Image) -> Vec<u8> {
    let mut offset = 0;
    let mut commands = Vec::new();
    for (name, address, size, protection) in &image.segments {
        let sections = if *name == "__DATA" { image.sections.as_slice() } else { &[] };
        commands.push(segment(cpu.2, name, [*address, *size, offset, *size], *protection, sections));
        offset += size;
    }
    let number = match image.kind {
        6 => Some(0xd),
        7 => Some(0xf),
        _ => None,
    };
    if let Some(number) = number {
        let mut body = if number == 0xd { words(&[24, 2, 0x1_0000, 0x1_0000]) } else { words(&[12]) };
        body.extend(image.install_name.as_bytes());
        body.resize((body.len() + 8) & !7, 0);
        commands.push(command(number, &body));
    }
    commands.push(command(0x1b, &image.uuid));
    commands.push(command(0x32, &words(&[1, 0x000f_0000, 0x000f_0000, 0])));
    commands.extend(image.more.iter().cloned());
    macho(cpu, image.kind, &commands)
}

/// Makes the payload of a note from the offset at which it will lie in the file.
pub type Payload = Box<dyn Fn(u64) -> Vec<u8>>;

/// A core file in the making.
pub struct Core {
    pub cpu: Cpu,
    pub kind: u32,
    pub notes: Vec<(String, Payload)>,
    /// Address, protection, bytes in the file, and bytes in memory beyond them.
    pub segments: Vec<(u64, u32, Vec<u8>, u64)>,
    pub more: Vec<Vec<u8>>,
}

impl Core {
    pub fn new(cpu: Cpu) -> Self {
        // LC_THREAD, whose contents nobody reads here.
        Self { cpu, kind: 4, notes: Vec::new(), segments: Vec::new(), more: vec![command(4, &[0; 16])] }
    }

    pub fn note(mut self, name: &str, payload: &[u8]) -> Self {
        let payload = payload.to_vec();
        self.notes.push((name.to_owned(), Box::new(move |_| payload.clone())));
        self
    }

    pub fn note_at(mut self, name: &str, payload: impl Fn(u64) -> Vec<u8> + 'static) -> Self {
        self.notes.push((name.to_owned(), Box::new(payload)));
        self
    }

    pub fn segment(mut self, address: u64, protection: u32, bytes: Vec<u8>) -> Self {
        self.segments.push((address, protection, bytes, 0));
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let header = if self.cpu.2 { 32 } else { 28 };
        let segment_size = if self.cpu.2 { 72 } else { 56 };
        let more: usize = self.more.iter().map(Vec::len).sum();
        let commands = 40 * self.notes.len() + segment_size * self.segments.len() + more;
        let mut offset = (header + commands) as u64;
        let (mut list, mut data) = (self.more.clone(), Vec::new());
        for (name, payload) in &self.notes {
            let payload = payload(offset);
            let body = [name16(name), offset.to_le_bytes().to_vec(), (payload.len() as u64).to_le_bytes().to_vec()];
            list.push(command(0x31, &body.concat()));
            offset += payload.len() as u64;
            data.extend(payload);
        }
        for (address, protection, bytes, zeros) in &self.segments {
            let size = bytes.len() as u64;
            list.push(segment(self.cpu.2, "", [*address, size + zeros, offset, size], *protection, &[]));
            offset += size;
            data.extend(bytes);
        }
        let mut file = macho(self.cpu, self.kind, &list);
        assert_eq!(file.len(), header + commands);
        file.extend(data);
        file
    }
}

/// An entry of an `all image infos` note.
#[derive(Clone, Debug)]
pub struct Noted {
    pub path: Option<&'static str>,
    pub uuid: [u8; 16],
    pub address: u64,
    pub segments: Vec<(&'static str, u64)>,
}

/// An `all image infos` note that lies at `offset`, with entries of `stride` bytes.
pub fn all_image_infos(offset: u64, images: &[Noted], stride: usize) -> Vec<u8> {
    let mut note = words(&[1, images.len() as u32]);
    note.extend((offset + 24).to_le_bytes());
    note.extend(words(&[stride as u32, 0]));
    let mut tail = Vec::new();
    let tail_at = offset + 24 + (stride * images.len()) as u64;
    for image in images {
        let path = image.path.map_or(u64::MAX, |path| {
            let at = tail_at + tail.len() as u64;
            tail.extend(path.as_bytes());
            tail.push(0);
            at
        });
        let segments = tail_at + tail.len() as u64;
        for (name, address) in &image.segments {
            tail.extend(name16(name));
            tail.extend(address.to_le_bytes());
            tail.extend([0; 8]);
        }
        let start = note.len();
        note.extend(path.to_le_bytes());
        note.extend(image.uuid);
        note.extend(image.address.to_le_bytes());
        note.extend(segments.to_le_bytes());
        note.extend(words(&[image.segments.len() as u32, 0]));
        note.resize(start + stride, 0xee);
    }
    note.extend(tail);
    note
}

/// A `load binary` note.
pub fn load_binary(uuid: [u8; 16], address: u64, slide: u64, name: &str) -> Vec<u8> {
    let mut note = words(&[1]);
    note.extend(uuid);
    note.extend(address.to_le_bytes());
    note.extend(slide.to_le_bytes());
    note.extend(name.as_bytes());
    note.push(0);
    note
}

/// A `main bin spec` note of version 1 or 2.
pub fn main_bin_spec(version: u32, kind: u32, address: u64, platform: u32) -> Vec<u8> {
    let mut note = words(&[version, kind]);
    note.extend(address.to_le_bytes());
    if version == 2 {
        note.extend(u64::MAX.to_le_bytes());
    }
    note.extend([0; 16]);
    note.extend(words(&[14, platform]));
    note
}

/// `dyld_all_image_infos` of version 18 with these fields set: place in the structure, value, bytes.
pub fn infos(wide: bool, fields: &[(usize, u64, usize)]) -> Vec<u8> {
    let mut infos = vec![0; if wide { 368 } else { 224 }];
    infos[0] = 18;
    for (at, value, width) in fields {
        infos[*at..at + width].copy_from_slice(&value.to_le_bytes()[..*width]);
    }
    infos
}

/// `dyld_image_info` of each image at `address`, with the paths behind them.
pub fn info_array(wide: bool, address: u64, images: &[(u64, &str)]) -> Vec<u8> {
    let entry = if wide { 24 } else { 12 };
    let (mut array, mut paths) = (Vec::new(), Vec::new());
    for (image, path) in images {
        array.extend(word(wide, *image));
        array.extend(word(wide, address + (entry * images.len() + paths.len()) as u64));
        array.extend(word(wide, 0));
        paths.extend(path.as_bytes());
        paths.push(0);
    }
    array.extend(paths);
    array
}
