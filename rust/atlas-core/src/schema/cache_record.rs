//! One shared cache of an atlas.

use uuid::Uuid;

use crate::bplist::{Plist, Text, View};
use crate::error::{Error, Result};

use super::budget::{self, Budget};
use super::dictionary::{self, Dictionary};
use super::images::ImageTable;
use super::keys;
use super::path::Path;
use super::report::{Policy, Report};
use super::rows::Placing;
use super::unknown::{self, UnknownKey, UnknownOfSubCache};

/// What an atlas says of one shared cache, checked.
#[derive(Debug)]
pub struct CacheRecord {
    /// UUID of the cache.
    pub uuid: Uuid,
    /// Unslid base address.
    pub preferred_load_address: u64,
    /// Bytes of address space.
    pub vm_size: u64,
    /// Pointer size as the record has it. dyld's builder writes it inverted; nothing should be derived from it.
    pub raw_pointer_size: u64,
    /// Name of the local-symbols file.
    pub symbol_file_name: Option<String>,
    /// UUID of the local-symbols file.
    pub symbol_file_uuid: Option<Uuid>,
    /// The images.
    pub images: ImageTable,
    plist: Plist,
    /// The dictionary of the cache.
    reference: u32,
}

/// One file of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubCacheRow {
    /// File name.
    pub name: String,
    /// UUID of the file.
    pub uuid: Uuid,
    /// Offset of its memory from the base of the cache.
    pub vm_offset: u64,
    /// Bytes of address space.
    pub vm_size: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// Unslid address.
    pub preferred_load_address: u64,
    /// What of the file is mapped where.
    pub mappings: Vec<MappingRow>,
}

/// One mapping of a cache file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingRow {
    /// Unslid address.
    pub preferred_load_address: u64,
    /// Bytes.
    pub size: u64,
    /// Offset in the file.
    pub file_offset: u64,
    /// Highest protection: 1 read, 2 write, 4 execute.
    pub max_protection: u64,
}

impl CacheRecord {
    /// The UUIDs of the caches that an atlas holds, in file order.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] and [`crate::ErrorKind::Schema`] where the root is none of an atlas.
    pub fn uuids(plist: &Plist) -> Result<Vec<Uuid>> {
        // Not longer than any spelling of a UUID: the same megabyte may be the key a million times.
        let uuid = |text: Text<'_>| {
            let text = Some(text).filter(|text| text.payload().len() <= 2 * LONGEST_UUID)?;
            Uuid::try_parse(&text.decode_lossy()).ok()
        };
        Self::caches(plist, keys::cache::BY_UUID, uuid)
    }

    /// The names of the main files of the caches that an atlas holds, in file order.
    ///
    /// # Errors
    /// As [`Self::uuids`].
    pub fn names(plist: &Plist) -> Result<Vec<String>> {
        let mut budget = Budget::new(plist.bytes().len());
        let name = |text: Text<'_>| {
            budget.spend(text.payload().len()).ok()?;
            Some(text.decode_lossy().into_owned())
        };
        Self::caches(plist, keys::cache::BY_NAME, name)
    }

    fn caches<T>(plist: &Plist, by: &'static str, mut read: impl FnMut(Text<'_>) -> Option<T>) -> Result<Vec<T>> {
        let view = plist.view();
        let root = Dictionary::open(view, view.top(), Path::Root)?;
        let mut found = Vec::new();
        for pair in root.child(by)?.pairs().iter() {
            found.extend(view.object(pair?.0)?.text().and_then(&mut read));
        }
        Ok(found)
    }

    /// Checks the record of the cache `uuid` in an atlas; `None` where the atlas has none of it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Schema`] or [`crate::ErrorKind::Plist`] with key path and offset, unless `report` takes it;
    /// a required key of the cache that is missing or wrong fails in any case.
    pub fn check(plist: Plist, uuid: Uuid, policy: Policy, report: &mut Report) -> Result<Option<Self>> {
        let view = plist.view();
        let name = format!("{:X}", uuid.as_hyphenated());
        let root = Dictionary::open(view, view.top(), Path::Root)?;
        let caches = root.child(keys::cache::BY_UUID)?;
        let found = caches.pairs().get(&name).map_err(|error| error.at_key(caches.path().to_string()))?;
        let Some(reference) = found else { return Ok(None) };
        let cache = Dictionary::open(view, reference, caches.path().key(&name))?;
        let mut budget = Budget::new(view.data().len());
        budget.spend(cache.pairs().len().saturating_mul(4 * budget::KEY))?;
        let (at, stated) = cache.required_at(keys::cache::UUID, &dictionary::uuid())?;
        if stated != uuid {
            let found = format!("{:X}", stated.as_hyphenated());
            report.fault(
                Error::schema(name.clone(), found)
                    .at_key(cache.path().key(keys::cache::UUID).to_string())
                    .at_offset(at),
            )?;
        }
        report.drop_optional();
        let (images, _) = cache.required_at(keys::cache::IMAGES, &dictionary::array())?;
        let symbol_file_name = cache.optional(report, keys::cache::SYMBOL_FILE_NAME, &dictionary::file_name())?;
        let record = Self {
            uuid,
            preferred_load_address: cache.required(keys::cache::PREFERRED_LOAD_ADDRESS, &dictionary::address())?,
            vm_size: cache.required(keys::cache::VM_SIZE, &dictionary::unsigned())?,
            raw_pointer_size: cache.required(keys::cache::POINTER_SIZE, &dictionary::unsigned())?,
            symbol_file_name: symbol_file_name.map(|name| name.decode_lossy().into_owned()),
            symbol_file_uuid: cache.optional(report, keys::cache::SYMBOL_FILE_UUID, &dictionary::uuid())?,
            images: ImageTable::check(
                &plist,
                images,
                cache.path().key(keys::cache::IMAGES),
                Placing::WithCache,
                policy,
                report,
            )?,
            plist: plist.clone(),
            reference,
        };
        let subcaches = cache.required(keys::cache::SUBCACHES, &dictionary::array())?;
        let path = cache.path().key(keys::cache::SUBCACHES);
        if subcaches.len() > MOST_FILES {
            let error = Error::limit("files of one cache", MOST_FILES as u64, subcaches.len() as u64);
            return Err(error.at_key(path.to_string()));
        }
        for (index, subcache) in subcaches.iter().enumerate() {
            let path = path.index(index);
            let checked = subcache.and_then(|reference| read_subcache(view, reference, path, &mut budget, &mut |_| ()));
            if let Err(error) = checked
                && !report.only_counts(&error)
            {
                report.fault(error.at_key(path.to_string()))?;
            }
        }
        Ok(Some(record))
    }

    /// The property list that the record stands in.
    #[must_use]
    pub const fn plist(&self) -> &Plist {
        &self.plist
    }

    /// The object reference of the cache's dictionary.
    #[must_use]
    pub const fn reference(&self) -> u32 {
        self.reference
    }

    /// The files of the cache, in file order.
    #[must_use]
    pub fn subcaches(&self) -> Vec<SubCacheRow> {
        self.subcache_rows().map(|(_, row)| row).collect()
    }

    /// The same, each with its reference.
    fn subcache_rows(&self) -> impl Iterator<Item = (u32, SubCacheRow)> + use<'_> {
        let view = self.plist.view();
        let cache = Dictionary::open(view, self.reference, Path::Root).ok();
        let subcaches = cache.and_then(|cache| cache.checked(keys::cache::SUBCACHES, &dictionary::array()));
        let mut budget = Budget::new(view.data().len());
        let mut read = move |reference| {
            let mut mappings = Vec::new();
            let row =
                read_subcache(view, reference, Path::Root, &mut budget, &mut |mapping| mappings.push(mapping)).ok()?;
            Some((reference, SubCacheRow { mappings, ..row }))
        };
        subcaches.into_iter().flat_map(|array| array.iter()).filter_map(move |reference| read(reference.ok()?))
    }

    /// The keys of the cache's dictionary that are not read here, in file order.
    #[must_use]
    pub fn unknown(&self) -> Vec<UnknownKey> {
        let view = self.plist.view();
        unknown::at(view, view.position(self.reference).unwrap_or(0), &keys::cache::ALL)
    }

    /// The same for each file that [`Self::subcaches`] gives, and its mappings.
    #[must_use]
    pub fn unknown_of_subcaches(&self) -> Vec<UnknownOfSubCache> {
        let view = self.plist.view();
        let of = |reference, known: &[&str]| unknown::at(view, view.position(reference).unwrap_or(0), known);
        let unknown = |reference| {
            let subcache = Dictionary::open(view, reference, Path::Root).ok();
            let mappings =
                subcache.and_then(|subcache| subcache.checked(keys::subcache::MAPPINGS, &dictionary::array()));
            let mappings = mappings.into_iter().flat_map(|array| array.iter()).filter_map(Result::ok);
            UnknownOfSubCache {
                subcache: of(reference, &keys::subcache::ALL),
                mappings: mappings.map(|reference| of(reference, &keys::mapping::ALL)).collect(),
            }
        };
        self.subcache_rows().map(|(reference, _)| unknown(reference)).collect()
    }
}

/// Characters of a UUID as `urn:uuid:`, the longest way to write one.
const LONGEST_UUID: usize = 45;

/// Far more files than any cache has (about 100).
const MOST_FILES: usize = 1024;

/// Far more mappings than dyld allows in one file (20).
const MOST_MAPPINGS: usize = 1024;

/// The file at `reference`, its mappings given to `mapping` one by one: checking a record allocates nothing for them.
fn read_subcache(
    view: View<'_>,
    reference: u32,
    path: Path<'_>,
    budget: &mut Budget,
    mapping: &mut impl FnMut(MappingRow),
) -> Result<SubCacheRow> {
    let subcache = Dictionary::open(view, reference, path)?;
    // Each of the seven keys may be looked for from the first pair to the last.
    budget.spend(budget::ROW.saturating_add(subcache.pairs().len().saturating_mul(7 * budget::KEY)))?;
    let (at, array) = subcache.required_at(keys::subcache::MAPPINGS, &dictionary::array())?;
    let path = subcache.path().key(keys::subcache::MAPPINGS);
    if array.len() > MOST_MAPPINGS {
        let error = Error::limit("mappings of one cache file", MOST_MAPPINGS as u64, array.len() as u64);
        return Err(error.at_key(path.to_string()).at_offset(at));
    }
    for (index, reference) in array.iter().enumerate() {
        let path = path.index(index);
        let reference = reference.map_err(|error| error.at_key(path.to_string()))?;
        mapping(MappingRow::read(view, reference, path, budget)?);
    }
    let name = subcache.required(keys::subcache::NAME, &dictionary::file_name())?;
    budget.spend(name.payload().len())?;
    Ok(SubCacheRow {
        name: name.decode_lossy().into_owned(),
        uuid: subcache.required(keys::subcache::UUID, &dictionary::uuid())?,
        vm_offset: subcache.required(keys::subcache::VM_OFFSET, &dictionary::unsigned())?,
        vm_size: subcache.required(keys::subcache::VM_SIZE, &dictionary::unsigned())?,
        file_size: subcache.required(keys::subcache::FILE_SIZE, &dictionary::unsigned())?,
        preferred_load_address: subcache.required(keys::subcache::PREFERRED_LOAD_ADDRESS, &dictionary::address())?,
        mappings: Vec::new(),
    })
}

impl MappingRow {
    fn read(view: View<'_>, reference: u32, path: Path<'_>, budget: &mut Budget) -> Result<Self> {
        let mapping = Dictionary::open(view, reference, path)?;
        budget.spend(budget::ROW.saturating_add(mapping.pairs().len().saturating_mul(4 * budget::KEY)))?;
        Ok(Self {
            preferred_load_address: mapping.required(keys::mapping::PREFERRED_LOAD_ADDRESS, &dictionary::address())?,
            size: mapping.required(keys::mapping::SIZE, &dictionary::unsigned())?,
            file_offset: mapping.required(keys::mapping::FILE_OFFSET, &dictionary::unsigned())?,
            max_protection: mapping.required(keys::mapping::MAX_PROTECTION, &dictionary::unsigned())?,
        })
    }
}
