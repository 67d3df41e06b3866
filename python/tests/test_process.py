"""Memory, threads, Ctrl-C, forks and pickles: how calls behave in a process."""

from __future__ import annotations

import itertools
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

import oracles
import tenfold

PACKAGE = Path(tenfold.__file__).parents[1]


def start(code):
    """Starts Python on `code`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE), *sys.path])}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def run(code):
    """Runs Python on `code`. Returns its output."""
    process = start(code)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_ten_thousand_calls_leave_the_memory_flat():
    output = run(
        """
        import numpy as np, tenfold
        x = np.random.default_rng(0).standard_normal((3, 4, 5))
        y = x.astype(np.float32).transpose(2, 0, 1)

        def resident():
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        def calls(count):
            for _ in range(count):
                t = tenfold.hooi(x, (2, 2, 2), max_sweeps=1)
                core, factors = t
                t[0]
                tenfold.st_hosvd(y, tol=0.5, progress=print).spectra
                try:
                    tenfold.tucker(x, (0, 1, 1))
                except ValueError:
                    pass

        calls(500)
        before = resident()
        calls(10_000)
        print(resident() - before)
        """
    )
    assert int(output.split()[-1]) < 1 << 20


def test_eight_threads_get_the_same_bits():
    x = np.random.default_rng(1).standard_normal((20, 21, 22))
    expected = tenfold.tucker(x, (4, 5, 6))
    barrier = threading.Barrier(8)

    def work(_):
        barrier.wait()
        results = [tenfold.tucker(x, (4, 5, 6), threads=n) for n in (None, 1, 2)]
        return [(t.core, t.factors, t[2:5], t.relative_error(x)) for t in results]

    with ThreadPoolExecutor(8) as executor:
        results = list(executor.map(work, range(8)))
    part, error = expected[2:5], expected.relative_error(x)
    for core, factors, slice_, relative_error in itertools.chain.from_iterable(results):
        assert np.array_equal(core, expected.core)
        assert all(np.array_equal(a, b) for a, b in zip(factors, expected.factors, strict=True))
        assert np.array_equal(slice_, part)
        assert relative_error == error


def test_other_threads_run_during_a_call():
    x = np.random.default_rng(2).standard_normal((60, 60, 60))
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    counter = threading.Thread(target=count)
    counts = []
    counter.start()
    try:
        options = {"sweep_tolerance": 0.0, "max_sweeps": 20}
        tenfold.hooi(x, (9, 9, 9), progress=lambda *_: counts.append(counted[0]), **options)
    finally:
        stop.set()
        counter.join()
    assert counts[-1] > counts[0]


@pytest.mark.parametrize(
    "call",
    [
        "tenfold.hooi(x, (9, 9, 9), sweep_tolerance=0.0, max_sweeps=10**7)",
        "tenfold.non_negative(abs(x), (9, 9, 9), sweep_tolerance=0.0, max_sweeps=10**7)",
        "tenfold.completion(x, (9, 9, 9), x < 1, sweep_tolerance=0.0, max_sweeps=10**7)",
        "tenfold.randomized(x, (9, 9, 9), power_iterations=10**7)",
        "tenfold.metrics.bootstrap(x[0].ravel(), resamples=10**7)",
        "tl.decomposition.tucker(x, (9, 9, 9), tol=None, n_iter_max=10**7)",
    ],
    ids=["hooi", "non_negative", "completion", "randomized", "bootstrap", "mirror"],
)
def test_ctrl_c_stops_a_call_that_would_take_hours(call):
    process = start(
        f"""
        import numpy as np, tenfold
        import tenfold.tensorly as tl
        x = np.random.default_rng(0).standard_normal((100, 100, 100))
        print("ready", flush=True)
        try:
            {call}
        except KeyboardInterrupt:
            print("interrupted", tenfold.tucker(x[:5, :5, :5], 2).ranks)
        """
    )
    try:
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert output == "interrupted (2, 2, 2)\n", errors


def work_in_child(x, connection):
    """Sends the core of a small and of a large call."""
    small, large = tenfold.tucker(x[:4, :4, :4], 2), tenfold.tucker(x, (5, 5, 5))
    connection.send((small.core, large.core))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_forked_child_computes():
    x = np.random.default_rng(3).standard_normal((60, 60, 60))
    small, large = tenfold.tucker(x[:4, :4, :4], 2), tenfold.tucker(x, (5, 5, 5))
    tenfold.tucker(x, (5, 5, 5), threads=2)
    context = multiprocessing.get_context("fork")
    children = []
    for _ in range(3):
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=work_in_child, args=(x, sender))
        child.start()
        children.append((child, receiver))
    for child, receiver in children:
        try:
            assert receiver.poll(30), "the child does not answer"
            cores = receiver.recv()
            assert np.array_equal(cores[0], small.core)
            assert np.array_equal(cores[1], large.core)
        finally:
            child.kill()
            child.join()


def test_decompositions_between_processes():
    x = oracles.tensor((5, 6, 7))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        t = pool.apply(tenfold.tucker, (x, (2, 3, 4)))
    expected = tenfold.tucker(x, (2, 3, 4))
    assert np.array_equal(t.core, expected.core)
    assert t.estimated_error == expected.estimated_error


def test_a_result_outlives_its_input_and_its_owner():
    x = np.random.default_rng(4).standard_normal((5, 6, 7))
    core, factors = tenfold.tucker(x.copy(), (2, 3, 4))
    parts = tenfold.tucker(x, (2, 3, 4))
    del x
    assert np.array_equal(core, parts.core)
    for array in (core, *factors):
        assert not array.flags.writeable
        with pytest.raises(ValueError):
            array[0, 0] = 1.0


@pytest.mark.parametrize("threads", [None, 1, 2])
@pytest.mark.parametrize("sweeps", [3, 10**6])
def test_progress_may_call_the_package(threads, sweeps):
    """A call on a thread of the pool computes there: it does not wait for the same thread."""
    inner = []

    def progress(done, total, error):
        inner.append(tenfold.tucker(x, (2, 2, 2), threads=threads, max_sweeps=sweeps).core)

    x = np.random.default_rng(5).standard_normal((9, 8, 7))
    options = {"threads": threads, "max_sweeps": sweeps, "sweep_tolerance": 1e-3}
    t = tenfold.hooi(x, (2, 2, 2), progress=progress, **options)
    assert len(inner) == t.convergence.sweeps
    expected = tenfold.tucker(x, (2, 2, 2), max_sweeps=sweeps)
    assert np.array_equal(inner[0], expected.core)


def test_the_largest_numbers_of_sweeps():
    x = oracles.tensor((4, 5, 6))
    expected = tenfold.hooi(x, (2, 2, 2), starts=3)
    t = tenfold.hooi(x, (2, 2, 2), starts=3, max_sweeps=2**64 - 1)
    assert np.array_equal(t.core, expected.core)
