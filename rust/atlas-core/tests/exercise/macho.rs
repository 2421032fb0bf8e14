//! Mach-O: slices, views, commands, segments and sections.

use atlas_core::macho::{Member, Slice, Universal, View, members, slice_with_uuid, slices};

use super::refuse;

pub fn macho(data: &[u8]) -> bool {
    let table = Universal::is_universal(data);
    if table {
        match Universal::parse(data) {
            Ok(universal) => {
                assert_eq!(universal.entries().len(), universal.members().len());
                for (entry, member) in universal.entries().zip(universal.members()) {
                    assert_eq!((entry.offset, entry.size), (member.offset as u64, member.bytes.len() as u64));
                    assert_eq!(member.architecture, Some(entry.architecture));
                }
            }
            Err(error) => return refuse(&error),
        }
    }
    let all = match slices(data) {
        Ok(all) => all,
        Err(error) => {
            // One slice that is none of this library's does not hide the others.
            for member in members(data).expect("the table was right") {
                if let Ok(view) = member.view() {
                    walk(&view, &member);
                }
            }
            return refuse(&error);
        }
    };
    let members = members(data).expect("slices were read from them");
    assert_eq!(all.len(), members.len());
    for (slice, member) in all.iter().zip(&members) {
        let view = member.view().expect("its slice was read");
        walk(&view, member);
        compare(slice, &view);
        if let Some(uuid) = slice.uuid {
            let found = slice_with_uuid(data, uuid).expect("every slice is sound").expect("this one has it");
            assert_eq!(found.uuid, Some(uuid));
            assert!(found.offset <= slice.offset || table);
        }
    }
    true
}

fn walk(view: &View<'_>, member: &Member<'_>) {
    let start = view.header_and_load_commands_size();
    assert!(start <= member.bytes.len());
    let mut end = None;
    for command in view.commands() {
        assert!(end.is_none_or(|end| end == command.offset()), "commands follow each other");
        end = Some(command.offset() + command.bytes().len());
        assert_eq!(member.bytes[command.offset()..][..command.bytes().len()], *command.bytes());
        assert!(command.bytes().len() >= 8);
        let _number = (command.number(), command.byte_order());
    }
    assert!(end.is_none_or(|end| end <= start));
    assert_eq!(view.segments().count(), view.segment_count());
    assert_eq!(view.sections().count(), view.section_count());
    let sections: u64 = view.segments().map(|segment| u64::from(segment.section_count)).sum();
    assert_eq!(sections, view.section_count() as u64);
    for name in view.segments().map(|segment| segment.name).chain(view.sections().map(|section| section.segment_name)) {
        assert!(name.as_bytes().len() <= 16 && !name.as_bytes().contains(&0));
        let _text = (name.text().len(), format!("{name:8}{name:?}"));
    }
    for version in view.build_versions() {
        let _text = format!("{} {}", version.min_os, version.sdk);
    }
    assert_eq!(view.build_version().is_some(), view.build_versions().next().is_some());
    for dependent in view.dependents() {
        assert!(!dependent.install_name.contains(&0));
    }
    assert!(!view.install_name().is_some_and(|name| name.contains(&0)));
    let text = view.segments().find(|segment| segment.name == "__TEXT");
    assert_eq!(view.preferred_load_address().0, text.map_or(0, |segment| segment.preferred_load_address.0));
    let _rest = (view.flags(), view.byte_order(), view.architecture().name());
}

fn compare(slice: &Slice, view: &View<'_>) {
    assert_eq!(slice.uuid, view.uuid());
    assert_eq!((slice.file_type, slice.pointer_size), (view.file_type(), view.pointer_size()));
    assert_eq!(slice.preferred_load_address, view.preferred_load_address());
    assert!(slice.segments.iter().copied().eq(view.segments()));
    assert!(slice.sections.iter().copied().eq(view.sections()));
    let version = view.build_version();
    assert_eq!((slice.platform, slice.sdk), (version.map(|found| found.platform), version.map(|found| found.sdk)));
    assert_eq!(slice.install_name.is_some(), view.install_name().is_some());
}
