"""Writes the sample files of HDF5, NetCDF-4, NIfTI and MATLAB in tests/data/inputs.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install numpy h5py hdf5plugin netCDF4 nibabel scipy
    /tmp/venv/bin/python tests/interop/make_science.py

Every array is `values(shape, dtype)`: the entry at position p of the row-major order is
p mod 101, minus 50 for signed types. The tests compute the same values.
"""

import gzip
import struct
from pathlib import Path

import h5py
import hdf5plugin
import netCDF4
import nibabel
import numpy as np
import scipy.io

FOLDER = Path(__file__).parent.parent / "data" / "inputs"
SHAPE = (5, 6, 7)


def values(shape=SHAPE, dtype="f8"):
    dtype = np.dtype(dtype)
    numbers = np.arange(np.prod(shape)) % 101
    if dtype.kind != "u":
        numbers = numbers - 50
    return numbers.reshape(shape).astype(dtype)


def hdf5():
    """Contiguous datasets of each type, by the earliest and the latest version of the format."""
    for version in ["earliest", "latest"]:
        with h5py.File(FOLDER / f"{version}.h5", "w", libver=version) as file:
            for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
                file[f"types/{code}"] = values((3, 4), code)
                if code[1] != "1":
                    file[f"types/{code}_big"] = values((3, 4), f">{code}")
            file["types/bool"] = values((3, 4)) > 0
            file["group/nested/data"] = values(SHAPE, "f4")
            file["data"] = h5py.SoftLink("/group/nested/data")
            group = file["group/nested"]
            group["the same"] = group["data"]
            # A link to a group that contains it.
            group["loop"] = file["group"]
            file.create_dataset("unwritten", (2, 3), "f4", fillvalue=7)


def hdf5_chunked():
    """Chunks, compressed and not, for each of the indices that find a chunk."""
    for version in ["earliest", "latest"]:
        with h5py.File(FOLDER / f"chunked_{version}.h5", "w", libver=version) as file:

            def chunked(name, dtype="f4", chunks=(2, 4, 3), **options):
                file.create_dataset(name, data=values(SHAPE, dtype), chunks=chunks, **options)

            chunked("unlimited", maxshape=(None, 6, 7), compression="gzip")
            chunked("gzip_shuffle", compression="gzip", shuffle=True)
            partly = file.create_dataset("partly", SHAPE, "f4", chunks=(2, 4, 3), fillvalue=-1)
            partly[0, 0, 0] = 5
            if version == "earliest":
                continue
            chunked("plain")
            chunked("one_chunk", chunks=SHAPE)
            chunked("one_packed_chunk", chunks=SHAPE, compression="gzip")
            chunked("gzip", compression="gzip")
            chunked("shuffle_only", "f8", shuffle=True)
            chunked("checksum", fletcher32=True, compression="gzip")
            chunked("lzf", compression="lzf")
            chunked("lzf_shuffle", "i2", compression="lzf", shuffle=True)
            chunked("scale_offset", "i4", scaleoffset=0)
            chunked("big", ">f8", compression="gzip", shuffle=True)
            chunked("unlimited_twice", maxshape=(None, None, 7))
            file["contiguous"] = values(SHAPE, "f4")


def hdf5_sparse():
    """Datasets that are much larger than their file."""
    with h5py.File(FOLDER / "sparse.h5", "w") as file:
        partly = file.create_dataset("partly", (1500, 1500), "f8", chunks=(20, 20), fillvalue=2.5)
        partly[20:40, 40:60] = np.arange(400).reshape(20, 20)
        file.create_dataset("unwritten", (500, 1000), "f4", chunks=(500, 1000), fillvalue=-1)
        constant = np.full((1000, 500), 7, "f4")
        file.create_dataset("constant", data=constant, chunks=(1000, 500), compression="gzip", compression_opts=9)


def hdf5_refused():
    """Datasets that are not arrays of real numbers, or that no reader without C code reads."""
    with h5py.File(FOLDER / "refused.h5", "w") as file:
        file["complex"] = values((2, 3), "c8")
        file["text"] = "a text"
        file["texts"] = ["a", "bc"]
        file["records"] = np.zeros(3, [("a", "f4"), ("b", "i2")])
        file["enumeration"] = np.arange(3, dtype=h5py.enum_dtype({"a": 0, "b": 1, "c": 2}, "i1"))
        file["scalar"] = 1.5
        file["null"] = h5py.Empty("f4")
        lists = file.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))
        lists[0], lists[1] = [1, 2], [3]
        file["references"] = np.array([file.ref], dtype=h5py.ref_dtype)
        file["arrays"] = np.zeros(3, [("a", "f4", (2,))])["a"].view("V8")
        file["opaque"] = np.zeros(3, "V5")
        file["no_entries"] = np.zeros((0, 3), "f4")
        file["seventeen_modes"] = np.zeros((1,) * 17, "f4")
        file["elsewhere"] = h5py.ExternalLink("another.h5", "/data")
        file["dangling"] = h5py.SoftLink("/nothing")
        file.create_dataset("claims_much", (1 << 20, 1 << 20, 1 << 10), "f8", chunks=(64, 64, 64))
        extern = [("another.bin", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("external", (2, 3), "f4", external=extern)
        # A compression of a plug-in.
        options = {"chunks": (32, 32), **hdf5plugin.Blosc()}
        file.create_dataset("blosc", data=np.zeros((32, 32), "f4"), **options)
        # Types that NumPy lacks: bfloat16, integers of 12 bits in 16, and bits.
        bfloat16 = h5py.h5t.IEEE_F16LE.copy()
        bfloat16.set_fields(15, 7, 8, 0, 7)
        bfloat16.set_ebias(127)
        twelve = h5py.h5t.STD_I16LE.copy()
        twelve.set_precision(12)
        upper_halves = values((3, 4), "f4").view("u4") >> 16
        for name, kind, content in [
            ("bfloat16", bfloat16, upper_halves.astype("u2")),
            ("twelve_bits", twelve, values((3, 4), "i2")),
            ("bits", h5py.h5t.STD_B16LE, values((3, 4), "u2")),
        ]:
            space = h5py.h5s.create_simple((3, 4))
            dataset = h5py.h5d.create(file.id, name.encode(), kind, space)
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, content, mtype=kind)
    # A virtual dataset beside a real one, in groups of few and of many members.
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource("another.h5", "x", (2, 3))
    with h5py.File(FOLDER / "virtual.h5", "w") as file:
        file.create_virtual_dataset("virtual", layout)
        file["real"] = values(SHAPE, "f4")
    with h5py.File(FOLDER / "virtual_latest.h5", "w", libver="latest") as file:
        for group, members in [("few", 2), ("many", 20)]:
            group = file.create_group(group, track_order=True)
            group.create_virtual_dataset("virtual", layout)
            group["nothing"] = h5py.SoftLink("/nothing")
            group.create_group("inner")["real"] = values((2, 3), "f4")
            for member in range(members):
                group[f"real {member}"] = values((2, 3), "f4")


def hdf5_user_block():
    """Bytes of another program before the file."""
    with h5py.File(FOLDER / "user_block.h5", "w", userblock_size=1024) as file:
        file["real"] = values(SHAPE, "f4")


def netcdf():
    with netCDF4.Dataset(FOLDER / "packed.nc", "w", format="NETCDF4") as file:
        file.createDimension("time", None)
        file.createDimension("y", 4)
        file.createDimension("x", 6)
        plain = file.createVariable("plain", "f4", ("time", "y", "x"), fill_value=-9999.0)
        plain[:] = values((3, 4, 6), "f4")
        missing = file.createVariable("missing", "f4", ("time", "y", "x"), fill_value=-9999.0)
        numbers = values((3, 4, 6), "f4")
        numbers[0, 1, 2:4] = -9999
        missing[:] = numbers
        default = file.createVariable("default", "f8", ("y", "x"))
        default[0, :] = values((6,))
        packed = file.createVariable(
            "group/packed", "i2", ("time", "y", "x"), zlib=True, fill_value=-32768
        )
        packed.scale_factor = 0.01
        packed.add_offset = 273.15
        packed.set_auto_maskandscale(False)
        stored = values((3, 4, 6), "i2")
        stored[2, 3, 5] = -32768
        packed[:] = stored
        single = file.createVariable("single", "i2", ("y", "x"))
        single.scale_factor = np.float32(0.5)
        single.set_auto_maskandscale(False)
        single[:] = values((4, 6), "i2")
        unsigned = file.createVariable("unsigned", "i1", ("y", "x"))
        unsigned._Unsigned = "true"
        unsigned.set_auto_maskandscale(False)
        unsigned[:] = values((4, 6), "i1")
    # One variable, and two dimensions without coordinates.
    with netCDF4.Dataset(FOLDER / "dimensions.nc", "w", format="NETCDF4") as file:
        file.createDimension("y", 4)
        file.createDimension("x", 6)
        both = file.createVariable("v", "f4", ("y", "x"), fill_value=-50.0)
        both.missing_value = np.float32(-50)
        both[:] = values((4, 6), "f4")
    with netCDF4.Dataset(FOLDER / "classic.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("x", 6)
        file.createVariable("x", "f4", ("x",))[:] = values((6,), "f4")


def nifti():
    def save(name, dtype, kind=nibabel.Nifti1Image, slope=None, inter=None, big=False, shape=SHAPE):
        image = kind(values(shape, dtype), np.eye(4), dtype=np.dtype(dtype))
        header = image.header
        if big:
            header = header.as_byteswapped(">")
            image = kind(values(shape, dtype), np.eye(4), header)
            image.header.set_data_dtype(np.dtype(dtype).newbyteorder(">"))
        data = image.header
        data.set_slope_inter(slope, inter)
        # nibabel would scale the entries by itself, so that the file is put together here.
        order = ">" if big else "<"
        stored = values(shape, dtype).astype(np.dtype(dtype).newbyteorder(order))
        block = bytearray(data.binaryblock)
        if kind is nibabel.Nifti1Image:
            struct.pack_into(order + "f", block, 108, 352.0)
            struct.pack_into(order + "ff", block, 112, slope or 0.0, inter or 0.0)
            block[344:348] = b"n+1\0"
        else:
            struct.pack_into(order + "q", block, 168, 544)
            struct.pack_into(order + "dd", block, 176, slope or 0.0, inter or 0.0)
            block[4:12] = b"n+2\0\r\n\x1a\n"
        content = bytes(block) + bytes(4) + stored.tobytes(order="F")
        if name.endswith(".gz"):
            content = gzip.compress(content, mtime=0)
        (FOLDER / name).write_bytes(content)

    save("volume.nii", "f4")
    save("volume.nii.gz", "i2")
    save("scaled.nii", "i2", slope=0.5, inter=-100.0)
    save("series.nii.gz", "u1", shape=(3, 4, 5, 2))
    save("big_endian.nii", "i4", big=True)
    save("second.nii", "f8", kind=nibabel.Nifti2Image)
    save("second.nii.gz", "u2", kind=nibabel.Nifti2Image, slope=0.1, inter=3.0)
    # As nibabel itself saves a volume: the shape, the header and the entries agree.
    image = nibabel.Nifti1Image(values(SHAPE, "i2"), np.eye(4))
    nibabel.save(image, FOLDER / "nibabel.nii")
    complex_image = nibabel.Nifti1Image(values((2, 3, 4), "c8"), np.eye(4))
    nibabel.save(complex_image, FOLDER / "complex.nii")
    # A header and the entries in two files.
    nibabel.save(nibabel.Nifti1Pair(values((2, 3, 4), "i2"), np.eye(4)), FOLDER / "pair.img")
    (FOLDER / "pair.img").unlink()


def matlab():
    arrays = {
        "double": values(SHAPE),
        "single": values(SHAPE, "f4"),
        "matrix": values((3, 4)),
        "fraction": values((3, 4)) / 3,
        "flags": values((3, 4)) > 0,
        **{code: values((3, 4), code) for code in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]},
        "complex": values((3, 4), "c16"),
        "sparse": scipy.sparse.csc_matrix(values((3, 4))),
        "text": "a text",
        "cells": np.array([1.0, "a"], dtype=object),
        "record": {"a": 1.0},
        "scalar": 2.5,
        "none": np.zeros((0, 3)),
    }
    scipy.io.savemat(FOLDER / "plain.mat", arrays)
    scipy.io.savemat(FOLDER / "compressed.mat", arrays, do_compression=True)
    scipy.io.savemat(FOLDER / "one.mat", {"x": values(SHAPE)}, do_compression=True)
    scipy.io.savemat(FOLDER / "fourth.mat", {"x": values((3, 4))}, format="4")
    # As MATLAB itself writes whole numbers: in the smallest type that holds them.
    def variable(order, class_number, shape, name, kind, content):
        def part(kind, content):
            content = bytes(content)
            if 0 < len(content) <= 4:
                tag = struct.pack(order + "I", len(content) << 16 | kind)
                return tag + content.ljust(4, b"\0")
            padding = bytes(-len(content) % 8)
            return struct.pack(order + "II", kind, len(content)) + content + padding

        extents = struct.pack(f"{order}{len(shape)}i", *shape)
        parts = part(6, struct.pack(order + "II", class_number, 0)) + part(5, extents)
        parts += part(1, name) + part(kind, content)
        return struct.pack(order + "II", 14, len(parts)) + parts

    for name, order, mark in [("narrow", "<", b"IM"), ("narrow_big", ">", b"MI")]:
        content = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x0100) + mark
        content += variable(order, 6, (2, 2), b"x", 2, [1, 2, 3, 200])
        content += variable(order, 7, (1, 3), b"y", 3, struct.pack(order + "3h", -1, 0, 300))
        (FOLDER / f"matlab_{name}.mat").write_bytes(content)
    # Version 7.3: an HDF5 file behind 512 bytes of MATLAB's own. MATLAB's column-major arrays are
    # datasets with the extents reversed.
    with h5py.File(FOLDER / "version73.mat", "w", userblock_size=512) as file:
        file["x"] = values(SHAPE).transpose()
        file["x"].attrs["MATLAB_class"] = np.bytes_("double")
        file["text"] = np.array([[97], [98]], "u2")
        file["text"].attrs["MATLAB_class"] = np.bytes_("char")
    with open(FOLDER / "version73.mat", "r+b") as file:
        text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 1970"
        file.write(text.ljust(124) + b"\x00\x02IM")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    makers = [
        hdf5,
        hdf5_chunked,
        hdf5_sparse,
        hdf5_refused,
        hdf5_user_block,
        netcdf,
        nifti,
        matlab,
    ]
    for make in makers:
        make()
