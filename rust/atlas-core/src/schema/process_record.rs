//! The root of `process.plist`.

use uuid::Uuid;

use crate::bplist::{Object, Pairs, Plist, Text, View};
use crate::error::{Error, Result};
use crate::identifier::FilePath;

use super::budget::{self, Budget};
use super::dictionary::{self, Dictionary};
use super::images::ImageTable;
use super::keys;
use super::path::Path;
use super::report::{Policy, Report};
use super::rows::Placing;
use super::unknown::{self, UnknownKey};

/// What a process says of itself, checked.
#[derive(Debug)]
pub struct ProcessRecord {
    /// Process identifier.
    pub pid: i64,
    /// Mach-O platform number.
    pub platform: u64,
    /// `dyld_process_state`.
    pub state: u64,
    /// `mach_absolute_time` of the last change of the image list.
    pub timestamp: u64,
    /// Images that were there before `main`, where the record has it.
    pub initial_image_count: Option<u64>,
    /// 1 = pages of 4 KiB, 2 = pointers of 4 bytes, 4 = private shared region. 0 where the record has none.
    pub flags: u64,
    /// The images outside the shared cache.
    pub images: ImageTable,
    /// What the process says of its shared cache.
    pub cache: Option<CacheReference>,
    plist: Plist,
    has_environment: bool,
    has_metrics: bool,
    has_aot_images: bool,
}

/// What a process says of its shared cache.
#[derive(Debug, Clone)]
pub struct CacheReference {
    /// UUID of the cache.
    pub uuid: Uuid,
    /// Where it lies in the process.
    pub address: u64,
    /// Path of its main file.
    pub file_path: FilePath,
    /// UUID of the translated cache.
    pub aot_uuid: Option<Uuid>,
    /// Where the translated cache lies.
    pub aot_address: Option<u64>,
    /// Which images are in use, a bit each, lowest first.
    pub bitmap: crate::bytes::Bytes,
}

/// A translated (Rosetta) image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AotImageRow {
    /// Address of the x86_64 image.
    pub x86_address: u64,
    /// Address of the translation.
    pub aot_address: u64,
    /// Bytes of the translation.
    pub aot_size: u64,
    /// What names the translation.
    pub image_key: [u8; 32],
}

impl CacheReference {
    /// Whether image `index` of the cache is in use; images past the end of the bitmap are not.
    #[must_use]
    pub fn uses(&self, index: usize) -> bool {
        self.bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// How many bits the bitmap has, a multiple of 8.
    #[must_use]
    pub fn bit_count(&self) -> usize {
        self.bitmap.len() * 8
    }
}

impl ProcessRecord {
    /// Checks the whole record.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Schema`] or [`crate::ErrorKind::Plist`] with key path and offset, unless `report` takes it; a
    /// required key of the root that is missing or wrong fails in any case.
    pub fn check(plist: Plist, policy: Policy, report: &mut Report) -> Result<Self> {
        let view = plist.view();
        let root = Dictionary::open(view, view.top(), Path::Root)?;
        let mut budget = Budget::new(view.data().len());
        pay_for_root(view, &root, &mut budget)?;
        let pid = root.required(keys::snapshot::PID, &dictionary::signed())?;
        let platform = root.required(keys::snapshot::PLATFORM, &dictionary::unsigned())?;
        let timestamp = root.required(keys::snapshot::TIMESTAMP, &dictionary::unsigned())?;
        let state = root.required(keys::snapshot::STATE, &dictionary::unsigned())?;
        let (images, _) = root.required_at(keys::snapshot::IMAGES, &dictionary::array())?;
        let initial_image_count =
            root.optional(report, keys::snapshot::INITIAL_IMAGE_COUNT, &dictionary::unsigned())?;
        // dyld's encoder writes one spelling and its reader looks for the other; the reader's wins where both are there.
        let flags_read = root.optional(report, keys::snapshot::FLAGS_READ, &dictionary::address())?;
        let flags_written = root.optional(report, keys::snapshot::FLAGS_WRITTEN, &dictionary::address())?;

        // First, since what it says decides which images have an address.
        let cache = match root.optional(report, keys::snapshot::SHARED_CACHE, &dictionary::dictionary())? {
            Some(_) => match CacheReference::read(&plist, &root.child(keys::snapshot::SHARED_CACHE)?, policy, report) {
                Ok(cache) => Some(cache),
                Err(error) => report.fault(error).map(|()| None)?,
            },
            None => None,
        };
        let placing = if cache.is_some() { Placing::WithCache } else { Placing::OwnAddress };
        let path = root.path().key(keys::snapshot::IMAGES);
        let images = ImageTable::check(&plist, images, path, placing, policy, report)?;
        let has_environment = check_environment(&root, report, &mut budget)?;
        let has_metrics = check_metrics(view, &root, report, &mut budget)?;
        let has_aot_images = check_aot_images(view, &root, report, &mut budget)?;
        Ok(Self {
            pid,
            platform,
            state,
            timestamp,
            initial_image_count,
            flags: flags_read.or(flags_written).unwrap_or(0),
            images,
            cache,
            has_environment,
            has_metrics,
            has_aot_images,
            plist,
        })
    }

    /// The property list that the record is.
    #[must_use]
    pub const fn plist(&self) -> &Plist {
        &self.plist
    }

    /// The pairs of the dictionary at `key` of the root, after the check.
    fn section(&self, key: &str) -> Option<Pairs<'_>> {
        let view = self.plist.view();
        Dictionary::open(view, view.top(), Path::Root).ok()?.checked(key, &dictionary::dictionary())
    }

    /// The keys of the root that this version does not know, in file order.
    #[must_use]
    pub fn unknown(&self) -> Vec<UnknownKey> {
        let view = self.plist.view();
        let Ok(root) = Dictionary::open(view, view.top(), Path::Root) else { return Vec::new() };
        unknown::among(view, root.pairs(), &keys::snapshot::ALL)
    }

    /// The same for what the process says of its cache.
    #[must_use]
    pub fn unknown_of_cache(&self) -> Vec<UnknownKey> {
        let pairs = self.cache.as_ref().and_then(|_| self.section(keys::snapshot::SHARED_CACHE));
        pairs.map_or_else(Vec::new, |pairs| unknown::among(self.plist.view(), pairs, &keys::cache_reference::ALL))
    }

    /// The same for the environment.
    #[must_use]
    pub fn unknown_of_environment(&self) -> Vec<UnknownKey> {
        let pairs = self.section(keys::snapshot::ENVIRONMENT).filter(|_| self.has_environment);
        pairs.map_or_else(Vec::new, |pairs| {
            unknown::among(self.plist.view(), pairs, &keys::ENVIRONMENT.map(|(key, _)| key))
        })
    }

    /// The same for each of the translated images that [`Self::aot_images`] gives.
    #[must_use]
    pub fn unknown_of_aot_images(&self) -> Vec<Vec<UnknownKey>> {
        let view = self.plist.view();
        let unknown = |reference| unknown::at(view, view.position(reference).unwrap_or(0), &keys::aot_image::ALL);
        self.aot_rows().map_or_else(Vec::new, |rows| rows.map(|(reference, _)| unknown(reference)).collect())
    }

    /// The known path variables that the record has, by their `DYLD_` names; `None` where it has no environment.
    #[must_use]
    pub fn environment(&self) -> Option<Vec<(&'static str, Text<'_>)>> {
        if !self.has_environment {
            return None;
        }
        let view = self.plist.view();
        let root = Dictionary::open(view, view.top(), Path::Root).ok()?;
        let environment = root.child(keys::snapshot::ENVIRONMENT).ok()?;
        let known = keys::ENVIRONMENT.iter();
        Some(known.filter_map(|(key, name)| Some((*name, environment.checked(key, &dictionary::string())?))).collect())
    }

    /// The metrics, in file order; of a key that repeats the first is meant. `None` where the record has none.
    #[must_use]
    pub fn metrics(&self) -> Option<Vec<(Text<'_>, i64)>> {
        if !self.has_metrics {
            return None;
        }
        let view = self.plist.view();
        let pairs = self.section(keys::snapshot::METRICS)?;
        let mut budget = Budget::new(view.data().len());
        let mut read = |(key, value)| metric(view, key, value, &mut budget);
        Some(pairs.iter().filter_map(|pair| pair.and_then(&mut read).ok()).collect())
    }

    /// The translated images; `None` where the record has no list of them.
    #[must_use]
    pub fn aot_images(&self) -> Option<Vec<AotImageRow>> {
        Some(self.aot_rows()?.map(|(_, row)| row).collect())
    }

    /// The same, each with its reference.
    fn aot_rows(&self) -> Option<impl Iterator<Item = (u32, AotImageRow)> + use<'_>> {
        if !self.has_aot_images {
            return None;
        }
        let view = self.plist.view();
        let root = Dictionary::open(view, view.top(), Path::Root).ok()?;
        let array = root.checked(keys::snapshot::AOT_IMAGES, &dictionary::array())?;
        let mut budget = Budget::new(view.data().len());
        let mut read =
            move |reference| Some((reference, AotImageRow::read(view, reference, Path::Root, &mut budget).ok()?));
        Some(array.iter().filter_map(move |reference| read(reference.ok()?)))
    }
}

/// The root is searched for every key, and whoever shows what is not known makes each key anew; many may share one.
fn pay_for_root(view: View<'_>, root: &Dictionary<'_, '_>, budget: &mut Budget) -> Result<()> {
    for pair in root.pairs().iter() {
        let key = pair.and_then(|(key, _)| view.object(key));
        let length = key.ok().and_then(|key| key.text()).map_or(0, |text| text.payload().len());
        budget.spend(length.saturating_add(budget::ROW))?;
    }
    Ok(())
}

/// Checks the environment; whether there is one.
fn check_environment(root: &Dictionary<'_, '_>, report: &mut Report, budget: &mut Budget) -> Result<bool> {
    if root.optional(report, keys::snapshot::ENVIRONMENT, &dictionary::dictionary())?.is_none() {
        return Ok(false);
    }
    let environment = root.child(keys::snapshot::ENVIRONMENT)?;
    budget.spend(environment.pairs().len().saturating_mul(4 * budget::KEY))?;
    for (key, _) in keys::ENVIRONMENT {
        environment.optional(report, key, &dictionary::string())?;
    }
    Ok(true)
}

/// Checks the metrics; whether there are any.
fn check_metrics(view: View<'_>, root: &Dictionary<'_, '_>, report: &mut Report, budget: &mut Budget) -> Result<bool> {
    if root.optional(report, keys::snapshot::METRICS, &dictionary::dictionary())?.is_none() {
        return Ok(false);
    }
    for pair in root.child(keys::snapshot::METRICS)?.pairs().iter() {
        if let Err(error) = pair.and_then(|(key, value)| metric(view, key, value, budget))
            && !report.only_counts(&error)
        {
            report.fault(error.at_key(keys::snapshot::METRICS))?;
        }
    }
    Ok(true)
}

/// Checks the translated images; whether there is a list of them.
fn check_aot_images(
    view: View<'_>,
    root: &Dictionary<'_, '_>,
    report: &mut Report,
    budget: &mut Budget,
) -> Result<bool> {
    let Some(array) = root.optional(report, keys::snapshot::AOT_IMAGES, &dictionary::array())? else {
        return Ok(false);
    };
    let path = root.path().key(keys::snapshot::AOT_IMAGES);
    for (index, reference) in array.iter().enumerate() {
        let path = path.index(index);
        if let Err(error) = reference.and_then(|reference| AotImageRow::read(view, reference, path, budget))
            && !report.only_counts(&error)
        {
            report.fault(error.at_key(path.to_string()))?;
        }
    }
    Ok(true)
}

/// Characters of a metric's name that an error shows. dyld's have four; a hostile one may have a million, in each pair.
const SHOWN: usize = 40;

fn metric<'a>(view: View<'a>, key: u32, value: u32, budget: &mut Budget) -> Result<(Text<'a>, i64)> {
    let position = view.position(key)?;
    let name = view.object_at(position)?;
    let Some(name) = name.text() else {
        return Err(Error::schema("string as key", dictionary::describe(&name)).at_offset(position));
    };
    // Whoever asks for the metrics makes each name anew.
    budget.spend(budget::ROW + name.payload().len())?;
    let position = view.position(value)?;
    let number = view.object_at(position)?;
    match number {
        Object::Integer(integer) => i64::try_from(integer.0).ok().map(|number| (name, number)),
        _ => None,
    }
    .ok_or_else(|| {
        let shown: String = name.decode_lossy().chars().take(SHOWN).collect();
        let key = format!("{}.{shown}", keys::snapshot::METRICS);
        Error::schema("integer of 64 bits", dictionary::describe(&number)).at_key(key).at_offset(position)
    })
}

impl AotImageRow {
    fn read(view: View<'_>, reference: u32, path: Path<'_>, budget: &mut Budget) -> Result<Self> {
        let image = Dictionary::open(view, reference, path)?;
        // Each of the four keys may be looked for from the first pair to the last.
        budget.spend(budget::ROW.saturating_add(image.pairs().len().saturating_mul(4 * budget::KEY)))?;
        let (at, key) = image.required_at(keys::aot_image::IMAGE_KEY, &dictionary::data())?;
        let image_key = key.try_into().map_err(|_| {
            Error::schema("data of 32 bytes", format!("data of {} bytes", key.len()))
                .at_key(image.path().key(keys::aot_image::IMAGE_KEY).to_string())
                .at_offset(at)
        })?;
        Ok(Self {
            x86_address: image.required(keys::aot_image::X86_ADDRESS, &dictionary::address())?,
            aot_address: image.required(keys::aot_image::AOT_ADDRESS, &dictionary::address())?,
            aot_size: image.required(keys::aot_image::AOT_SIZE, &dictionary::unsigned())?,
            image_key,
        })
    }
}

impl CacheReference {
    fn read(plist: &Plist, cache: &Dictionary<'_, '_>, policy: Policy, report: &mut Report) -> Result<Self> {
        let (at, bitmap) = cache.required_at(keys::cache_reference::BITMAP, &dictionary::data())?;
        // A bit is an image of the cache, of which there may be no more than that.
        let most = u64::from(policy.limits.images).div_ceil(8);
        if bitmap.len() as u64 > most {
            let error = Error::limit("bytes of a bitmap of images", most, bitmap.len() as u64);
            return Err(error.at_key(cache.path().key(keys::cache_reference::BITMAP).to_string()).at_offset(at));
        }
        Ok(Self {
            uuid: cache.required(keys::cache_reference::UUID, &dictionary::uuid())?,
            address: cache.required(keys::cache_reference::ADDRESS, &dictionary::address())?,
            file_path: cache.required(keys::cache_reference::FILE_PATH, &dictionary::path())?.to_bytes().into(),
            aot_uuid: cache.optional(report, keys::cache_reference::AOT_UUID, &dictionary::uuid())?,
            aot_address: cache.optional(report, keys::cache_reference::AOT_ADDRESS, &dictionary::address())?,
            bitmap: plist.part(bitmap),
        })
    }
}
