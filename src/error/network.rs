//! Errors of networks.

use std::fmt;

use super::plural;

/// What is wrong with a network or with a request to it, in
/// [`Error::Network`](crate::Error::Network).
///
/// ```
/// use tenfold::NetworkError;
/// let error = NetworkError::UnknownLayer {
///     name: "feature".into(),
///     nearest: vec!["features".into(), "fc".into()],
/// };
/// assert_eq!(
///     error.to_string(),
///     "the network has no layer \"feature\", the nearest names are \"features\", \"fc\""
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A name that no layer has.
    #[error("the network has no layer {name:?}, {}", Nearest(nearest))]
    UnknownLayer {
        /// The name.
        name: String,
        /// The names that are most similar, the most similar first.
        nearest: Vec<String>,
    },
    /// A network for which no last feature map can be chosen.
    #[error("{reason}: name a layer{}", Candidates(candidates))]
    NoFeatureMap {
        /// Why none can be chosen.
        reason: String,
        /// Layers that may be meant, each with its shape.
        candidates: Vec<String>,
    },
    /// An operator that the engine does not have, on the way to a requested layer.
    #[error("the operator {operator} of the node {node:?} is not supported")]
    UnsupportedOperator {
        /// The operator.
        operator: String,
        /// The name of the node.
        node: String,
    },
    /// An input that cannot take one RGB photograph.
    #[error("{problem}")]
    UnsupportedInput {
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// An input without a fixed height and width, for a call that needs them.
    #[error("the input {input:?} has no fixed height and width, an input size must be given")]
    UnknownInputSize {
        /// The name of the input.
        input: String,
    },
    /// A failure of the engine that reads and runs networks.
    #[error("the network cannot be {doing}: {problem}")]
    Engine {
        /// What was done: "read", "prepared" or "run".
        doing: &'static str,
        /// The message of the engine.
        problem: String,
    },
}

/// Displays the names that are nearest to an unknown name.
struct Nearest<'a>(&'a [String]);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("it has no layers");
        }
        f.write_str(plural(
            self.0.len(),
            "the nearest name is ",
            "the nearest names are ",
        ))?;
        for (place, name) in self.0.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{name:?}")?;
        }
        Ok(())
    }
}

/// Displays layers to choose from, after "name a layer".
struct Candidates<'a>(&'a [String]);

impl fmt::Display for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, ", such as {}", self.0.join(", "))
    }
}
