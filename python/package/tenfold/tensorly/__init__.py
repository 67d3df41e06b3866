"""The names of TensorLy around Tucker decompositions, computed by tenfold.

Replace ``import tensorly as tl`` by ``import tenfold.tensorly as tl``. Arguments and results follow
TensorLy 0.10 with NumPy arrays. TensorLy need not be installed for the functions of this package:
the Tucker decompositions, ``tucker_tensor``, ``base``, ``tenalg``'s mode products, ``random``'s
Tucker tensors, and the array functions. Every other name comes from TensorLy if it is installed.
"""

from __future__ import annotations

from . import _fallback

_fallback.install()

from . import backend, base, decomposition, random, tenalg, testing, tucker_tensor  # noqa: E402
from .backend import *  # noqa: E402, F403
from .base import (  # noqa: E402
    fold,
    partial_fold,
    partial_tensor_to_vec,
    partial_unfold,
    partial_vec_to_tensor,
    tensor_to_vec,
    unfold,
    vec_to_tensor,
)
from .tenalg import SVD_FUNS  # noqa: E402
from .tucker_tensor import (  # noqa: E402
    TuckerTensor,
    tucker_mode_dot,
    tucker_to_tensor,
    tucker_to_unfolded,
    tucker_to_vec,
    validate_tucker_rank,
)

__all__ = [
    *backend.__all__,
    "SVD_FUNS",
    "TuckerTensor",
    "backend",
    "base",
    "decomposition",
    "fold",
    "partial_fold",
    "partial_tensor_to_vec",
    "partial_unfold",
    "partial_vec_to_tensor",
    "random",
    "tenalg",
    "tensor_to_vec",
    "testing",
    "tucker_mode_dot",
    "tucker_tensor",
    "tucker_to_tensor",
    "tucker_to_unfolded",
    "tucker_to_vec",
    "unfold",
    "validate_tucker_rank",
    "vec_to_tensor",
]

__version__ = "0.10.0"
"""The version of TensorLy with the same names."""

__getattr__ = _fallback.fallback(__name__)
