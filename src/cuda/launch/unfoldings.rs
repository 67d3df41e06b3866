//! The unfoldings of a batch in one mode.

use crate::linalg::Side;
use crate::tensor::ModeExtents;

/// The mode-n unfoldings of `items` row-major tensors of equal shape, one after the other. The
/// kernels read the tensors: no unfolding is formed.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuda) struct Unfoldings {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) extents: ModeExtents,
}

impl Unfoldings {
    /// The mode-`mode` unfoldings of tensors of extents `shape`.
    pub(in crate::cuda) fn of(items: usize, shape: &[usize], mode: usize) -> Self {
        Self {
            items,
            extents: ModeExtents::around(shape, mode),
        }
    }

    /// The number of rows of an unfolding.
    pub(in crate::cuda) fn rows(self) -> usize {
        self.extents.extent
    }

    /// The number of columns of an unfolding.
    pub(in crate::cuda) fn columns(self) -> usize {
        self.extents.columns()
    }

    /// The number of entries of an unfolding.
    pub(in crate::cuda) fn size(self) -> usize {
        self.rows() * self.columns()
    }

    /// The smaller side, from which Gram matrices are formed. If both sides are equal, the rows.
    pub(in crate::cuda) fn side(self) -> Side {
        if self.rows() <= self.columns() {
            Side::Mode
        } else {
            Side::Rest
        }
    }

    /// The order of a Gram matrix: the extent of the smaller side.
    pub(in crate::cuda) fn order(self) -> usize {
        self.rows().min(self.columns())
    }
}
