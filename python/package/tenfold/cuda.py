"""NVIDIA GPUs.

Tensors on a GPU are decomposed there, and their saliency maps are computed there::

    t = tenfold.hooi(x, rank=(8, 8, 8))         # x: a tensor of PyTorch on cuda:0
    t.core                                      # a tensor of PyTorch on cuda:0
    maps = tenfold.cam.saliency(features)       # a tensor of PyTorch on cuda:0

`device="cuda"` or `device="cuda:1"` takes arrays of the host to a GPU, and their results back.

An array on a GPU is any object with `__dlpack__` or `__cuda_array_interface__`: tensors of PyTorch,
arrays of CuPy, JAX and Numba. It is read in place if it holds float32 or float64 in C order; other
arrays are converted by their framework first. The work starts after the work that the framework has
given to its stream, and the results are complete when the function returns.

The GPU has HOOI and ST-HOSVD, with ranks or a tolerance, and all saliency maps. Other methods and
options raise `NotImplementedError`. A driver for CUDA 11.8 or newer and a card of compute
capability 7.5 or newer are needed, no toolkit. The first use of a card compiles the kernels, which
takes some seconds; the compiled kernels are kept in the user's cache folder.

A child of `fork` cannot use CUDA if its parent has. Start processes with the method "spawn" of
`multiprocessing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tenfold import _native
from tenfold._decomposition import Tucker
from tenfold._device import is_on_device
from tenfold._device_solvers import DeviceTucker
from tenfold._native import DeviceArray
from tenfold._options import Options, Progress
from tenfold._rank import Rank

__all__ = [
    "Device",
    "DeviceArray",
    "DeviceTucker",
    "devices",
    "hooi_batch",
    "is_available",
    "release_memory",
    "st_hosvd_batch",
]


def __dir__() -> list[str]:
    return __all__


class Device(NamedTuple):
    """A GPU."""

    name: str
    """Its name."""
    ordinal: int
    """Its number in the order of the driver: 1 for "cuda:1"."""
    compute_capability: tuple[int, int]
    """The major and the minor number of its compute capability."""
    memory: int
    """The bytes of its memory."""
    multiprocessors: int
    """The number of its multiprocessors."""

    def __str__(self) -> str:
        """The name for `device=`, such as "cuda:0"."""
        return f"cuda:{self.ordinal}"


def is_available() -> bool:
    """Whether there is a driver and a GPU.

    Examples
    --------
    >>> import tenfold.cuda
    >>> tenfold.cuda.is_available() in (True, False)
    True
    """
    try:
        return len(devices()) > 0
    except RuntimeError:
        return False


def devices() -> list[Device]:
    """The GPUs. None of them is opened.

    Raises
    ------
    RuntimeError
        If there is no driver, if the driver is too old, or if it finds no GPU. The message says
        what to do.
    """
    return [Device(*properties) for properties in _native.device_properties()]


def release_memory() -> None:
    """Frees the memory that the GPUs keep for the next call, at most a quarter of their memory.

    Call it before another library in this process needs all memory of a GPU.

    Raises
    ------
    RuntimeError
        In a child of a process that has used CUDA.
    """
    _native.release_device_memory()


def hooi_batch(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    modes: Sequence[int] | None = None,
    init: str = "st-hosvd",
    sweep_tolerance: float = 1e-8,
    max_sweeps: int = 100,
    route: str = "auto",
    device: Any = None,
    progress: Progress | None = None,
) -> list[Tucker]:
    """Decomposes each tensor of a batch by HOOI on a GPU.

    The GPU decomposes many small tensors together, which is much faster than one after the other.
    The result for a tensor does not depend on the others.

    Parameters
    ----------
    x : array
        The batch N×I₀×I₁×…: on a GPU, or on the host.
    rank, tol, modes, init, sweep_tolerance, max_sweeps, route
        As for `tenfold.hooi`, for a tensor of shape I₀×I₁×…. `init` is "st-hosvd" or "hosvd".
    device : str, optional
        The GPU for an array of the host; "cuda" if it is left out.
    progress : callable, optional
        Called as `progress(done, total, None)` with numbers of tensors.

    Returns
    -------
    list of Tucker
        A decomposition for each tensor. Its arrays are on the GPU if `x` is there.

    Raises
    ------
    ValueError, TypeError, NotImplementedError, RuntimeError
        As for `tenfold.hooi`.
    MemoryError
        If the GPU has too little memory for one tensor.
    """
    options = _batch_options(x, modes, progress, device)
    options.truncate(rank, tol, None)
    if init != "st-hosvd":
        options.values["start"] = "hosvd" if init == "svd" else init
    options.natural("max_sweeps", max_sweeps, 1)
    options.real("sweep_tolerance", sweep_tolerance)
    options.route(route)
    return options.decompose_on_device("hooi")


def st_hosvd_batch(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    modes: Sequence[int] | None = None,
    order: Sequence[int] | None = None,
    route: str = "auto",
    device: Any = None,
    progress: Progress | None = None,
) -> list[Tucker]:
    """Decomposes each tensor of a batch by ST-HOSVD on a GPU: see `hooi_batch`.

    Parameters
    ----------
    order : sequence of int, optional
        The order of the modes, as for `tenfold.st_hosvd`.
    x, rank, tol, modes, route, device, progress
        See `hooi_batch`.
    """
    options = _batch_options(x, modes, progress, device)
    options.truncate(rank, tol, None)
    if order is not None:
        options.values["order"] = options.named(order)
    options.route(route)
    return options.decompose_on_device("st-hosvd")


def _batch_options(
    x: Any, modes: Sequence[int] | None, progress: Progress | None, device: Any
) -> Options:
    if device is None and not is_on_device(x):
        device = "cuda"
    options = Options(x, modes, None, progress, device, is_batch=True)
    if options.place is None:
        raise ValueError('a batch is decomposed on a GPU: device="cuda" is expected, not "cpu"')
    return options
