"""Tucker decompositions of dense tensors, and saliency maps built on them.

============================  =====================================================================
`tucker`, `hooi`, …           decompose arrays; the result is a `Tucker`
`tenfold.cam`                 saliency maps of feature maps and of PyTorch networks
`tenfold.cuda`                NVIDIA GPUs, and batches of decompositions there
`tenfold.metrics`             the quality of saliency maps
`tenfold.plot`                figures, with Matplotlib
`tenfold.tensorly`            the names of TensorLy, computed by tenfold
============================  =====================================================================
"""

import importlib
from typing import Any

from tenfold import cam, cuda, metrics, plot
from tenfold._decomposition import Convergence, Shortfall, Tucker, load
from tenfold._native import __version__
from tenfold._solvers import (
    completion,
    hooi,
    hosvd,
    interpolatory,
    mode_spectrum,
    non_negative,
    partial_tucker,
    randomized,
    st_hosvd,
    tucker,
)

__all__ = [
    "Convergence",
    "Shortfall",
    "Tucker",
    "__version__",
    "cam",
    "completion",
    "cuda",
    "hooi",
    "hosvd",
    "interpolatory",
    "load",
    "metrics",
    "mode_spectrum",
    "non_negative",
    "partial_tucker",
    "plot",
    "randomized",
    "st_hosvd",
    "tensorly",
    "tucker",
]


def __getattr__(name: str) -> Any:
    # The mirror of TensorLy is imported when it is used.
    if name == "tensorly":
        return importlib.import_module("tenfold.tensorly")
    raise AttributeError(f"module 'tenfold' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
