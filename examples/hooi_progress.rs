//! Improves a decomposition sweep by sweep, prints the progress, and stops early:
//! `cargo run --release --example hooi_progress`.
#![allow(clippy::print_stdout)]

use tenfold::{Hooi, Tensor};

/// The relative error at which this program stops.
const GOOD_ENOUGH: f64 = 0.1984;

fn main() -> tenfold::Result<()> {
    // Distances between points on a line, plus a ripple that no small core represents.
    let x = Tensor::from_fn(&[30, 40, 50], |i| {
        let [a, b, c] = [i[0], i[1], i[2]].map(|index| index as f64 / 10.0);
        (a - b).abs() + (b - c).abs() + (7.0 * a * b * c).sin()
    })?;

    // At most 20 sweeps. HOOI has converged when a sweep changes the error by less than 1e-6.
    let hooi = Hooi {
        max_sweeps: 20,
        sweep_tolerance: 1e-6,
        ..Hooi::new([6, 6, 6])
    };
    let mut sweeps = hooi.sweeps(&x)?;
    while let Some(sweep) = sweeps.next().transpose()? {
        println!(
            "sweep {}: relative error {:.6}, {:.1e} less than before",
            sweep.index, sweep.relative_error, sweep.change
        );
        if sweep.relative_error < GOOD_ENOUGH {
            break;
        }
    }

    // The decomposition after the last sweep.
    let tucker = sweeps.finish()?;
    if let Some(convergence) = tucker.convergence() {
        println!("{} sweeps, {:?}", convergence.sweeps, convergence.stop);
    }
    Ok(())
}
