"""The array functions of TensorLy's NumPy backend.

Most are NumPy's own under TensorLy's names. Functions that are missing here come from TensorLy.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._fallback import fallback

__all__ = [
    "abs",
    "acos",
    "acosh",
    "all",
    "any",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "backend_context",
    "check_random_state",
    "clip",
    "complex64",
    "complex128",
    "concatenate",
    "conj",
    "context",
    "copy",
    "cos",
    "cosh",
    "count_nonzero",
    "cumsum",
    "diag",
    "dot",
    "e",
    "eigh",
    "einsum",
    "eps",
    "exp",
    "eye",
    "finfo",
    "flip",
    "float32",
    "float64",
    "get_backend",
    "index",
    "index_update",
    "inf",
    "int32",
    "int64",
    "is_tensor",
    "kron",
    "log",
    "log2",
    "lstsq",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "moveaxis",
    "nan",
    "ndim",
    "norm",
    "ones",
    "pi",
    "prod",
    "qr",
    "randn",
    "reshape",
    "set_backend",
    "shape",
    "sign",
    "sin",
    "sinh",
    "solve",
    "sort",
    "sqrt",
    "stack",
    "sum",
    "svd",
    "tan",
    "tanh",
    "tensor",
    "tensordot",
    "to_numpy",
    "trace",
    "transpose",
    "where",
    "zeros",
    "zeros_like",
]

Array = np.ndarray[Any, Any]
"""Any NumPy array."""

# Constants and types.
e = np.e
pi = np.pi
inf = np.inf
nan = np.nan
int32 = np.int32
int64 = np.int64
float32 = np.float32
float64 = np.float64
complex64 = np.complex64
complex128 = np.complex128
finfo = np.finfo

# Arrays.
abs = np.abs
all = np.all
any = np.any
arange = np.arange
argmax = np.argmax
argmin = np.argmin
argsort = np.argsort
concatenate = np.concatenate
conj = np.conj
copy = np.copy
count_nonzero = np.count_nonzero
cumsum = np.cumsum
diag = np.diag
dot = np.dot
einsum = np.einsum
eye = np.eye
flip = np.flip
kron = np.kron
matmul = np.matmul
max = np.max
maximum = np.maximum
mean = np.mean
min = np.min
moveaxis = np.moveaxis
ndim = np.ndim
ones = np.ones
prod = np.prod
reshape = np.reshape
shape = np.shape
sign = np.sign
sort = np.sort
sqrt = np.sqrt
stack = np.stack
sum = np.sum
tensordot = np.tensordot
trace = np.trace
transpose = np.transpose
where = np.where
zeros = np.zeros
zeros_like = np.zeros_like

# Functions of one number.
exp = np.exp
log = np.log
log2 = np.log2
sin, cos, tan = np.sin, np.cos, np.tan
sinh, cosh, tanh = np.sinh, np.cosh, np.tanh
arcsin, arccos, arctan = np.arcsin, np.arccos, np.arctan
arcsinh, arccosh, arctanh = np.arcsinh, np.arccosh, np.arctanh
asin, acos, atan = np.arcsin, np.arccos, np.arctan
asinh, acosh, atanh = np.arcsinh, np.arccosh, np.arctanh

# Linear algebra.
eigh = np.linalg.eigh
lstsq = np.linalg.lstsq
qr = np.linalg.qr
solve = np.linalg.solve
svd = np.linalg.svd


def tensor(data: Any, dtype: Any = None, **context: Any) -> Array:
    """Return a new array with the entries of ``data``. Keywords except ``dtype`` are ignored."""
    return np.array(data, dtype=dtype)


def context(tensor: Array) -> dict[str, Any]:
    """Return the keywords with which :func:`tensor` makes arrays like ``tensor``."""
    return {"dtype": tensor.dtype}


def is_tensor(obj: object) -> bool:
    """Whether ``obj`` is a NumPy array."""
    return isinstance(obj, np.ndarray)


def to_numpy(tensor: Any) -> Array:
    """Return a copy of ``tensor`` as a NumPy array."""
    return np.array(tensor)


def eps(dtype: Any) -> float:
    """Return the distance from 1 to the next larger number of ``dtype``."""
    return float(np.finfo(dtype).eps)


def clip(tensor: Array, a_min: Any = None, a_max: Any = None) -> Array:
    """Return the entries, with those outside the limits replaced by the nearer limit."""
    return np.clip(tensor, a_min, a_max)


def norm(tensor: Array, order: Any = 2, axis: Any = None) -> Any:
    """Return the norm ``(sum |x| ** order) ** (1 / order)`` of all entries or along ``axis``.

    Parameters
    ----------
    tensor : ndarray
        The entries.
    order : number or "inf"
        The order; ``"inf"`` for the largest absolute value.
    axis : int, tuple of int or None
        The axes to sum over; all for None and for ``()``.
    """
    if axis == ():
        axis = None
    size = np.abs(tensor)
    if order == "inf":
        return np.max(size, axis=axis)
    if order == 1:
        return np.sum(size, axis=axis)
    if order == 2:
        return np.sqrt(np.sum(size * size, axis=axis))
    return np.sum(size**order, axis=axis) ** (1 / order)


class Index:
    """``index[a:b, c]`` is the index ``(slice(a, b), c)`` itself, for :func:`index_update`."""

    __slots__ = ()

    def __getitem__(self, indices: Any) -> Any:
        return indices


index = Index()


def index_update(tensor: Array, indices: Any, values: Any) -> Array:
    """Write ``values`` to ``tensor[indices]``. Return ``tensor``."""
    tensor[indices] = values
    return tensor


def check_random_state(seed: Any) -> np.random.RandomState:
    """Return a generator of random numbers.

    Parameters
    ----------
    seed : None, int or RandomState
        None: the global generator of NumPy. Integer: a new generator with this seed.

    Raises
    ------
    ValueError
        If ``seed`` is something else.
    """
    if seed is None:
        return np.random.mtrand._rand
    if isinstance(seed, np.random.RandomState):
        return seed
    try:
        return np.random.RandomState(operator.index(seed))
    except TypeError:
        raise ValueError(
            f"the seed must be None, an integer or a numpy.random.RandomState, "
            f"found {type(seed).__name__}"
        ) from None


def randn(shape: Sequence[int], seed: Any = None, **context: Any) -> Array:
    """Return an array of independent samples of the standard normal distribution."""
    return tensor(check_random_state(seed).randn(*shape), **context)


def get_backend() -> str:
    """Return ``"numpy"``: the name of the only backend."""
    return "numpy"


def set_backend(backend: Any, local_threadsafe: bool = False) -> None:
    """Accept ``"numpy"`` and refuse all other backends.

    Raises
    ------
    NotImplementedError
        For another backend.
    """
    if backend != "numpy":
        raise NotImplementedError(
            f"tenfold.tensorly has the NumPy backend only, found {backend!r}. "
            "The functions of tenfold itself, such as tenfold.tucker, take PyTorch and JAX "
            "arrays and return such arrays"
        )


@contextmanager
def backend_context(backend: Any, local_threadsafe: bool = False) -> Iterator[None]:
    """Use ``backend`` in a ``with`` block. See :func:`set_backend`."""
    set_backend(backend, local_threadsafe)
    yield


__getattr__ = fallback(__name__)
