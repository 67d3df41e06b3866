//! The families of sized kernels.
//!
//! A sized kernel keeps its matrices in registers, so that the compiler must know their order. The
//! file of a family is compiled once for each order, with `-DORDER=n`, into a module of its own.

/// Kernels that are compiled for each order.
#[derive(Debug)]
pub(in crate::cuda) struct Family {
    /// The name of the family, and of its file in `kernels/sized/`.
    pub(in crate::cuda) name: &'static str,
    /// The texts of its files. Each comes after the files that it includes.
    pub(super) files: &'static [&'static str],
    /// Its entry points.
    pub(super) entries: &'static [&'static str],
    /// The least and the largest order.
    pub(super) orders: (usize, usize),
    /// The least compute capability, such as 80 for 8.0.
    pub(super) capability: u32,
}

/// Gram matrices of any order in tiles. The order is the side of a tile.
pub(in crate::cuda) const GRAM_TILES: Family = Family {
    name: "gram_tiles",
    files: &[
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/tiles.cuh"),
        include_str!("../../../kernels/sized/gram_tiles.cu"),
    ],
    entries: &[
        "gram_columns16_f32",
        "gram_columns16_f64",
        "gram_columns_f32",
        "gram_columns_f64",
        "gram_rows16_f32",
        "gram_rows16_f64",
        "gram_rows_f32",
        "gram_rows_f64",
        "gram_sum",
    ],
    orders: (64, 64),
    capability: 80,
};

/// Features projected on vectors in tiles, for saliency maps. The order is the side of a tile.
pub(in crate::cuda) const PROJECT_TILES: Family = Family {
    name: "project_tiles",
    files: &[
        include_str!("../../../kernels/block.cuh"),
        include_str!("../../../kernels/map.cuh"),
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/tiles.cuh"),
        include_str!("../../../kernels/sized/project_tiles.cu"),
    ],
    entries: &[
        "project_tiles16_f32",
        "project_tiles16_f64",
        "project_tiles_f32",
        "project_tiles_f64",
        "sum_tiles16_f32",
        "sum_tiles16_f64",
        "sum_tiles_f32",
        "sum_tiles_f64",
    ],
    orders: (64, 64),
    capability: 80,
};

/// Eigenproblems in the registers of one block, four lanes to four columns.
pub(in crate::cuda) const EIGEN_BLOCK: Family = Family {
    name: "eigen_block",
    files: &[
        include_str!("../../../kernels/block.cuh"),
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/rotation.cuh"),
        include_str!("../../../kernels/sized/eigen_block.cu"),
    ],
    entries: &["eigen_block"],
    orders: (55, 100),
    capability: 80,
};

/// Eigenproblems in the registers of one block, a warp to eight columns.
pub(in crate::cuda) const EIGEN_WIDE: Family = Family {
    name: "eigen_wide",
    files: &[
        include_str!("../../../kernels/block.cuh"),
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/rotation.cuh"),
        include_str!("../../../kernels/sized/cluster.cuh"),
        include_str!("../../../kernels/sized/wide.cuh"),
        include_str!("../../../kernels/sized/eigen_wide.cu"),
    ],
    entries: &["eigen_wide"],
    orders: (101, 128),
    capability: 80,
};

/// Eigenproblems in the registers of a cluster of blocks, a warp to eight columns.
pub(in crate::cuda) const EIGEN_CLUSTER: Family = Family {
    name: "eigen_cluster",
    files: &[
        include_str!("../../../kernels/block.cuh"),
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/rotation.cuh"),
        include_str!("../../../kernels/sized/cluster.cuh"),
        include_str!("../../../kernels/sized/wide.cuh"),
        include_str!("../../../kernels/sized/eigen_cluster.cu"),
    ],
    entries: &["eigen_cluster", "eigen_cluster_one"],
    orders: (129, 400),
    capability: 90,
};

/// Eigenproblems of positive semidefinite matrices, a warp a matrix.
pub(in crate::cuda) const EIGEN_LANE: Family = Family {
    name: "eigen_lane",
    files: &[
        include_str!("../../../kernels/block.cuh"),
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/rotation.cuh"),
        include_str!("../../../kernels/sized/columns.cuh"),
        include_str!("../../../kernels/sized/eigen_lane.cu"),
    ],
    entries: &["eigen_lane"],
    orders: (2, 54),
    capability: 80,
};

/// Gram matrices of few positions on tensor cores.
pub(in crate::cuda) const GRAM_SMALL: Family = Family {
    name: "gram_small",
    files: &[
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/gram_small.cu"),
    ],
    entries: &["gram_small_f32", "gram_small_f64"],
    orders: (8, 56),
    capability: 80,
};

/// Maps from Gram matrices of positions, a warp a map.
pub(in crate::cuda) const MAP_LANE: Family = Family {
    name: "map_lane",
    files: &[
        include_str!("../../../kernels/block.cuh"),
        include_str!("../../../kernels/map.cuh"),
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/rotation.cuh"),
        include_str!("../../../kernels/sized/columns.cuh"),
        include_str!("../../../kernels/sized/tridiagonal.cuh"),
        include_str!("../../../kernels/sized/lanczos.cuh"),
        include_str!("../../../kernels/sized/map_lane.cu"),
    ],
    entries: &["map_all", "map_first"],
    orders: (2, 54),
    capability: 80,
};

/// First eigenvectors of matrices of any order up to the family's only one.
pub(in crate::cuda) const FIRST_BLOCK: Family = Family {
    name: "first_block",
    files: &[
        include_str!("../../../kernels/block.cuh"),
        include_str!("../../../kernels/map.cuh"),
        include_str!("../../../kernels/sized/instructions.cuh"),
        include_str!("../../../kernels/sized/tridiagonal.cuh"),
        include_str!("../../../kernels/sized/first_block.cu"),
    ],
    entries: &["first_block", "second_bound", "take_first"],
    orders: (512, 512),
    capability: 80,
};

impl Family {
    /// Whether the family has kernels for this order on a device of this compute capability, such
    /// as 80 for 8.0.
    pub(super) fn covers(&self, capability: u32, order: usize) -> bool {
        let (least, largest) = self.orders;
        capability >= self.capability && (least..=largest).contains(&order)
    }
}

/// Whether sized kernels solve eigenproblems of this order on a device of this compute capability.
pub(in crate::cuda) fn solve_eigenproblems(capability: u32, order: usize) -> bool {
    let mut solvers = ALL
        .iter()
        .filter(|family| family.name.starts_with("eigen_"));
    solvers.any(|family| family.covers(capability, order))
}

/// Whether a sized kernel computes the first eigenvector alone, for saliency maps.
pub(in crate::cuda) fn compute_first_vectors(capability: u32, order: usize) -> bool {
    let (_, largest) = FIRST_BLOCK.orders;
    capability >= FIRST_BLOCK.capability && order <= largest
}

/// All families. A test compares their entry points with the PTX of this library.
pub(super) const ALL: [&Family; 9] = [
    &EIGEN_BLOCK,
    &EIGEN_CLUSTER,
    &EIGEN_LANE,
    &EIGEN_WIDE,
    &FIRST_BLOCK,
    &GRAM_SMALL,
    &GRAM_TILES,
    &MAP_LANE,
    &PROJECT_TILES,
];
