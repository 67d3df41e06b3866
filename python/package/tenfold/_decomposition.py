"""The class `Tucker`: a Tucker decomposition, and the parts of the tensor that it represents."""

from __future__ import annotations

import html
import operator
from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
import numpy.typing as npt

from tenfold import _checks, _native
from tenfold._arrays import Restore, as_mask, as_tensor
from tenfold._checks import FilePath

Index = SupportsIndex | slice | EllipsisType | npt.NDArray[Any] | Sequence[int] | Sequence[bool]
"""The index of one mode in `Tucker.__getitem__`."""


class Convergence(NamedTuple):
    """How the sweeps of an iteration ended."""

    sweeps: int
    """The number of sweeps."""
    stop: str
    """Why they ended, such as "converged" or "max-sweeps"."""


class Shortfall(NamedTuple):
    """A tolerance that a decomposition does not meet, because the precision does not suffice."""

    requested: float
    """The tolerance."""
    reached: float
    """The relative error of the decomposition."""


class Tucker:
    """A Tucker decomposition X ≈ G ×₀ A₀ ×₁ A₁ …: a core G, and a factor Aₙ for each mode.

    The solvers return it. It unpacks as TensorLy's decompositions do::

        core, factors = tenfold.tucker(x, rank=(3, 4, 2))

    The arrays of a decomposition are read-only: its error and its spectra belong to them. Copy an
    array to change it. For a tensor of another library, such as PyTorch, they are arrays of that
    library and hold copies of the entries.

    `t[0:10, :, 3]` computes one part of the tensor, without the rest of it. Indices are those of
    NumPy: an integer drops its mode, a slice may have a step, `...` stands for all remaining modes.
    Lists of indices and boolean lists select in each mode on its own, as `numpy.ix_` does.
    `numpy.asarray(t)` is the whole tensor.

    `==` compares identity: two decompositions are equal only if they are the same object. Compare
    their cores and factors to compare values.

    Parameters
    ----------
    core : array_like
        The core G of shape R₀×R₁×….
    factors : sequence of array_like or None
        For each mode the factor Aₙ of shape Iₙ×Rₙ, or None for a mode that is not decomposed.

    Raises
    ------
    ValueError
        If the shapes do not fit, if a rank is larger than its extent or than the product of the
        other ranks, or for an entry that is not finite.

    Examples
    --------
    >>> import numpy as np, tenfold
    >>> x = np.add.outer(np.arange(4.0), np.arange(5.0))
    >>> t = tenfold.st_hosvd(x, rank=2)
    >>> t
    Tucker(shape=(4, 5), ranks=(2, 2), dtype=float64, method='st-hosvd')
    >>> core, factors = t
    >>> np.allclose(factors[0] @ core @ factors[1].T, x)
    True
    >>> t[1:3, -1].round(12)
    array([5., 6.])
    """

    __slots__ = ("__weakref__", "_core", "_factors", "_facts", "_native", "_restore")

    def __init__(self, core: Any, factors: Sequence[Any]) -> None:
        entries = as_tensor(core, "core")
        if not hasattr(factors, "__iter__"):
            raise TypeError(
                f"factors are a sequence of matrices, one for each mode, not {factors!r}"
            )
        matrices = [
            None if factor is None else as_tensor(factor, f"factor {mode}").astype(entries.dtype)
            for mode, factor in enumerate(factors)
        ]
        self._set(_native.Decomposition.from_parts(entries, matrices), None)

    @classmethod
    def _of(cls, native: _native.Decomposition, restore: Restore | None) -> Tucker:
        """The decomposition of the native module. `restore` makes its arrays."""
        self = cls.__new__(cls)
        self._set(native, restore)
        return self

    def _set(self, native: _native.Decomposition, restore: Restore | None) -> None:
        self._native = native
        # What is known without the arrays. A decomposition on a device has it without a copy.
        self._facts: _native.Decomposition | _native.DeviceDecomposition = native
        self._restore = restore
        self._core: Any = None
        self._factors: list[Any] | None = None

    @property
    def core(self) -> Any:
        """The core G, of shape `ranks`."""
        if self._core is None:
            self._core = self._restored(self._native.core())
        return self._core

    @property
    def factors(self) -> list[Any]:
        """The factors Aₙ of the decomposed modes, in the order of `modes`."""
        if self._factors is None:
            self._factors = [self._factor(mode) for mode in self._facts.modes]
        return self._factors.copy()

    def _factor(self, mode: int) -> Any:
        factor = self._native.factor(mode)
        assert factor is not None
        factor.setflags(write=False)
        return self._restored(factor)

    def factor(self, mode: int) -> Any:
        """The factor of a mode; None if the mode is not decomposed.

        Raises
        ------
        IndexError
            If there is no such mode.
        """
        mode = self._mode(mode)
        modes = self._facts.modes
        return self.factors[modes.index(mode)] if mode in modes else None

    @property
    def modes(self) -> tuple[int, ...]:
        """The decomposed modes."""
        return tuple(self._facts.modes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents of the tensor."""
        return tuple(self._facts.shape)

    @property
    def ndim(self) -> int:
        """The number of modes of the tensor."""
        return len(self._facts.shape)

    @property
    def ranks(self) -> tuple[int, ...]:
        """The extents of the core. A mode that is not decomposed has the extent of the tensor."""
        return tuple(self._facts.ranks)

    rank = ranks
    """The same as `ranks`, under the name that TensorLy uses."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The scalar: float32 or float64."""
        return np.dtype(self._facts.dtype)

    @property
    def method(self) -> str:
        """The solver: "hooi", "st-hosvd", …, or "unknown"."""
        return self._facts.method

    @property
    def estimated_error(self) -> float | None:
        """The relative error ‖X − X̂‖/‖X‖ as the solver computed it, exact up to rounding.

        None if the parts did not come from a solver.
        """
        return self._facts.estimated_error

    @property
    def shortfall(self) -> Shortfall | None:
        """The tolerance that was missed; None if there was none, or if it was met."""
        shortfall = self._facts.shortfall
        return None if shortfall is None else Shortfall(*shortfall)

    @property
    def convergence(self) -> Convergence | None:
        """How an iteration ended; None for the other solvers."""
        convergence = self._facts.convergence
        return None if convergence is None else Convergence(*convergence)

    @property
    def compression(self) -> float:
        """The number of entries of the tensor, divided by those of core and factors together."""
        return self._native.compression

    @property
    def spectra(self) -> list[npt.NDArray[np.float64] | None]:
        """For each mode the singular values of the unfolding from which the solver took the factor.

        The values are in descending order, kept and discarded ones. None for a mode that is not
        decomposed, and for parts that did not come from a solver.
        """
        return [self._facts.spectrum(mode) for mode in range(self.ndim)]

    def mode_spectrum(self, mode: int) -> npt.NDArray[np.float64]:
        """The singular values of the mode-n unfolding of X̂, in descending order."""
        return self._native.mode_spectrum(self._mode(mode))

    def fibres(self, mode: int) -> list[int] | None:
        """The columns of the mode-n unfolding that are the columns of the factor.

        None unless the factor consists of fibres: see `tenfold.interpolatory`.
        """
        return self._native.fibres(self._mode(mode))

    def norm(self) -> float:
        """The Frobenius norm of X̂."""
        return self._native.norm()

    def reconstruct(self, *, threads: int | None = None) -> Any:
        """The tensor X̂ = G ×₀ A₀ ×₁ A₁ … that the decomposition represents.

        Parameters
        ----------
        threads : int, optional
            The number of threads; one for each core if it is left out.

        Raises
        ------
        ValueError
            If an entry does not fit the scalar.
        MemoryError
            If the tensor does not fit the memory.
        """
        return self._restored(self._native.reconstruct(None, _checks.threads(threads)))

    to_tensor = reconstruct
    """The same as `reconstruct`, under the name that TensorLy uses."""

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """The tensor X̂ as a NumPy array."""
        if copy is False:
            raise ValueError("a reconstruction is a new array: copy=False is not possible")
        array = self._native.reconstruct(None, None)
        return array if dtype is None else array.astype(dtype, copy=False)

    def relative_error(self, x: Any, mask: Any = None, *, threads: int | None = None) -> float:
        """The relative error ‖X − X̂‖/‖X‖ beside a tensor, measured entry by entry.

        Parameters
        ----------
        x : array_like
            The tensor X.
        mask : array_like of bool, optional
            The norms are taken over the entries where the mask is true.
        threads : int, optional
            The number of threads; one for each core if it is left out.
        """
        entries = as_tensor(x).astype(self.dtype, copy=False)
        threads = _checks.threads(threads)
        if mask is None:
            return self._native.relative_error(entries, threads)
        return self._native.relative_error_over(entries, as_mask(mask, self.shape), threads)

    def save(self, path: FilePath) -> None:
        """Writes the decomposition to an .npz file, which NumPy and the command `tenfold` read.

        The file is written as a whole or not at all. `tenfold.load` reads it.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        self._native.save(_checks.file_path(path))

    @classmethod
    def load(cls, path: FilePath) -> Tucker:
        """Reads a decomposition: the same as `tenfold.load`."""
        return cls._of(_native.Decomposition.load(_checks.file_path(path)), None)

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Any:
        """The part of the tensor X̂ at an index of each mode."""
        selections = _selections(index, self.shape)
        indices = [(it,) if isinstance(it, int) else it for it in selections]
        if not all(indices):
            shape = [len(it) for it in selections if not isinstance(it, int)]
            return self._restored(np.empty(shape, self.dtype))
        ranges = [(it[0], it[-1] + 1) for it in indices]
        if all(isinstance(it, int) or _is_contiguous(it) for it in selections):
            part = self._native.reconstruct(ranges, None)
        else:
            part = self._native.select([list(it) for it in indices], None)
        kept = tuple(0 if isinstance(it, int) else slice(None) for it in selections)
        part = part[kept]
        return part if part.ndim == 0 else self._restored(np.ascontiguousarray(part))

    def __iter__(self) -> Iterator[Any]:
        """The core and the list of factors."""
        yield self.core
        yield self.factors

    def __len__(self) -> int:
        """2: the decomposition unpacks to the core and the list of factors."""
        return 2

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_bytes, (self._native.to_bytes(),)

    def __repr__(self) -> str:
        return (
            f"Tucker(shape={self.shape}, ranks={self.ranks}, dtype={self.dtype}, "
            f"method={self.method!r})"
        )

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        error = self.estimated_error
        rows = [
            ("tensor", f"{_times(self.shape)} {self.dtype}"),
            ("core", _times(self.ranks)),
            *(
                (f"factor {mode}", _times((self.shape[mode], self.ranks[mode])))
                for mode in self.modes
            ),
            ("method", self.method),
            ("compression", f"{self.compression:.4g} times"),
            ("relative error", "unknown" if error is None else f"{error:.3e}"),
        ]
        if self.convergence is not None:
            rows.append(("sweeps", f"{self.convergence.sweeps} ({self.convergence.stop})"))
        if self.shortfall is not None:
            rows.append(("missed tolerance", f"{self.shortfall.requested:.3e}"))
        cells = "".join(
            f"<tr><th style='text-align:left'>{name}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in rows
        )
        return f"<table><caption>Tucker decomposition</caption>{cells}</table>"

    def _mode(self, mode: int) -> int:
        order = self.ndim
        try:
            mode = operator.index(mode)
        except TypeError:
            raise TypeError(f"a mode is an integer, not {mode!r}") from None
        if not -order <= mode < order:
            raise IndexError(f"mode {mode} does not exist: the tensor has {order} modes")
        return mode % order

    def _restored(self, array: npt.NDArray[Any]) -> Any:
        return array if self._restore is None else self._restore(array)


def load(path: FilePath) -> Tucker:
    """Reads a decomposition from an .npz file of `Tucker.save`, the command or another program.

    A file of another program holds arrays `core`, `factor_0`, `factor_1`, ….

    Raises
    ------
    FileNotFoundError, PermissionError, OSError
        If the file cannot be read.
    ValueError
        If the file holds no decomposition, or is damaged.
    """
    return Tucker.load(path)


def _of_bytes(data: bytes) -> Tucker:
    """The inverse of `Tucker.__reduce__`."""
    return Tucker._of(_native.Decomposition.from_bytes(data), None)


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _is_contiguous(indices: range | list[int]) -> bool:
    return isinstance(indices, range) and indices.step == 1


def _selections(index: Any, shape: Sequence[int]) -> list[int | range | list[int]]:
    """For each mode one index, a range of indices, or a list of indices, all from 0."""
    index = index if isinstance(index, tuple) else (index,)
    order = len(shape)
    ellipses = sum(it is Ellipsis for it in index)
    if ellipses > 1:
        raise IndexError("an index can only have one ellipsis ('...')")
    missing = order - len(index) + ellipses
    if missing < 0:
        raise IndexError(f"{len(index) - ellipses} indices for a tensor of {order} modes")
    if ellipses == 0:
        index = (*index, Ellipsis)
    modes: list[Any] = []
    for it in index:
        modes.extend([slice(None)] * missing if it is Ellipsis else [it])
    return [_selection(it, mode, shape[mode]) for mode, it in enumerate(modes)]


def _selection(index: Any, mode: int, extent: int) -> int | range | list[int]:
    if isinstance(index, slice):
        return range(*index.indices(extent))
    if isinstance(index, bool | np.bool_) or index is None:
        raise IndexError(f"mode {mode}: an integer, a slice or a list is expected, not {index!r}")
    try:
        return _wrapped(operator.index(index), mode, extent)
    except TypeError:
        pass
    indices = np.asarray(index)
    if indices.dtype.kind == "b":
        if indices.shape != (extent,):
            raise IndexError(
                f"mode {mode}: {extent} booleans are expected, not an array of shape "
                f"{indices.shape}"
            )
        return [int(i) for i in np.flatnonzero(indices)]
    if indices.ndim != 1 or (indices.dtype.kind not in "iu" and indices.size > 0):
        raise IndexError(f"mode {mode}: an integer, a slice or a list is expected, not {index!r}")
    return [_wrapped(int(i), mode, extent) for i in indices]


def _wrapped(index: int, mode: int, extent: int) -> int:
    if not -extent <= index < extent:
        raise IndexError(f"mode {mode}: index {index} is outside the extent {extent}")
    return index % extent
