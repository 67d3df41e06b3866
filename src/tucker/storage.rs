//! The number of entries that a decomposition stores: Π Rₙ of the core and Iₙ·Rₙ of each factor.

/// The sizes of a tensor that determine what a decomposition of it stores.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    /// The extents Iₙ of the decomposed modes.
    extents: Vec<usize>,
    /// The product of the extents of the other modes, which the core keeps.
    kept: usize,
}

impl Storage {
    /// For a tensor of extents `shape`, decomposed in `modes`.
    pub(crate) fn new(shape: &[usize], modes: &[usize]) -> Self {
        let extents: Vec<usize> = modes.iter().map(|&mode| shape[mode]).collect();
        let kept = (0..shape.len()).filter(|mode| !modes.contains(mode));
        Self {
            extents,
            kept: kept.map(|mode| shape[mode]).product(),
        }
    }

    /// The entries of a decomposition with `ranks` in the decomposed modes. A rank above the
    /// product of the others counts as this product, because the rank law reduces it without loss.
    /// The number never decreases when a rank grows.
    pub(crate) fn entries(&self, ranks: &[usize]) -> usize {
        // Only the largest rank can be above the product of the others.
        let Some(largest) = (0..ranks.len()).max_by_key(|&n| ranks[n]) else {
            return self.kept;
        };
        let others = ranks.iter().enumerate().filter(|&(n, _)| n != largest);
        let product = others.fold(self.kept, |product, (_, &rank)| {
            product.saturating_mul(rank)
        });
        let lawful = |n: usize| {
            if n == largest {
                ranks[n].min(product)
            } else {
                ranks[n]
            }
        };
        let core = product.saturating_mul(lawful(largest));
        let factors = self.extents.iter().enumerate();
        factors.fold(core, |sum, (n, &extent)| {
            sum.saturating_add(extent.saturating_mul(lawful(n)))
        })
    }

    /// The largest rank of the decomposed mode at `place`, at least 1, with which the ranks can store at
    /// most `limit` entries, where no other rank is below the one in `lower`.
    pub(super) fn largest_rank(&self, place: usize, lower: &[usize], limit: usize) -> usize {
        let others = (0..lower.len()).filter(|&other| other != place);
        let (mut product, mut factors) = (self.kept, 0usize);
        for other in others {
            product = product.saturating_mul(lower[other]);
            factors = factors.saturating_add(self.extents[other].saturating_mul(lower[other]));
        }
        let each = product.saturating_add(self.extents[place]).max(1);
        let rank = limit.saturating_sub(factors) / each;
        rank.clamp(1, self.extents[place].max(1))
    }

    /// `ranks` with one rank lowered by one, in each way that the rank law allows. The ways that save
    /// the most entries come first.
    pub(crate) fn lowered(&self, ranks: &[usize]) -> Vec<Vec<usize>> {
        let places = (0..ranks.len()).filter(|&place| ranks[place] > 1);
        let lower = places.map(|place| {
            let mut lower = ranks.to_vec();
            lower[place] -= 1;
            lower
        });
        let mut lower: Vec<_> = lower.filter(|lower| self.is_lawful(lower)).collect();
        lower.sort_by_key(|lower| self.entries(lower));
        lower
    }

    /// Whether no rank is above the product of the others.
    fn is_lawful(&self, ranks: &[usize]) -> bool {
        let product = ranks
            .iter()
            .fold(self.kept, |product, &rank| product.saturating_mul(rank));
        ranks.iter().all(|&rank| rank <= product / rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_and_factors_are_counted() {
        let all = Storage::new(&[4, 5, 6], &[0, 1, 2]);
        assert_eq!(all.entries(&[2, 3, 4]), 2 * 3 * 4 + 2 * 4 + 3 * 5 + 4 * 6);
        let partial = Storage::new(&[4, 5, 6], &[0, 2]);
        assert_eq!(partial.entries(&[2, 4]), 2 * 5 * 4 + 2 * 4 + 4 * 6);
    }

    #[test]
    fn ranks_are_lowered_where_the_rank_law_allows() {
        let storage = Storage::new(&[4, 50, 6], &[0, 1, 2]);
        // [1, 4, 3] has a rank above the product of the others.
        assert_eq!(storage.lowered(&[2, 4, 3]), [[2, 3, 3], [2, 4, 2]]);
        assert_eq!(storage.lowered(&[2, 5, 3]), [[2, 4, 3]]);
        assert_eq!(storage.lowered(&[2, 6, 3]), [[2, 5, 3]]);
        assert!(storage.lowered(&[1, 1, 1]).is_empty());
    }

    #[test]
    fn a_rank_above_the_product_of_the_others_counts_as_the_product() {
        let all = Storage::new(&[4, 50, 6], &[0, 1, 2]);
        assert_eq!(all.entries(&[2, 9, 3]), all.entries(&[2, 6, 3]));
        let partial = Storage::new(&[4, 50, 6], &[0, 1]);
        assert_eq!(partial.entries(&[1, 9]), partial.entries(&[1, 6]));
        assert_eq!(Storage::new(&[9], &[0]).entries(&[5]), 1 + 9);
    }
}
