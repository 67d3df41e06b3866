"""Errors of embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import _native
from tenfold._arrays import as_tensor


def embedding_mse(embeddings: Any, masked: Any) -> float:
    """Computes the mean squared error of embeddings: MSE = (1/N)·Σᵢ ‖zᵢ - z̄ᵢ‖².

    Parameters
    ----------
    embeddings
        The embeddings zᵢ of N images, N×D or N×(any trailing shape). The squares are summed over
        the D entries, not averaged.
    masked
        The embeddings z̄ᵢ of the masked images, of the same shape.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ or do not fit, or if an entry is not finite.

    Examples
    --------
    >>> from tenfold.metrics import embedding_mse
    >>> embedding_mse([[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [1.0, 2.0]])
    13.0
    """
    return _native.embedding_error(*_embeddings(embeddings, masked), True)


def embedding_error(embedding: Any, masked: Any) -> float:
    """Computes the squared error ‖z - z̄‖² of the embedding of one image, of any shape.

    `embedding_mse` is its mean over images.

    Raises
    ------
    ValueError
        If the shapes differ, or if an entry is not finite.

    Examples
    --------
    >>> from tenfold.metrics import embedding_error
    >>> embedding_error([0.0, 0.0], [3.0, 4.0])
    25.0
    """
    return _native.embedding_error(*_embeddings(embedding, masked), False)


def _embeddings(z: Any, masked: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays, in the larger of their types."""
    first, second = as_tensor(z, "embeddings"), as_tensor(masked, "masked")
    dtype = np.result_type(first, second)
    return first.astype(dtype, copy=False), second.astype(dtype, copy=False)
