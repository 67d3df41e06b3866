//! The number of calls of each function of the driver.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard};

fn calls() -> MutexGuard<'static, BTreeMap<&'static str, u64>> {
    static CALLS: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());
    CALLS.lock().unwrap_or_else(|broken| broken.into_inner())
}

/// Counts a call.
pub(crate) fn count(name: &'static str) {
    *calls().entry(name).or_default() += 1;
}

/// Sets all numbers to zero.
pub(crate) fn reset() {
    calls().clear();
}

/// A line for each function: its name and its number of calls.
pub(crate) fn text() -> String {
    let mut text = String::new();
    for (name, count) in calls().iter() {
        // Writing to a string never fails.
        let _ = writeln!(text, "{name} {count}");
    }
    text
}
