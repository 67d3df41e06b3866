"""A framework with arrays on a CUDA device, for tests: the driver's memory, by ctypes alone.

It works with the real driver and with the stand-in of `tests/stand-in-driver`, an interpreter that
replaces libcuda. TENFOLD_STAND_IN_DRIVER names the stand-in's library. Without the variable, the
stand-in in the folder `target/debug` is used if there is no GPU.

    Array(entries)            the entries are copied to the device on a stream of the array
    __dlpack__                lets the consumer's stream wait for the stream of the array
    __cuda_array_interface__  names the stream of the array

`faults` of an array changes what the protocols say, so that a test can describe an array wrongly.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

STAND_IN = "TENFOLD_STAND_IN_DRIVER"
_TARGET = os.environ.get("CARGO_TARGET_DIR") or Path(__file__).parents[2] / "target"
_BUILT = Path(_TARGET) / "debug/libstand_in_driver.so"


class Driver:
    """The driver's functions. Device 0 is current on the calling thread."""

    def __init__(self) -> None:
        path = os.environ.get(STAND_IN)
        library = None if path else _driver_with_a_gpu()
        self.is_stand_in = library is None
        if library is None:
            # Kernels of the stand-in do not belong into the user's cache.
            os.environ["TENFOLD_KERNEL_CACHE"] = ""
            library = ctypes.CDLL(path or str(_BUILT), mode=ctypes.RTLD_GLOBAL)
            library.stand_in_reset()
        self.library = library
        self.call("cuInit", 0)
        self.contexts: dict[int, c_void_p] = {}
        self.use(0)

    def call(self, name: str, *arguments: Any) -> None:
        """Calls a function of the driver."""
        status = getattr(self.library, name)(*arguments)
        if status != 0:
            raise OSError(f"{name} returned {status}")

    def use(self, ordinal: int) -> None:
        """Makes a device current on this thread."""
        if ordinal not in self.contexts:
            context = c_void_p()
            self.call("cuDevicePrimaryCtxRetain", byref(context), c_int(ordinal))
            self.contexts[ordinal] = context
        self.call("cuCtxSetCurrent", self.contexts[ordinal])

    def current(self) -> int:
        """The number of the current device of this thread."""
        ordinal = c_int()
        self.call("cuCtxGetDevice", byref(ordinal))
        return ordinal.value

    def allocate(self, size: int) -> int:
        """Memory of the current device."""
        address = c_uint64()
        self.call("cuMemAlloc_v2", byref(address), c_size_t(max(size, 1)))
        return address.value

    def free(self, address: int) -> None:
        """Frees memory."""
        self.call("cuMemFree_v2", c_uint64(address))

    def stream(self) -> int:
        """A new stream that no other stream waits for."""
        stream = c_void_p()
        self.call("cuStreamCreate", byref(stream), c_uint(1))
        assert stream.value is not None
        return stream.value

    def order(self, later: int, earlier: int) -> None:
        """Lets the stream `later` wait for the work on `earlier`."""
        event = c_void_p()
        self.call("cuEventCreate", byref(event), c_uint(2))
        self.call("cuEventRecord", event, c_void_p(earlier))
        self.call("cuStreamWaitEvent", c_void_p(later), event, c_uint(0))

    def read(self, address: int, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        """Entries on the device, in C order."""
        entries = np.empty(shape, dtype)
        target = entries.ctypes.data_as(c_void_p)
        self.call("cuMemcpyDtoH_v2", target, c_uint64(address), c_size_t(entries.nbytes))
        return entries

    def free_bytes(self) -> int:
        """The free bytes of the current device."""
        free, total = c_size_t(), c_size_t()
        self.call("cuMemGetInfo_v2", byref(free), byref(total))
        return free.value

    def report(self) -> str:
        """The faults that the stand-in has found."""
        text = ctypes.create_string_buffer(1 << 16)
        self.library.stand_in_report.restype = c_size_t
        length = self.library.stand_in_report(text, c_size_t(len(text)))
        return text.raw[:length].decode()

    def used(self) -> int:
        """The allocated bytes of the stand-in's devices."""
        self.library.stand_in_used.restype = c_size_t
        return int(self.library.stand_in_used())


def _driver_with_a_gpu() -> ctypes.CDLL | None:
    """The driver; None if there is none, or if it finds no GPU."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    return library if library.cuInit(0) == 0 else None


class _Tensor(ctypes.Structure):
    """DLTensor."""

    _fields_ = (
        ("data", c_void_p),
        ("device_type", c_int),
        ("device_id", c_int),
        ("ndim", c_int),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


_Deleter = ctypes.CFUNCTYPE(None, c_void_p)


class _Legacy(ctypes.Structure):
    """DLManagedTensor."""

    _fields_ = (("tensor", _Tensor), ("context", c_void_p), ("deleter", _Deleter))


class _Versioned(ctypes.Structure):
    """DLManagedTensorVersioned."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", c_void_p),
        ("deleter", _Deleter),
        ("flags", c_uint64),
        ("tensor", _Tensor),
    )


_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = (c_void_p, c_char_p, c_void_p)

_CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}


class Array:
    """An array on a device, without a protocol."""

    def __init__(
        self,
        driver: Driver,
        entries: Any,
        *,
        ordinal: int = 0,
        stream: int | None = None,
        offset: int = 0,
        faults: dict[str, Any] | None = None,
    ) -> None:
        self.driver = driver
        entries = np.asarray(entries)
        self.shape, self.dtype = entries.shape, entries.dtype
        self.strides = tuple(stride // self.dtype.itemsize for stride in entries.strides)
        self.ordinal, self.offset, self.faults = ordinal, offset, faults or {}
        self.exports = 0
        self.streams: list[Any] = []
        before = driver.current()
        driver.use(ordinal)
        # The bytes in the order of memory, so that a transposed array stays one.
        flat = np.ascontiguousarray(entries.T if self._is_transposed(entries) else entries)
        self.address = driver.allocate(flat.nbytes + offset)
        self.stream = driver.stream() if stream is None else stream
        driver.call(
            "cuMemcpyHtoDAsync_v2",
            c_uint64(self.address + offset),
            flat.ctypes.data_as(c_void_p),
            c_size_t(flat.nbytes),
            c_void_p(self.stream),
        )
        driver.use(before)

    @staticmethod
    def _is_transposed(entries: npt.NDArray[Any]) -> bool:
        return entries.flags.f_contiguous and not entries.flags.c_contiguous

    def free(self) -> None:
        """Frees the memory."""
        self.driver.free(self.address)

    def numpy(self) -> npt.NDArray[Any]:
        """The entries, after all work on the device."""
        self.driver.call("cuCtxSynchronize")
        return self.driver.read(self.address + self.offset, self.shape, self.dtype)


class DlpackArray(Array):
    """An array with DLPack, without the method that exports it."""

    def _tensor(self) -> _Tensor:
        """The description. Its arrays live as long as this object."""
        ndim = len(self.shape)
        self._shape = (c_int64 * ndim)(*self.faults.get("shape", self.shape))
        strides = self.faults.get("strides", self.strides)
        self._strides = None if strides is None else (c_int64 * ndim)(*strides)
        device_type, device_id = self.__dlpack_device__()
        return _Tensor(
            data=self.faults.get("address", self.address),
            device_type=device_type,
            device_id=device_id,
            ndim=ndim,
            code=_CODES[self.dtype.kind],
            bits=8 * self.dtype.itemsize,
            lanes=self.faults.get("lanes", 1),
            shape=self._shape,
            strides=self._strides,
            byte_offset=self.offset,
        )

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.faults.get("device", (2, self.ordinal))

    def _wait(self, stream: Any) -> None:
        self.streams.append(stream)
        if stream is not None and stream != -1 and not self.faults.get("is_unordered"):
            before = self.driver.current()
            self.driver.use(self.ordinal)
            self.driver.order(stream, self.stream)
            self.driver.use(before)

    def _export(self, managed: Any, name: bytes) -> Any:
        """A capsule. The array counts how many of its capsules are in use."""

        def delete(_: Any) -> None:
            self.exports -= 1

        self._managed = managed
        self._deleter = _Deleter(delete)
        managed.deleter = self._deleter
        self.exports += 1
        return _new_capsule(ctypes.addressof(managed), name, None)


class LegacyArray(DlpackArray):
    """An array of a framework from before DLPack 1.0."""

    def __dlpack__(self, *, stream: Any = None) -> Any:
        self._wait(stream)
        return self._export(_Legacy(tensor=self._tensor()), b"dltensor")


class VersionedArray(DlpackArray):
    """An array of a framework with DLPack 1."""

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, **_: Any) -> Any:
        assert max_version >= (1, 0)
        self._wait(stream)
        flags = self.faults.get("flags", 0)
        managed = _Versioned(major=1, minor=0, flags=flags, tensor=self._tensor())
        return self._export(managed, b"dltensor_versioned")


class InterfaceArray(Array):
    """An array with `__cuda_array_interface__` alone."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        interface = {
            "version": 3,
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address + self.offset, False),
            "strides": None,
            "stream": self.stream,
        }
        interface.update(self.faults)
        return interface


ARRAYS = (LegacyArray, VersionedArray, InterfaceArray)


def newest(kind: type[Array]) -> dict[str, Any]:
    """The arguments of `__dlpack__` for the newest capsule of a class."""
    return {"max_version": (1, 0)} if kind is VersionedArray else {}
