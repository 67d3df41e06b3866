//! HOOI for equal tensors of a batch, on the device.
//!
//! A tensor that has converged is left alone by the kernels while others go on.

use cudarc::driver::CudaSlice;

use super::buffers::{download, zeros};
use super::driver::failed;
use super::launch::{Around, Queue, States, Stopping};
use crate::error::{Error, Result};
use crate::tucker::Start;

/// What is decomposed, and into what.
#[derive(Clone, Debug)]
pub(super) struct Shapes {
    pub(super) items: usize,
    /// The extents of a tensor.
    pub(super) tensor: Vec<usize>,
    /// The extents of its core.
    pub(super) core: Vec<usize>,
    /// The modes that have a factor, in the order in which ST-HOSVD takes them.
    pub(super) order: Vec<usize>,
}

impl Shapes {
    /// Whether a mode has a factor.
    pub(super) fn has_factor(&self, mode: usize) -> bool {
        self.order.contains(&mode)
    }

    /// The modes that have a factor, from the first.
    fn modes(&self) -> Vec<usize> {
        let modes = 0..self.tensor.len();
        modes.filter(|&mode| self.has_factor(mode)).collect()
    }

    /// The largest order of a Gram matrix, that of an unfolding of the whole tensor.
    pub(super) fn largest_order(&self) -> usize {
        let modes = self.order.iter();
        let orders = modes.map(|&mode| Around::mode(self.items, &self.tensor, mode).order());
        orders.max().unwrap_or(1)
    }

    pub(super) fn size(&self) -> usize {
        self.tensor.iter().product()
    }

    pub(super) fn core_size(&self) -> usize {
        self.core.iter().product()
    }

    /// Bytes that an item takes beside the tensor itself.
    pub(super) fn bytes(&self) -> u64 {
        let n = self.largest_order();
        let extents = self.tensor.iter().zip(&self.core);
        let factors: usize = extents.map(|(extent, rank)| extent * (rank + 1)).sum();
        let entries = 2 * self.size() + 3 * n * n + factors + self.core_size() + 8;
        8 * entries as u64
    }
}

/// What an iteration starts from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Truncated(Start),
    /// Factors of all items for each mode, as [`Iteration::factors`] holds them.
    Factors(Vec<Vec<f64>>),
}

/// Memory for the decompositions of a part of a batch, and what they come to.
#[derive(Debug)]
pub(super) struct Iteration {
    shapes: Shapes,
    /// One for each mode of the tensor, Iₙ×Rₙ column by column; empty where there is none.
    pub(super) factors: Vec<CudaSlice<f64>>,
    /// Squares of the singular values of each mode.
    pub(super) squares: Vec<CudaSlice<f64>>,
    pub(super) cores: CudaSlice<f64>,
    pub(super) states: States,
    norms: CudaSlice<f64>,
    energies: CudaSlice<f64>,
    eigen: Eigen,
    products: [CudaSlice<f64>; 2],
}

impl Iteration {
    /// Memory for decompositions of these shapes.
    pub(super) fn new(queue: &Queue, shapes: Shapes) -> Result<Self> {
        let items = shapes.items;
        let of = |len: usize| zeros::<f64>(&queue.stream, items * len);
        let integers = || zeros::<i32>(&queue.stream, items);
        let n = shapes.largest_order();
        let modes = 0..shapes.tensor.len();
        let lengths = |mode: usize| {
            if shapes.has_factor(mode) {
                let around = Around::mode(items, &shapes.tensor, mode);
                (around.rows * shapes.core[mode], around.order())
            } else {
                (0, 0)
            }
        };
        Ok(Self {
            factors: modes
                .clone()
                .map(|mode| of(lengths(mode).0))
                .collect::<Result<_>>()?,
            squares: modes
                .map(|mode| of(lengths(mode).1))
                .collect::<Result<_>>()?,
            cores: of(shapes.core_size())?,
            states: States {
                errors: of(1)?,
                sweeps: integers()?,
                active: integers()?,
            },
            norms: of(1)?,
            energies: of(1)?,
            eigen: Eigen {
                grams: of(n * n)?,
                work: of(n * n)?,
                vectors: of(n * n)?,
                outcomes: integers()?,
            },
            products: [of(shapes.size())?, of(shapes.size())?],
            shapes,
        })
    }

    /// Takes this many of the items that there is memory for.
    pub(super) fn take(&mut self, items: usize) {
        self.shapes.items = items;
    }

    /// The extent of the cores in a mode.
    pub(super) fn core_extent(&self, mode: usize) -> usize {
        self.shapes.core[mode]
    }

    /// The entries of a core.
    pub(super) fn core_size(&self) -> usize {
        self.shapes.core_size()
    }

    /// Fails where an eigenproblem of one of the items did not converge.
    pub(super) fn check_convergence(&self, queue: &Queue) -> Result<()> {
        let outcomes = download(queue, &self.eigen.outcomes)?;
        if outcomes.iter().any(|&outcome| outcome != 0) {
            return Err(no_convergence());
        }
        Ok(())
    }

    /// Decomposes the tensors: a start, and sweeps until each has converged or
    /// `max_sweeps` were made.
    pub(super) fn run(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        origin: Origin,
        stopping: Stopping,
        max_sweeps: usize,
    ) -> Result<()> {
        let (items, size) = (self.shapes.items, self.shapes.size());
        queue.energy((items, 1, size), tensors, &mut self.norms)?;
        match origin {
            Origin::Truncated(Start::StHosvd) => self.sequentially_truncate(queue, tensors)?,
            Origin::Truncated(Start::Hosvd) => self.truncate_each(queue, tensors)?,
            Origin::Factors(factors) => self.take_factors(queue, tensors, &factors)?,
        }
        self.settle(queue, 0, stopping)?;
        for sweep in 1..=max_sweeps {
            for mode in self.shapes.modes() {
                self.update(queue, tensors, mode)?;
            }
            self.settle(queue, sweep, stopping)?;
            let active = download(queue, &self.states.active)?;
            if active[..items].iter().all(|&goes_on| goes_on == 0) {
                break;
            }
        }
        Ok(())
    }

    /// ST-HOSVD: each mode on what those before left.
    fn sequentially_truncate(&mut self, queue: &Queue, tensors: &CudaSlice<f64>) -> Result<()> {
        let mut shape = self.shapes.tensor.clone();
        let mut at = None;
        for mode in self.shapes.order.clone() {
            let around = Around::mode(self.shapes.items, &shape, mode);
            let rank = self.shapes.core[mode];
            let (source, target) = next(tensors, &mut self.products, &mut at);
            let (squares, factors) = (&mut self.squares[mode], &mut self.factors[mode]);
            self.eigen
                .factor(queue, source, around, rank, (squares, factors), None)?;
            queue.product(source, around, (&self.factors[mode], rank), target, None)?;
            shape[mode] = rank;
        }
        self.keep_core(queue, at)
    }

    /// HOSVD: each mode on the tensor itself.
    fn truncate_each(&mut self, queue: &Queue, tensors: &CudaSlice<f64>) -> Result<()> {
        for mode in self.shapes.modes() {
            let around = Around::mode(self.shapes.items, &self.shapes.tensor, mode);
            let rank = self.shapes.core[mode];
            let (squares, factors) = (&mut self.squares[mode], &mut self.factors[mode]);
            self.eigen
                .factor(queue, tensors, around, rank, (squares, factors), None)?;
        }
        self.project_all(queue, tensors)
    }

    /// Given factors, and the core with them.
    fn take_factors(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        factors: &[Vec<f64>],
    ) -> Result<()> {
        for mode in self.shapes.modes() {
            let copied = queue
                .stream
                .memcpy_htod(&factors[mode], &mut self.factors[mode]);
            copied.map_err(failed("copying factors"))?;
        }
        self.project_all(queue, tensors)
    }

    /// The core of the factors as they are.
    fn project_all(&mut self, queue: &Queue, tensors: &CudaSlice<f64>) -> Result<()> {
        let modes = self.shapes.order.clone();
        let (_, at) = self.project(queue, tensors, &modes, false)?;
        self.keep_core(queue, at)
    }

    /// Aₙ = leading left singular vectors of (X ×ₘ≠ₙ Aₘᵀ)₍ₙ₎, and the core with it.
    fn update(&mut self, queue: &Queue, tensors: &CudaSlice<f64>, mode: usize) -> Result<()> {
        let mut others = self.shapes.order.clone();
        others.retain(|&other| other != mode);
        let (shape, at) = self.project(queue, tensors, &others, true)?;
        let around = Around::mode(self.shapes.items, &shape, mode);
        let rank = self.shapes.core[mode];
        let [first, second] = &self.products;
        let projected = match at {
            None => tensors,
            Some(0) => first,
            Some(_) => second,
        };
        let active = Some(&self.states.active);
        let (squares, factors) = (&mut self.squares[mode], &mut self.factors[mode]);
        self.eigen
            .factor(queue, projected, around, rank, (squares, factors), active)?;
        let factor = (&self.factors[mode], rank);
        queue.product(projected, around, factor, &mut self.cores, active)
    }

    /// X ×ₘ Aₘᵀ for each of `modes`: its extents, and in which of the two buffers it is;
    /// in none where there are no modes. With `while_active` items at rest are left alone.
    fn project(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        modes: &[usize],
        while_active: bool,
    ) -> Result<(Vec<usize>, Option<usize>)> {
        let mut shape = self.shapes.tensor.clone();
        let mut at = None;
        let active = while_active.then_some(&self.states.active);
        for &mode in modes {
            let around = Around::mode(self.shapes.items, &shape, mode);
            let rank = self.shapes.core[mode];
            let (source, target) = next(tensors, &mut self.products, &mut at);
            queue.product(source, around, (&self.factors[mode], rank), target, active)?;
            shape[mode] = rank;
        }
        Ok((shape, at))
    }

    /// Copies the core from the buffer where the projections left it.
    fn keep_core(&mut self, queue: &Queue, at: Option<usize>) -> Result<()> {
        let len = self.shapes.items * self.shapes.core_size();
        let Some(at) = at else { return Ok(()) };
        queue
            .stream
            .memcpy_dtod(&self.products[at].slice(..len), &mut self.cores)
            .map_err(failed("copying the cores"))
    }

    fn settle(&mut self, queue: &Queue, sweep: usize, stopping: Stopping) -> Result<()> {
        let (items, size) = (self.shapes.items, self.shapes.core_size());
        queue.energy((items, 1, size), &self.cores, &mut self.energies)?;
        let norms = (&self.norms, &self.energies);
        queue.settle(items, sweep, norms, stopping, &mut self.states)
    }
}

/// Where the next of a chain of products comes from and goes to: from the tensors, then
/// between two buffers. `at` is the buffer of the last product, if there is one.
fn next<'a>(
    tensors: &'a CudaSlice<f64>,
    [first, second]: &'a mut [CudaSlice<f64>; 2],
    at: &mut Option<usize>,
) -> (&'a CudaSlice<f64>, &'a mut CudaSlice<f64>) {
    match at.replace(at.map_or(0, |at| 1 - at)) {
        None => (tensors, first),
        Some(0) => (first, second),
        Some(_) => (second, first),
    }
}

/// Memory for the eigenproblems of a mode.
#[derive(Debug)]
struct Eigen {
    grams: CudaSlice<f64>,
    work: CudaSlice<f64>,
    vectors: CudaSlice<f64>,
    outcomes: CudaSlice<i32>,
}

impl Eigen {
    /// The leading `rank` left singular vectors of an unfolding, from the Gram matrix
    /// of its smaller side, and the squares of its singular values.
    fn factor(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        around: Around,
        rank: usize,
        (squares, factors): (&mut CudaSlice<f64>, &mut CudaSlice<f64>),
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (items, n) = (around.items, around.order());
        let Self {
            grams,
            work,
            vectors,
            outcomes,
        } = self;
        queue.gram(&tensors.as_view(), around, grams, active)?;
        let eigen = (squares, &mut *vectors);
        queue.eigen((items, n), grams, work, eigen, outcomes, active)?;
        if around.of_rest() {
            queue.lift(tensors, around, (vectors, rank), factors, active)
        } else {
            queue.truncate((items, around.rows, rank), vectors, factors, active)
        }
    }
}

/// The iteration of Jacobi rotations did not converge.
pub(super) fn no_convergence() -> Error {
    Error::NoConvergence {
        what: "the symmetric eigenproblem on the device",
    }
}
