"""Tucker decompositions in a few lines of NumPy, and tensors to decompose."""

from __future__ import annotations

import numpy as np


def tensor(shape, seed=0, dtype=np.float64):
    """A random tensor with decaying singular values, so that its leading subspaces are distinct."""
    x = np.random.default_rng(seed).standard_normal(shape)
    for mode, extent in enumerate(shape):
        decay = 0.6 ** np.arange(extent)
        x = multiply(x, orthogonal(extent, seed + mode) * decay, mode)
    return (x / np.linalg.norm(x)).astype(dtype, order="C")


def low_rank(shape, ranks, seed=0, dtype=np.float64):
    """A tensor of the given multilinear ranks."""
    x = np.random.default_rng(seed).standard_normal(ranks)
    for mode, (extent, rank) in enumerate(zip(shape, ranks, strict=True)):
        x = multiply(x, orthogonal(extent, seed + mode)[:, :rank], mode)
    return x.astype(dtype, order="C")


def orthogonal(extent, seed):
    matrix = np.random.default_rng(seed).standard_normal((extent, extent))
    return np.linalg.qr(matrix)[0]


def multiply(x, matrix, mode):
    """The mode-n product x ×ₙ matrix."""
    return np.moveaxis(np.tensordot(matrix, x, axes=(1, mode)), 0, mode)


def reconstruct(core, factors, modes=None):
    """core ×₀ factors[0] ×₁ …"""
    x = np.asarray(core)
    for mode, factor in zip(modes or range(len(factors)), factors, strict=True):
        x = multiply(x, np.asarray(factor), mode)
    return x


def project(x, factors, modes=None, skip=None):
    """x ×₀ factors[0]ᵀ ×₁ …, without the mode `skip`."""
    for mode, factor in zip(modes or range(len(factors)), factors, strict=True):
        if mode != skip:
            x = multiply(x, factor.T, mode)
    return x


def unfold(x, mode):
    return np.moveaxis(x, mode, 0).reshape(x.shape[mode], -1)


def leading_vectors(matrix, rank):
    return np.linalg.svd(matrix, full_matrices=False)[0][:, :rank]


def hosvd(x, ranks):
    """The leading left singular vectors of each unfolding of x."""
    return [leading_vectors(unfold(x, mode), rank) for mode, rank in enumerate(ranks)]


def st_hosvd(x, ranks):
    """The leading left singular vectors of each unfolding of what the modes before left."""
    factors = []
    for mode, rank in enumerate(ranks):
        factors.append(leading_vectors(unfold(x, mode), rank))
        x = multiply(x, factors[-1].T, mode)
    return factors


def hooi(x, ranks, sweeps, fixed=()):
    """Alternating least squares from HOSVD."""
    factors = hosvd(x, ranks)
    for _ in range(sweeps):
        for mode, rank in enumerate(ranks):
            if mode not in fixed:
                projected = project(x, factors, skip=mode)
                factors[mode] = leading_vectors(unfold(projected, mode), rank)
    return factors


def relative_error(x, core, factors, modes=None):
    x = np.asarray(x, dtype=np.float64)
    error = np.linalg.norm(x - reconstruct(core, factors, modes))
    norm = np.linalg.norm(x)
    return error / norm if norm > 0 else error


def error_of_factors(x, factors):
    """The relative error of the best core for orthonormal factors."""
    return relative_error(x, project(x, factors), factors)


def distance(a, b):
    """‖AAᵀ − BBᵀ‖: the distance of the column spaces of matrices with orthonormal columns."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.linalg.norm(a @ a.T - b @ b.T)


def is_orthonormal(factor, tolerance):
    gram = np.asarray(factor, np.float64).T @ np.asarray(factor, np.float64)
    return np.abs(gram - np.eye(len(gram))).max() <= tolerance
