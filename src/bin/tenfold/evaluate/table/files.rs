//! The table as CSV and as JSON.

use serde_json::{Map, Value, json};

use super::{Estimate, Table};

impl Table {
    /// One line for each method. The columns of a metric `m` are `m`, `m_low` and `m_high`; with
    /// truncated ranks also the difference to full ranks. Times are left out, so that the file
    /// does not change from run to run.
    pub(crate) fn csv(&self) -> String {
        let columns = self.distinct();
        let truncated = self.rows.iter().any(|row| row.difference.is_some());
        let mut header = vec!["method".to_owned(), "photographs".to_owned()];
        let suffixes: &[&str] = if truncated {
            &["", "_difference"]
        } else {
            &[""]
        };
        for suffix in suffixes {
            for &column in &columns {
                let name = format!("{}{suffix}", self.metrics[column].key);
                header.extend([format!("{name}_low"), format!("{name}_high")]);
                header.insert(header.len() - 2, name);
            }
        }
        let mut lines = vec![header];
        for row in &self.rows {
            let mut line = vec![quoted(&row.method), self.photographs.to_string()];
            let difference = |column: usize| row.difference.as_ref()?.cells[column];
            line.extend(columns.iter().flat_map(|&column| fields(row.cells[column])));
            if truncated {
                line.extend(
                    columns
                        .iter()
                        .flat_map(|&column| fields(difference(column))),
                );
            }
            lines.push(line);
        }
        let lines = lines.into_iter().map(|line| line.join(",") + "\n");
        lines.collect()
    }

    /// The JSON object, with times.
    pub(crate) fn json(&self) -> Value {
        let settings = &self.settings;
        let columns = self.distinct();
        let rows = self.rows.iter().map(|row| {
            let metrics: Map<String, Value> = columns
                .iter()
                .map(|&column| {
                    let mut object = object(row.cells[column]);
                    if let Some(difference) = &row.difference {
                        object["difference"] = self::object(difference.cells[column]);
                        object["difference"]["to"] = json!(difference.to);
                    }
                    (self.metrics[column].key.clone(), object)
                })
                .collect();
            json!({ "method": row.method, "metrics": metrics })
        });
        json!({
            "command": "evaluate",
            "network": settings.network,
            "name": settings.name,
            "layer": settings.layer,
            "feature_map": settings.feature_map,
            "judge": settings.judge,
            "embedding": settings.embedding,
            "classes": settings.classes,
            "masking": settings.masking,
            "preprocessing": settings.preprocessing,
            "photographs": self.photographs,
            "failures": self.failures,
            "rows": rows.collect::<Vec<Value>>(),
            "times": self.times_object(),
        })
    }

    fn times_object(&self) -> Value {
        let rows = self.times.rows().into_iter();
        let rows = rows.map(|row| {
            json!({
                "method": row.method,
                "seconds_per_map": row.seconds,
                "ratio_to_svd": row.ratio,
                "share_of_network": row.share,
            })
        });
        json!({
            "network_seconds": self.times.network(),
            "maps": rows.collect::<Vec<Value>>(),
        })
    }
}

/// A mean and its interval for JSON.
fn object(cell: Option<Estimate>) -> Value {
    json!({
        "mean": cell.map(|cell| cell.mean),
        "interval": cell.and_then(|cell| cell.interval),
    })
}

/// A mean and the ends of its interval for CSV.
fn fields(cell: Option<Estimate>) -> [String; 3] {
    let text = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
    let interval = cell.and_then(|cell| cell.interval);
    [
        text(cell.map(|cell| cell.mean)),
        text(interval.map(|[low, _]| low)),
        text(interval.map(|[_, high]| high)),
    ]
}

/// A field of CSV. A name with ranks contains commas.
fn quoted(field: &str) -> String {
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
