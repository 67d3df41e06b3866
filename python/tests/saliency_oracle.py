"""Random features, and saliency maps by their equations with NumPy's SVD in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

WEIGHTINGS = ("eigen-cam", "tsm", "multivec-eigen-cam", "mtsm")


def random_features(*shape: int, seed: int = 0) -> np.ndarray:
    """Features as after a ReLU: non-negative, with some zeros."""
    return np.maximum(np.random.default_rng(seed).normal(0.3, 1.0, shape), 0)


def uses_svd(weighting: str) -> bool:
    return weighting in ("eigen-cam", "multivec-eigen-cam")


def uses_all_vectors(weighting: str) -> bool:
    return weighting in ("multivec-eigen-cam", "mtsm")


def normalized(values: Matrix) -> Matrix:
    low, high = values.min(), values.max()
    return np.zeros_like(values) if low == high else (values - low) / (high - low)


def with_sign(projected: Matrix, sign: str) -> Matrix:
    """|p|, or max(0, ±p) with the sign for which the entry of largest magnitude is positive."""
    if sign == "absolute":
        return np.abs(projected)
    if -projected.min() > projected.max():
        projected = -projected
    return np.maximum(projected if sign == "positive" else -projected, 0)


def full_rank_map(
    features: NDArray[np.floating],
    weighting: str,
    centring: bool | None = None,
    sign: str | None = None,
) -> Matrix:
    """norm( Σᵢ (σᵢ/σ₁)·φ(Σ_c vᵢ[c]·F[c]) ) with vᵢ and σᵢ of the SVD of the C×HW unfolding."""
    unfolding = np.asarray(features, np.float64).reshape(features.shape[0], -1)
    if uses_svd(weighting) if centring is None else centring:
        unfolding = unfolding - unfolding.mean(axis=1, keepdims=True)
    if sign is None:
        sign = "positive" if weighting == "eigen-cam" else "absolute"
    vectors, sigma, _ = np.linalg.svd(unfolding, full_matrices=False)
    if sigma[0] == 0:
        return np.zeros(features.shape[1:])
    count = len(sigma) if uses_all_vectors(weighting) else 1
    terms = [sigma[i] / sigma[0] * with_sign(vectors[:, i] @ unfolding, sign) for i in range(count)]
    return normalized(sum(terms[1:], terms[0])).reshape(features.shape[1:])


def truncated_map(features: Matrix, weighting: str, ranks: tuple[int, int, int]) -> Matrix:
    """The map of a Tucker decomposition at given ranks, by HOOI from the HOSVD."""

    def unfold(x: Matrix, mode: int) -> Matrix:
        return np.moveaxis(x, mode, 0).reshape(x.shape[mode], -1)

    def projected(factors: list[Matrix], but: int | None) -> Matrix:
        x = features
        for mode, factor in enumerate(factors):
            if mode != but:
                x = np.moveaxis(np.tensordot(factor.T, x, axes=(1, mode)), 0, mode)
        return x

    factors = [
        np.linalg.svd(unfold(features, mode), full_matrices=False)[0][:, :rank]
        for mode, rank in enumerate(ranks)
    ]
    for _ in range(200):
        for mode, rank in enumerate(ranks):
            basis = np.linalg.svd(unfold(projected(factors, mode), mode), full_matrices=False)[0]
            factors[mode] = basis[:, :rank]
    # The columns of the channel factor in the order of the norms of their slices.
    projection = unfold(projected(factors, 0), 0)
    vectors, _, _ = np.linalg.svd(projection, full_matrices=False)
    vectors = vectors[:, : ranks[0]]
    sigma = np.linalg.norm(vectors.T @ projection, axis=1)
    count = ranks[0] if uses_all_vectors(weighting) else 1
    unfolding = unfold(features, 0)
    terms = [sigma[i] / sigma[0] * np.abs(vectors[:, i] @ unfolding) for i in range(count)]
    return normalized(sum(terms[1:], terms[0])).reshape(features.shape[1:])
