"""The protocols by which arrays on a CUDA device are exchanged: see test_cuda.py."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

import tenfold
import tenfold.cuda
from device_checks import assert_same, tensor
from fake_framework import (
    ARRAYS,
    Driver,
    InterfaceArray,
    LegacyArray,
    VersionedArray,
    newest,
)


class TestArrays:
    def test_exchange_their_entries(self, driver: Driver) -> None:
        entries = tensor((3, 4))
        for kind in ARRAYS:
            x = kind(driver, entries)
            driver.call("cuCtxSynchronize")
            if kind is InterfaceArray:
                array = tenfold.cuda.DeviceArray.from_interface(x.__cuda_array_interface__, x)
            else:
                array = tenfold.cuda.DeviceArray.from_dlpack(x.__dlpack__(**newest(kind)))
            assert array.shape == (3, 4) and array.dtype == np.float64 and len(array) == 3
            assert repr(array) == "DeviceArray(shape=(3, 4), dtype=float64, device='cuda:0')"
            assert np.array_equal(array.numpy(), entries)
            assert np.array_equal(array.T.numpy(), entries.T)
            assert np.array_equal(np.asarray(array), entries)
            assert np.asarray(array, dtype=np.float32).dtype == np.float32
            with pytest.raises(ValueError, match="without a copy"):
                array.__array__(copy=False)

    def test_factors_are_stored_by_columns(self, driver: Driver) -> None:
        factor = tenfold.st_hosvd(VersionedArray(driver, tensor()), rank=2).factors[0]
        assert factor.strides == (1, 6) and not factor.is_contiguous
        assert factor.__cuda_array_interface__["strides"] == (8, 48)
        assert factor.T.is_contiguous
        assert factor.T.__cuda_array_interface__["strides"] is None

    def test_export_what_the_protocols_allow(self, driver: Driver) -> None:
        core = tenfold.st_hosvd(VersionedArray(driver, tensor()), rank=2).core
        assert core.__dlpack_device__() == (2, 0)
        with pytest.raises(BufferError, match="zero-copy"):
            core.__dlpack__(copy=True)
        with pytest.raises(BufferError, match="cross-device"):
            core.__dlpack__(dl_device=(1, 0))
        name = ctypes.pythonapi.PyCapsule_GetName
        name.restype, name.argtypes = ctypes.c_char_p, (ctypes.py_object,)
        assert name(core.__dlpack__()) == b"dltensor"
        assert name(core.__dlpack__(max_version=(1, 2))) == b"dltensor_versioned"

    def test_with_an_offset_or_read_only(self, driver: Driver) -> None:
        expected = tenfold.st_hosvd(tensor(), rank=2)
        for kind in ARRAYS:
            assert_same(tenfold.st_hosvd(kind(driver, tensor(), offset=64), rank=2), expected)
        x = VersionedArray(driver, tensor(), faults={"flags": 1})
        assert_same(tenfold.st_hosvd(x, rank=2), expected)
        x = InterfaceArray(driver, tensor())
        x.faults["data"] = (x.address, True)
        assert_same(tenfold.st_hosvd(x, rank=2), expected)

    def test_strides_of_extent_1_have_no_meaning(self, driver: Driver) -> None:
        x = tensor((6, 1, 4))
        expected = tenfold.st_hosvd(x, rank=2)
        for faults in ({"strides": (4, 77, 1)}, {"strides": None}):
            assert_same(tenfold.st_hosvd(LegacyArray(driver, x, faults=faults), rank=2), expected)
        faults = {"strides": (32, 5, 8)}
        assert_same(tenfold.st_hosvd(InterfaceArray(driver, x, faults=faults), rank=2), expected)

    def test_pinned_memory_is_memory_of_the_host(self, driver: Driver) -> None:
        entries = tensor()
        faults = {"device": (3, 0), "address": entries.ctypes.data}
        t = tenfold.st_hosvd(VersionedArray(driver, entries, faults=faults), rank=2)
        assert type(t) is tenfold.Tucker
        assert np.array_equal(t.core, tenfold.st_hosvd(entries, rank=2).core)

    def test_managed_memory_is_memory_of_a_device(self, driver: Driver) -> None:
        x = VersionedArray(driver, tensor(), faults={"device": (13, 0)})
        assert_same(tenfold.st_hosvd(x, rank=2), tenfold.st_hosvd(tensor(), rank=2))


class TestRefusals:
    @pytest.mark.parametrize("kind", ARRAYS)
    def test_other_numbers(self, driver: Driver, kind: Any) -> None:
        for dtype in (np.float16, np.int32, np.uint8, np.bool_):
            x = kind(driver, np.ones((3, 3), dtype))
            with pytest.raises(TypeError, match="convert it"):
                tenfold.hooi(x, rank=1)
        with pytest.raises(TypeError, match="real numbers"):
            tenfold.hooi(kind(driver, np.ones((3, 3), np.complex64)), rank=1)

    def test_other_numbers_are_converted_by_the_framework(self, driver: Driver) -> None:
        class Converting(VersionedArray):
            def astype(self, dtype: str) -> Any:
                return VersionedArray(self.driver, self.numpy().astype(dtype))

        x = np.round(100 * tensor()).astype(np.int16)
        t = tenfold.st_hosvd(Converting(driver, x), rank=2)
        assert t.dtype == np.float64
        assert_same(t, tenfold.st_hosvd(x, rank=2))
        t = tenfold.st_hosvd(Converting(driver, tensor(dtype=np.float16)), rank=2)
        assert t.dtype == np.float32

    @pytest.mark.parametrize("kind", (LegacyArray, VersionedArray))
    def test_other_strides(self, driver: Driver, kind: Any) -> None:
        x = np.asfortranarray(tensor())
        with pytest.raises(ValueError, match="not C-contiguous"):
            tenfold.hooi(kind(driver, x), rank=1)

        class Copying(kind):
            def copy(self, order: str) -> Any:
                entries = self.driver.read(self.address, self.shape[::-1], self.dtype).T
                return kind(self.driver, np.array(entries, order=order))

        found = Copying(driver, x)
        driver.call("cuCtxSynchronize")
        assert_same(tenfold.hooi(found, rank=2), tenfold.hooi(tensor(), rank=2))

    def test_no_entries(self, driver: Driver) -> None:
        for kind in ARRAYS:
            with pytest.raises(ValueError, match="shape"):
                tenfold.hooi(kind(driver, np.ones((3, 0, 2))), rank=1)

    @pytest.mark.parametrize("kind", (LegacyArray, VersionedArray))
    def test_wrong_devices(self, driver: Driver, kind: Any) -> None:
        array = kind(driver, tensor(), faults={"device": (2, 1)})
        with pytest.raises(ValueError, match=r"says that it is on cuda:1.*is on cuda:0"):
            tenfold.hooi(array, rank=1)
        array = kind(driver, tensor(), faults={"device": (2, -1)})
        with pytest.raises(ValueError, match="cuda:-1"):
            tenfold.hooi(array, rank=1)

    @pytest.mark.parametrize(
        "device", (None, 3, "cpu", (2,), (2, None), (-1, -5), (10**30, 0), (2, 10**30))
    )
    def test_devices_that_are_not_a_pair_of_numbers(self, driver: Driver, device: Any) -> None:
        array = VersionedArray(driver, tensor(), faults={"device": device})
        with pytest.raises(TypeError, match="__dlpack_device__ of VersionedArray returns"):
            tenfold.hooi(array, rank=1)

    @pytest.mark.parametrize("returned", (None, 3, "capsule"))
    def test_protocols_with_results_of_other_types(self, driver: Driver, returned: Any) -> None:
        class NoCapsule(VersionedArray):
            def __dlpack__(self, **_: Any) -> Any:
                return returned

        with pytest.raises(TypeError, match=r"__dlpack__ of NoCapsule returns .* a capsule"):
            tenfold.hooi(NoCapsule(driver, tensor()), rank=1)
        array = type("NoInterface", (), {"__cuda_array_interface__": returned})()
        with pytest.raises(TypeError, match=r"of NoInterface is .* a dictionary"):
            tenfold.hooi(array, rank=1)

    def test_wrong_addresses(self, driver: Driver) -> None:
        for kind in (LegacyArray, VersionedArray):
            host = np.ones((6, 5, 4))
            for address, message in (
                (0, "is not the address"),
                (host.ctypes.data, "not memory of CUDA"),
                (host.ctypes.data + 1, "is not the address of float64"),
            ):
                array = kind(driver, tensor(), faults={"address": address})
                with pytest.raises(ValueError, match=message):
                    tenfold.hooi(array, rank=1)

    @pytest.mark.parametrize(
        ("faults", "error", "message"),
        [
            ({"version": 1}, ValueError, "versions 2 and 3"),
            ({"version": 4}, ValueError, "versions 2 and 3"),
            ({"mask": True}, TypeError, "mask"),
            ({"typestr": ">f8"}, TypeError, "float32 or float64"),
            ({"stream": 0}, ValueError, "stream 0"),
            ({"stream": -1}, TypeError, "stream in .* not -1"),
            ({"stream": "1"}, TypeError, "stream in .* not '1'"),
            ({"strides": (1, 1)}, ValueError, "do not fit"),
            ({"strides": (161, 32, 8)}, ValueError, "do not fit"),
        ],
    )
    def test_wrong_interfaces(
        self, driver: Driver, faults: dict[str, Any], error: type, message: str
    ) -> None:
        with pytest.raises(error, match=message):
            tenfold.hooi(InterfaceArray(driver, tensor(), faults=faults), rank=1)
        incomplete = dict(InterfaceArray(driver, tensor()).__cuda_array_interface__)
        del incomplete["shape"]
        array = type("Incomplete", (), {"__cuda_array_interface__": incomplete})()
        with pytest.raises(ValueError, match='no "shape"'):
            tenfold.hooi(array, rank=1)

    def test_shapes_beyond_the_memory(self, driver: Driver) -> None:
        faults = {"shape": (1 << 40, 1 << 40, 1 << 40), "strides": None}
        for kind in ARRAYS:
            with pytest.raises((ValueError, MemoryError, BufferError)):
                tenfold.hooi(kind(driver, tensor(), faults=faults), rank=1)
        x = VersionedArray(driver, np.ones((3, 2, 2)))
        with pytest.raises((ValueError, MemoryError, NotImplementedError, RuntimeError)):
            tenfold.cam.saliency(x, size=(1 << 40, 1 << 40))

    def test_vector_types(self, driver: Driver) -> None:
        for kind in (LegacyArray, VersionedArray):
            with pytest.raises(TypeError, match="lanes"):
                tenfold.hooi(kind(driver, tensor(), faults={"lanes": 2}), rank=1)

    def test_methods_and_options_of_the_cpu(self, driver: Driver) -> None:
        x = VersionedArray(driver, tensor())
        calls = {
            "hosvd runs on the CPU alone": lambda: tenfold.hosvd(x, rank=2),
            "randomized runs on the CPU alone": lambda: tenfold.randomized(x, rank=2),
            "interpolatory runs on": lambda: tenfold.interpolatory(x, rank=2),
            "non-negative runs on": lambda: tenfold.non_negative(x, rank=2),
            "completion runs on": lambda: tenfold.completion(x, rank=2),
            "use hooi or st-hosvd": lambda: tenfold.tucker(
                tensor(), rank=2, method="hosvd", device="cuda"
            ),
            "not from factors": lambda: tenfold.hooi(
                x, rank=2, init=[np.eye(6), np.eye(5), np.eye(4)]
            ),
            "a random start of HOOI": lambda: tenfold.hooi(x, rank=2, init="random"),
            "several starts": lambda: tenfold.hooi(x, rank=2, starts=2),
            "fixed modes": lambda: tenfold.hooi(x, rank=2, fixed_factors=[0]),
            "an order of the modes": lambda: tenfold.hooi(x, rank=2, order=[2, 1, 0]),
            "a maximum number of entries": lambda: tenfold.hooi(x, max_entries=30),
        }
        for message, call in calls.items():
            with pytest.raises(NotImplementedError, match=message):
                call()

    def test_device_names(self, driver: Driver) -> None:
        for device in ("gpu", "cuda:", "cuda:x", "cuda:-1", "auto", 0):
            with pytest.raises(ValueError, match="there is no device"):
                tenfold.hooi(tensor(), rank=2, device=device)
        with pytest.raises(RuntimeError, match="no CUDA device can be used"):
            tenfold.hooi(tensor(), rank=2, device="cuda:7")
        with pytest.raises(ValueError, match="does not move it"):
            tenfold.hooi(VersionedArray(driver, tensor()), rank=2, device="cpu")
        with pytest.raises(ValueError, match="on a GPU"):
            tenfold.cuda.hooi_batch(tensor(), rank=2, device="cpu")

    def test_too_little_memory(self, driver: Driver) -> None:
        if not driver.is_stand_in:
            pytest.skip("only the memory of the stand-in can be limited")
        x = VersionedArray(driver, tensor())
        tenfold.cuda.release_memory()
        driver.library.stand_in_memory(ctypes.c_size_t(4096))
        try:
            with pytest.raises((MemoryError, RuntimeError), match="free some memory"):
                tenfold.hooi(x, rank=2)
        finally:
            driver.library.stand_in_reset()
        assert tenfold.hooi(x, rank=2).ranks == (2, 2, 2)
