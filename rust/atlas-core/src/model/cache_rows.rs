//! Which files a cache consists of: those that are at hand, and what a record says of others.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::address::PreferredAddress;
use crate::cache::{self, CacheGroup, GroupFile};
use crate::identifier::{FileIdentifier, FilePath};
use crate::schema::{MappingRow, SubCacheRow};

use super::shared_cache::SharedCache;

/// How one file of a cache is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFileName {
    /// Its name.
    pub name: FilePath,
    /// Its path: on this machine where the cache was opened, else on that of the process.
    pub path: FilePath,
}

impl CacheFileName {
    fn of(path: &Path) -> Self {
        Self { name: path.file_name().unwrap_or_default().into(), path: path.as_os_str().into() }
    }
}

impl SharedCache {
    /// The files of the cache, the main file first.
    ///
    /// Of a cache that was opened they are the files themselves, whatever an atlas says; it is believed about those
    /// that are missing.
    pub fn subcaches(&self) -> &[SubCacheRow] {
        match self.opened() {
            Some(group) if self.known().record().is_some() => {
                self.rows_cell().get_or_init(|| rows_of_files(group, self.known().subcaches()))
            }
            // A record that was made of the headers says nothing else.
            _ => self.known().subcaches(),
        }
    }

    /// The name of `subcache` as a whole file name: scavenged records up to dyld-1340 give a suffix only.
    #[must_use]
    pub fn file_name(&self, subcache: &SubCacheRow) -> String {
        if !subcache.name.starts_with('.') {
            return subcache.name.clone();
        }
        let main = self.subcaches().first().map_or("", |main| main.name.as_str());
        format!("{main}{}", subcache.name)
    }

    /// How each of [`Self::subcaches`] is called.
    #[must_use]
    pub fn file_names(&self) -> Vec<CacheFileName> {
        let Some(group) = self.opened() else {
            let names = self.subcaches().iter().map(|row| self.file_name(row));
            let name =
                |name: String| CacheFileName { path: self.file_path().beside(&name), name: name.as_str().into() };
            return names.map(name).collect();
        };
        let rows = self.subcaches().iter().zip(self.positions());
        let name = |(row, position): (&SubCacheRow, &Option<usize>)| match position
            .and_then(|position| group.files().get(position))
        {
            Some(file) => CacheFileName::of(&file.path),
            None => CacheFileName::of(&missing_path(group, &row.name)),
        };
        rows.map(name).collect()
    }

    /// Names of files that the cache needs and that are not there; none where no file was looked for.
    #[must_use]
    pub fn missing_files(&self) -> Vec<FilePath> {
        let names = self.group().map_or(&[][..], CacheGroup::missing_file_names);
        names.iter().map(|name| name.as_os_str().into()).collect()
    }

    /// The path of the file of local symbols, whether it is there or not.
    #[must_use]
    pub fn local_symbols_path(&self) -> Option<FilePath> {
        if let Some(file) = self.group().and_then(CacheGroup::symbols) {
            return Some(file.path.as_os_str().into());
        }
        let name = self.known().symbol_file_name()?;
        Some(match self.opened() {
            Some(group) => missing_path(group, name).as_os_str().into(),
            None => self.file_path().beside(name),
        })
    }

    /// Where each of [`Self::subcaches`] stands in [`CacheGroup::files`], if it is at hand; empty where no file is.
    #[must_use]
    pub fn positions(&self) -> &[Option<usize>] {
        let Some(group) = self.group() else { return &[] };
        self.positions_cell().get_or_init(|| {
            let rows = self.subcaches();
            let names: Vec<_> = rows.iter().map(|row| self.file_name(row)).collect();
            positions(group, rows, &names)
        })
    }

    /// The missing file that has the unslid `address`, where a record says so.
    #[must_use]
    pub fn missing_at(&self, address: PreferredAddress) -> Option<FileIdentifier> {
        let holds = |row: &MappingRow| {
            address.0.checked_sub(row.preferred_load_address).is_some_and(|offset| offset < row.size)
        };
        let mut files = self.subcaches().iter().zip(self.positions()).zip(self.file_names());
        let found = files.find(|((row, position), _)| position.is_none() && row.mappings.iter().any(holds));
        found.map(|((row, _), name)| FileIdentifier { uuid: Some(row.uuid), path: Some(name.path) })
    }

    /// Where an atlas lists other files than the cache has, or maps them otherwise, in words.
    pub(super) fn differences(&self) -> Option<String> {
        let group = self.opened()?;
        let (ours, theirs) = (self.subcaches(), self.known().record().map(|_| self.known().subcaches())?);
        if ours.len() != theirs.len() {
            return Some(format!(
                "the atlas lists {} files, and the cache has {}: the files count",
                theirs.len(),
                ours.len()
            ));
        }
        let same = |ours: &SubCacheRow, theirs: &SubCacheRow| {
            (ours.uuid, ours.vm_offset) == (theirs.uuid, theirs.vm_offset) && ours.mappings == theirs.mappings
        };
        // What it says of a missing file is all that is known of that.
        let is_there = |row: &SubCacheRow| !group.missing().contains(&row.name);
        let mut pairs = ours.iter().zip(theirs).filter(|(ours, _)| is_there(ours));
        let (ours, _) = pairs.find(|(ours, theirs)| !same(ours, theirs))?;
        Some(format!("the atlas says something else of {} than the file: the files count", ours.name))
    }
}

/// Where the missing file called `name` ought to be.
fn missing_path(group: &CacheGroup, name: &str) -> PathBuf {
    let place = group.missing().iter().position(|missing| missing == name);
    let file_name = place.and_then(|place| group.missing_file_names().get(place));
    file_name.map_or_else(|| group.main().path.with_file_name(name), |name| group.main().path.with_file_name(name))
}

/// The files of `group`, those that are missing as `record` has them.
fn rows_of_files(group: &CacheGroup, record: &[SubCacheRow]) -> Vec<SubCacheRow> {
    let mut rows = cache::file_rows(group);
    for row in rows.iter_mut().filter(|row| group.missing().contains(&row.name)) {
        let same = |known: &&SubCacheRow| (known.uuid, known.vm_offset) == (row.uuid, row.vm_offset);
        if let Some(known) = record.iter().find(same) {
            *row = SubCacheRow { name: row.name.clone(), ..known.clone() };
        }
    }
    rows
}

/// Nothing keeps two files from having one UUID: then name or place tells them apart.
fn positions(group: &CacheGroup, rows: &[SubCacheRow], names: &[String]) -> Vec<Option<usize>> {
    // The main file of a cache without UUIDs (before dyld-239.3) is its only one.
    let uuid = |file: &GroupFile| file.uuid.unwrap_or_default();
    let (mut by_name, mut by_offset, mut by_uuid) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (position, file) in group.files().iter().enumerate() {
        by_name.entry((uuid(file), file.name.as_str())).or_insert(position);
        by_offset.entry((uuid(file), file.vm_offset)).or_insert(position);
        by_uuid.entry(uuid(file)).or_insert(position);
    }
    let mut of_uuid = HashMap::new();
    for row in rows {
        let count: &mut usize = of_uuid.entry(row.uuid).or_default();
        *count = count.saturating_add(1);
    }
    let missing: HashSet<_> = group.missing().iter().map(String::as_str).collect();
    let position = |(row, name): (&SubCacheRow, &String)| {
        if missing.contains(name.as_str()) {
            return None;
        }
        let same = by_name.get(&(row.uuid, name.as_str())).or_else(|| by_offset.get(&(row.uuid, row.vm_offset)));
        same.or_else(|| by_uuid.get(&row.uuid).filter(|_| of_uuid.get(&row.uuid) == Some(&1))).copied()
    };
    rows.iter().zip(names).map(position).collect()
}
