//! Time per map, as in the paper's Table 3.
//!
//! The times are medians over the photographs, since a few photographs may have waited for other
//! work of the machine.

use tenfold::cam::{Decomposition, Weighting};

use crate::records::Record;
use crate::summary::median;

/// The times of each photograph, in seconds.
pub(crate) struct Times {
    methods: Vec<String>,
    /// For each method, the time of each map.
    maps: Vec<Vec<f64>>,
    /// The time of the network for each unmasked image.
    network: Vec<f64>,
}

impl Times {
    pub(crate) fn new(methods: &[String]) -> Self {
        Self {
            methods: methods.to_vec(),
            maps: vec![Vec::new(); methods.len()],
            network: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, record: &Record) {
        if record.network_seconds > 0.0 {
            self.network.push(record.network_seconds);
        }
        for (method, times) in self.methods.iter().zip(&mut self.maps) {
            let map = record.maps.iter().find(|map| map.method == *method);
            times.extend(map.map(|map| map.seconds));
        }
    }

    /// A row for each method.
    pub(crate) fn rows(&self) -> Vec<TimeRow> {
        let medians: Vec<Option<f64>> = self.maps.iter().map(|times| median(times)).collect();
        let network = self.network();
        let of_svd = |method: &str| {
            let svd = svd_peer(method)?.name();
            medians[self.methods.iter().position(|method| method == svd)?]
        };
        let fraction = |time: Option<f64>, whole: Option<f64>| {
            Some(time? / whole?).filter(|fraction| fraction.is_finite())
        };
        let rows = self.methods.iter().zip(&medians);
        let rows = rows.map(|(method, &seconds)| TimeRow {
            method: method.clone(),
            seconds,
            ratio: fraction(seconds, of_svd(method)),
            share: fraction(seconds, network),
        });
        rows.collect()
    }

    /// The time of the network for one image.
    pub(crate) fn network(&self) -> Option<f64> {
        median(&self.network)
    }
}

/// The times of one method.
pub(crate) struct TimeRow {
    pub(crate) method: String,
    /// `None` without a record.
    pub(crate) seconds: Option<f64>,
    /// For a Tucker map: its time over the time of the SVD map with as many vectors.
    pub(crate) ratio: Option<f64>,
    /// The time over the time of the network.
    pub(crate) share: Option<f64>,
}

/// The weighting by the SVD that a Tucker method is compared with: the one with as many vectors.
fn svd_peer(method: &str) -> Option<Weighting> {
    let weighting: Weighting = method.split('@').next()?.parse().ok()?;
    let is_peer = |other: &Weighting| {
        other.decomposition() == Decomposition::Svd && other.vectors() == weighting.vectors()
    };
    let is_tucker = weighting.decomposition() == Decomposition::Tucker;
    is_tucker.then(|| Weighting::ALL.into_iter().find(is_peer))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tucker_maps_are_compared_with_the_svd() {
        let methods = ["eigen-cam", "tsm", "tsm@2,2,2", "mtsm"].map(str::to_owned);
        let times = Times {
            methods: methods.to_vec(),
            maps: vec![vec![0.5], vec![1.0], vec![2.0], vec![1.0]],
            network: vec![100.0],
        };
        let ratios: Vec<_> = times.rows().iter().map(|row| row.ratio).collect();
        assert_eq!(ratios, [None, Some(2.0), Some(4.0), None]);
        assert_eq!(times.rows()[1].share, Some(0.01));
    }
}
