//! The operators of ONNX by what they do to the positions of a feature map.

/// Convolutions. They compute feature maps.
pub(super) const CONVOLUTIONS: &[&str] = &[
    "Conv",
    "ConvTranspose",
    "ConvInteger",
    "QLinearConv",
    "FusedConv",
    "DeformConv",
];

/// Operators after which a tensor is no feature map, even if the height and the width stay the same.
pub(super) const ENDS: &[&str] = &[
    "AveragePool",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "LogSoftmax",
    "LpPool",
    "MaxPool",
    "Softmax",
];

/// Operators that combine positions with each other, if their result has many positions.
pub(super) const OF_TOKENS: &[&str] = &[
    "Attention",
    "Einsum",
    "Gemm",
    "MatMul",
    "MultiHeadAttention",
];

/// Operators that combine all positions or a window of them, besides [`OF_TOKENS`] and the operators
/// that start with `Reduce`.
pub(super) const COMBINE_POSITIONS: &[&str] = &[
    "ArgMax",
    "AveragePool",
    "Flatten",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "LpPool",
    "MaxPool",
    "TopK",
];
