"""Arrays of other libraries: read without a copy, results in the same library."""

from __future__ import annotations

import array
import pickle
import weakref

import numpy as np
import pytest

import oracles
import tenfold
from tenfold._arrays import as_tensor

X = oracles.tensor((4, 5, 6))


class Exchanged:
    """An array that has only the DLPack protocol."""

    def __init__(self, x):
        self.x = x

    def __dlpack__(self, **options):
        return self.x.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


def test_arrays_in_c_order_are_not_copied():
    for x in (X, X.astype(np.float32), X[1:3], X.reshape(-1)):
        assert as_tensor(x) is x
    for x in (X.T, X[:, ::2], X[::-1], X.astype(">f8"), X.astype(np.float16), X.astype(int)):
        assert not np.shares_memory(as_tensor(x), x)


def test_dlpack_is_not_copied():
    assert np.shares_memory(as_tensor(Exchanged(X)), X)
    t = tenfold.tucker(Exchanged(X), (2, 3, 4))
    assert np.array_equal(t.core, tenfold.tucker(X, (2, 3, 4)).core)


def test_read_only_arrays():
    x = X.copy()
    x.setflags(write=False)
    assert as_tensor(x) is x
    assert np.array_equal(tenfold.tucker(x, 2).core, tenfold.tucker(X, 2).core)


@pytest.mark.parametrize(
    "x",
    [[[1, 2], [3, 4]], ((1.0, 2.0), (3.0, 4.0)), array.array("d", [1, 2, 3]), range(5), b"abc"],
    ids=lambda x: type(x).__name__,
)
def test_sequences(x):
    if isinstance(x, bytes):
        with pytest.raises(TypeError):
            tenfold.tucker(x, 1)
        return
    t = tenfold.tucker(x)
    assert np.allclose(t.reconstruct(), np.asarray(x, float))
    assert t.dtype == np.float64


def test_subclasses_of_arrays(tmp_path):
    file = tmp_path / "x.npy"
    np.save(file, X)
    mapped = np.load(file, mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(tenfold.tucker(mapped, 2).core, tenfold.tucker(X, 2).core)
    assert type(tenfold.tucker(mapped, 2).core) is np.ndarray


def test_unaligned_memory():
    raw = np.frombuffer(b"\0" + X.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(X.shape)
    assert not raw.flags.aligned
    assert np.array_equal(tenfold.tucker(raw, 2).core, tenfold.tucker(X, 2).core)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int64"])
def test_torch(dtype):
    torch = pytest.importorskip("torch")
    x = (torch.arange(120).reshape(4, 5, 6) % 7).to(getattr(torch, dtype))
    expected = tenfold.tucker(
        x.to(torch.float64 if dtype in ("float64", "int64") else torch.float32).numpy(), (2, 3, 4)
    )
    t = tenfold.tucker(x, (2, 3, 4))
    for result in (t.core, *t.factors, t.reconstruct(), t[0], t[::2, :, 1]):
        assert isinstance(result, torch.Tensor)
    assert np.array_equal(t.core.numpy(), expected.core)
    assert t.relative_error(x) == pytest.approx(expected.estimated_error, abs=1e-6)
    if dtype in ("float32", "float64"):
        assert np.shares_memory(as_tensor(x), x.numpy())
    assert tenfold.tucker(x.permute(2, 0, 1), 2).shape == (6, 4, 5)
    gradients = x.to(torch.float32).requires_grad_()
    assert not tenfold.tucker(gradients, 2).core.requires_grad


def test_jax():
    pytest.importorskip("jax")
    import jax.numpy as jnp

    x = jnp.asarray(X.astype(np.float32))
    t = tenfold.tucker(x, (2, 3, 4))
    expected = tenfold.tucker(X.astype(np.float32), (2, 3, 4))
    assert isinstance(t.core, type(x))
    assert np.array_equal(np.asarray(t.core), expected.core)
    assert all(isinstance(factor, type(x)) for factor in t.factors)


def test_pickles_of_other_libraries_hold_numpy_arrays():
    torch = pytest.importorskip("torch")
    t = tenfold.tucker(torch.ones(3, 4), 1)
    assert type(pickle.loads(pickle.dumps(t)).core) is np.ndarray


def test_a_decomposition_is_an_array_for_numpy():
    x = np.random.default_rng(0).random((4, 5, 6))
    t = tenfold.st_hosvd(x)
    assert np.array_equal(np.asarray(t), t.reconstruct())
    assert np.array_equal(t.to_tensor(), t.reconstruct())
    assert np.asarray(t, dtype=np.float32).dtype == np.float32
    assert weakref.ref(t)() is t
