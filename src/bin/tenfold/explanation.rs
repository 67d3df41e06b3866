//! `decompose --explain`: the spectra, the ranks that were possible, and why the chosen ones won.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenfold::{Hosvd, Scalar, Tensor, TradeOff, TradeOffs, Truncation, Tucker};

use crate::console::times;

/// The sizes of other ranks in the table, relative to the chosen ones.
const SIZES: [f64; 6] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0];

/// The most columns of the table of tails.
const TAILS: usize = 7;

/// The memory that [`Explanation::of`] allocates at most, for an array of this shape and type. It is 0
/// for a shape that HOSVD does not accept.
pub(crate) fn memory(shape: &[usize], dtype: &str) -> u64 {
    let hosvd = Hosvd::new(Truncation::RelativeError(0.0));
    let bytes = if dtype == f32::NAME {
        hosvd.memory::<f32>(shape)
    } else {
        hosvd.memory::<f64>(shape)
    };
    bytes.unwrap_or(0)
}

/// What is printed for one decomposition.
pub(crate) struct Explanation {
    /// For each decomposed mode, ranks and the relative error that they alone cause.
    tails: Vec<(usize, Vec<(usize, f64)>)>,
    rows: Vec<Row>,
    reason: String,
    entries: f64,
}

/// A line of the table of ranks.
struct Row {
    what: TradeOff,
    is_chosen: bool,
    remark: String,
}

impl Explanation {
    /// Explains the ranks of `tucker`, a decomposition of `x` with this error. Twice these ranks are
    /// computed by HOSVD, for the errors of other ranks.
    pub(crate) fn of<T: Scalar>(
        x: &Tensor<T>,
        tucker: &Tucker<T>,
        error: f64,
        truncation: &Truncation,
    ) -> tenfold::Result<Self> {
        let modes: Vec<usize> = (0..x.order())
            .filter(|&mode| tucker.factor(mode).is_some())
            .collect();
        let ranks: Vec<usize> = modes.iter().map(|&mode| tucker.ranks()[mode]).collect();
        // 1. HOSVD at larger ranks: the spectra of X, and a core with the other ranks.
        let larger: Vec<usize> = ranks.iter().map(|rank| 2 * rank + 2).collect();
        let hosvd = Hosvd {
            modes: Some(modes.clone()),
            ..Hosvd::new(Truncation::at_most(&larger, x.shape(), Some(&modes))?)
        };
        let analysis = hosvd.decompose(x)?;
        let spectra: Vec<Vec<f64>> = modes
            .iter()
            .map(|&mode| analysis.spectrum(mode).unwrap_or_default().to_vec())
            .collect();
        let lacking = analysis.estimated_error().unwrap_or_default();
        let trade_offs = analysis.trade_offs(lacking)?;
        // 2. The table of ranks.
        let chosen = TradeOff {
            ranks: tucker.ranks().to_vec(),
            entries: (x.data().len() as f64 / tucker.compression()).round() as usize,
            relative_error: error,
        };
        let even = even_split(truncation, &spectra, x.shape(), &modes);
        let even = even.and_then(|even| trade_offs.at(&even).ok());
        let table = Table {
            truncation,
            chosen: &chosen,
        };
        let mut rows = table.others(&trade_offs);
        rows.extend(table.lower(&trade_offs, &modes, &ranks));
        rows.extend(
            even.iter()
                .map(|even| table.row(even.clone(), "even split")),
        );
        rows.push(Row {
            what: chosen.clone(),
            is_chosen: true,
            remark: "chosen".to_owned(),
        });
        let rows = without_repetitions(rows);
        let reason = table.reason(even.as_ref(), &rows);
        // 3. The tails.
        let tails = modes.into_iter().zip(&spectra);
        Ok(Self {
            tails: tails
                .map(|(mode, values)| (mode, tails_of(values)))
                .collect(),
            rows,
            reason,
            entries: x.data().len() as f64,
        })
    }

    /// The text, in at most 80 columns for tensors with a few modes.
    pub(crate) fn text(&self) -> String {
        let mut text =
            "relative error with the first R singular values of one mode alone:\n".to_owned();
        let steps = self.tails.iter().map(|(_, tails)| tails.len()).max();
        let longest = self
            .tails
            .iter()
            .find(|(_, tails)| Some(tails.len()) == steps);
        let longest = longest.map_or(&[][..], |(_, tails)| tails);
        text += &format!("  {:<8}", "R");
        for (rank, _) in longest {
            text += &format!("{rank:>10}");
        }
        for (mode, tails) in &self.tails {
            text += &format!("\n  {:<8}", format!("mode {mode}"));
            for (_, error) in tails {
                text += &format!("{error:>10.2e}");
            }
        }
        let ranks: Vec<String> = self.rows.iter().map(|row| times(&row.what.ranks)).collect();
        let width = ranks
            .iter()
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(0)
            .max(5);
        text += &format!(
            "\nranks, the entries they store, and their error:\n    {:<width$} {:>12} {:>8} {:>10}\n",
            "ranks", "entries", "ratio", "error"
        );
        for (row, ranks) in self.rows.iter().zip(ranks) {
            let mark = if row.is_chosen { '→' } else { ' ' };
            let ratio = self.entries / row.what.entries as f64;
            let ratio = if ratio < 99.95 {
                format!("{ratio:.1}×")
            } else {
                format!("{ratio:.0}×")
            };
            let line = format!(
                "  {mark} {ranks:<width$} {:>12} {ratio:>8} {:>10.3e}  {}",
                row.what.entries, row.what.relative_error, row.remark
            );
            text += &format!("{}\n", line.trim_end());
        }
        text + &self.reason
    }

    pub(crate) fn json(&self) -> Value {
        let tails = self.tails.iter().map(|(mode, tails)| {
            json!({
                "mode": mode,
                "ranks": tails.iter().map(|(rank, _)| rank).collect::<Vec<_>>(),
                "errors": tails.iter().map(|(_, error)| error).collect::<Vec<_>>(),
            })
        });
        let ranks = self.rows.iter().map(|row| {
            json!({
                "ranks": row.what.ranks,
                "entries": row.what.entries,
                "relative_error": row.what.relative_error,
                "chosen": row.is_chosen,
                "remark": row.remark,
            })
        });
        json!({
            "tails": tails.collect::<Vec<_>>(),
            "ranks": ranks.collect::<Vec<_>>(),
            "reason": self.reason,
        })
    }
}

/// The chosen ranks, and what was asked for.
struct Table<'a> {
    truncation: &'a Truncation,
    chosen: &'a TradeOff,
}

impl Table<'_> {
    /// A line with the remark `what`, and whether the ranks are within the tolerance or the limit.
    fn row(&self, trade_off: TradeOff, what: &str) -> Row {
        let verdict = match *self.truncation {
            Truncation::RelativeError(tolerance) if trade_off.relative_error > tolerance => {
                "error too large"
            }
            Truncation::RelativeError(_) if trade_off.entries > self.chosen.entries => {
                "stores more"
            }
            Truncation::MaxEntries(limit) if trade_off.entries > limit => "too many entries",
            Truncation::MaxEntries(_) if trade_off.relative_error > self.chosen.relative_error => {
                "less accurate"
            }
            _ => "",
        };
        let parts = [what, verdict].into_iter().filter(|part| !part.is_empty());
        Row {
            remark: parts.collect::<Vec<_>>().join(": "),
            is_chosen: false,
            what: trade_off,
        }
    }

    /// The most accurate ranks at several sizes.
    fn others<T: Scalar>(&self, trade_offs: &TradeOffs<T>) -> Vec<Row> {
        let within = |size: &f64| {
            let entries = (self.chosen.entries as f64 * size) as usize;
            trade_offs.within(entries)
        };
        let found = SIZES.iter().filter_map(within);
        found.map(|trade_off| self.row(trade_off, "")).collect()
    }

    /// The chosen ranks with one of them lowered by one.
    fn lower<T: Scalar>(
        &self,
        trade_offs: &TradeOffs<T>,
        modes: &[usize],
        ranks: &[usize],
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        for (place, mode) in modes.iter().enumerate() {
            let mut lower = ranks.to_vec();
            lower[place] = lower[place].saturating_sub(1);
            if let Ok(trade_off) = trade_offs.at(&lower) {
                rows.push(self.row(trade_off, &format!("mode {mode} lower")));
            }
        }
        rows
    }

    /// Why the chosen ranks won.
    fn reason(&self, even: Option<&TradeOff>, rows: &[Row]) -> String {
        let Self { truncation, chosen } = self;
        let ranks = times(&chosen.ranks);
        let asked = match truncation {
            Truncation::RelativeError(tolerance) => {
                format!("{ranks}: the fewest entries found for an error of at most {tolerance:e}.")
            }
            Truncation::MaxEntries(limit) => {
                format!("{ranks}: the smallest error found with at most {limit} entries.")
            }
            Truncation::Ranks(_) => format!("{ranks}: the ranks were given."),
        };
        let better = rows.iter().map(|row| &row.what).filter(|other| {
            other.entries <= chosen.entries
                && other.relative_error < chosen.relative_error * (1.0 - 1e-3)
        });
        let better = better.min_by(|a, b| a.relative_error.total_cmp(&b.relative_error));
        let more = match (truncation, even, better) {
            (Truncation::RelativeError(_), Some(even), _) if even.entries > chosen.entries => {
                let more = 100.0 * (even.entries as f64 / chosen.entries as f64 - 1.0);
                format!(
                    "\nAn even split of the tolerance gives {} and stores {more:.0}% more.",
                    times(&even.ranks)
                )
            }
            (Truncation::Ranks(_), _, Some(better)) => format!(
                "\n{} store no more and have an error of {:.3e}.",
                times(&better.ranks),
                better.relative_error
            ),
            _ => String::new(),
        };
        asked + &more
    }
}

/// The ranks that discard an equal share of the tolerance in each mode.
fn even_split(
    truncation: &Truncation,
    spectra: &[Vec<f64>],
    shape: &[usize],
    modes: &[usize],
) -> Option<Vec<usize>> {
    let &Truncation::RelativeError(tolerance) = truncation else {
        return None;
    };
    let each = tolerance / (spectra.len() as f64).sqrt();
    let ranks: Vec<usize> = spectra
        .iter()
        .map(|values| {
            let errors = errors_of(values);
            errors
                .iter()
                .position(|&error| error <= each)
                .unwrap_or(values.len())
                .max(1)
        })
        .collect();
    match Truncation::at_most(&ranks, shape, Some(modes)).ok()? {
        Truncation::Ranks(ranks) => Some(ranks),
        _ => None,
    }
}

/// √Σ_{i>r} σᵢ²/Σσᵢ² for r = 0, 1, ….
fn errors_of(values: &[f64]) -> Vec<f64> {
    let largest = values.first().copied().unwrap_or(0.0);
    let mut squares = vec![0.0; values.len() + 1];
    for (r, value) in values.iter().enumerate().rev() {
        let share = if largest > 0.0 { value / largest } else { 0.0 };
        squares[r] = squares[r + 1] + share * share;
    }
    let all = squares[0];
    let relative = |square: &f64| {
        if all > 0.0 {
            (square / all).sqrt()
        } else {
            0.0
        }
    };
    squares.iter().map(relative).collect()
}

/// Useful ranks below the number of singular values, and the errors that they alone cause.
fn tails_of(values: &[f64]) -> Vec<(usize, f64)> {
    let errors = errors_of(values);
    let digits: &[usize] = if values.len() > 200 {
        &[1, 3]
    } else {
        &[1, 2, 5]
    };
    let powers = (0..6).map(|power| 10usize.pow(power));
    let steps = powers.flat_map(|power| digits.iter().map(move |digit| digit * power));
    let steps = steps.take_while(|&rank| rank < values.len());
    steps.take(TAILS).map(|rank| (rank, errors[rank])).collect()
}

/// The rows by their entries, each with other ranks. The last of equal ones counts.
fn without_repetitions(rows: Vec<Row>) -> Vec<Row> {
    let mut by_ranks = BTreeMap::new();
    for row in rows {
        by_ranks.insert((row.what.entries, row.what.ranks.clone()), row);
    }
    by_ranks.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_errors_of_one_mode_alone() {
        assert_eq!(errors_of(&[4.0, 3.0]), [1.0, 0.6, 0.0]);
        assert_eq!(tails_of(&[4.0, 3.0]), [(1, 0.6)]);
        assert_eq!(errors_of(&[0.0]), [0.0, 0.0]);
        let steps = |n: usize| -> Vec<usize> {
            tails_of(&vec![1.0; n])
                .into_iter()
                .map(|(rank, _)| rank)
                .collect()
        };
        assert_eq!(steps(60), [1, 2, 5, 10, 20, 50]);
        assert_eq!(steps(2048), [1, 3, 10, 30, 100, 300, 1000]);
    }
}
