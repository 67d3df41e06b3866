"""The names of TensorLy's functions for singular vectors."""

from __future__ import annotations

from typing import Any

from .._fallback import fallback

SVD_FUNS = ["truncated_svd", "symeig_svd", "randomized_svd"]
"""The names that the decompositions accept as ``svd``."""


def check_svd(svd: Any) -> None:
    """Check the argument ``svd`` of a decomposition.

    The solvers choose their own route to the singular vectors. It is at least as accurate as each
    of :data:`SVD_FUNS`, so that these names all mean the same.

    Raises
    ------
    NotImplementedError
        For a function.
    ValueError
        For an unknown name.
    """
    if isinstance(svd, str) and svd in SVD_FUNS:
        return
    if callable(svd):
        raise NotImplementedError(
            f"svd must be one of {SVD_FUNS}: the solvers cannot call a function for the SVD"
        )
    raise ValueError(f"svd must be one of {SVD_FUNS}, found {svd!r}")


__getattr__ = fallback(__name__)
