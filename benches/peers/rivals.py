"""The work of the comparisons in NumPy, TensorLy and pyttb."""

import contextlib
import io
import itertools
import math

import numpy as np
import pyttb
import tensorly
from tensorly.decomposition import tucker as tensorly_tucker

WEIGHTINGS = ("eigen-cam", "tsm", "multivec-eigen-cam", "mtsm")


def is_svd(weighting):
    return weighting in ("eigen-cam", "multivec-eigen-cam")


def uses_all_vectors(weighting):
    return weighting in ("multivec-eigen-cam", "mtsm")


def finish(weighting, projected):
    """Clips a projected map (EigenCAM) or takes magnitudes, and normalises the result to [0, 1]."""
    if weighting == "eigen-cam":
        if -projected.min() > projected.max():
            projected = -projected
        projected = np.maximum(projected, 0)
    else:
        projected = np.abs(projected)
    low, high = projected.min(), projected.max()
    return (projected - low) / (high - low)


def published_map(features, weighting):
    """The map with the decompositions of the published code: a full SVD of the centred unfolding
    with all C vectors, or `tucker` of TensorLy at full ranks. The published code takes rows of the
    channel factor. The equations and this function take its columns."""
    channels = features.shape[0]
    unfolding = features.reshape(channels, -1)
    if is_svd(weighting):
        rows = unfolding.T - unfolding.T.mean(axis=0)
        _, sigma, vt = np.linalg.svd(rows, full_matrices=True)
        if not uses_all_vectors(weighting):
            return finish(weighting, rows @ vt[0])
        count = len(sigma)
        return finish(weighting, np.abs(rows @ vt[:count].T) @ (sigma / sigma[0]))
    core, factors = tensorly_tucker(features, rank=list(features.shape))
    vectors = factors[0]
    if not uses_all_vectors(weighting):
        return finish(weighting, vectors[:, 0] @ unfolding)
    sigma = np.linalg.norm(core.reshape(core.shape[0], -1), axis=1)
    return finish(weighting, (sigma / sigma[0]) @ np.abs(vectors.T @ unfolding))


def best_map(features, weighting):
    """The map with optimised NumPy: from the Gram matrix of the smaller side."""
    m = features.reshape(features.shape[0], -1)
    if is_svd(weighting):
        m = m - m.mean(axis=1, keepdims=True)
    if m.shape[0] >= m.shape[1]:
        squares, z = np.linalg.eigh(m.T @ m)
        if not uses_all_vectors(weighting):
            return finish(weighting, z[:, -1])
        # The weight σᵢ/σ₁ times the projected map σᵢ|zᵢ|. Normalisation removes σ₁.
        return finish(weighting, np.abs(z) @ np.maximum(squares, 0))
    squares, u = np.linalg.eigh(m @ m.T)
    if not uses_all_vectors(weighting):
        return finish(weighting, u[:, -1] @ m)
    return finish(weighting, np.sqrt(np.maximum(squares, 0)) @ np.abs(u.T @ m))


def cheapest_order(shape, ranks):
    """The order of the modes with the fewest flops in ST-HOSVD."""

    def flops(order):
        extents, total = list(shape), 0
        for mode in order:
            size = math.prod(extents)
            total += size * (extents[mode] + 2 * ranks[mode])
            extents[mode] = ranks[mode]
        return total

    return min(itertools.permutations(range(len(shape))), key=flops)


def st_hosvd(x, ranks):
    """ST-HOSVD by Gram matrices: the core and the factors. Unfoldings of the first and the last
    mode are views, and NumPy computes `M @ M.T` with one call of SYRK."""
    factors = [None] * x.ndim
    for mode in cheapest_order(x.shape, ranks):
        shape = x.shape
        extent, rank = shape[mode], ranks[mode]
        left, right = math.prod(shape[:mode]), math.prod(shape[mode + 1 :])
        if left == 1:
            m = x.reshape(extent, right)
            gram = m @ m.T
        elif right == 1:
            m = x.reshape(left, extent)
            gram = m.T @ m
        else:
            m = np.ascontiguousarray(np.moveaxis(x, mode, 0)).reshape(extent, -1)
            gram = m @ m.T
        u = np.linalg.eigh(gram)[1][:, : -rank - 1 : -1]
        if left == 1:
            x = u.T @ m
        elif right == 1:
            x = m @ u
        else:
            x = np.matmul(u.T, x.reshape(left, extent, right))
        x = x.reshape(*shape[:mode], rank, *shape[mode + 1 :])
        factors[mode] = u
    return x, factors


def projection_error(x_norm, core):
    """The relative error ‖X − X̂‖/‖X‖ = √(1 − ‖G‖²/‖X‖²) of an orthogonal projection."""
    core = np.asarray(core, dtype=np.float64)
    return math.sqrt(max(0.0, 1 - (np.linalg.norm(core) / x_norm) ** 2))


def measured_error(x, core, factors):
    """The relative error ‖X − X̂‖/‖X‖ in f64, from X̂ itself. It keeps the digits of a small error."""
    approximation = np.asarray(core, dtype=np.float64)
    for mode, factor in enumerate(factors):
        factor = np.asarray(factor, dtype=np.float64)
        product = np.tensordot(factor, approximation, axes=(1, mode))
        approximation = np.moveaxis(product, 0, mode)
    pairs = list(zip(x, approximation))
    error = sum(np.sum((np.float64(part) - other) ** 2) for part, other in pairs)
    return math.sqrt(error / sum(np.sum(np.float64(part) ** 2) for part in x))


def tensorly_hooi(x, ranks, tolerance):
    """The core of HOOI."""
    return tensorly_tucker(tensorly.tensor(x), rank=list(ranks), tol=tolerance)[0]


def pyttb_hooi(x, ranks, tolerance, start):
    """The core of HOOI for a pyttb tensor `x`."""
    with contextlib.redirect_stdout(io.StringIO()):
        result = pyttb.tucker_als(x, list(ranks), stoptol=tolerance, init=start, printitn=0)
    return result[0].core.data
