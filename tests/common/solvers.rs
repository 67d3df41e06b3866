//! All Tucker solvers in one list, for checks of every solver.

use tenfold::{Hooi, Hosvd, Randomized, Scalar, Solver, StHosvd, Truncation};

/// Every solver with this truncation and otherwise its default options.
pub(crate) fn solvers<T: Scalar>(
    truncation: &Truncation,
    modes: Option<&[usize]>,
) -> Vec<Box<dyn Solver<T>>> {
    let modes = modes.map(<[usize]>::to_vec);
    vec![
        Box::new(StHosvd {
            modes: modes.clone(),
            ..StHosvd::new(truncation.clone())
        }),
        Box::new(Hosvd {
            modes: modes.clone(),
            ..Hosvd::new(truncation.clone())
        }),
        Box::new(Hooi {
            modes: modes.clone(),
            ..Hooi::new(truncation.clone())
        }),
        Box::new(Randomized {
            modes,
            ..Randomized::new(truncation.clone())
        }),
    ]
}
