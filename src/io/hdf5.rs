//! HDF5 and NetCDF-4: files with datasets in groups, as a tree of folders holds files.
//!
//! ```text
//! /                     the root group
//! ├── temperature       a dataset: an array, with attributes such as `_FillValue`
//! └── model/            a group
//!     └── pressure      a dataset, named /model/pressure
//! ```
//!
//! The crate `hdf5-reader` reads the format. This module lists the datasets, checks their sizes
//! before anything is allocated for them, and applies the attributes of the CF conventions
//! (`attributes`). NetCDF-4 files are HDF5 files, and so are MATLAB's files of version 7.3.

mod attributes;
mod element;
mod links;
mod lzf;
mod storage;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, FilterRegistry, Hdf5File, OpenOptions, error::Error};

use super::Problem;
use super::any_tensor::AnyTensor;
use super::deflate::MAX_EXPANSION;
use super::entries;
use super::member::Member;
use super::stored::Stored;
use attributes::Attributes;

/// The maximum number of groups and datasets that are listed.
const MAX_OBJECTS: usize = 100_000;

/// The crate keeps a copy of a dataset of at most this size.
const KEPT_COPY: u64 = 32 << 20;

/// Datasets of at most this many bytes are allowed in a file of any size. Chunks that were never
/// written have no bytes in the file, so that a valid file of a few kilobytes can hold megabytes of
/// the fill value. No file of a few bytes stands for more than a gigabyte.
const ALWAYS_ALLOWED: u64 = 1 << 30;

/// The number of copies of a chunk during decompression: compressed, between two filters,
/// decompressed.
const CHUNK_COPIES: u64 = 3;

/// The datasets of the file.
pub(super) fn members(reader: &mut (impl Read + Seek), size: u64) -> Result<Vec<Member>, Problem> {
    storage::with_storage(reader, size, move |storage| {
        let file = open(storage)?;
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        let mut groups = vec![(String::new(), file.root_group().map_err(problem)?)];
        while let Some((path, group)) = groups.pop() {
            // A group that contains itself would be listed without end.
            if !seen.insert(group.address()) {
                continue;
            }
            let listed = match list(&file, &group) {
                Ok(listed) => listed,
                Err(problem) => {
                    let name = format!("{path}/");
                    members.push(Member::unreadable(name, &[], "group", problem));
                    continue;
                }
            };
            let inner = listed.groups.into_iter();
            groups.extend(inner.map(|group| (format!("{path}/{}", group.name()), group)));
            let datasets = listed.datasets.iter();
            let datasets = datasets.filter(|dataset| !attributes::is_bare_dimension(dataset));
            for dataset in datasets {
                members.push(member(format!("{path}/{}", dataset.name()), dataset, size));
            }
            for (name, problem) in listed.unreadable {
                let name = format!("{path}/{name}");
                members.push(Member::unreadable(name, &[], "dataset", problem));
            }
            if members.len() + groups.len() > MAX_OBJECTS {
                return Err(Problem::new(format!(
                    "the file has more than {MAX_OBJECTS} groups and datasets"
                )));
            }
        }
        Ok(members)
    })
}

/// The dataset with the path `name`, if there is one. Other datasets are not looked at, so that it
/// does not matter whether they can be read.
pub(super) fn find(
    reader: &mut (impl Read + Seek),
    size: u64,
    name: &str,
) -> Result<Option<Member>, Problem> {
    let path = format!("/{}", name.trim_start_matches('/'));
    storage::with_storage(reader, size, move |storage| {
        match open(storage)?.dataset(&path) {
            Ok(dataset) => Ok(Some(member(path, &dataset, size))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(problem(error)),
        }
    })
}

/// Reads the dataset with the path `name`.
pub(super) fn read(
    reader: &mut (impl Read + Seek),
    size: u64,
    name: &str,
) -> Result<AnyTensor, Problem> {
    let name = name.to_owned();
    storage::with_storage(reader, size, move |storage| {
        let dataset = open(storage)?.dataset(&name).map_err(problem)?;
        let array = Array::new(&dataset, size)?;
        // 1. The entries as they are stored, row-major.
        let length = usize::try_from(array.stored.bytes()).unwrap_or(usize::MAX);
        let mut bytes = entries::zeroed(length)?;
        dataset.read_raw_bytes_into(&mut bytes).map_err(problem)?;
        // The copy that the crate keeps is freed.
        drop(dataset);
        // 2. Their values.
        let double = array.is_double();
        let mut tensor = entries::read_as(&mut &bytes[..], &array.stored, double)?;
        if let Some(scaling) = array.attributes.scaling {
            scaling.apply(&mut tensor);
        }
        Ok(tensor)
    })
}

fn open(storage: hdf5_reader::storage::DynStorage) -> Result<Hdf5File, Problem> {
    let mut filters = FilterRegistry::new();
    filters.register(lzf::NUMBER, Box::new(lzf::decompress));
    let options = OpenOptions::default()
        .with_chunk_cache_bytes(0)
        .with_max_chunk_bytes(usize::MAX)
        .with_filter_registry(filters);
    Hdf5File::from_storage_with_options(storage, options).map_err(problem)
}

/// What a group holds.
#[derive(Default)]
struct Listed {
    groups: Vec<Group>,
    datasets: Vec<Dataset>,
    /// The members that cannot be read, with the reasons.
    unreadable: Vec<(String, Problem)>,
}

/// Lists a group. The crate fails for a group with a member that it cannot read. The members are then
/// opened one by one.
fn list(file: &Hdf5File, group: &Group) -> Result<Listed, Problem> {
    let mut listed = Listed::default();
    let names = links::names(file, group);
    if let Ok((groups, datasets)) = group.members() {
        (listed.groups, listed.datasets) = (groups, datasets);
        // The crate returns many members in the order of a hash.
        let names = names.unwrap_or_default().into_iter().zip(0..);
        let places: HashMap<String, usize> = names.collect();
        listed.groups.sort_by_key(|group| places.get(group.name()));
        listed
            .datasets
            .sort_by_key(|dataset| places.get(dataset.name()));
        return Ok(listed);
    }
    let names = names.map_err(|error| {
        let problem = problem(error).text;
        Problem::new(format!(
            "this group cannot be listed: {problem}; add a colon and the path of a dataset"
        ))
    })?;
    for name in names {
        match (group.dataset(&name), group.group(&name)) {
            (Ok(dataset), _) => listed.datasets.push(dataset),
            (_, Ok(group)) => listed.groups.push(group),
            // A link that leads nowhere.
            (Err(error), _) if is_missing(&error) => {}
            (Err(error), _) => listed.unreadable.push((name, problem(error))),
        }
    }
    Ok(listed)
}

/// Describes a dataset.
fn member(name: String, dataset: &Dataset, size: u64) -> Member {
    let array = match Array::new(dataset, size) {
        Ok(array) => array,
        Err(problem) => {
            let extents = dataset.shape().iter();
            let shape: Vec<usize> = extents
                .map(|&extent| usize::try_from(extent).unwrap_or(usize::MAX))
                .collect();
            let kind = element::name(dataset.dtype());
            return Member::unreadable(name, &shape, kind, problem);
        }
    };
    let numbers = Member::numbers(name, &array.stored, array.memory());
    if numbers.problem.is_some() {
        return numbers;
    }
    Member {
        dtype: Some(if array.is_double() { "f64" } else { "f32" }),
        note: match array.attributes.scaling {
            Some(scaling) => Some(scaling.note(array.stored.element)),
            None => numbers.note,
        },
        missing: array.attributes.missing,
        ..numbers
    }
}

/// A dataset of real numbers, checked against the size of the file.
struct Array {
    stored: Stored,
    attributes: Attributes,
    /// The number of bytes of a chunk; 0 without chunks.
    chunk: u64,
}

impl Array {
    fn new(dataset: &Dataset, size: u64) -> Result<Self, Problem> {
        // 1. The type and the shape.
        let (element, big_endian) = element::of(dataset)?;
        let extents = dataset.shape().iter();
        let shape: Option<Vec<usize>> = extents.map(|&n| usize::try_from(n).ok()).collect();
        let mut shape = shape.ok_or_else(|| Problem::new("the shape is too large"))?;
        let attributes = Attributes::of(dataset, element, big_endian)?;
        if attributes.is_matlab {
            shape.reverse();
        }
        let stored = Stored::new(shape, attributes.element)?
            .in_fortran_order(attributes.is_matlab)
            .in_big_endian(big_endian);
        if dataset.num_elements().ok() != Some(stored.entries() as u64) {
            return Err(Problem::new("this dataset is empty (a null dataspace)"));
        }
        // 2. The sizes that reading allocates.
        let maximum = size.saturating_mul(MAX_EXPANSION).max(ALWAYS_ALLOWED);
        let chunk = dataset.chunks().unwrap_or_default();
        let chunk = chunk
            .iter()
            .fold(stored.element.size() as u64, |bytes, &extent| {
                bytes.saturating_mul(extent.into())
            });
        let chunk = if dataset.chunks().is_some() { chunk } else { 0 };
        let claimed = stored.bytes().max(chunk);
        if claimed > maximum {
            return Err(Problem::new(format!(
                "the header claims {claimed} bytes of data, more than a file of {size} bytes can \
                 hold"
            )));
        }
        Ok(Self {
            stored,
            attributes,
            chunk,
        })
    }

    /// Whether the values are read as `f64`.
    fn is_double(&self) -> bool {
        self.attributes.double || self.stored.element.is_double()
    }

    /// The maximum number of bytes that reading allocates. The bytes of the entries are in memory
    /// all the time. While the crate reads them, there is also a second copy of them if they are
    /// contiguous, or the copies of a chunk and the copy that the crate keeps. Afterwards there is
    /// the tensor, and a copy for another order of the entries.
    fn memory(&self) -> u64 {
        let bytes = self.stored.bytes();
        let reading = match self.chunk {
            0 => bytes,
            chunk if bytes <= KEPT_COPY => bytes.saturating_add(chunk.saturating_mul(CHUNK_COPIES)),
            chunk => chunk.saturating_mul(CHUNK_COPIES),
        };
        let copy = if self.stored.is_column_major() {
            bytes
        } else {
            0
        };
        let tensor = self.stored.memory_as(self.is_double()).saturating_add(copy);
        bytes.saturating_add(reading.max(tensor))
    }
}

/// Whether an error says that there is no dataset with a path.
fn is_missing(error: &Error) -> bool {
    match error {
        Error::Context { source, .. } => is_missing(source),
        error => matches!(error, Error::DatasetNotFound(_) | Error::GroupNotFound(_)),
    }
}

/// The problem that an error of the crate stands for.
fn problem(error: Error) -> Problem {
    match error {
        Error::Context { source, .. } => problem(*source),
        Error::Io(error) => Problem::io("cannot be read", error),
        Error::InvalidMagic => Problem::new("this is not an HDF5 file"),
        Error::UnsupportedFilter(filter) => {
            let number = filter.trim_start_matches("filter id ");
            let name = match number {
                "307" => " (bzip2)",
                "32001" => " (Blosc)",
                "32004" => " (LZ4)",
                "32008" => " (bitshuffle)",
                "32013" => " (ZFP)",
                "32015" => " (Zstandard)",
                "32026" => " (Blosc2)",
                _ => "",
            };
            Problem::new(format!(
                "the compression with the number {number}{name} cannot be read, only gzip, lzf and \
                 szip; h5repack -f GZIP=4 converts a file"
            ))
        }
        Error::UnsupportedLayoutClass(3) => Problem::new(
            "this is a virtual dataset, with its entries in other files, which cannot be read",
        ),
        Error::Other(text) if text.starts_with("external raw data file") => {
            Problem::new("the dataset has its entries in another file, which cannot be read")
        }
        error => Problem::new(format!(
            "damaged, or of a kind that cannot be read: {error}"
        )),
    }
}
