//! Groups of files: feature maps of one photograph from several layers. The maps of a group become
//! one map.
//!
//! ```text
//! --group P3.npy,P4.npy --group Q3.npy,Q4.npy     files   P3.npy P4.npy Q3.npy Q4.npy
//!                                                 groups  └── 0..2 ───┘ └── 2..4 ───┘
//! P3.npy P4.npy                                   files   P3.npy P4.npy
//!                                                 groups   0..1   1..2
//! ```

use std::ops::Range;
use std::path::PathBuf;

use tenfold::Tensor;
use tenfold::cam::{Combination, Status, Weighting, combine};

use super::maps::Maps;
use super::{Args, Features};
use crate::arrays::stem;
use crate::batch::Input;
use crate::failure::{Failure, Outcome};
use crate::names;

/// The options of groups.
#[derive(clap::Args)]
pub(super) struct GroupArgs {
    /// Feature maps of one photograph from several layers. Their maps are resized to --size, to
    /// the photograph, or to the largest of the maps, and become one map. May be given several
    /// times, each group has a map of its own
    #[arg(long = "group", value_name = "F.npy,G.npy", value_parser = parse_group)]
    groups: Vec<Group>,
    /// How the maps of a group, or of several layers of a network, become one map: mean, as in
    /// pytorch-grad-cam, or max. The result is stretched to [0, 1] [default: mean]
    #[arg(long, value_name = "NAME", hide_possible_values = true,
          value_parser = names::of(Combination::ALL, Combination::name))]
    pub(super) combine: Option<Combination>,
}

/// The files of a group.
#[derive(Clone)]
struct Group(Vec<PathBuf>);

fn parse_group(text: &str) -> Result<Group, String> {
    let files: Vec<PathBuf> = text.split(',').map(PathBuf::from).collect();
    if files.iter().any(|file| file.as_os_str().is_empty()) {
        return Err(format!(
            "{text:?} has an empty file name: a list such as P3.npy,P4.npy was expected"
        ));
    }
    Ok(Group(files))
}

impl Args {
    /// Adds the files of the groups to the list of all files.
    pub(super) fn list_files_of_groups(&mut self) {
        let groups = self.group.groups.iter();
        self.features
            .extend(groups.flat_map(|group| group.0.clone()));
    }

    /// For each group the indices of its files in `Args::features`. Without `--group` each file is
    /// a group of its own.
    pub(super) fn groups(&self) -> Vec<Range<usize>> {
        if !self.has_groups() {
            return (0..self.features.len())
                .map(|file| file..file + 1)
                .collect();
        }
        let mut start = 0;
        let lengths = self.group.groups.iter().map(|group| group.0.len());
        lengths
            .map(|length| {
                start += length;
                start - length..start
            })
            .collect()
    }

    /// Whether `--group` was given.
    pub(super) fn has_groups(&self) -> bool {
        !self.group.groups.is_empty()
    }

    /// The name of some files in texts, such as `P3.npy+P4.npy`.
    pub(super) fn name(&self, files: &Range<usize>) -> String {
        let files = self.features[files.clone()].iter();
        let names: Vec<String> = files.map(|file| file.display().to_string()).collect();
        names.join("+")
    }

    /// The start of the names of output files for some files, such as `P3+P4`.
    pub(super) fn stem(&self, files: &Range<usize>) -> String {
        let files = self.features[files.clone()].iter();
        let stems: Vec<String> = files.map(|file| stem(file)).collect();
        stems.join("+")
    }

    /// Fails if `--combine` was given without a group.
    pub(super) fn check_combine(&self) -> Outcome {
        if self.group.combine.is_some() && !self.has_groups() {
            return Err(Failure::usage(
                "--combine is for the maps of a group: --group P3.npy,P4.npy names one",
            ));
        }
        Ok(())
    }

    /// The height and the width of a combined map: `--size`, or else the size of the photograph, or
    /// else the largest of the layers.
    fn combined_size(
        &self,
        photograph: Option<(usize, usize)>,
        sizes: impl Iterator<Item = (usize, usize)>,
    ) -> (usize, usize) {
        let largest = sizes.fold((1, 1), |(height, width), (h, w)| {
            (height.max(h), width.max(w))
        });
        self.size.or(photograph).unwrap_or(largest)
    }

    /// The maps of all groups, from the maps of all files. A group without the maps of one of its
    /// files has no map.
    pub(super) fn combined(
        &self,
        maps: Vec<Maps>,
        photograph: Option<(usize, usize)>,
    ) -> Outcome<Vec<Maps>> {
        if !self.has_groups() {
            return Ok(maps);
        }
        let mut combined = Vec::new();
        for group in self.groups() {
            for &weighting in &self.weighting.0 {
                let of_group =
                    |maps: &&Maps| group.contains(&maps.files.start) && maps.weighting == weighting;
                let layers: Vec<&Maps> = maps.iter().filter(of_group).collect();
                if layers.len() == group.len() {
                    let group = group.clone();
                    combined.push(self.combined_layers(group, weighting, &layers, photograph)?);
                }
            }
        }
        Ok(combined)
    }

    /// The maps of one group and weighting, from the maps of its files.
    pub(super) fn combined_layers(
        &self,
        files: Range<usize>,
        weighting: Weighting,
        layers: &[&Maps],
        photograph: Option<(usize, usize)>,
    ) -> Outcome<Maps> {
        let how = self.group.combine.unwrap_or_default();
        let items = (0..layers[0].items.len()).map(|item| {
            let layers = layers.iter().map(|maps| &maps.items[item]);
            let views: Vec<_> = layers.clone().map(|(map, _)| map.view()).collect();
            let sizes = views.iter().map(|map| (map.shape()[0], map.shape()[1]));
            let (height, width) = self.combined_size(photograph, sizes);
            let map = combine(&views, height, width, how)?;
            let status = combined_status(&map, layers.map(|&(_, status)| status));
            Ok((map, status))
        });
        Ok(Maps {
            files,
            layer: None,
            weighting,
            ranks: None,
            items: items.collect::<tenfold::Result<_>>()?,
            batch: layers.iter().any(|maps| maps.batch),
        })
    }
}

/// The open files of a group.
pub(super) struct Layers<'a> {
    /// The indices of the files in `Args::features`.
    pub(super) group: Range<usize>,
    pub(super) files: Vec<Features<'a>>,
}

impl Input for Layers<'_> {
    fn names(&self) -> Vec<String> {
        self.files
            .iter()
            .flat_map(|file| file.path.names())
            .collect()
    }
}

impl<'a> Layers<'a> {
    /// Opens the files of a group. Fails if they hold different numbers of feature maps.
    pub(super) fn open(group: Range<usize>, args: &'a Args) -> Outcome<Self> {
        let files = group.clone().zip(&args.features[group.clone()]);
        let files = files.map(|(file, path)| Features::open(file, path, args));
        let files: Vec<Features> = files.collect::<Outcome<_>>()?;
        let items = |file: &Features| file.reading.items();
        let differs = |pair: &&[Features]| items(&pair[0]) != items(&pair[1]);
        if let Some([file, other]) = files.windows(2).find(differs) {
            return Err(Failure::usage(format!(
                "{} holds {} and {} holds {}: \
                 all files of a group must hold the same number of feature maps",
                file.path.display(),
                feature_maps(items(file)),
                other.path.display(),
                feature_maps(items(other)),
            )));
        }
        Ok(Self { group, files })
    }

    /// The number of feature maps of a batch; `None` if each file holds a single feature map.
    pub(super) fn batch(&self) -> Option<usize> {
        self.files.iter().find_map(Features::batch)
    }

    /// The height and the width of the combined maps, and their number.
    pub(super) fn combined_maps(
        &self,
        args: &Args,
        photograph: Option<(usize, usize)>,
    ) -> ((usize, usize), u64) {
        let size = args.combined_size(photograph, self.files.iter().map(Features::size));
        let items = self.batch().unwrap_or(1);
        (size, (items * args.weighting.0.len()) as u64)
    }
}

/// The status of a combined map: degenerate if a layer is, constant if the map is.
fn combined_status(map: &Tensor<f32>, mut layers: impl Iterator<Item = Status>) -> Status {
    if map.data().iter().all(|&value| value == 0.0) {
        Status::Constant
    } else if layers.any(|status| status == Status::Degenerate) {
        Status::Degenerate
    } else {
        Status::Fine
    }
}

fn feature_maps(count: usize) -> String {
    match count {
        1 => "1 feature map".to_owned(),
        count => format!("{count} feature maps"),
    }
}
