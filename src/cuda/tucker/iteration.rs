//! The decompositions of a chunk of tensors of equal shape on the device: a start, then the sweeps
//! of HOOI.
//!
//! The kernels skip a tensor that has converged. The other tensors continue. The host does not wait
//! at the end of a sweep: it enqueues the next sweep, and then looks whether the sweep before has
//! left a tensor to continue with. The last sweep that it enqueues is then skipped by all kernels.
//!
//! ```text
//! device   sweep 1   sweep 2   sweep 3   …
//! host     enqueue 1, 2        flags of 1, enqueue 3        flags of 2, enqueue 4   …
//! ```

use cudarc::driver::CudaSlice;

use super::chain::{At, Chain};
use super::energies::Energies;
use super::entries::{Entries, gather};
use super::factor::{Mode, SingularVectors};
use super::shapes::Shapes;
use super::tensors::{Product, Tensors};
use crate::cuda::buffers::{Buffer, Signal, uninitialised, zeros};
use crate::cuda::launch::{States, Stopping, SweepEnd, Unfoldings};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::tucker::Start;

/// What an iteration starts from.
#[derive(Clone, Debug)]
pub(in crate::cuda) enum Origin {
    /// A truncated decomposition of the tensors.
    Truncated(Start),
    /// Factors of each item, for each mode; empty for a mode without a factor.
    Factors(Vec<Vec<Entries<f64>>>),
}

/// Tensors, ‖X‖² of each, and the start.
pub(in crate::cuda) struct Given<'a, T> {
    pub(in crate::cuda) tensors: &'a Tensors<'a, T>,
    pub(in crate::cuda) energies: &'a CudaSlice<f64>,
    pub(in crate::cuda) origin: Origin,
}

/// The sweeps after the start.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuda) struct Sweeping<'a> {
    pub(in crate::cuda) stopping: Stopping,
    pub(in crate::cuda) max_sweeps: usize,
    /// Whether there are no sweeps because the start cannot be improved.
    pub(in crate::cuda) starts_at_optimum: bool,
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
            starts_at_optimum: false,
            cancellation,
        }
    }
}

/// The results of an iteration.
pub(super) struct Results {
    pub(super) cores: Buffer<f64>,
    pub(super) factors: Vec<Buffer<f64>>,
    pub(super) squares: Vec<Buffer<f64>>,
    pub(super) states: States,
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
    core_energies: Energies,
    singular_vectors: SingularVectors,
    chain: Chain,
}

impl Iteration {
    /// Memory for decompositions of these shapes, by Gram matrices.
    pub(in crate::cuda) fn new(queue: &Queue, shapes: Shapes) -> Result<Self> {
        Self::by_route(queue, shapes, false)
    }

    /// Memory for decompositions of these shapes. With `refined`, all singular values and vectors
    /// have all digits.
    pub(super) fn by_route(queue: &Queue, shapes: Shapes, refined: bool) -> Result<Self> {
        let items = shapes.items;
        let of = |len: usize| uninitialised::<f64>(queue, items * len);
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
        let refined = if refined { items * shapes.size() } else { 0 };
        let order = shapes.largest_order();
        Ok(Self {
            factors: by_mode(&|mode| shapes.tensor[mode] * shapes.core[mode])?,
            squares: by_mode(&|mode| shapes.unfoldings(mode).order())?,
            cores: of(shapes.core_size())?,
            states: States {
                errors: of(1)?,
                sweeps: uninitialised(queue, items)?,
                active: zeros(queue, items)?,
            },
            core_energies: Energies::new(queue, items, shapes.core_size())?,
            singular_vectors: SingularVectors::new(queue, items, order, refined)?,
            chain: Chain::new(queue, shapes.chain_lens().map(|len| items * len))?,
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

    /// The cores, and for each mode the factors and the squares of the singular values, in the
    /// layout of [`Iteration::factor`].
    pub(super) fn into_results(self) -> Results {
        Results {
            cores: self.cores,
            factors: self.factors,
            squares: self.squares,
            states: self.states,
        }
    }

    /// Fails if an eigenproblem of any item did not converge. Waits for the device.
    pub(in crate::cuda) fn check_convergence(&self, queue: &Queue) -> Result<()> {
        self.singular_vectors.check_convergence(queue)
    }

    /// Decomposes the tensors: the start, and sweeps until each tensor has converged or the
    /// maximum number of sweeps is reached.
    pub(in crate::cuda) fn run<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        given: Given<'_, T>,
        sweeping: Sweeping<'_>,
    ) -> Result<()> {
        let Given {
            tensors,
            energies,
            origin,
        } = given;
        // 1. The start.
        match origin {
            // The options refuse a random start.
            Origin::Truncated(Start::StHosvd | Start::Random) => self.st_hosvd(queue, tensors)?,
            Origin::Truncated(Start::Hosvd) => self.hosvd(queue, tensors)?,
            Origin::Factors(factors) => self.project_on(queue, tensors, &factors)?,
        }
        self.end_sweep(queue, 0, energies, sweeping.stopping)?;
        // 2. The sweeps.
        if sweeping.max_sweeps == 0 {
            return Ok(());
        }
        let mut flags = Signal::new(queue, self.shapes.items)?;
        for sweep in 1..=sweeping.max_sweeps {
            sweeping.cancellation.check()?;
            let modes = self.shapes.modes();
            for (step, &mode) in modes.iter().enumerate() {
                self.update(queue, tensors, mode, step + 1 == modes.len())?;
            }
            self.end_sweep(queue, sweep, energies, sweeping.stopping)?;
            // The flags of the sweep before.
            if sweep > 1 && flags.entries()?.iter().all(|&flag| flag == 0) {
                break;
            }
            flags.fetch(&self.states.active.slice(..self.shapes.items))?;
        }
        Ok(())
    }

    /// ST-HOSVD: Aₙ from the tensor projected on the factors before it, mode by mode.
    fn st_hosvd<T: DeviceScalar>(&mut self, queue: &Queue, tensors: &Tensors<'_, T>) -> Result<()> {
        let mut shape = self.shapes.tensor.clone();
        let mut at = At::Tensors;
        let order = self.shapes.order.clone();
        for (step, &mode) in order.iter().enumerate() {
            let unfoldings = Unfoldings::of(self.shapes.items, &shape, mode);
            let rank = self.shapes.core[mode];
            let (source, target) = self.chain.next(tensors, &mut at);
            let products = if step + 1 == order.len() {
                &mut *self.cores
            } else {
                target
            };
            let result = Mode {
                unfoldings,
                rank,
                squares: &mut self.squares[mode],
                factors: &mut self.factors[mode],
                products: Some(products),
                active: None,
            };
            self.singular_vectors.update(queue, &source, result)?;
            shape[mode] = rank;
        }
        Ok(())
    }

    /// HOSVD: Aₙ from the tensor itself.
    fn hosvd<T: DeviceScalar>(&mut self, queue: &Queue, tensors: &Tensors<'_, T>) -> Result<()> {
        for mode in self.shapes.modes() {
            let result = Mode {
                unfoldings: self.shapes.unfoldings(mode),
                rank: self.shapes.core[mode],
                squares: &mut self.squares[mode],
                factors: &mut self.factors[mode],
                products: None,
                active: None,
            };
            self.singular_vectors.update(queue, tensors, result)?;
        }
        self.compute_core(queue, tensors)
    }

    /// Copies the given factors and computes the core.
    fn project_on<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        factors: &[Vec<Entries<f64>>],
    ) -> Result<()> {
        for mode in self.shapes.modes() {
            gather(queue, &factors[mode], &mut self.factors[mode])?;
        }
        self.compute_core(queue, tensors)
    }

    /// One step of HOOI: Aₙ = leading left singular vectors of (X ×ₘ≠ₙ Aₘᵀ)₍ₙ₎. The last step of a
    /// sweep also computes the core. Skips items that have converged.
    fn update<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        mode: usize,
        last: bool,
    ) -> Result<()> {
        let mut others = self.shapes.order.clone();
        others.retain(|&other| other != mode);
        let (shape, at) = self.project(queue, tensors, &others, false)?;
        let projected = self.chain.latest(tensors, at);
        let result = Mode {
            unfoldings: Unfoldings::of(self.shapes.items, &shape, mode),
            rank: self.shapes.core[mode],
            squares: &mut self.squares[mode],
            factors: &mut self.factors[mode],
            products: last.then_some(&mut *self.cores),
            active: Some(&*self.states.active),
        };
        self.singular_vectors.update(queue, &projected, result)
    }

    /// Multiplies X by Aₘᵀ in each mode m of `modes`. Returns the extents of the product, and the
    /// buffer that holds it. Skips items that have converged, unless the product is `to_core`: it is
    /// then written to the cores of all items.
    fn project<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        modes: &[usize],
        to_core: bool,
    ) -> Result<(Vec<usize>, At)> {
        let mut shape = self.shapes.tensor.clone();
        let mut at = At::Tensors;
        for (step, &mode) in modes.iter().enumerate() {
            let rank = self.shapes.core[mode];
            let (source, target) = self.chain.next(tensors, &mut at);
            let product = Product {
                unfoldings: Unfoldings::of(self.shapes.items, &shape, mode),
                matrices: &self.factors[mode],
                rank,
                expanding: false,
                products: if to_core && step + 1 == modes.len() {
                    &mut self.cores
                } else {
                    target
                },
                selected: None,
                active: (!to_core).then_some(&*self.states.active),
            };
            source.product(queue, product)?;
            shape[mode] = rank;
        }
        Ok((shape, at))
    }

    /// Computes the cores of the current factors.
    fn compute_core<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
    ) -> Result<()> {
        let modes = self.shapes.order.clone();
        self.project(queue, tensors, &modes, true)?;
        Ok(())
    }

    /// Computes the errors after a sweep and decides which items continue.
    fn end_sweep(
        &mut self,
        queue: &Queue,
        sweep: usize,
        tensor_energies: &CudaSlice<f64>,
        stopping: Stopping,
    ) -> Result<()> {
        let items = self.shapes.items;
        let cores = Tensors::<f64>::Double(self.cores.as_view());
        let end = SweepEnd {
            items,
            sweep,
            tensor_energies,
            core_energies: self.core_energies.measure(queue, &cores, items, None)?,
            stopping,
        };
        queue.settle(end, &mut self.states)
    }
}
