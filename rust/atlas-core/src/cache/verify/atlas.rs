//! Where an atlas says something else than the headers.

use uuid::Uuid;

use crate::cache::columns::CacheImage;
use crate::cache::group::CacheGroup;
use crate::cache::known::KnownCache;
use crate::schema::{SegmentRow, SubCacheRow};

use super::Findings;

/// `psze` is not compared: dyld's builder writes it inverted, its scavenger writes 8.
pub(super) fn check(group: &CacheGroup, headers: &KnownCache, atlas: &KnownCache, findings: &mut Findings) {
    for warning in atlas.warnings() {
        findings.add(|| format!("atlas: {warning}"));
    }
    let hex =
        |what: &'static str| move |headers: u64, atlas: u64| said(what, format!("{headers:#x}"), format!("{atlas:#x}"));
    findings.compare(headers.uuid(), atlas.uuid(), |headers, atlas| said("UUID", uuid(headers), uuid(atlas)));
    findings.compare(headers.preferred_load_address(), atlas.preferred_load_address(), hex("base address"));
    findings.compare(headers.vm_size(), atlas.vm_size(), hex("size in memory"));
    findings.compare(headers.symbol_file_name(), atlas.symbol_file_name(), |headers, atlas| {
        said("file of local symbols", format!("{headers:?}"), format!("{atlas:?}"))
    });
    findings.compare(headers.symbol_file_uuid(), atlas.symbol_file_uuid(), |headers, atlas| {
        let text = |found: Option<Uuid>| found.map_or_else(|| "none".to_owned(), uuid);
        said("UUID of the local symbols", text(headers), text(atlas))
    });
    files(group, headers.subcaches(), atlas.subcaches(), findings);
    images(headers, atlas, findings);
}

fn said(what: &str, headers: String, atlas: String) -> String {
    format!("{what}: the headers say {headers}, the atlas {atlas}")
}

fn uuid(uuid: Uuid) -> String {
    format!("{:X}", uuid.hyphenated())
}

fn files(group: &CacheGroup, headers: &[SubCacheRow], atlas: &[SubCacheRow], findings: &mut Findings) {
    findings.compare(headers.len(), atlas.len(), |headers, atlas| {
        said("number of files", headers.to_string(), atlas.to_string())
    });
    let main = headers.first().map_or("", |main| main.name.as_str());
    for (headers, atlas) in headers.iter().zip(atlas) {
        let name = &headers.name;
        // Scavenged atlases up to dyld-1340 give a suffix only.
        if *name != atlas.name && *name != format!("{main}{}", atlas.name) {
            findings.add(|| said("file", name.clone(), atlas.name.clone()));
        }
        let mut field = |what, headers: u64, atlas: u64| {
            findings.compare(headers, atlas, |headers, atlas| {
                said(&format!("{name}: {what}"), format!("{headers:#x}"), format!("{atlas:#x}"))
            });
        };
        field("offset in memory", headers.vm_offset, atlas.vm_offset);
        field("base address", headers.preferred_load_address, atlas.preferred_load_address);
        // Of a file that is missing the headers say no more than that.
        if !group.missing().contains(name) {
            field("size in memory", headers.vm_size, atlas.vm_size);
            field("size of the file", headers.file_size, atlas.file_size);
            field("number of mappings", headers.mappings.len() as u64, atlas.mappings.len() as u64);
            for (index, (headers, atlas)) in headers.mappings.iter().zip(&atlas.mappings).enumerate() {
                if headers != atlas {
                    findings.add(|| said(&format!("{name}: mappings[{index}]"), mapping(headers), mapping(atlas)));
                }
            }
        }
        findings.compare(headers.uuid, atlas.uuid, |headers, atlas| {
            said(&format!("{name}: UUID"), uuid(headers), uuid(atlas))
        });
    }
}

fn mapping(row: &crate::schema::MappingRow) -> String {
    let (address, size, offset) = (row.preferred_load_address, row.size, row.file_offset);
    format!("{size:#x} bytes at {address:#x} from offset {offset:#x} with protection {}", row.max_protection)
}

/// Images are compared place by place: a process names them by their places.
fn images(headers: &KnownCache, atlas: &KnownCache, findings: &mut Findings) {
    let (a, b) = (headers.columns(), atlas.columns());
    findings.compare(a.images.len(), b.images.len(), |headers, atlas| {
        said("number of images", headers.to_string(), atlas.to_string())
    });
    let text = |known: &KnownCache, position: u32| {
        known.text(position).map_or_else(String::new, |text| text.decode_lossy().into_owned())
    };
    for (index, (image, other)) in a.images.iter().zip(&b.images).enumerate() {
        let same_name = headers.text(image.install_name) == atlas.text(other.install_name)
            || text(headers, image.install_name) == text(atlas, other.install_name);
        if !same_name {
            let names = (text(headers, image.install_name), text(atlas, other.install_name));
            findings.add(|| said(&format!("images[{index}]"), names.0, names.1));
            // Another image, or another order: the rest says nothing new.
            continue;
        }
        let name = || text(headers, image.install_name);
        findings.compare(image.address, other.address, |headers, atlas| {
            said(&format!("{}: address", name()), format!("{headers:#x}"), format!("{atlas:#x}"))
        });
        let id = |image: &CacheImage| Uuid::from_bytes(image.uuid);
        findings.compare(id(image), id(other), |headers, atlas| {
            said(&format!("{}: UUID", name()), uuid(headers), uuid(atlas))
        });
        let (segments, others) = (a.segments_of(index), b.segments_of(index));
        // Where a file is missing, its images have no segments: the scavenger said so.
        if segments.is_empty() {
            continue;
        }
        findings.compare(segments.len(), others.len(), |headers, atlas| {
            said(&format!("{}: number of segments", name()), headers.to_string(), atlas.to_string())
        });
        for (segment, other) in segments.iter().zip(others) {
            let rows = (SegmentRow::from(segment), SegmentRow::from(other));
            let names = (headers.text(segment.name), atlas.text(other.name));
            let (mut row, mut other) = rows;
            (row.name, other.name) = (0, 0);
            // dyld's validator does not ask an atlas for it.
            if other.file_offset.is_none() {
                row.file_offset = None;
            }
            if row != other || (names.0 != names.1 && text(headers, rows.0.name) != text(atlas, rows.1.name)) {
                let words = |row: &SegmentRow, name: String| {
                    let SegmentRow { preferred_load_address: address, vm_size, file_size, permissions, .. } = row;
                    let offset = row.file_offset.map_or_else(String::new, |offset| format!(" from offset {offset:#x}"));
                    format!(
                        "{name} {vm_size:#x} bytes at {address:#x}, {file_size:#x} in the file{offset}, protection {permissions}"
                    )
                };
                let (own, theirs) = (words(&row, text(headers, rows.0.name)), words(&other, text(atlas, rows.1.name)));
                findings.add(|| said(&format!("{}: segment", name()), own, theirs));
            }
        }
    }
}
