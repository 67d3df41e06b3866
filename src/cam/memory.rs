//! Memory estimates of saliency maps, from shapes alone.

use super::Cam;
use super::tucker::hooi;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::Shape;

impl Cam {
    /// The maximum number of bytes that [`Cam::saliency_map`] allocates for a feature map of shape
    /// `shape`. The feature map itself is not counted. [`Cam::saliency_maps`] allocates the same
    /// number of bytes on each thread, and in addition the maps of the batch.
    ///
    /// For E entries, P positions and n = min(C, P), the estimate is the sum of
    ///
    /// - E + 64·n² bytes for a Gram matrix and its eigenvectors,
    /// - 8·E bytes for a centred copy of the features,
    /// - 8·n·P bytes for the projected maps,
    /// - 32·P bytes for sums over the vectors,
    /// - P entries for the saliency map,
    /// - with ranks, the memory of [`Hooi`](crate::Hooi) in `f64`.
    ///
    /// The size of a buffer that a thread keeps for its next maps is rounded up to a power of two.
    /// The estimate does not count this rounding.
    ///
    /// # Errors
    /// The errors of [`Cam::saliency_map`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::cam::{Cam, Weighting};
    /// let bytes = Cam::new(Weighting::Mtsm).memory::<f32>(&[2048, 7, 7])?;
    /// assert!(bytes < 3_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let shape = Shape::new(shape)?;
        self.check(&shape)?;
        // The sum is formed in f64, where it cannot overflow.
        let entries = shape.entries() as f64;
        let channels = shape[0] as f64;
        let positions = entries / channels;
        let order = channels.min(positions);
        let gram = entries + 64.0 * order * order;
        let centred = 8.0 * entries;
        let projected = 8.0 * order * positions;
        let map = (32 + size_of::<T>()) as f64 * positions;
        let hooi = match &self.ranks {
            Some(ranks) => hooi(ranks).memory::<f64>(&shape)?,
            None => 0,
        };
        let without_hooi = (centred + map + (gram + projected)) as u64;
        Ok(without_hooi.saturating_add(hooi))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cam::Weighting;

    /// Compares with the documented sum, for more channels than positions and for fewer.
    #[test]
    fn the_estimate_is_the_documented_sum() {
        for (shape, order) in [([512, 7, 7], 49), ([24, 40, 40], 24)] {
            let entries: u64 = shape.iter().product();
            let positions = shape[1] * shape[2];
            let gram = entries + 64 * order * order;
            let expected = gram + 8 * entries + 8 * order * positions + 32 * positions;
            let shape = shape.map(|extent| extent as usize);
            for weighting in Weighting::ALL {
                let cam = Cam::new(weighting);
                let [single, double] = [4, 8].map(|scalar| expected + scalar * positions);
                assert_eq!(cam.memory::<f32>(&shape).unwrap(), single);
                assert_eq!(cam.memory::<f64>(&shape).unwrap(), double);
            }
        }
    }

    #[test]
    fn ranks_add_the_memory_of_hooi() {
        let (shape, ranks) = ([64, 9, 8], vec![5, 3, 2]);
        let full = Cam::new(Weighting::Mtsm);
        let truncated = Cam {
            ranks: Some(ranks.clone()),
            ..full.clone()
        };
        let hooi = hooi(&ranks);
        let [full, truncated] = [full, truncated].map(|cam| cam.memory::<f32>(&shape).unwrap());
        assert_eq!(truncated - full, hooi.memory::<f64>(&shape).unwrap());
    }
}
