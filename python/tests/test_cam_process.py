"""Saliency maps in a process: Ctrl-C, memory, threads and forks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from saliency_oracle import random_features
from tenfold import cam


@pytest.mark.parametrize("shape", [(3000, 55, 55), (2000, 64, 7, 7)])
def test_ctrl_c_stops_one_map_and_a_batch(shape: tuple[int, ...]) -> None:
    features = np.ones(shape, np.float32)
    features[..., 0] = 2
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        while True:
            cam.saliency(features)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_three_thousand_calls_leave_the_memory_flat() -> None:
    code = """
        import numpy as np
        from tenfold import cam, metrics
        batch = np.random.default_rng(0).random((2, 6, 3, 4))
        strided = batch[..., ::2].astype(np.float32)

        def resident():
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        def calls(count):
            for _ in range(count):
                maps, statuses = cam.saliency(batch, size=(6, 8), return_status=True)
                cam.saliency(strided[0], "eigen-cam", threads=2)
                cam.overlay(cam.combine([maps, maps])[0]).array
                metrics.PixelOrder(maps).inserted(1, 2)
                try:
                    cam.saliency(batch * np.nan)
                except ValueError:
                    pass

        calls(200)
        before = resident()
        calls(600)
        print(resident() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1 << 20


def test_eight_threads_get_the_same_bits() -> None:
    batch = random_features(4, 30, 5, 5)
    expected = cam.saliency(batch)
    with ThreadPoolExecutor(8) as pool:
        for maps in pool.map(lambda _: cam.saliency(batch), range(80)):
            np.testing.assert_array_equal(maps, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_computes_maps() -> None:
    batch = random_features(4, 30, 5, 5)
    expected = cam.saliency(batch)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(cam.saliency, (batch,)), expected)
