//! Whether the header of an image fits to where the image lies.

use crate::cache::group::CacheGroup;
use crate::macho::{Segment, View};

use super::Findings;
use super::paths::Paths;

/// Checks the image at `address`, which begins with `header`. Its load commands are whole: the caller has walked them.
pub(super) fn check(
    group: &CacheGroup,
    paths: &Paths,
    (address, header): (u64, &[u8]),
    name: impl Fn() -> String,
    findings: &mut Findings,
) {
    let view = match View::parse(header) {
        Ok(view) => view,
        Err(error) => return findings.add(|| format!("{}: {error}", name())),
    };
    for segment in view.segments() {
        let Segment { name: own, vm_size, file_offset, file_size, .. } = segment;
        if file_size > vm_size {
            findings
                .add(|| format!("{}: {own} has {file_size:#x} bytes in the file, and {vm_size:#x} in memory", name()));
        }
        // Counted in the file that holds the segment, which need not be that of the image's header.
        let place = group.at(segment.preferred_load_address.0).filter(|_| file_size != 0);
        if let Some(place) = place.filter(|place| place.file_offset != file_offset) {
            let file = group.files().get(place.file).map_or("", |file| file.name.as_str());
            findings.add(|| {
                format!(
                    "{}: {own} says that it lies at offset {file_offset:#x} of its file, and is mapped from {:#x} of {file}",
                    name(),
                    place.file_offset
                )
            });
        }
    }
    sections(&view, &name, findings);
    if let Some(own) = view.install_name().filter(|own| !paths.lead_to(own, address)) {
        findings.add(|| {
            format!("{}: its header has the name {}, which leads elsewhere", name(), String::from_utf8_lossy(own))
        });
    }
}

/// Each section lies in its segment.
fn sections(view: &View<'_>, name: &impl Fn() -> String, findings: &mut Findings) {
    let mut sections = view.sections();
    for segment in view.segments() {
        let (start, size) = (segment.preferred_load_address.0, segment.vm_size);
        for section in sections.by_ref().take(usize::try_from(segment.section_count).unwrap_or(usize::MAX)) {
            let inside = section
                .address
                .0
                .checked_sub(start)
                .and_then(|before| before.checked_add(section.size))
                .is_some_and(|end| end <= size);
            if !inside {
                let (at, bytes) = (section.address.0, section.size);
                findings.add(|| {
                    format!(
                        "{}: section {} with {bytes:#x} bytes at {at:#x} leaves {}",
                        name(),
                        section.name,
                        segment.name
                    )
                });
            }
        }
    }
}
