//! All Tucker solvers in one list, for checks of every solver.

use tenfold::{Hooi, Hosvd, Randomized, Scalar, Solver, StHosvd, Truncation};

/// Every solver with this truncation and otherwise its default options. The randomized solver is
/// in the list for ranks only, because it takes no tolerance.
pub(crate) fn solvers<T: Scalar>(
    truncation: &Truncation,
    modes: Option<&[usize]>,
) -> Vec<Box<dyn Solver<T>>> {
    let modes = modes.map(<[usize]>::to_vec);
    let mut solvers: Vec<Box<dyn Solver<T>>> = vec![
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
    ];
    if let Truncation::Ranks(ranks) = truncation {
        solvers.push(Box::new(Randomized {
            modes,
            ..Randomized::new(ranks.clone())
        }));
    }
    solvers
}
