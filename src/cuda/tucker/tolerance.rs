//! Decompositions within a tolerance. The ranks differ from tensor to tensor.
//!
//! The tensors stay on the device. For each mode and each group of tensors Y of equal shape, the
//! host reads the singular values alone, and chooses the rank of each tensor:
//!
//! ```text
//! for each mode n of the order
//!     for each group of tensors Y of equal shape
//!         device: σ, U                              from Gram matrices
//!         host:   r = the smallest rank for which the discarded σ² are within the budget
//!         device: σ, U with all digits, where the Gram matrix does not resolve the discarded σ²
//!         device: for each r, Aₙ = U[:, ..r] and Y ×ₙ Aₙᵀ of the tensors with this rank
//! ```
//!
//! The ranks are those of a first pass. The host then chooses the final ranks from the cores
//! ([`choice`](super::choice)).
//!
//! Tensors of the same rank form a group for the next mode. A kernel finds the tensors of a new group
//! among those of the old one by a list of their places.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::choice::{Aim, Partial, RankRule, chosen};
use super::chunk::Chunk;
use super::entries::Entries;
use super::factor::{Factors, SingularVectors};
use super::found::{Basis, Found};
use super::iteration::Sweeping;
use super::result::DeviceTucker;
use super::tensors::{Product, Tensors};
use crate::cuda::buffers::{Buffer, download, uninitialised, upload, zeros};
use crate::cuda::launch::Unfoldings;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::linalg::{Route, gram_resolves};
use crate::tucker::{Contract, Discarded, FirstPass, RankChoice, Start, Step};

/// Decomposes the tensors of a chunk within a tolerance.
pub(super) struct WithinTolerance<'a, T> {
    pub(super) chunk: &'a Chunk<'a, T>,
    pub(super) tolerance: f64,
}

/// Truncated decompositions: in `f64`, and in the scalar of the tensors.
pub(super) struct Truncated<T> {
    pub(super) found: Vec<Found>,
    pub(super) results: Vec<DeviceTucker<T>>,
}

/// Tensors of equal shape.
struct Group {
    /// The number of each tensor in the chunk. `None` for a tensor that is not decomposed.
    items: Vec<Option<usize>>,
    shape: Vec<usize>,
    /// Products; `None` for the tensors of the chunk.
    products: Option<Arc<Buffer<f64>>>,
}

impl<T: DeviceScalar> WithinTolerance<'_, T> {
    /// The start of each tensor, within the tolerance or with a shortfall, as
    /// [`StHosvd::decompose`] and [`Hosvd::decompose`] compute it.
    ///
    /// [`StHosvd::decompose`]: crate::StHosvd::decompose
    /// [`Hosvd::decompose`]: crate::Hosvd::decompose
    pub(super) fn truncate(&self) -> Result<Truncated<T>> {
        let Self { chunk, tolerance } = *self;
        let (tensor, route) = (&chunk.shapes.tensor, chunk.options.route);
        // 1. Truncate all tensors with a share of the tolerance that leaves room for rounding.
        let contract = Contract::new::<T>(tolerance, tensor, route);
        let share = contract.share;
        let choice = if chunk.options.sweeping.max_sweeps == 0 {
            RankChoice::FewestEntries
        } else {
            RankChoice::Refined
        };
        let all: Vec<usize> = (0..chunk.shapes.items).collect();
        let mut found = self.spend(Aim { share, choice }, &all)?;
        let mut results = chunk.rounded(&found)?;
        if contract.is_met_unmeasured() {
            return Ok(Truncated { found, results });
        }
        // 2. Find the tensors that miss the tolerance nevertheless. Truncate them again with an even
        // split, and then with a share of 0.
        for share in [share, 0.0] {
            let mut missed = Vec::new();
            for (item, result) in results.iter().enumerate() {
                if chunk.measured(item, result)? > tolerance {
                    missed.push(item);
                }
            }
            let choice = RankChoice::EvenSplit;
            let again = self.spend(Aim { share, choice }, &missed)?;
            let rounded = chunk.rounded(&again)?;
            for (tucker, mut result) in again.into_iter().zip(rounded) {
                let item = tucker.item;
                if share == 0.0 {
                    result.set_error(chunk.measured(item, &result)?, Some(tolerance));
                }
                found[item] = tucker;
                results[item] = result;
            }
        }
        Ok(Truncated { found, results })
    }

    /// Truncates the tensors `items`.
    fn spend(&self, aim: Aim, items: &[usize]) -> Result<Vec<Found>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let Self { chunk, .. } = *self;
        let shapes = &chunk.shapes;
        let order = shapes.tensor.len();
        let mut partials = vec![
            Partial {
                discarded: Discarded::default(),
                first_pass: FirstPass::new(aim.budget(), aim.choice),
                ranks: shapes.tensor.clone(),
                factors: vec![None; order],
                spectra: vec![None; order],
            };
            shapes.items
        ];
        // 1. The factors, mode by mode. ST-HOSVD goes on with the projected tensors.
        let sequential = chunk.options.start == Start::StHosvd;
        let wanted = (0..shapes.items).map(|item| items.contains(&item).then_some(item));
        let mut groups = vec![Group {
            items: wanted.collect(),
            shape: shapes.tensor.clone(),
            products: None,
        }];
        for (step, &mode) in shapes.order.iter().enumerate() {
            let mut next = Vec::new();
            for group in &groups {
                chunk.options.sweeping.cancellation.check()?;
                let rule = RankRule {
                    aim,
                    sequential,
                    modes: shapes.order.len(),
                    left: shapes.order.len() - step,
                    step: Step::new(&group.shape, &shapes.order[step..]),
                };
                next.extend(self.truncate_mode(group, mode, rule, &mut partials)?);
            }
            if sequential {
                groups = next;
            }
        }
        // 2. The cores.
        let found = if sequential {
            cores_of_groups(groups, &partials)
        } else {
            let bases = items.iter().map(|&item| Basis {
                item,
                ranks: &partials[item].ranks,
                factors: &partials[item].factors,
            });
            let bases: Vec<Basis<'_>> = bases.collect();
            let cancellation = chunk.options.sweeping.cancellation;
            let found = chunk.by_equal_ranks(&bases, Sweeping::none(cancellation))?;
            let with_spectra = found.into_iter().map(|found| {
                let partial = &partials[found.item];
                Found {
                    spectra: partial.spectra.clone(),
                    error: partial.discarded.relative_error(),
                    ..found
                }
            });
            with_spectra.collect()
        };
        // 3. The choice of ranks, and the rank law.
        let mut lawful = if aim.choice.searches() {
            chosen(chunk, aim, found, &partials)?
        } else {
            let lawful = found.into_iter();
            let lawful = lawful.map(|found| found.obeying_rank_law(chunk.queue, &shapes.tensor));
            lawful.collect::<Result<Vec<Found>>>()?
        };
        lawful.sort_by_key(|found| found.item);
        Ok(lawful)
    }

    /// Truncates a mode of the tensors of a group. Returns groups of the products, unless the start
    /// is HOSVD.
    fn truncate_mode(
        &self,
        group: &Group,
        mode: usize,
        rule: RankRule,
        partials: &mut [Partial],
    ) -> Result<Vec<Group>> {
        let Self { chunk, .. } = *self;
        let queue = chunk.queue;
        let tensors = match &group.products {
            None => chunk.units.tensors(),
            Some(products) => Tensors::Double(products.as_view()),
        };
        let unfoldings = Unfoldings::of(group.items.len(), &group.shape, mode);
        // 1. Singular values and vectors, and the ranks.
        let mut vectors = SingularVectors::new(queue, group.items.len(), unfoldings.order(), 0)?;
        let spectra = self.spectra(&tensors, unfoldings, group, &mut vectors, |item, values| {
            rule.rank(&partials[item], values)
        })?;
        let mut by_rank: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (place, item) in group.items.iter().enumerate() {
            let Some(item) = *item else { continue };
            let partial = &mut partials[item];
            let values = spectra[place].clone();
            let rank = rule.rank(partial, &values);
            partial
                .first_pass
                .count(partial.discarded, rule.step, &values);
            partial.discarded.add(&values, rank);
            partial.spectra[mode] = Some(values);
            partial.ranks[mode] = rank;
            by_rank.entry(rank).or_default().push((place, item));
        }
        // 2. For each rank the factors, and the products with them.
        let mut groups = Vec::new();
        for (rank, members) in by_rank {
            let (places, items): (Vec<usize>, Vec<usize>) = members.into_iter().unzip();
            let selected = if places.len() == group.items.len() {
                None
            } else {
                let places: Vec<i32> = places.iter().map(|&place| place as i32).collect();
                Some(numbers_on_device(queue, &places)?)
            };
            let selected = selected.as_deref();
            let unfoldings = Unfoldings {
                items: items.len(),
                ..unfoldings
            };
            let size = unfoldings.rows() * rank;
            let mut factors = uninitialised(queue, items.len() * size)?;
            let leading = Factors {
                unfoldings,
                rank,
                factors: &mut factors,
                selected,
                active: None,
            };
            vectors.leading(queue, &tensors, leading)?;
            if chunk.options.start == Start::StHosvd {
                let mut products = uninitialised(queue, items.len() * unfoldings.columns() * rank)?;
                let product = Product {
                    unfoldings,
                    matrices: &factors,
                    rank,
                    expanding: false,
                    products: &mut products,
                    selected,
                    active: None,
                };
                tensors.product(queue, product)?;
                let mut shape = group.shape.clone();
                shape[mode] = rank;
                groups.push(Group {
                    items: items.iter().copied().map(Some).collect(),
                    shape,
                    products: Some(Arc::new(products)),
                });
            }
            let factors = Entries::split(factors, items.len(), size);
            for (item, factor) in items.into_iter().zip(factors) {
                partials[item].factors[mode] = Some(factor);
            }
        }
        Ok(groups)
    }

    /// The singular values of each tensor of a group, and in `vectors` its singular vectors. Where a
    /// Gram matrix does not resolve the values after the rank, they get all digits.
    fn spectra(
        &self,
        tensors: &Tensors<'_, T>,
        unfoldings: Unfoldings,
        group: &Group,
        vectors: &mut SingularVectors,
        rank: impl Fn(usize, &[f64]) -> usize,
    ) -> Result<Vec<Vec<f64>>> {
        let (queue, route) = (self.chunk.queue, self.chunk.options.route);
        let order = unfoldings.order();
        let mut squares = zeros(queue, group.items.len() * order)?;
        // 1. By Gram matrices.
        let wanted: Vec<i32> = group
            .items
            .iter()
            .map(|&item| i32::from(item.is_some()))
            .collect();
        let active = flags(queue, &wanted)?;
        vectors.pairs(queue, tensors, unfoldings, &mut squares, active.as_deref())?;
        let mut spectra = roots(&download(queue, &squares)?, order);
        // 2. The tensors that need a second pass.
        let unresolved = group.items.iter().zip(&spectra).map(|(&item, values)| {
            let resolved = item.is_none_or(|item| match route {
                Route::Gram => true,
                Route::Qr => false,
                Route::Auto => gram_resolves::<T>(values, rank(item, values)),
            });
            i32::from(!resolved)
        });
        let unresolved: Vec<i32> = unresolved.collect();
        if unresolved.contains(&1) {
            let active = flags(queue, &unresolved)?;
            vectors.refine(queue, tensors, unfoldings, &mut squares, active.as_deref())?;
            spectra = roots(&download(queue, &squares)?, order);
        }
        vectors.check_convergence(queue)?;
        Ok(spectra)
    }
}

/// The square roots, in spectra of `order` values each.
fn roots(squares: &[f64], order: usize) -> Vec<Vec<f64>> {
    let spectra = squares.chunks_exact(order);
    let roots = |squares: &[f64]| {
        squares
            .iter()
            .map(|square| square.max(0.0).sqrt())
            .collect()
    };
    spectra.map(roots).collect()
}

/// The flags on the device; `None` if all are 1.
fn flags(queue: &Queue, flags: &[i32]) -> Result<Option<Buffer<i32>>> {
    if flags.iter().all(|&flag| flag == 1) {
        return Ok(None);
    }
    numbers_on_device(queue, flags).map(Some)
}

fn numbers_on_device(queue: &Queue, numbers: &[i32]) -> Result<Buffer<i32>> {
    let mut buffer = uninitialised(queue, numbers.len())?;
    upload(queue, numbers, &mut buffer)?;
    Ok(buffer)
}

/// The decompositions with the products of the last groups as cores.
fn cores_of_groups(groups: Vec<Group>, partials: &[Partial]) -> Vec<Found> {
    let of_group = groups.into_iter().flat_map(|group| {
        let size: usize = group.shape.iter().product();
        let buffer = group.products;
        let items = group.items.into_iter().enumerate();
        items.filter_map(move |(place, item)| {
            let core = Entries {
                buffer: Arc::clone(buffer.as_ref()?),
                first: place * size,
                len: size,
            };
            let item = item?;
            Some(partials[item].found(item, core))
        })
    });
    of_group.collect()
}
