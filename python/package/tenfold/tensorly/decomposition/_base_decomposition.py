"""The base class of decompositions as objects."""

from __future__ import annotations

from typing import Any


class DecompositionMixin:
    """Gives a class with ``fit_transform`` the method ``fit``."""

    rank: Any

    def fit_transform(self, tensor: Any) -> Any:
        """Decompose ``tensor`` and return the decomposition."""
        raise NotImplementedError

    def fit(self, tensor: Any, **kwargs: Any) -> Any:
        """Decompose ``tensor``, keep the result in ``decomposition_``, and return the object."""
        self.fit_transform(tensor, **kwargs)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rank={self.rank!r})"
