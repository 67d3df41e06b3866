//! The estimated times for an array on the CPU and on a GPU.

use serde_json::{Value, json};
use tenfold::Truncation;
use tenfold::cam::{Cam, Weighting};

use crate::console::Console;
use crate::device::Choice;
use crate::device::model::{Call, Model, Task};
use crate::failure::Outcome;

/// The relative error of the decompositions whose times are estimated. The estimate is the same for
/// any error.
const RELATIVE_ERROR: f64 = 1e-2;

/// Estimates for the first GPU.
pub(super) struct Estimates {
    model: Model,
}

impl Estimates {
    /// `None` for the CPU, and for `auto` where no GPU can be used.
    pub(super) fn of(device: Choice, console: &Console) -> Outcome<Option<Self>> {
        let model = match (device, Model::new()) {
            (Choice::Cpu, _) => return Ok(None),
            (_, Ok(model)) => model,
            (Choice::Auto, Err(failure)) => {
                console.note(format!("--device auto takes the CPU: {failure}"));
                return Ok(None);
            }
            (_, Err(failure)) => return Err(failure),
        };
        Ok(Some(Self { model }))
    }

    /// Adds the estimates for an array of a shape and a type to its description.
    pub(super) fn add_to(
        &self,
        shape: &[usize],
        dtype: &'static str,
        object: &mut Value,
        text: &mut String,
    ) {
        let mut objects = Vec::new();
        for (name, task, batch) in tasks(shape) {
            let call = Call { task, batch, dtype };
            // An array that a method does not accept has no estimate for this method.
            let Ok(times) = self.model.times(&[call]) else {
                continue;
            };
            objects.push(json!({
                "task": name,
                "cpu_seconds": times.cpu,
                "gpu_seconds": times.gpu,
                "gpu_seconds_with_opening": times.gpu_with_opening,
                "auto": if times.takes_gpu() { "cuda" } else { "cpu" },
            }));
            *text += &format!("  {name}: {times}\n");
        }
        object["estimates"] = json!({ "gpu": self.model.gpu(), "tasks": objects });
    }
}

/// The names of the tasks for an array, the tasks, and the extents of their batches.
fn tasks(shape: &[usize]) -> Vec<(&'static str, Task, Vec<usize>)> {
    let one = [&[1], shape].concat();
    let mut tasks = Vec::new();
    let of_maps = match shape.len() {
        3 => Some(one.clone()),
        4 => Some(shape.to_vec()),
        _ => None,
    };
    if let Some(batch) = of_maps {
        for (name, weighting) in [
            ("maps of first vectors (tsm)", Weighting::Tsm),
            ("maps of all vectors (mtsm)", Weighting::Mtsm),
        ] {
            tasks.push((name, Task::Maps(Cam::new(weighting)), batch.clone()));
        }
    }
    let truncation = Truncation::RelativeError(RELATIVE_ERROR);
    let name = "ST-HOSVD to a quarter of each extent";
    tasks.push((name, Task::StHosvd(truncation), one));
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_of_order_3_is_a_feature_map_and_a_tensor() {
        let batches = |shape: &[usize]| {
            let tasks = tasks(shape).into_iter();
            tasks.map(|(_, _, batch)| batch).collect::<Vec<_>>()
        };
        assert_eq!(batches(&[8, 3, 4]), vec![vec![1, 8, 3, 4]; 3]);
        assert_eq!(
            batches(&[9, 8, 3, 4]),
            [vec![9, 8, 3, 4], vec![9, 8, 3, 4], vec![1, 9, 8, 3, 4]]
        );
        assert_eq!(batches(&[8, 3]), [[1, 8, 3]]);
    }
}
