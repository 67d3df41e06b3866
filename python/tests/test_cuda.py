"""Arrays on a CUDA device, from a framework that exists for these tests alone.

A GPU runs them, or the stand-in driver:

    cargo build -p stand-in-driver
    TENFOLD_STAND_IN_DRIVER=target/debug/libstand_in_driver.so pytest python/tests/test_cuda.py

The shapes are small because the stand-in interprets the kernels.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
import tenfold.cuda
from device_checks import as_numpy, assert_same, tensor
from fake_framework import (
    ARRAYS,
    STAND_IN,
    Driver,
    InterfaceArray,
    LegacyArray,
    VersionedArray,
    newest,
)


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


def test_threads_get_the_same_bits(driver: Driver) -> None:
    arrays = [VersionedArray(driver, tensor()) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        cores = [core.numpy() for core in threads.map(_core, arrays)]
    assert all(np.array_equal(core, cores[0]) for core in cores)


def test_a_thread_without_a_current_device(driver: Driver) -> None:
    x = InterfaceArray(driver, tensor())
    with ThreadPoolExecutor(1) as thread:
        t = thread.submit(tenfold.st_hosvd, x, rank=2).result()
    assert_same(t, tenfold.st_hosvd(tensor(), rank=2))


def _core(x: Any) -> Any:
    # A framework makes a device current before it works in a thread.
    x.driver.use(0)
    return tenfold.st_hosvd(x, rank=2).core


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
        paths = [str(Path(__file__).parent), *(str(Path(path).resolve()) for path in sys.path)]
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
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
                tenfold.cuda.DeviceArray.from_dlpack(x.__dlpack__(**newest(kind)))
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
