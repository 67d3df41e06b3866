//! How much memory a saliency map takes, told from shapes alone.

use super::Cam;
use super::tucker::hooi;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::Shape;

impl Cam {
    /// The bytes that [`Cam::saliency_map`] takes beside a feature map of
    /// extents `shape`, at most; [`Cam::saliency_maps`] takes as much for every
    /// thread, and the maps.
    ///
    /// With E entries, P positions and n = min(C, P) that is E + 64·n² bytes for
    /// a Gram matrix and its eigenvectors, 8·E for a centred copy, 8·n·P for
    /// what is projected, and 32·P for the map; with ranks, the memory of
    /// [`Hooi`](crate::Hooi) in `f64` besides. Not counted is the scratch memory that a thread keeps for
    /// its next map, in pieces whose sizes are powers of two.
    ///
    /// # Errors
    /// Those of [`Cam::saliency_map`] that the shape alone tells.
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
        // In floating point, so that no size overflows.
        let entries = shape.entries() as f64;
        let channels = shape[0] as f64;
        let positions = entries / channels;
        let order = channels.min(positions);
        let map = (32 + size_of::<T>()) as f64 * positions;
        let closed_form = entries + 64.0 * order * order + 8.0 * order * positions;
        let iteration = match &self.ranks {
            Some(ranks) => hooi(ranks).memory::<f64>(&shape)?,
            None => 0,
        };
        let maps = (8.0 * entries + map + closed_form) as u64;
        Ok(maps.saturating_add(iteration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cam::Weighting;

    /// The terms of the formula in the documentation, for more channels than positions
    /// and for fewer.
    #[test]
    fn the_estimate_is_the_documented_one() {
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
        let closed = Cam::new(Weighting::Mtsm);
        let truncated = Cam {
            ranks: Some(ranks.clone()),
            ..closed.clone()
        };
        let hooi = hooi(&ranks);
        let [closed, truncated] = [closed, truncated].map(|cam| cam.memory::<f32>(&shape).unwrap());
        assert_eq!(truncated - closed, hooi.memory::<f64>(&shape).unwrap());
    }
}
