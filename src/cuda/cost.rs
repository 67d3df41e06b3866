//! An estimate of the times of a call on the CPU and on a GPU, by which `--device auto` chooses.
//!
//! The estimate is a formula, and nothing is timed. Its inputs are the shape of the batch, the
//! options, and the attributes of the GPU. So equal calls on equal GPUs run on the same processor
//! and give the same bits. The CPU of the formula is a *reference*: 16 cores, whatever the number of
//! threads and of cores of the machine, because results must not depend on the number of threads.
//!
//! ```text
//! options, shape  ──work──►  flops of Gram matrices and products, eigenproblems
//!                              │
//!                              ├──cpu──►  seconds on the reference
//!                              └──gpu──►  seconds on a GPU with these attributes
//! ```
//!
//! `docs/cuda.md` has the constants and compares the estimates with measured times.

mod cpu;
mod gpu;
mod table;
mod work;

use std::ops::Add;

use self::work::{SHARE_OF_EXTENT, Work};
use super::limits::check_countable;
use super::properties::Properties;
use super::scalar::DeviceScalar;
use crate::cam::Cam;
use crate::error::{Error, Result};
use crate::linalg::Route;
use crate::tensor::Shape;
use crate::tucker::{Hooi, StHosvd, Truncation};

/// The estimated seconds of a call on the CPU and on a GPU, for a batch in the host's memory.
///
/// The CPU is the reference of 16 cores. The time of the GPU has the copies to the device, but not
/// the time to open the device, which [`Estimate::with_opening`] adds. The estimate of two calls in turn is
/// the sum of their estimates.
///
/// The times of the CPU are within a factor of 2 of the times measured on 16 cores. The times of
/// the GPU come from kernels on an H100.
///
/// ```
/// use tenfold::cam::{Cam, Weighting};
/// use tenfold::cuda::{Estimate, Properties};
/// let cam = Cam::new(Weighting::Mtsm);
/// for card in Properties::of_all().unwrap_or_default() {
///     let estimate = Estimate::saliency_maps::<f32>(&cam, &[1000, 2048, 7, 7], &card)?;
///     println!("{}: GPU faster: {}", card.name, estimate.gpu_is_faster());
/// }
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The seconds on the CPU.
    pub cpu: f64,
    /// The seconds on the GPU. `None` if only the CPU supports the call.
    pub gpu: Option<f64>,
}

impl Estimate {
    /// The times of [`Device::saliency_maps`](super::Device::saliency_maps) and of
    /// [`Cam::saliency_maps`] for a batch of extents N×C×(any trailing shape).
    ///
    /// # Errors
    /// The errors of [`Cam::saliency_maps`] for options that do not fit the shape.
    pub fn saliency_maps<T: DeviceScalar>(
        cam: &Cam,
        batch: &[usize],
        card: &Properties,
    ) -> Result<Self> {
        let Some((&items, shape)) = batch.split_first() else {
            return Err(Error::NotAFeatureMap {
                shape: batch.to_vec(),
            });
        };
        cam.check(shape)?;
        Shape::new(batch)?;
        if let Some(ranks) = &cam.ranks {
            Truncation::Ranks(ranks.clone()).check(shape, None)?;
        }
        let work = Work::saliency_map(cam, shape);
        Ok(Self::of::<T>(&work, items, card))
    }

    /// The times of [`Device::st_hosvd`](super::Device::st_hosvd) and of [`StHosvd::decompose`],
    /// called for the tensors of the batch in parallel. With a tolerance, ranks of a quarter of the
    /// extents are assumed.
    ///
    /// # Errors
    /// The errors of [`StHosvd::decompose`] for options that do not fit the shape.
    pub fn st_hosvd<T: DeviceScalar>(
        st_hosvd: &StHosvd,
        batch: &[usize],
        card: &Properties,
    ) -> Result<Self> {
        let Decomposition {
            items,
            tensor,
            core,
            order,
        } = Decomposition::of(st_hosvd, batch)?;
        let work = Work::st_hosvd(tensor, &core, &order);
        let estimate = Self::of::<T>(&work, items, card);
        Ok(estimate.unless(st_hosvd.route == Route::Qr))
    }

    /// The times of [`Device::hooi`](super::Device::hooi) and of [`Hooi::decompose`], called for the
    /// tensors of the batch in parallel. At most 10 sweeps are assumed. With a tolerance, ranks of a
    /// quarter of the extents are assumed.
    ///
    /// # Errors
    /// The errors of [`Hooi::decompose`] for options that do not fit the shape.
    pub fn hooi<T: DeviceScalar>(hooi: &Hooi, batch: &[usize], card: &Properties) -> Result<Self> {
        hooi.check()?;
        let start = StHosvd {
            modes: hooi.modes.clone(),
            ..StHosvd::new(hooi.truncation.clone())
        };
        let Decomposition {
            items,
            tensor,
            core,
            order,
        } = Decomposition::of(&start, batch)?;
        let work = Work::hooi(tensor, &core, &order, hooi.max_sweeps);
        let estimate = Self::of::<T>(&work, items, card);
        Ok(estimate.unless(hooi.route == Route::Qr))
    }

    /// Whether the GPU is estimated to be faster, without the time to open it.
    pub fn gpu_is_faster(&self) -> bool {
        self.gpu.is_some_and(|gpu| gpu < self.cpu)
    }

    /// With the time to open the GPU, for a program that opens it for this call.
    #[must_use]
    pub fn with_opening(self) -> Self {
        Self {
            gpu: self.gpu.map(|gpu| gpu + OPENING),
            ..self
        }
    }

    fn of<T: DeviceScalar>(work: &Work, items: usize, card: &Properties) -> Self {
        let (items, bytes) = (items as f64, size_of::<T>());
        let orders = work.eigenproblems.iter().map(|each| each.order);
        let largest = orders.fold(0.0, f64::max);
        let countable = [work.entries, largest * largest]
            .into_iter()
            .all(|entries| check_countable(entries as usize).is_ok());
        let estimate = Self {
            cpu: cpu::seconds(work, items, bytes),
            gpu: gpu::seconds(work, items, bytes, card),
        };
        estimate.unless(!countable)
    }

    /// Without a time for the GPU if only the CPU supports the call.
    fn unless(self, only_on_cpu: bool) -> Self {
        Self {
            gpu: self.gpu.filter(|_| !only_on_cpu),
            ..self
        }
    }
}

impl Add for Estimate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            gpu: self.gpu.zip(other.gpu).map(|(one, two)| one + two),
        }
    }
}

/// The seconds to open a GPU, measured on an H100.
const OPENING: f64 = 0.15;

/// The checked options of ST-HOSVD for a batch.
struct Decomposition<'a> {
    items: usize,
    tensor: &'a [usize],
    /// The ranks, given or assumed.
    core: Vec<usize>,
    /// The modes that get a factor, in the order of ST-HOSVD.
    order: Vec<usize>,
}

impl<'a> Decomposition<'a> {
    fn of(st_hosvd: &StHosvd, batch: &'a [usize]) -> Result<Self> {
        let Some((&items, tensor)) = batch.split_first() else {
            return Err(Error::OrderOutOfRange { order: 0 });
        };
        Shape::new(batch)?;
        let order = st_hosvd.resolved_order(tensor)?;
        let mut core = st_hosvd.largest_core(tensor);
        if !matches!(st_hosvd.truncation, Truncation::Ranks(_)) {
            for &mode in &order {
                core[mode] = tensor[mode].div_ceil(SHARE_OF_EXTENT);
            }
        }
        Ok(Self {
            items,
            tensor,
            core,
            order,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cam::Weighting;

    /// A card with the attributes of an H100.
    fn h100() -> Properties {
        Properties {
            name: "a card".to_owned(),
            ordinal: 0,
            compute_capability: (9, 0),
            memory: 80 << 30,
            multiprocessors: 132,
            clock_khz: 1_980_000,
            single_to_double: 2,
            driver: (13, 0),
        }
    }

    /// A card of a desktop computer: many fast multiprocessors, and few units for `f64`.
    fn desktop() -> Properties {
        Properties {
            compute_capability: (8, 9),
            memory: 24 << 30,
            multiprocessors: 128,
            clock_khz: 2_520_000,
            single_to_double: 64,
            ..h100()
        }
    }

    fn maps(weighting: Weighting, batch: &[usize]) -> Estimate {
        Estimate::saliency_maps::<f32>(&Cam::new(weighting), batch, &h100()).unwrap()
    }

    /// `value` is within a factor of 2 of the measured time.
    #[track_caller]
    fn assert_near(value: f64, measured: f64) {
        let ratio = value / measured;
        assert!((0.5..2.0).contains(&ratio), "{value} against {measured}");
    }

    /// The times of the 16 cores in the tables of docs/cuda.md.
    #[test]
    fn the_reference_is_near_the_measured_times() {
        use Weighting::{Mtsm, Tsm};
        for (weighting, batch, microseconds) in [
            (Tsm, [1000, 512, 7, 7], 3.4),
            (Mtsm, [1000, 512, 7, 7], 9.3),
            (Tsm, [1000, 2048, 7, 7], 7.2),
            (Mtsm, [1000, 2048, 7, 7], 18.0),
            (Tsm, [200, 2048, 14, 14], 74.0),
            (Mtsm, [200, 2048, 14, 14], 214.0),
            (Tsm, [100, 256, 56, 56], 241.0),
            (Mtsm, [100, 256, 56, 56], 1012.0),
        ] {
            let each = maps(weighting, &batch).cpu / batch[0] as f64;
            assert_near(each, 1e-6 * microseconds);
        }
        let one = StHosvd::new([20, 20, 20]);
        let estimate = Estimate::st_hosvd::<f64>(&one, &[1, 200, 200, 200], &h100()).unwrap();
        assert_near(estimate.cpu, 15.5e-3);
    }

    #[test]
    fn a_tiny_map_is_for_the_cpu() {
        for weighting in Weighting::ALL {
            assert!(!maps(weighting, &[1, 8, 3, 3]).gpu_is_faster());
        }
    }

    /// The copy of 401 MB takes longer than the maps of first vectors on the CPU, and less time than
    /// the maps of all vectors.
    #[test]
    fn maps_in_the_memory_of_the_host() {
        let first = maps(Weighting::Tsm, &[1000, 2048, 7, 7]);
        assert!(first.gpu.unwrap() > 8e-3 && !first.gpu_is_faster());
        let all = maps(Weighting::Mtsm, &[1000, 2048, 7, 7]);
        assert!(all.gpu.unwrap() < 10e-3 && all.gpu_is_faster());
    }

    #[test]
    fn a_large_tensor_and_many_small_tensors() {
        let large = StHosvd::new([20, 20, 20]);
        let large = Estimate::st_hosvd::<f64>(&large, &[1, 200, 200, 200], &h100()).unwrap();
        assert_near(large.gpu.unwrap(), 7e-3);
        assert!(large.gpu_is_faster());
        let small = StHosvd::new([8, 8, 8]);
        let small = Estimate::st_hosvd::<f64>(&small, &[256, 20, 20, 20], &h100()).unwrap();
        assert!(small.gpu_is_faster());
        let hooi = Hooi::new([8, 8, 8]);
        let hooi = Estimate::hooi::<f64>(&hooi, &[256, 20, 20, 20], &h100()).unwrap();
        assert!(hooi.cpu > small.cpu && hooi.gpu > small.gpu);
    }

    #[test]
    fn more_items_and_larger_extents_take_longer() {
        let longer = |one: Estimate, other: Estimate| {
            assert!(one.cpu <= other.cpu, "{one:?} {other:?}");
            assert!(one.gpu <= other.gpu, "{one:?} {other:?}");
        };
        for weighting in Weighting::ALL {
            for items in [1, 2, 7, 8, 9, 12, 13, 100, 1000] {
                let estimate = maps(weighting, &[items, 512, 7, 7]);
                longer(estimate, maps(weighting, &[items + 1, 512, 7, 7]));
                longer(estimate, maps(weighting, &[items, 513, 7, 7]));
                longer(estimate, maps(weighting, &[items, 512, 7, 8]));
            }
        }
        let st_hosvd = |extent: usize| {
            let st_hosvd = StHosvd::new([4, 4, 4]);
            let batch = [3, extent, extent, extent];
            Estimate::st_hosvd::<f64>(&st_hosvd, &batch, &h100()).unwrap()
        };
        for extent in 4..300 {
            longer(st_hosvd(extent), st_hosvd(extent + 1));
        }
    }

    #[test]
    fn a_card_with_slow_f64_arithmetic_takes_longer() {
        let cam = Cam::new(Weighting::Mtsm);
        let batch = [1000, 2048, 7, 7];
        let estimate = Estimate::saliency_maps::<f32>(&cam, &batch, &desktop()).unwrap();
        assert!(estimate.gpu > maps(Weighting::Mtsm, &batch).gpu);
        assert!(!estimate.gpu_is_faster());
    }

    #[test]
    fn calls_that_only_the_cpu_supports() {
        let old = Properties {
            compute_capability: (7, 0),
            ..h100()
        };
        let cam = Cam::new(Weighting::Tsm);
        let on_old = Estimate::saliency_maps::<f32>(&cam, &[1000, 512, 7, 7], &old);
        assert_eq!(on_old.unwrap().gpu, None);
        let qr = StHosvd {
            route: Route::Qr,
            ..StHosvd::new([2, 2])
        };
        let qr = Estimate::st_hosvd::<f64>(&qr, &[5, 6, 7], &h100()).unwrap();
        assert_eq!(qr.gpu, None);
        assert_eq!(maps(Weighting::Tsm, &[1, 1 << 20, 64, 64]).gpu, None);
    }

    #[test]
    fn options_that_do_not_fit_the_shape() {
        let cam = Cam::new(Weighting::Tsm);
        let error = Estimate::saliency_maps::<f32>(&cam, &[], &h100()).unwrap_err();
        assert!(matches!(error, Error::NotAFeatureMap { .. }));
        let error = Estimate::saliency_maps::<f32>(&cam, &[3, 0, 4], &h100()).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }));
        let error = Estimate::hooi::<f64>(&Hooi::new([3]), &[2, 4, 4], &h100()).unwrap_err();
        assert!(matches!(error, Error::RankCountMismatch { .. }));
    }

    /// The number of threads is not an input.
    #[test]
    fn the_estimate_is_the_same_on_any_number_of_threads() {
        let estimate = || maps(Weighting::Mtsm, &[100, 2048, 7, 7]);
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            assert_eq!(pool.build().unwrap().install(estimate), estimate());
        }
    }
}
