//! Time per map, as in the paper's Table 3.
//!
//! The times are medians over the photographs, since a few photographs may have waited for other
//! work of the machine.

use serde_json::{Value, json};

use crate::records::Record;

/// The times of each photograph, in seconds.
pub(super) struct Times {
    /// For each method, the time of each map.
    maps: Vec<Vec<f64>>,
    /// The time of the network for each unmasked image.
    network: Vec<f64>,
}

impl Times {
    pub(super) fn new(methods: usize) -> Self {
        Self {
            maps: vec![Vec::new(); methods],
            network: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, record: &Record) {
        self.network.push(record.network_seconds);
        for (map, times) in record.maps.iter().zip(&mut self.maps) {
            times.push(map.seconds);
        }
    }

    /// The rows of the table, for the methods by name.
    pub(super) fn rows(&self, methods: &[String]) -> Vec<TimeRow> {
        let medians: Vec<f64> = self.maps.iter().map(|times| median(times)).collect();
        let network = self.network();
        let row = |(index, method): (usize, &String)| {
            let peer = svd_peer(method)?;
            let svd = methods.iter().position(|method| method == peer)?;
            Some(medians[index] / medians[svd]).filter(|ratio| ratio.is_finite())
        };
        let rows = methods.iter().enumerate().map(|(index, method)| TimeRow {
            method: method.clone(),
            seconds: medians[index],
            ratio: row((index, method)),
            share: Some(medians[index] / network).filter(|share| share.is_finite()),
        });
        rows.collect()
    }

    /// The time of the network for one image.
    pub(super) fn network(&self) -> f64 {
        median(&self.network)
    }

    /// The object of the times.
    pub(super) fn json(&self, methods: &[String]) -> Value {
        let rows = self.rows(methods).into_iter().map(|row| {
            json!({
                "method": row.method,
                "seconds_per_map": row.seconds,
                "ratio_to_svd": row.ratio,
                "share_of_network": row.share,
            })
        });
        json!({
            "network_seconds": self.network(),
            "maps": rows.collect::<Vec<Value>>(),
        })
    }
}

/// The times of one method.
pub(super) struct TimeRow {
    pub(super) method: String,
    pub(super) seconds: f64,
    /// For a Tucker map: its time over the time of the SVD map with as many vectors.
    pub(super) ratio: Option<f64>,
    /// The time over the time of the network.
    pub(super) share: Option<f64>,
}

/// The weighting by the SVD that a Tucker method is compared with.
fn svd_peer(method: &str) -> Option<&'static str> {
    let weighting = method.split('@').next();
    match weighting {
        Some("tsm") => Some("eigen-cam"),
        Some("mtsm") => Some("multivec-eigen-cam"),
        _ => None,
    }
}

/// The median, and 0 for an empty list.
fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    match times.len() {
        0 => 0.0,
        count if count % 2 == 1 => times[count / 2],
        count => (times[count / 2 - 1] + times[count / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_taken() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn tucker_maps_are_compared_with_the_svd() {
        let methods = ["eigen-cam", "tsm", "tsm@2,2,2", "mtsm"].map(str::to_owned);
        let times = Times {
            maps: vec![vec![0.5], vec![1.0], vec![2.0], vec![1.0]],
            network: vec![100.0],
        };
        let ratios: Vec<_> = times.rows(&methods).iter().map(|row| row.ratio).collect();
        assert_eq!(ratios, [None, Some(2.0), Some(4.0), None]);
        assert_eq!(times.rows(&methods)[1].share, Some(0.01));
    }
}
