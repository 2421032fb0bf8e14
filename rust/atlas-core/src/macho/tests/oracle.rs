//! The reader of the `object` crate as a second opinion on what the builder writes.

use object::macho::MachHeader32;
use object::macho::MachHeader64;
use object::read::macho::{MachHeader, Section as _, Segment as _};
use object::{Endian, Endianness};
use proptest::prelude::*;

use super::builder::{ARM64, ARM64_32, Builder, I386, PPC, SectionSpec, SegmentSpec, X86_64};
use crate::macho::{ByteOrder, View};

type Facts = (Vec<(u32, Vec<u8>)>, Vec<(Vec<u8>, [u64; 4], [u32; 3])>, Vec<([u8; 32], [u64; 2], [u32; 5])>);

fn object_facts<M: MachHeader<Endian = Endianness>>(data: &[u8]) -> (Option<[u8; 16]>, Facts) {
    let header = M::parse(data, 0).unwrap();
    let endian = header.endian().unwrap();
    let (mut commands, mut segments, mut sections) = (Vec::new(), Vec::new(), Vec::new());
    let mut all = header.load_commands(endian, data, 0).unwrap();
    while let Some(command) = all.next().unwrap() {
        commands.push((command.cmd().0, command.raw_data().to_vec()));
        if let Some((segment, rest)) = M::Segment::from_command(command).unwrap() {
            let words = [
                segment.vmaddr(endian).into(),
                segment.vmsize(endian).into(),
                segment.fileoff(endian).into(),
                segment.filesize(endian).into(),
            ];
            let bits = [segment.maxprot(endian).0, segment.initprot(endian).0, segment.flags(endian).0];
            segments.push((segment.name().to_vec(), words, bits));
            for section in segment.sections(endian, rest).unwrap() {
                let mut names = [0; 32];
                names[..16].copy_from_slice(section.segname());
                names[16..].copy_from_slice(section.sectname());
                let words = [section.addr(endian).into(), section.size(endian).into()];
                let bits = [
                    section.offset(endian),
                    section.align(endian),
                    section.flags(endian).0,
                    section.reserved1(endian),
                    section.reserved2(endian),
                ];
                sections.push((names, words, bits));
            }
        }
    }
    (header.uuid(endian, data, 0).unwrap(), (commands, segments, sections))
}

fn our_facts(view: &View<'_>) -> (Option<[u8; 16]>, Facts) {
    let commands = view.commands().map(|command| (command.number(), command.bytes().to_vec())).collect();
    let segments = view
        .segments()
        .map(|segment| {
            let words = [segment.preferred_load_address.0, segment.vm_size, segment.file_offset, segment.file_size];
            let bits = [segment.max_protection, segment.initial_protection, segment.flags];
            (segment.name.as_bytes().to_vec(), words, bits)
        })
        .collect();
    let sections = view
        .sections()
        .map(|section| {
            let mut names = [0; 32];
            names[..16].copy_from_slice(&section.segment_name.0);
            names[16..].copy_from_slice(&section.name.0);
            let bits = [section.file_offset, section.alignment, section.flags, section.reserved1, section.reserved2];
            (names, [section.address.0, section.size], bits)
        })
        .collect();
    (view.uuid().map(uuid::Uuid::into_bytes), (commands, segments, sections))
}

#[derive(Clone, Debug)]
enum Piece {
    Uuid,
    Segment(SegmentSpec),
    Library(u32, Vec<u8>),
    Unknown(u32, Vec<u8>),
}

fn piece() -> impl Strategy<Value = Piece> {
    let section = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<u64>(), any::<u64>(), any::<[u32; 7]>())
        .prop_map(|(segment, name, address, size, rest)| SectionSpec { segment, name, address, size, rest });
    let segment = (any::<[u8; 16]>(), any::<[u64; 4]>(), any::<[u32; 3]>(), proptest::collection::vec(section, 0..5))
        .prop_map(|(name, words, bits, sections)| Piece::Segment(SegmentSpec { name, words, bits, sections }));
    // `object` wants commands in multiples of 4 or 8 bytes; sizes off that are tested on their own.
    let body = proptest::collection::vec(any::<[u8; 8]>(), 0..6).prop_map(|chunks| chunks.concat());
    prop_oneof![
        1 => Just(Piece::Uuid),
        4 => segment,
        2 => (prop_oneof![Just(0xc), Just(0xd)], "[ -~]{0,40}").prop_map(|(number, name)| Piece::Library(number, name.into_bytes())),
        3 => (1000_u32.., body).prop_map(|(number, body)| Piece::Unknown(number, body)),
    ]
}

fn builder() -> impl Strategy<Value = Builder> {
    let cpu = prop_oneof![Just(X86_64), Just(ARM64), Just(ARM64_32), Just(I386), Just(PPC)];
    (cpu, any::<bool>(), any::<u32>(), any::<u32>(), proptest::collection::vec(piece(), 0..12)).prop_map(
        |(cpu, swap, file_type, flags, pieces)| {
            let mut builder = Builder::new(cpu);
            builder.file_type = file_type;
            builder.flags = flags;
            if swap {
                builder.order = ByteOrder::Big;
            }
            pieces.into_iter().fold(builder, |builder, piece| match piece {
                Piece::Uuid => builder.uuid(),
                Piece::Segment(spec) => builder.segment(&spec),
                Piece::Library(number, name) => builder.library(number, &name),
                Piece::Unknown(number, body) => builder.command(number, &body),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn object_reads_the_same(builder in builder()) {
        let file = builder.build();
        let view = View::parse(&file).unwrap();
        let theirs = if builder.wide {
            object_facts::<MachHeader64<Endianness>>(&file)
        } else {
            object_facts::<MachHeader32<Endianness>>(&file)
        };
        prop_assert_eq!(our_facts(&view), theirs);
        prop_assert_eq!(view.byte_order() == ByteOrder::Big, builder.order == ByteOrder::Big);
        prop_assert_eq!((view.file_type(), view.flags()), (builder.file_type, builder.flags));
        prop_assert_eq!(view.segment_count(), view.segments().count());
        prop_assert_eq!(view.section_count(), view.sections().count());
        let endian = if builder.order == ByteOrder::Big { Endianness::Big } else { Endianness::Little };
        prop_assert_eq!(endian.is_big_endian(), view.byte_order() == ByteOrder::Big);
    }
}
