"""Arrays of frameworks on a CUDA device, with stand-ins for the frameworks: see test_cuda.py.

The stand-ins have the functions that tenfold calls, and check their arguments. test_cuda_torch.py
runs PyTorch itself on a GPU.
"""

from __future__ import annotations

import gc
import sys
import types
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tenfold
import tenfold.cuda
from device_checks import assert_same, features, tensor
from fake_framework import Driver, InterfaceArray, VersionedArray
from tenfold import cam


class Shared:
    """An array of a framework in the memory of another library's array."""

    def __init__(self, source: Any) -> None:
        assert source.__dlpack_device__() == (2, 0)
        self.source = source
        self.capsule = source.__dlpack__(stream=1, max_version=(1, 0))
        self.shape = source.shape

    def numpy(self) -> npt.NDArray[Any]:
        """The entries."""
        return self.source.numpy()


def in_module(name: str, *classes: type) -> types.SimpleNamespace:
    """A module that seems to define the classes."""
    module = types.SimpleNamespace(__name__=name)
    for each in classes:
        each.__module__ = f"{name}.core"
        setattr(module, each.__name__, each)
    return module


class TestTorch:
    @pytest.fixture
    def torch(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A stand-in for PyTorch."""

        class Tensor(VersionedArray):
            is_cuda = True
            is_quantized = False
            layout = "strided"
            requires_grad = False
            steps: tuple[str, ...] = ()

            def _like(self, entries: Any, step: str) -> Any:
                tensor = Tensor(self.driver, entries, stream=torch.stream)
                tensor.steps = (*self.steps, step)
                return tensor

            @property
            def device(self) -> Any:
                return f"cuda:{self.ordinal}"

            def is_complex(self) -> bool:
                return self.dtype.kind == "c"

            def is_floating_point(self) -> bool:
                return self.dtype.kind == "f"

            def detach(self) -> Any:
                return self

            def resolve_neg(self) -> Any:
                return self

            def contiguous(self) -> Any:
                if self.strides[-1] == 1:
                    return self
                self.driver.call("cuCtxSynchronize")
                entries = self.driver.read(self.address, self.shape[::-1], self.dtype).T
                return self._like(np.ascontiguousarray(entries), "contiguous")

            def float(self) -> Any:
                return self._like(self.numpy().astype(np.float32), "float")

            def double(self) -> Any:
                return self._like(self.numpy().astype(np.float64), "double")

            def __dlpack__(self, *, stream: Any = None, max_version: Any = None) -> Any:
                # The native module orders the stream itself.
                assert stream == -1
                return super().__dlpack__(stream=stream, max_version=max_version or (1, 0))

        def empty(shape: Any, *, dtype: Any, device: Any) -> Any:
            assert device == ("cuda", 0)
            return Tensor(driver, np.zeros(shape, dtype), stream=torch.stream)

        def current_stream(device: Any) -> Any:
            assert device == "cuda:0"
            return types.SimpleNamespace(cuda_stream=torch.stream)

        torch: Any = in_module("torch", Tensor)
        torch.stream = driver.stream()
        torch.strided = "strided"
        torch.float32, torch.float64 = np.dtype(np.float32), np.dtype(np.float64)
        torch.cuda = types.SimpleNamespace(current_stream=current_stream)
        torch.device = lambda kind, ordinal: (kind, ordinal)
        torch.version = types.SimpleNamespace(cuda="13.0")
        torch.empty = empty
        torch.from_dlpack = Shared
        torch.tensor = lambda entries: Tensor(driver, entries, stream=torch.stream)
        monkeypatch.setitem(sys.modules, "torch", torch)
        return torch

    def test_results_are_tensors(self, torch: Any) -> None:
        t = tenfold.hooi(torch.tensor(tensor()), rank=2)
        expected = tenfold.hooi(tensor(), rank=2)
        assert type(t.core) is Shared and all(type(factor) is Shared for factor in t.factors)
        assert np.allclose(np.abs(t.core.numpy()), np.abs(expected.core), atol=1e-10)
        whole = t.reconstruct()
        assert type(whole) is Shared
        assert np.allclose(whole.numpy(), expected.reconstruct(), atol=1e-10)

    def test_maps_are_in_memory_of_the_framework(self, torch: Any) -> None:
        maps = cam.saliency(torch.tensor(features()), size=(5, 7))
        assert type(maps) is torch.Tensor
        assert np.abs(maps.numpy() - cam.saliency(features(), size=(5, 7))).max() < 1e-10
        gc.collect()
        assert maps.exports == 0

    @pytest.mark.parametrize("dtype", [np.float16, np.int32, np.bool_])
    def test_other_numbers_are_converted(self, torch: Any, dtype: Any) -> None:
        x = np.round(100 * tensor()).astype(dtype)
        t = tenfold.st_hosvd(torch.tensor(x), rank=2)
        assert t.dtype == (np.float32 if dtype is np.float16 else np.float64)

    def test_other_strides_are_copied(self, torch: Any) -> None:
        t = tenfold.st_hosvd(torch.tensor(np.asfortranarray(tensor())), rank=2)
        expected = tenfold.st_hosvd(tensor(), rank=2)
        assert np.allclose(t.reconstruct().numpy(), expected.reconstruct(), atol=1e-10)

    def test_other_tensors_are_refused(self, torch: Any) -> None:
        x = torch.tensor(tensor())
        x.layout = "sparse_coo"
        with pytest.raises(TypeError, match="a dense one"):
            tenfold.hooi(x, rank=2)
        with pytest.raises(TypeError, match="real numbers"):
            tenfold.hooi(torch.tensor(np.ones((2, 2), np.complex64)), rank=2)


class TestOthers:
    def test_cupy(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        class ndarray(VersionedArray):  # noqa: N801
            pass

        class Device:
            def __init__(self, ordinal: int) -> None:
                assert ordinal == 0

            def __enter__(self) -> None:
                pass

            def __exit__(self, *_: object) -> None:
                pass

        cupy: Any = in_module("cupy", ndarray)
        cupy.cuda = types.SimpleNamespace(Device=Device)
        cupy.empty = lambda shape, dtype: ndarray(driver, np.zeros(shape, dtype))
        cupy.from_dlpack = Shared
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        maps = cam.saliency(ndarray(driver, features()))
        assert type(maps) is ndarray
        # The stream that the maps are written on starts after the work on their memory.
        assert maps.streams == [1]
        assert np.abs(maps.numpy() - cam.saliency(features())).max() < 1e-10
        t = tenfold.st_hosvd(ndarray(driver, tensor()), rank=2)
        assert type(t.core) is Shared and type(t.factors[0]) is Shared

    def test_numba(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        class DeviceNDArray(InterfaceArray):
            pass

        numba: Any = in_module("numba", DeviceNDArray)
        made: list[Any] = []
        numba.cuda = types.SimpleNamespace(as_cuda_array=lambda array: made.append(array) or "made")
        monkeypatch.setitem(sys.modules, "numba", numba)
        assert cam.saliency(DeviceNDArray(driver, features())) == "made"
        assert tenfold.st_hosvd(DeviceNDArray(driver, tensor()), rank=2).core == "made"
        assert made[0].shape == (2, 3, 4) and made[1].shape == (2, 2, 2)

    def test_an_array_api_with_c_order_alone(self, driver: Driver) -> None:
        class Array(VersionedArray):
            def __array_namespace__(self) -> Any:
                return types.SimpleNamespace(from_dlpack=from_dlpack)

        class Result(Shared):
            is_transposed = False

            @property
            def T(self) -> Any:  # noqa: N802
                self.is_transposed = True
                return self

        def from_dlpack(array: Any) -> Any:
            assert array.is_contiguous
            return Result(array)

        t = tenfold.st_hosvd(Array(driver, tensor()), rank=2)
        assert type(t.core) is Result and not t.core.is_transposed
        assert all(factor.is_transposed for factor in t.factors)
        assert type(cam.saliency(Array(driver, features()))) is Result

    def test_unknown_ones(self, driver: Driver) -> None:
        t = tenfold.st_hosvd(VersionedArray(driver, tensor()), rank=2)
        assert_same(t, tenfold.st_hosvd(tensor(), rank=2))
        assert type(t.core) is tenfold.cuda.DeviceArray
