"""The base class of tensors in factorized form."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from typing import Any

from .backend import Array, norm
from .base import tensor_to_vec, unfold
from .tenalg import mode_dot


class FactorizedTensor(Mapping[int, Any], metaclass=ABCMeta):
    """A tensor that is stored as factors. Subclasses define :meth:`to_tensor`."""

    def to_tensor(self) -> Array:
        """Return all entries."""
        raise NotImplementedError

    def to_unfolded(self, mode: int) -> Array:
        """Return the mode-``mode`` unfolding."""
        return unfold(self.to_tensor(), mode)

    def to_vec(self) -> Array:
        """Return all entries as a vector."""
        return tensor_to_vec(self.to_tensor())

    def norm(self) -> Any:
        """Return the Frobenius norm."""
        return norm(self.to_tensor())

    def mode_dot(self, matrix_or_tensor: Array, mode: int) -> Any:
        """Return the mode-``mode`` product with a matrix or a vector."""
        return mode_dot(self.to_tensor(), matrix_or_tensor, mode)
