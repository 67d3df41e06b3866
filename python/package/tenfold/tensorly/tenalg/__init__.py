"""Products of tensors with matrices and vectors."""

from __future__ import annotations

from .._fallback import fallback
from .products import kronecker, mode_dot, multi_mode_dot
from .svd import SVD_FUNS

__all__ = ["SVD_FUNS", "kronecker", "mode_dot", "multi_mode_dot"]

__getattr__ = fallback(__name__)
