"""Pickles, copies, and files that NumPy and the command read."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest

import oracles
import tenfold

X = oracles.tensor((5, 6, 7))


def decompositions():
    return [
        tenfold.tucker(X, (2, 3, 4)),
        tenfold.tucker(X.astype(np.float32), (2, 3, 4)),
        tenfold.partial_tucker(X, (2, 3), (0, 2)),
        tenfold.st_hosvd(X, tol=0.1),
        tenfold.interpolatory(X, (2, 3, 4)),
        tenfold.Tucker(np.ones((2, 2)), [np.ones((3, 2)), np.ones((4, 2))]),
    ]


def check_same(t, other):
    assert np.array_equal(t.core, other.core)
    assert t.core.dtype == other.core.dtype
    assert len(t.factors) == len(other.factors)
    for a, b in zip(t.factors, other.factors, strict=True):
        assert np.array_equal(a, b)
    for name in (
        *("modes", "ranks", "shape", "dtype", "method", "compression"),
        *("estimated_error", "convergence"),
    ):
        assert getattr(t, name) == getattr(other, name), name
    for mode, (a, b) in enumerate(zip(t.spectra, other.spectra, strict=True)):
        assert (a is None and b is None) or np.array_equal(a, b)
        assert t.fibres(mode) == other.fibres(mode)


@pytest.mark.parametrize("t", decompositions(), ids=lambda t: f"{t.method} {t.dtype} {t.modes}")
def test_copies(t, tmp_path):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        check_same(t, pickle.loads(pickle.dumps(t, protocol)))
    check_same(t, copy.copy(t))
    check_same(t, copy.deepcopy(t))
    path = tmp_path / "x.npz"
    t.save(path)
    check_same(t, tenfold.load(path))
    check_same(t, tenfold.Tucker.load(str(path)))


def test_files_for_numpy(tmp_path):
    t = tenfold.tucker(X, (2, 3, 4))
    path = tmp_path / "x.npz"
    t.save(path)
    with np.load(path) as archive:
        assert np.array_equal(archive["core"], t.core)
        for mode, factor in enumerate(t.factors):
            assert np.array_equal(archive[f"factor_{mode}"], factor)
        meta = json.loads(str(archive["meta"]))
    assert meta["shape"] == [5, 6, 7]
    assert meta["method"] == "hooi"


def test_files_of_numpy(tmp_path):
    t = tenfold.tucker(X, (2, 3, 4))
    path = tmp_path / "theirs.npz"
    np.savez(path, core=t.core, **{f"factor_{mode}": f for mode, f in enumerate(t.factors)})
    loaded = tenfold.load(path)
    assert loaded.method == "unknown"
    assert loaded.estimated_error is None
    assert np.array_equal(loaded.reconstruct(), t.reconstruct())


def test_files_of_the_command(tmp_path):
    target = Path(__file__).parents[2] / "target"
    commands = [target / profile / "tenfold" for profile in ("debug", "release")]
    command = next((path for path in commands if path.exists()), None)
    if command is None:
        pytest.skip("the command is not built: cargo build")
    # 1. The command decomposes, the package reads.
    array, theirs, ours = (tmp_path / name for name in ("x.npy", "theirs.npz", "ours.npz"))
    np.save(array, X)
    arguments = ["decompose", array, "--ranks", "2,3,4", "--method", "hooi", "-o", theirs]
    subprocess.run([command, *arguments], check=True, capture_output=True)
    t = tenfold.tucker(X, (2, 3, 4))
    check_same(t, tenfold.load(theirs))
    # 2. The package writes, the command reconstructs.
    t.save(ours)
    back = tmp_path / "back.npy"
    subprocess.run([command, "reconstruct", ours, "-o", back], check=True, capture_output=True)
    assert np.array_equal(np.load(back), t.reconstruct())


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        tenfold.load(tmp_path / "missing.npz")
    with pytest.raises(ValueError, match="directory"):
        tenfold.load(tmp_path)
    damaged = tmp_path / "damaged.npz"
    tenfold.tucker(X, 2).save(damaged)
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        tenfold.load(damaged)
    # A byte of the core.
    tenfold.tucker(X, 2).save(damaged)
    flipped = bytearray(damaged.read_bytes())
    flipped[200] ^= 1
    damaged.write_bytes(flipped)
    with pytest.raises(ValueError, match="damaged"):
        tenfold.load(damaged)
    other = tmp_path / "other.npz"
    np.savez(other, core=np.ones(3), other=np.ones(3))
    with pytest.raises(ValueError):
        tenfold.load(other)
    with pytest.raises(OSError):
        tenfold.tucker(X, 2).save(tmp_path / "no folder" / "x.npz")
    with pytest.raises(TypeError):
        tenfold.load(3)
    for data in (b"", b"not an archive"):
        with pytest.raises(ValueError):
            pickle.loads(pickle.dumps(tenfold.tucker(X, 2))).__reduce__()[0](data)


def test_paths_of_bytes(tmp_path):
    path = os.fsencode(tmp_path / "t.npz")
    t = tenfold.st_hosvd(np.ones((2, 3)), 1)
    t.save(path)
    assert tenfold.load(path).shape == (2, 3)
    for call in (tenfold.load, t.save):
        with pytest.raises(FileNotFoundError, match="the path is empty"):
            call("")
        with pytest.raises(TypeError):
            call(3)
