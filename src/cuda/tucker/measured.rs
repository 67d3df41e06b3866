//! The relative error of a decomposition, measured on the device.

use super::energies::Energies;
use super::shapes::Shapes;
use super::tensors::{Product, Tensors};
use super::units::Units;
use crate::cuda::buffers::{download, uninitialised, upload};
use crate::cuda::launch::Unfoldings;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::scalar::scale;
use crate::tucker::Tucker;

/// Measures ‖X − X̂‖/‖X‖ of tensor `item`. Multiplies the core by one factor after the other, and
/// compares the result with the tensor. For a zero tensor the error is 0 if X̂ = 0, and infinite
/// otherwise.
///
/// Cost: 2·R·|X| flops, with R the rank of the last product; memory for two tensors in `f64`.
pub(super) fn measured_error<T: DeviceScalar>(
    queue: &Queue,
    shapes: &Shapes,
    units: &Units<'_, T>,
    item: usize,
    tucker: &Tucker<T>,
) -> Result<f64> {
    // 1. The core in the units of the tensors.
    let exponent = units.exponent(item);
    let core = tucker.core().data().iter();
    let core: Vec<f64> = core.map(|entry| scale(entry.as_f64(), -exponent)).collect();
    let mut product = uninitialised(queue, core.len())?;
    upload(queue, &core, &mut product)?;
    // 2. The product with each factor.
    let mut shape = tucker.ranks().to_vec();
    for (mode, factor) in tucker.factors().iter().enumerate() {
        let Some(factor) = factor else { continue };
        let columns = (0..factor.ncols()).map(|j| factor.col(j));
        let entries = columns.flat_map(|column| column.iter().map(|entry| entry.as_f64()));
        let entries: Vec<f64> = entries.collect();
        let mut matrix = uninitialised(queue, entries.len())?;
        upload(queue, &entries, &mut matrix)?;
        let unfoldings = Unfoldings::of(1, &shape, mode);
        shape[mode] = factor.nrows();
        let mut next = uninitialised(queue, shape.iter().product())?;
        let expansion = Product {
            unfoldings,
            matrices: &matrix,
            rank: factor.nrows(),
            expanding: true,
            products: &mut next,
            selected: None,
            active: None,
        };
        Tensors::<f64>::Double(product.as_view()).product(queue, expansion)?;
        product = next;
    }
    // 3. The difference.
    let size = shapes.size();
    let of_item = item * size..(item + 1) * size;
    let tensor = match units.tensors() {
        Tensors::Own(view) => Tensors::Own(view.slice(of_item)),
        Tensors::Double(view) => Tensors::<T>::Double(view.slice(of_item)),
    };
    let mut energies = Energies::new(queue, 1, size)?;
    let mut length = |others| -> Result<f64> {
        let energy = energies.measure(queue, &tensor, 1, others)?;
        Ok(download(queue, &energy.slice(..1))?[0].sqrt())
    };
    let (difference, whole) = (length(Some(&*product))?, length(None)?);
    Ok(if difference == 0.0 {
        0.0
    } else {
        difference / whole
    })
}
