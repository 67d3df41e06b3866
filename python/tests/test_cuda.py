"""Arrays on a CUDA device, from a framework that exists for these tests alone.

A GPU runs them, or the stand-in driver:

    cargo build -p stand-in-driver
    TENFOLD_STAND_IN_DRIVER=target/debug/libstand_in_driver.so pytest python/tests/test_cuda.py

The shapes are small because the stand-in interprets the kernels.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tenfold
import tenfold.cuda
from tenfold import cam
from fake_framework import STAND_IN, Driver, InterfaceArray, LegacyArray, VersionedArray

ARRAYS = (LegacyArray, VersionedArray, InterfaceArray)

# The differences between device and CPU are at most n·ε times the norm, divided by gaps of singular
# values that the test tensors have.
TOLERANCES = {np.float32: 1e-4, np.float64: 1e-10}


@pytest.fixture(scope="module")
def shared_driver() -> Driver:
    """The driver for all tests."""
    try:
        return Driver()
    except OSError as error:
        pytest.skip(f"there is no GPU, and {STAND_IN} does not name the stand-in driver: {error}")


@pytest.fixture
def driver(shared_driver: Driver) -> Iterator[Driver]:
    """The driver. After the test the stand-in must not have reported a fault."""
    shared_driver.use(0)
    yield shared_driver
    if shared_driver.is_stand_in:
        assert shared_driver.report() == ""


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


class TestDevices:
    def test_are_described(self, driver: Driver) -> None:
        assert tenfold.cuda.is_available()
        first = tenfold.cuda.devices()[0]
        assert first.ordinal == 0 and str(first) == "cuda:0"
        assert first.name and first.memory > 0 and first.multiprocessors > 0
        assert first.compute_capability >= (7, 5)

    def test_release_their_memory(self, driver: Driver) -> None:
        x = VersionedArray(driver, tensor())
        tenfold.st_hosvd(x, rank=2)
        gc.collect()
        tenfold.cuda.release_memory()
        x.free()
        if driver.is_stand_in:
            before = driver.used()
            x = VersionedArray(driver, tensor())
            t = tenfold.st_hosvd(x, rank=2)
            assert driver.used() > before
            del t
            x.free()
            gc.collect()
            tenfold.cuda.release_memory()
            assert driver.used() == before

    def test_are_missing_without_a_driver(self) -> None:
        code = (
            "import numpy as np, tenfold, tenfold.cuda\n"
            "print(tenfold.cuda.is_available())\n"
            "def hooi(): tenfold.hooi(np.ones((3, 3)), device='cuda')\n"
            "for call in (tenfold.cuda.devices, hooi):\n"
            "    try: call()\n"
            "    except RuntimeError as error: print(error)\n"
            "tenfold.cuda.release_memory()\n"
        )
        environment = {**os.environ, "LD_LIBRARY_PATH": "", "CUDA_VISIBLE_DEVICES": ""}
        environment.pop(STAND_IN, None)
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        available, *messages = run.stdout.splitlines()
        assert available == "False"
        assert len(messages) == 2
        for message in messages:
            assert message.startswith("no CUDA device can be used: ")

    def test_cannot_be_used_after_a_fork(self, driver: Driver) -> None:
        tenfold.cuda.release_memory()
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe()
        child = context.Process(target=_report_a_call, args=(sender,))
        child.start()
        message = receiver.recv()
        child.join()
        assert "fork" in message and "spawn" in message


def _report_a_call(sender: Any) -> None:
    try:
        tenfold.hooi(np.ones((3, 3)), device="cuda")
    except RuntimeError as error:
        sender.send(str(error))
    else:
        sender.send("no error")


class TestDecompositions:
    @pytest.mark.parametrize("kind", ARRAYS)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("solver", [tenfold.hooi, tenfold.st_hosvd])
    def test_agree_with_the_cpu(self, driver: Driver, kind: Any, dtype: Any, solver: Any) -> None:
        x = tensor(dtype=dtype)
        on_device = solver(kind(driver, x), rank=(3, 2, 2))
        assert isinstance(on_device, tenfold.cuda.DeviceTucker)
        assert on_device.device == "cuda:0"
        assert_same(on_device, solver(x, rank=(3, 2, 2)))

    def test_have_arrays_on_the_device(self, driver: Driver) -> None:
        core, factors = tenfold.hooi(VersionedArray(driver, tensor()), rank=2)
        core, factors = as_numpy(core), [as_numpy(factor) for factor in factors]
        assert core.shape == (2, 2, 2)
        assert [factor.shape for factor in factors] == [(6, 2), (5, 2), (4, 2)]
        for factor in factors:
            assert np.abs(factor.T @ factor - np.eye(2)).max() < 1e-12
        x = np.einsum("abc,ia,jb,kc", core, *factors)
        assert np.linalg.norm(x - tenfold.hooi(tensor(), rank=2).reconstruct()) < 1e-10

    def test_compute_the_rest_on_the_host(self, driver: Driver, tmp_path: Any) -> None:
        x = tensor()
        given = VersionedArray(driver, x)
        t = tenfold.st_hosvd(given, rank=3)
        expected = tenfold.st_hosvd(x, rank=3)
        error = expected.relative_error(x)
        assert t.relative_error(given) == pytest.approx(error, abs=1e-12)
        assert t.relative_error(x) == pytest.approx(error, abs=1e-12)
        assert np.allclose(as_numpy(t[1:3, :, -1]), expected[1:3, :, -1], atol=1e-10)
        assert as_numpy(t[0:0]).shape == (0, 5, 4)
        assert float(t[1, 2, 3]) == pytest.approx(float(expected[1, 2, 3]), abs=1e-10)
        assert t.norm() == pytest.approx(expected.norm())
        assert np.allclose(t.mode_spectrum(0), expected.mode_spectrum(0))
        t.save(tmp_path / "t.npz")
        for host in (tenfold.load(tmp_path / "t.npz"), pickle.loads(pickle.dumps(t)), t.cpu()):
            assert type(host) is tenfold.Tucker
            assert type(host.core) is np.ndarray
            assert np.allclose(host.core, as_numpy(t.core), atol=1e-10)

    def test_meet_a_tolerance(self, driver: Driver) -> None:
        x = tensor()
        for solver in (tenfold.hooi, tenfold.st_hosvd):
            t = solver(VersionedArray(driver, x), tol=0.05)
            assert t.ranks == solver(x, tol=0.05).ranks
            assert t.relative_error(x) <= 0.05

    def test_decompose_some_modes(self, driver: Driver) -> None:
        x = tensor()
        t = tenfold.partial_tucker(InterfaceArray(driver, x), 2, [0, 2])
        assert t.modes == (0, 2) and t.factor(1) is None
        assert_same(t, tenfold.partial_tucker(x, 2, [0, 2]))

    def test_of_arrays_of_the_host(self, driver: Driver) -> None:
        x = tensor()
        for device in ("cuda", "cuda:0"):
            t = tenfold.hooi(x, rank=2, device=device)
            assert type(t) is tenfold.Tucker and type(t.core) is np.ndarray
            assert_same(t, tenfold.hooi(x, rank=2))
        t = tenfold.tucker(x, rank=2, method="st-hosvd", device="cuda")
        assert_same(t, tenfold.st_hosvd(x, rank=2))
        assert_same(tenfold.hooi(x, rank=2, device="cpu"), tenfold.hooi(x, rank=2))

    @pytest.mark.parametrize("on_device", [True, False])
    def test_of_batches(self, driver: Driver, on_device: bool) -> None:
        x = np.stack([tensor(seed=seed) for seed in range(3)])
        given = VersionedArray(driver, x) if on_device else x
        calls: list[int] = []
        found = tenfold.cuda.hooi_batch(
            given, rank=(3, 2, 2), progress=lambda done, *_: calls.append(done)
        )
        assert calls[-1] == 3
        for t, item in zip(found, x, strict=True):
            assert_same(t, tenfold.hooi(item, rank=(3, 2, 2)))
        for t, item in zip(tenfold.cuda.st_hosvd_batch(given, tol=0.05), x, strict=True):
            assert_same(t, tenfold.st_hosvd(item, tol=0.05))

    def test_errors_name_the_entry(self, driver: Driver) -> None:
        x = tensor()
        x[2, 1, 3] = np.nan
        messages = set()
        for call in (
            lambda: tenfold.hooi(x, rank=2),
            lambda: tenfold.hooi(VersionedArray(driver, x), rank=2),
            lambda: tenfold.hooi(x, rank=2, device="cuda"),
        ):
            with pytest.raises(ValueError, match="2, 1, 3") as raised:
                call()
            messages.add(str(raised.value))
        assert len(messages) == 1
        with pytest.raises(ValueError, match="1, 2, 1, 3"):
            tenfold.cuda.hooi_batch(np.stack([tensor(), x]), rank=2)


def features(shape: tuple[int, ...] = (2, 6, 3, 4), dtype: Any = np.float64) -> npt.NDArray[Any]:
    """Feature maps of which the first singular vector is well determined."""
    generator = np.random.default_rng(3)
    positions = np.linspace(0, 1, int(np.prod(shape[2:]))).reshape(shape[2:])
    channels = generator.standard_normal(shape[:2])
    pattern = channels[(...,) + (None,) * (len(shape) - 2)] * positions
    return (pattern + 0.1 * generator.standard_normal(shape)).astype(dtype)


class TestMaps:
    @pytest.mark.parametrize("kind", ARRAYS)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("weighting", cam.WEIGHTINGS)
    def test_agree_with_the_cpu(
        self, driver: Driver, kind: Any, dtype: Any, weighting: str
    ) -> None:
        x = features(dtype=dtype)
        maps, statuses = cam.saliency(kind(driver, x), weighting, return_status=True)
        expected, expected_statuses = cam.saliency(x, weighting, return_status=True)
        assert statuses == expected_statuses
        assert as_numpy(maps).dtype == dtype
        assert np.abs(as_numpy(maps) - expected).max() <= TOLERANCES[dtype]

    @pytest.mark.parametrize("shape", [(2, 12, 2, 3), (2, 3, 4, 5), (1, 5, 7), (2, 4, 2, 3, 2)])
    def test_of_all_shapes(self, driver: Driver, shape: tuple[int, ...]) -> None:
        x = features(shape)
        maps = cam.saliency(VersionedArray(driver, x), "mtsm", batched=True)
        expected = cam.saliency(x, "mtsm", batched=True)
        assert np.abs(as_numpy(maps) - expected).max() <= 1e-10
        # One feature map.
        single = cam.saliency(VersionedArray(driver, x[0]), "tsm", batched=False)
        assert np.abs(as_numpy(single) - cam.saliency(x[0], "tsm", batched=False)).max() <= 1e-10

    def test_with_options(self, driver: Driver) -> None:
        x = features()
        for options in (
            {"ranks": (2, 2, 2)},
            {"ranks": (9, 9, 9)},
            {"centring": True, "sign": "negative"},
            {"size": (5, 7)},
        ):
            maps = cam.saliency(VersionedArray(driver, x), "mtsm", **options)
            expected = cam.saliency(x, "mtsm", **options)
            assert as_numpy(maps).shape == expected.shape
            assert np.abs(as_numpy(maps) - expected).max() <= 1e-9

    def test_of_features_of_the_host(self, driver: Driver) -> None:
        x = features()
        for given in (x, x[0]):
            for size in (None, (5, 7)):
                maps, status = cam.saliency(given, size=size, device="cuda", return_status=True)
                expected, expected_status = cam.saliency(given, size=size, return_status=True)
                assert type(maps) is np.ndarray and status == expected_status
                assert np.abs(maps - expected).max() <= 1e-10

    def test_of_constant_features(self, driver: Driver) -> None:
        maps, status = cam.saliency(
            VersionedArray(driver, np.ones((3, 2, 2))), "eigen-cam", return_status=True
        )
        assert status == "constant"
        assert not as_numpy(maps).any()

    def test_after_the_stream_of_the_framework(self, driver: Driver) -> None:
        x = VersionedArray(driver, features())
        maps = cam.saliency(x)
        assert x.streams == [1]
        gc.collect()
        assert x.exports == 0
        x.free()
        assert np.abs(as_numpy(maps) - cam.saliency(features())).max() <= 1e-10

    def test_free_their_memory(self, driver: Driver) -> None:
        x = VersionedArray(driver, features())
        maps = cam.saliency(x, size=(5, 7))
        if driver.is_stand_in:
            del maps
            gc.collect()
            tenfold.cuda.release_memory()
            before = driver.used()
            for _ in range(3):
                cam.saliency(x, size=(5, 7))
            gc.collect()
            tenfold.cuda.release_memory()
            assert driver.used() == before

    def test_errors_name_the_entry(self, driver: Driver) -> None:
        x = features()
        x[1, 2, 0, 3] = np.inf
        for given, place in ((x, "1, 2, 0, 3"), (x[1], "2, 0, 3")):
            messages = set()
            for call in (
                lambda given=given: cam.saliency(given),
                lambda given=given: cam.saliency(VersionedArray(driver, given)),
                lambda given=given: cam.saliency(given, device="cuda"),
            ):
                with pytest.raises(ValueError, match=place) as raised:
                    call()
                messages.add(str(raised.value))
            assert len(messages) == 1

    def test_refuse_bad_options(self, driver: Driver) -> None:
        x = VersionedArray(driver, features())
        for options, message in (
            ({"weighting": "eigen-cam", "ranks": (1, 1, 1)}, "no ranks"),
            ({"ranks": (1, 1)}, "rank"),
            ({"sign": "up"}, "absolute, positive, negative"),
            ({"size": (0, 1)}, "at least 1"),
        ):
            with pytest.raises(ValueError, match=message):
                cam.saliency(x, **options)
        with pytest.raises(ValueError, match="batched"):
            cam.saliency(VersionedArray(driver, np.ones((2, 2))))
        with pytest.raises(ValueError, match="height|modes"):
            cam.saliency(VersionedArray(driver, np.ones((1, 5, 7))), batched=True, size=(2, 2))
        for shape in ((0, 2, 2, 2), (2, 2, 0, 2)):
            with pytest.raises(ValueError, match="shape"):
                cam.saliency(VersionedArray(driver, np.ones(shape)))


class TestOrder:
    def test_after_the_stream_of_the_framework(self, driver: Driver) -> None:
        x = VersionedArray(driver, tensor())
        tenfold.st_hosvd(x, rank=2)
        assert x.streams == [1]

    def test_of_a_framework_without_order_is_a_fault(self, driver: Driver) -> None:
        if not driver.is_stand_in:
            pytest.skip("only the stand-in reports accesses without an order")
        # The fault ends the context, so that the process cannot use the device any more.
        code = (
            "import numpy as np, tenfold\n"
            "from fake_framework import Driver, VersionedArray\n"
            "driver = Driver()\n"
            "x = VersionedArray(driver, np.eye(4), faults={'is_unordered': True})\n"
            "try: tenfold.st_hosvd(x, rank=2)\n"
            "except RuntimeError as error: print(error)\n"
            "print(driver.report())\n"
        )
        folder = str(Path(__file__).parent)
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
        )
        assert "the CUDA device failed" in run.stdout
        assert "stream" in run.stdout

    def test_without_a_stream_the_entries_are_complete(self, driver: Driver) -> None:
        x = InterfaceArray(driver, tensor(), faults={"stream": None})
        driver.call("cuCtxSynchronize")
        assert_same(tenfold.st_hosvd(x, rank=2), tenfold.st_hosvd(tensor(), rank=2))

    @pytest.mark.parametrize("stream", [1, 2])
    def test_after_a_default_stream(self, driver: Driver, stream: int) -> None:
        x = InterfaceArray(driver, tensor(), stream=stream)
        assert_same(tenfold.st_hosvd(x, rank=2), tenfold.st_hosvd(tensor(), rank=2))

    def test_version_2_of_the_interface_uses_the_default_stream(self, driver: Driver) -> None:
        x = InterfaceArray(driver, tensor(), stream=1)
        interface = dict(x.__cuda_array_interface__, version=2)
        del interface["stream"]
        old = type("Old", (), {"__cuda_array_interface__": interface, "owner": x})()
        assert_same(tenfold.st_hosvd(old, rank=2), tenfold.st_hosvd(tensor(), rank=2))

    def test_results_are_complete(self, driver: Driver) -> None:
        core = tenfold.st_hosvd(VersionedArray(driver, tensor()), rank=2).core
        for stream in (None, -1, 1, 2, driver.stream()):
            core.__dlpack__(stream=stream)
        assert core.__cuda_array_interface__["stream"] is None
        with pytest.raises(ValueError, match="0 is ambiguous"):
            core.__dlpack__(stream=0)

    def test_the_current_device_stays(self, driver: Driver) -> None:
        if not driver.is_stand_in:
            pytest.skip("a second device is needed")
        driver.library.stand_in_devices(2)
        x = VersionedArray(driver, tensor(), ordinal=1)
        assert driver.current() == 0
        t = tenfold.st_hosvd(x, rank=2)
        assert t.device == "cuda:1"
        assert t.core.__dlpack_device__() == (2, 1)
        assert_same(t, tenfold.st_hosvd(tensor(), rank=2))
        del t
        gc.collect()
        assert driver.current() == 0
        with pytest.raises(ValueError, match=r"x is on cuda:1, and device='cuda:0'"):
            tenfold.st_hosvd(x, rank=2, device="cuda:0")


class TestLifetime:
    def test_results_outlive_the_decomposition_and_the_input(self, driver: Driver) -> None:
        x = VersionedArray(driver, tensor())
        core = tenfold.st_hosvd(x, rank=2).core
        x.free()
        del x
        gc.collect()
        # Other work does not reuse the memory.
        tenfold.st_hosvd(VersionedArray(driver, tensor(seed=2)), rank=2)
        expected = tenfold.st_hosvd(tensor(), rank=2).core
        assert np.allclose(np.abs(as_numpy(core)), np.abs(expected), atol=1e-10)

    def test_inputs_are_released(self, driver: Driver) -> None:
        for kind in (LegacyArray, VersionedArray):
            x = kind(driver, tensor())
            t = tenfold.st_hosvd(x, rank=2)
            gc.collect()
            assert x.exports == 0
            del t
            x.free()

    def test_inputs_are_released_after_errors(self, driver: Driver) -> None:
        for kind in (LegacyArray, VersionedArray):
            x = kind(driver, tensor(), faults={"device": (10, 0)})
            with pytest.raises((TypeError, ValueError)):
                tenfold.cuda.DeviceArray.from_dlpack(x.__dlpack__(**_newest(kind)))
            gc.collect()
            assert x.exports == 0

    def test_a_capsule_that_nobody_takes_is_released(self, driver: Driver) -> None:
        core = tenfold.st_hosvd(VersionedArray(driver, tensor()), rank=2).core
        if driver.is_stand_in:
            gc.collect()
            tenfold.cuda.release_memory()
            held = driver.used()
            capsules = [core.__dlpack__(), core.__dlpack__(max_version=(1, 0))]
            del core, capsules
            gc.collect()
            tenfold.cuda.release_memory()
            assert driver.used() < held

    def test_a_result_is_an_input(self, driver: Driver) -> None:
        x = tensor()
        t = tenfold.st_hosvd(VersionedArray(driver, x), rank=4)
        again = tenfold.st_hosvd(t.core, rank=2)
        expected = tenfold.st_hosvd(tenfold.st_hosvd(x, rank=4).core, rank=2)
        assert again.estimated_error == pytest.approx(expected.estimated_error, abs=1e-10)


def _newest(kind: Any) -> dict[str, Any]:
    return {"max_version": (1, 0)} if kind is VersionedArray else {}


class TestArrays:
    def test_exchange_their_entries(self, driver: Driver) -> None:
        entries = tensor((3, 4))
        for kind in ARRAYS:
            x = kind(driver, entries)
            driver.call("cuCtxSynchronize")
            if kind is InterfaceArray:
                array = tenfold.cuda.DeviceArray.from_interface(x.__cuda_array_interface__, x)
            else:
                array = tenfold.cuda.DeviceArray.from_dlpack(x.__dlpack__(**_newest(kind)))
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
