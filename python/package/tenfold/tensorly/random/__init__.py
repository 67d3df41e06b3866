"""Random tensors."""

from __future__ import annotations

from .._fallback import fallback
from ..backend import check_random_state
from .base import random_tensor, random_tucker

__all__ = ["check_random_state", "random_tensor", "random_tucker"]

__getattr__ = fallback(__name__)
