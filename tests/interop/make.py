"""Writes the sample files of NumPy and safetensors in tests/data/inputs, and those of
make_science.py if its packages are installed.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install numpy ml_dtypes safetensors
    /tmp/venv/bin/python tests/interop/make.py

Every array is `values(shape, dtype)`: the entry at position p of the row-major order is
p mod 101, minus 50 for signed types. The tests compute the same values.
"""

import io
import json
import runpy
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import safetensors.numpy

TESTS = Path(__file__).parent.parent
FOLDER = TESTS / "data" / "inputs"
SHAPE = (5, 6, 7)


def values(shape=SHAPE, dtype="f8"):
    dtype = np.dtype(dtype)
    numbers = np.arange(np.prod(shape)) % 101
    if dtype.kind != "u":
        numbers = numbers - 50
    return numbers.reshape(shape).astype(dtype)


class Pipe(io.RawIOBase):
    """A file that cannot seek. The sizes of the entries of an archive then follow the entries."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def archives():
    """Archives of arrays: of one array, of several, compressed and not, and written to a pipe."""
    np.savez(FOLDER / "one.npz", values())
    arrays = {
        "f4": values(dtype="f4"),
        "i2_big": values(dtype=">i2"),
        "f8_fortran": np.asfortranarray(values()),
        "group/u1": values((3, 4), "u1"),
        "Größe": values((2, 3), "f4"),
        "number": np.array(1.5),
        "text": np.array("text"),
        "complex": values((2, 3), "c16"),
        "bf16": values((3, 4), ml_dtypes.bfloat16),
    }
    np.savez(FOLDER / "stored.npz", **arrays)
    np.savez_compressed(FOLDER / "compressed.npz", **arrays)
    np.savez_compressed(Pipe(FOLDER / "piped.npz"), **arrays)
    with zipfile.ZipFile(FOLDER / "deflated_others.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        file = io.BytesIO()
        np.save(file, values((3, 4), "f4"))
        archive.writestr("readme.txt", "not an array")
        archive.writestr("x.npy", file.getvalue())


def decompositions():
    """A decomposition that NumPy loaded and saved again."""
    loaded = dict(np.load(TESTS / "data" / "formats" / "version1.tucker.npz"))
    text = str(loaded["meta"])
    reverse = dict(reversed(loaded.items()))
    fortran = {name: np.asfortranarray(array) for name, array in loaded.items()}
    metas = {
        "bytes": np.array(json.dumps(json.loads(text)).encode()),
        "vector": np.array([text]),
        "big_endian": np.array(text).astype(f">U{len(text)}"),
        "padded": np.array(text).astype(f"<U{len(text) + 9}"),
        "object": np.array(text, dtype=object),
    }
    np.savez(FOLDER / "resaved.tucker.npz", **loaded)
    np.savez_compressed(FOLDER / "resaved_compressed.tucker.npz", **loaded)
    np.savez(FOLDER / "resaved_reverse.tucker.npz", **reverse)
    np.savez(FOLDER / "resaved_fortran.tucker.npz", **fortran)
    np.savez(Pipe(FOLDER / "resaved_piped.tucker.npz"), **loaded)
    for name, meta in metas.items():
        np.savez(FOLDER / f"resaved_{name}.tucker.npz", **{**loaded, "meta": meta})


def npy():
    """bfloat16, which NumPy saves as entries of two bytes without a type, and Python 2's headers."""
    np.save(FOLDER / "bfloat16.npy", values(dtype=ml_dtypes.bfloat16))
    data = values((3, 4), "f4").tobytes()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }"
    header += b" " * (118 - 1 - len(header)) + b"\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    (FOLDER / "python2.npy").write_bytes(start + header + data)


def raw():
    """The bytes of arrays without a header."""
    for name, array in {
        "row_major.f32": values(dtype="<f4"),
        "fortran.f64": values(dtype="<f8").transpose(),
        "big_endian.u16": values(dtype=">u2"),
        "fortran_big_endian.i32": values(dtype=">i4").transpose(),
        "half.bf16": values(dtype=ml_dtypes.bfloat16),
    }.items():
        (FOLDER / name).write_bytes(np.ascontiguousarray(array).tobytes())


def tensors():
    """Tensors of each type that safetensors writes from NumPy."""
    types = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
    arrays = {code: values((3, 4), code) for code in types}
    arrays["bf16"] = values((3, 4), ml_dtypes.bfloat16)
    arrays["bool"] = values((3, 4)) > 0
    arrays["f8_e4m3"] = values((3, 4), ml_dtypes.float8_e4m3fn)
    arrays["layer4.features"] = values(SHAPE, "f4")
    arrays["scalar"] = np.array(1.5)
    arrays["empty"] = values((0, 3), "f4")
    safetensors.numpy.save_file(arrays, FOLDER / "types.safetensors", metadata={"format": "np"})
    safetensors.numpy.save_file({"x": values(SHAPE, "f2")}, FOLDER / "one.safetensors")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    archives()
    decompositions()
    npy()
    raw()
    tensors()
    try:
        runpy.run_path(str(Path(__file__).parent / "make_science.py"), run_name="__main__")
    except (FileNotFoundError, ImportError) as error:
        print(f"skipped: the files of make_science.py: {error}")
