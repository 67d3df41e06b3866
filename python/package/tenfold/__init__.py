"""Tucker decompositions of dense tensors, and saliency maps built on them."""

from tenfold import cam, metrics
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
    "hooi",
    "hosvd",
    "interpolatory",
    "load",
    "metrics",
    "mode_spectrum",
    "non_negative",
    "partial_tucker",
    "randomized",
    "st_hosvd",
    "tucker",
]
