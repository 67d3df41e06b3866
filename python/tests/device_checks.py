"""Tensors for tests on a device, and checks of results there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tenfold
import tenfold.cuda

# The differences between device and CPU are at most n·ε times the norm, divided by gaps of singular
# values that the test tensors have.
TOLERANCES = {np.float32: 1e-4, np.float64: 1e-10}


def tensor(
    shape: tuple[int, ...] = (6, 5, 4), dtype: Any = np.float64, seed: int = 1
) -> npt.NDArray[Any]:
    """A tensor with singular values that decay by a factor of 4."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal(shape)
    for mode, extent in enumerate(shape):
        orthonormal = np.linalg.qr(generator.standard_normal((extent, extent)))[0]
        decayed = orthonormal * 0.25 ** np.arange(extent)
        x = np.moveaxis(np.tensordot(decayed, x, (1, mode)), 0, mode)
    return np.ascontiguousarray(x, dtype)


def features(shape: tuple[int, ...] = (2, 6, 3, 4), dtype: Any = np.float64) -> npt.NDArray[Any]:
    """Feature maps of which the first singular vector is well determined."""
    generator = np.random.default_rng(3)
    positions = np.linspace(0, 1, int(np.prod(shape[2:]))).reshape(shape[2:])
    channels = generator.standard_normal(shape[:2])
    pattern = channels[(...,) + (None,) * (len(shape) - 2)] * positions
    return (pattern + 0.1 * generator.standard_normal(shape)).astype(dtype)


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """A result on the device, copied to the host."""
    assert type(array) is tenfold.cuda.DeviceArray
    return array.numpy()


def assert_same(on_device: tenfold.Tucker, on_cpu: tenfold.Tucker) -> None:
    """Checks that two decompositions represent the same tensor, with the same description."""
    tolerance = TOLERANCES[on_cpu.dtype.type]
    assert on_device.ranks == on_cpu.ranks
    assert on_device.shape == on_cpu.shape
    assert on_device.dtype == on_cpu.dtype
    assert on_device.method == on_cpu.method
    assert on_device.modes == on_cpu.modes
    assert on_device.compression == on_cpu.compression
    assert on_device.estimated_error == pytest.approx(on_cpu.estimated_error, abs=tolerance)
    scale = np.linalg.norm(on_cpu.core)
    for ours, expected in zip(on_device.spectra, on_cpu.spectra, strict=True):
        assert (ours is None) == (expected is None)
        if ours is not None and expected is not None:
            # Gram matrices resolve singular values down to √ε·σ₁.
            assert np.abs(ours - expected).max() <= np.sqrt(tolerance) * scale
    x = np.asarray(on_device.reconstruct())
    assert np.abs(x - on_cpu.reconstruct()).max() <= tolerance * scale
