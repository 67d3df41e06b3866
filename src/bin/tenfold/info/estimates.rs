//! The estimated times for an array on the CPU and on a GPU.

use serde_json::{Value, json};
use tenfold::Truncation;
use tenfold::cam::{Cam, Reading, Weighting};

use crate::console::Console;
use crate::device::Choice;
use crate::device::model::{Call, Model, Task};
use crate::failure::Outcome;

/// The relative error of the decompositions whose times are estimated. The estimate is the same for
/// any error.
const RELATIVE_ERROR: f64 = 1e-2;

/// An array whose times are estimated.
pub(super) struct Array<'a> {
    pub(super) shape: &'a [usize],
    pub(super) dtype: &'static str,
    /// How the array is read as feature maps; `None` if it is not.
    pub(super) reading: Option<&'a Reading>,
}

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

    /// Adds the estimates for an array to its description.
    pub(super) fn add_to(&self, array: &Array, object: &mut Value, text: &mut String) {
        let mut objects = Vec::new();
        for (name, task, batch) in tasks(array) {
            let dtype = array.dtype;
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
fn tasks(array: &Array) -> Vec<(&'static str, Task, Vec<usize>)> {
    let mut tasks = Vec::new();
    if let Some(reading) = array.reading {
        let batch = [&[reading.items()], reading.feature_map_shape()].concat();
        for (name, weighting) in [
            ("maps of first vectors (tsm)", Weighting::Tsm),
            ("maps of all vectors (mtsm)", Weighting::Mtsm),
        ] {
            tasks.push((name, Task::Maps(Cam::new(weighting)), batch.clone()));
        }
    }
    let truncation = Truncation::RelativeError(RELATIVE_ERROR);
    let name = "ST-HOSVD to a quarter of each extent";
    let one = [&[1], array.shape].concat();
    tasks.push((name, Task::StHosvd(truncation), one));
    tasks
}

#[cfg(test)]
mod tests {
    use tenfold::cam::{Layout, Tokens};

    use super::*;

    #[test]
    fn the_maps_of_an_array_have_the_shape_of_its_layout() {
        let batches = |shape: &[usize], layout: &str| {
            let layout: Option<Layout> = layout.parse().ok();
            let reading = layout.map(|layout| layout.read(shape, Tokens::default()).unwrap());
            let array = Array {
                shape,
                dtype: "f32",
                reading: reading.as_ref(),
            };
            let tasks = tasks(&array).into_iter();
            tasks.map(|(_, _, batch)| batch).collect::<Vec<_>>()
        };
        assert_eq!(batches(&[8, 3, 4], "chw"), vec![vec![1, 8, 3, 4]; 3]);
        let maps = vec![9, 8, 3, 4];
        assert_eq!(
            batches(&[9, 8, 3, 4], "nchw"),
            [maps.clone(), maps.clone(), vec![1, 9, 8, 3, 4]]
        );
        assert_eq!(
            batches(&[9, 3, 4, 8], "nhwc"),
            [maps.clone(), maps, vec![1, 9, 3, 4, 8]]
        );
        assert_eq!(batches(&[8, 3], "cl"), vec![vec![1, 8, 3]; 3]);
        assert_eq!(batches(&[8, 3], ""), [[1, 8, 3]]);
    }
}
