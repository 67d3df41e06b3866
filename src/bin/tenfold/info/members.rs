//! Lists of the arrays of a file.

use std::path::Path;

use serde_json::{Value, json};
use tenfold::io::Member;

use crate::console::times;

/// The list of the arrays of a file.
pub(super) fn describe_members(path: &Path, members: &[Member]) -> (Value, String) {
    let objects: Vec<Value> = members
        .iter()
        .map(|member| {
            json!({
                "name": member.name,
                "shape": member.shape,
                "stored_dtype": member.stored_dtype,
                "dtype": member.dtype,
                "note": member.note,
                "problem": member.problem,
            })
        })
        .collect();
    let object = json!({
        "file": path.display().to_string(),
        "kind": "arrays",
        "members": objects,
    });
    let width = members
        .iter()
        .map(|member| member.name.chars().count())
        .max();
    let width = width.unwrap_or(0);
    let mut text = format!("{}: {} arrays\n", path.display(), members.len());
    for member in members {
        let Member {
            name,
            shape,
            stored_dtype,
            ..
        } = member;
        // Single values and members that cannot be read have no extents.
        let shape = if shape.is_empty() {
            String::new()
        } else {
            format!("{} ", times(shape))
        };
        let problem = member
            .problem
            .as_ref()
            .map(|problem| format!(": {problem}"));
        text += &format!(
            "  {name:width$}  {shape}{stored_dtype}{}\n",
            problem.unwrap_or_default()
        );
    }
    (object, text)
}
