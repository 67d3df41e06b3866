//! `--list-layers`: the layers of a network.

use serde_json::json;
use tenfold::network::{Layer, Network};

use crate::console::Console;
use crate::failure::Outcome;

/// Prints the layers, and marks the layer that is used without `--layer`.
pub(super) fn list(network: &Network, console: &Console) -> Outcome {
    let last = network.last_feature_map();
    let chosen = last.as_ref().ok().map(|layer| layer.name());
    let input = network.input();
    // 1. The table.
    let rows: Vec<[String; 3]> = std::iter::once(["layer", "operator", "shape"].map(str::to_owned))
        .chain(network.layers().iter().map(row))
        .collect();
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    };
    let (names, operators) = (width(0), width(1));
    let mut lines = vec![format!(
        "input {}: {} {}",
        input.name(),
        shape_text(input.shape()),
        input.element()
    )];
    for [name, operator, shape] in &rows {
        let mark = if Some(&name[..]) == chosen { '*' } else { ' ' };
        lines.push(format!(
            "{mark} {name:names$}  {operator:operators$}  {shape}"
        ));
    }
    lines.push(match &last {
        Ok(_) => {
            "* the last feature map of the convolutional part, used without --layer".to_owned()
        }
        Err(error) => error.to_string(),
    });
    // 2. The JSON object.
    let layers = network.layers().iter().map(|layer| {
        json!({ "name": layer.name(), "operator": layer.operator(), "shape": layer.shape() })
    });
    let object = json!({
        "command": "cam",
        "network": network.path().display().to_string(),
        "input": {
            "name": input.name(),
            "shape": input.shape(),
            "dtype": input.element().name(),
        },
        "layers": layers.collect::<Vec<_>>(),
        "outputs_of_network": network.outputs(),
        "last_feature_map": chosen,
    });
    console.result(object, &lines.join("\n"))
}

fn row(layer: &Layer) -> [String; 3] {
    [
        layer.name().to_owned(),
        layer.operator().to_owned(),
        shape_text(layer.shape()),
    ]
}

/// A shape such as `1×1280×7×7`, with a question mark for an unknown extent.
fn shape_text(shape: &[Option<usize>]) -> String {
    let extents = shape.iter().map(|extent| match extent {
        Some(extent) => extent.to_string(),
        None => "?".to_owned(),
    });
    extents.collect::<Vec<_>>().join("×")
}
