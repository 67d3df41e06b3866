"""Tucker decompositions under TensorLy's names. Other decompositions come from TensorLy."""

from __future__ import annotations

from .._fallback import fallback
from ._tucker import (
    Tucker,
    Tucker_NN,
    Tucker_NN_HALS,
    initialize_tucker,
    non_negative_tucker,
    non_negative_tucker_hals,
    partial_tucker,
    tucker,
)

__all__ = [
    "Tucker",
    "Tucker_NN",
    "Tucker_NN_HALS",
    "initialize_tucker",
    "non_negative_tucker",
    "non_negative_tucker_hals",
    "partial_tucker",
    "tucker",
]

__getattr__ = fallback(__name__)
