//! The decompositions of a chunk of tensors of equal shape on the device: a start, then the sweeps
//! of HOOI.
//!
//! The kernels skip a tensor that has converged. The other tensors continue.

use cudarc::driver::CudaSlice;

use super::chain::{At, Chain};
use super::factor::{GramRoute, Mode};
use super::shapes::Shapes;
use crate::cuda::buffers::{Buffer, copy, download, upload, zeros};
use crate::cuda::launch::{Products, Slices, States, Stopping, SweepEnd, Unfoldings};
use crate::cuda::queue::Queue;
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::tucker::Start;

/// What an iteration starts from.
#[derive(Clone, Debug)]
pub(in crate::cuda) enum Origin {
    /// A truncated decomposition of the tensors.
    Truncated(Start),
    /// Factors of all items for each mode, laid out as [`Iteration::factor`] returns them.
    Factors(Vec<Vec<f64>>),
}

/// The sweeps after the start.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuda) struct Sweeping<'a> {
    pub(in crate::cuda) stopping: Stopping,
    pub(in crate::cuda) max_sweeps: usize,
    /// Read before each sweep.
    pub(in crate::cuda) cancellation: Cancellation<'a>,
}

impl<'a> Sweeping<'a> {
    /// No sweeps: the start alone.
    pub(super) fn none(cancellation: Cancellation<'a>) -> Self {
        Self {
            stopping: Stopping {
                tolerance: 0.0,
                rounding: 0.0,
                energy_tolerance: 0.0,
            },
            max_sweeps: 0,
            cancellation,
        }
    }
}

/// Memory for the decompositions of a chunk, and their results.
#[derive(Debug)]
pub(in crate::cuda) struct Iteration {
    shapes: Shapes,
    /// By mode; empty for a mode without a factor.
    factors: Vec<Buffer<f64>>,
    squares: Vec<Buffer<f64>>,
    cores: Buffer<f64>,
    states: States,
    tensor_energies: Buffer<f64>,
    core_energies: Buffer<f64>,
    gram_route: GramRoute,
    chain: Chain,
}

impl Iteration {
    /// Memory for decompositions of these shapes.
    pub(in crate::cuda) fn new(queue: &Queue, shapes: Shapes) -> Result<Self> {
        let items = shapes.items;
        let of = |len: usize| zeros::<f64>(queue, items * len);
        let modes = 0..shapes.tensor.len();
        let by_mode = |len: &dyn Fn(usize) -> usize| -> Result<Vec<_>> {
            let lengths = modes.clone().map(|mode| {
                if shapes.has_factor(mode) {
                    len(mode)
                } else {
                    0
                }
            });
            lengths.map(of).collect()
        };
        Ok(Self {
            factors: by_mode(&|mode| shapes.tensor[mode] * shapes.core[mode])?,
            squares: by_mode(&|mode| shapes.unfoldings(mode).order())?,
            cores: of(shapes.core_size())?,
            states: States {
                errors: of(1)?,
                sweeps: zeros(queue, items)?,
                active: zeros(queue, items)?,
            },
            tensor_energies: of(1)?,
            core_energies: of(1)?,
            gram_route: GramRoute::new(queue, items, shapes.largest_order())?,
            chain: Chain::new(queue, items * shapes.size())?,
            shapes,
        })
    }

    /// Sets the number of items to decompose, at most the number in [`Iteration::new`].
    pub(in crate::cuda) fn set_items(&mut self, items: usize) {
        self.shapes.items = items;
    }

    pub(in crate::cuda) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// The cores of all items.
    pub(in crate::cuda) fn cores(&self) -> &CudaSlice<f64> {
        &self.cores
    }

    /// The Iₙ×Rₙ factors of all items for a mode, column by column; empty without a factor.
    pub(in crate::cuda) fn factor(&self, mode: usize) -> &CudaSlice<f64> {
        &self.factors[mode]
    }

    /// Squares of the singular values of all items for a mode.
    pub(super) fn squares(&self, mode: usize) -> &CudaSlice<f64> {
        &self.squares[mode]
    }

    /// The errors and sweeps of the items.
    pub(super) fn states(&self) -> &States {
        &self.states
    }

    /// Fails if an eigenproblem of any item did not converge. Waits for the device.
    pub(in crate::cuda) fn check_convergence(&self, queue: &Queue) -> Result<()> {
        self.gram_route.check_convergence(queue)
    }

    /// Decomposes the tensors: the start, and sweeps until each tensor has converged or the
    /// maximum number of sweeps is reached.
    pub(in crate::cuda) fn run(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        origin: Origin,
        sweeping: Sweeping<'_>,
    ) -> Result<()> {
        // 1. ‖X‖².
        let tensor = Slices {
            items: self.shapes.items,
            slices: 1,
            size: self.shapes.size(),
            tensors,
        };
        queue.energy(tensor, &mut self.tensor_energies)?;
        // 2. The start.
        match origin {
            Origin::Truncated(Start::StHosvd) => self.st_hosvd(queue, tensors)?,
            Origin::Truncated(Start::Hosvd) => self.hosvd(queue, tensors)?,
            Origin::Factors(factors) => self.project_on(queue, tensors, &factors)?,
        }
        self.end_sweep(queue, 0, sweeping.stopping)?;
        // 3. The sweeps.
        for sweep in 1..=sweeping.max_sweeps {
            sweeping.cancellation.check()?;
            for mode in self.shapes.modes() {
                self.update(queue, tensors, mode)?;
            }
            self.end_sweep(queue, sweep, sweeping.stopping)?;
            let active = self.states.active.slice(..self.shapes.items);
            if download(queue, &active)?.iter().all(|&active| active == 0) {
                break;
            }
        }
        Ok(())
    }

    /// ST-HOSVD: Aₙ from the tensor projected on the factors before it, mode by mode.
    fn st_hosvd(&mut self, queue: &Queue, tensors: &CudaSlice<f64>) -> Result<()> {
        let mut shape = self.shapes.tensor.clone();
        let mut at = At::Tensors;
        for mode in self.shapes.order.clone() {
            let unfoldings = Unfoldings::of(self.shapes.items, &shape, mode);
            let rank = self.shapes.core[mode];
            let (source, target) = self.chain.next(tensors, &mut at);
            let result = Mode {
                rank,
                squares: &mut self.squares[mode],
                factors: &mut self.factors[mode],
                active: None,
            };
            self.gram_route.factor(queue, source, unfoldings, result)?;
            queue.product(Products {
                tensors: source,
                unfoldings,
                factors: &self.factors[mode],
                rank,
                products: target,
                active: None,
            })?;
            shape[mode] = rank;
        }
        self.keep_core(queue, at)
    }

    /// HOSVD: Aₙ from the tensor itself.
    fn hosvd(&mut self, queue: &Queue, tensors: &CudaSlice<f64>) -> Result<()> {
        for mode in self.shapes.modes() {
            let unfoldings = self.shapes.unfoldings(mode);
            let result = Mode {
                rank: self.shapes.core[mode],
                squares: &mut self.squares[mode],
                factors: &mut self.factors[mode],
                active: None,
            };
            self.gram_route.factor(queue, tensors, unfoldings, result)?;
        }
        self.compute_core(queue, tensors)
    }

    /// Copies the given factors to the device and computes the core.
    fn project_on(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        factors: &[Vec<f64>],
    ) -> Result<()> {
        for mode in self.shapes.modes() {
            upload(queue, &factors[mode], &mut self.factors[mode])?;
        }
        self.compute_core(queue, tensors)
    }

    /// One step of HOOI: Aₙ = leading left singular vectors of (X ×ₘ≠ₙ Aₘᵀ)₍ₙ₎, and the core of
    /// the new factors. Skips items that have converged.
    fn update(&mut self, queue: &Queue, tensors: &CudaSlice<f64>, mode: usize) -> Result<()> {
        let mut others = self.shapes.order.clone();
        others.retain(|&other| other != mode);
        let (shape, at) = self.project(queue, tensors, &others, true)?;
        let projected = self.chain.product(at).unwrap_or(tensors);
        let unfoldings = Unfoldings::of(self.shapes.items, &shape, mode);
        let rank = self.shapes.core[mode];
        let active = Some(&*self.states.active);
        let result = Mode {
            rank,
            squares: &mut self.squares[mode],
            factors: &mut self.factors[mode],
            active,
        };
        self.gram_route
            .factor(queue, projected, unfoldings, result)?;
        queue.product(Products {
            tensors: projected,
            unfoldings,
            factors: &self.factors[mode],
            rank,
            products: &mut self.cores,
            active,
        })
    }

    /// Computes the core of the current factors.
    fn compute_core(&mut self, queue: &Queue, tensors: &CudaSlice<f64>) -> Result<()> {
        let modes = self.shapes.order.clone();
        let (_, at) = self.project(queue, tensors, &modes, false)?;
        self.keep_core(queue, at)
    }

    /// Multiplies X by Aₘᵀ in each mode m of `modes`. Returns the extents of the product, and the
    /// buffer that holds it. With `skip_converged`, items that have converged are skipped.
    fn project(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        modes: &[usize],
        skip_converged: bool,
    ) -> Result<(Vec<usize>, At)> {
        let mut shape = self.shapes.tensor.clone();
        let mut at = At::Tensors;
        for &mode in modes {
            let rank = self.shapes.core[mode];
            let (source, target) = self.chain.next(tensors, &mut at);
            queue.product(Products {
                tensors: source,
                unfoldings: Unfoldings::of(self.shapes.items, &shape, mode),
                factors: &self.factors[mode],
                rank,
                products: target,
                active: skip_converged.then_some(&*self.states.active),
            })?;
            shape[mode] = rank;
        }
        Ok((shape, at))
    }

    /// Copies the core from the buffer of the last product.
    fn keep_core(&mut self, queue: &Queue, at: At) -> Result<()> {
        let Some(core) = self.chain.product(at) else {
            return Ok(());
        };
        let len = self.shapes.items * self.shapes.core_size();
        copy(queue, &core.slice(..len), &mut self.cores)
    }

    /// Computes the errors after a sweep and decides which items continue.
    fn end_sweep(&mut self, queue: &Queue, sweep: usize, stopping: Stopping) -> Result<()> {
        let core = Slices {
            items: self.shapes.items,
            slices: 1,
            size: self.shapes.core_size(),
            tensors: &self.cores,
        };
        queue.energy(core, &mut self.core_energies)?;
        let end = SweepEnd {
            items: self.shapes.items,
            sweep,
            tensor_energies: &self.tensor_energies,
            core_energies: &self.core_energies,
            stopping,
        };
        queue.settle(end, &mut self.states)
    }
}
