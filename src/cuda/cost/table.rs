//! Measured times, interpolated between the orders that were measured.

/// Pairs of an order and a time in microseconds, in ascending order of both.
pub(super) type Table = &'static [(f64, f64)];

/// The time for an order. Between two orders of the table the time is c·nᵏ. The first and the last
/// pairs of the table are extended beyond their ends.
pub(super) fn interpolated(table: Table, order: f64) -> f64 {
    let above = table.partition_point(|&(n, _)| n < order);
    let right = above.clamp(1, table.len() - 1);
    let ((n, time), (next, next_time)) = (table[right - 1], table[right]);
    let exponent = (next_time / time).ln() / (next / n).ln();
    time * (order / n).powf(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_between_and_beyond_the_orders() {
        const TABLE: Table = &[(2.0, 8.0), (4.0, 64.0), (8.0, 128.0)];
        for (order, expected) in [(1.0, 1.0), (2.0, 8.0), (3.0, 27.0), (4.0, 64.0)] {
            assert!((interpolated(TABLE, order) / expected - 1.0).abs() < 1e-12);
        }
        assert!((interpolated(TABLE, 16.0) / 256.0 - 1.0).abs() < 1e-12);
    }
}
