"""Makes the files beside it, with NumPy 2. Entry (i, j, k) is 12 i + 4 j + k - 5,
but in unsigned arrays 12 i + 4 j + k, and in bool.npy whether that is odd."""

import json
import pathlib

import numpy as np

here = pathlib.Path(__file__).parent
count = np.arange(24).reshape(2, 3, 4)


def save(name, array, **options):
    with open(here / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, **options)


for order in "CF":
    for byte_order in "<>":
        for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
            if code[1] == "1" and byte_order == ">":
                continue
            values = count if code[0] == "u" else count - 5
            name = f"{code}.{'little' if byte_order == '<' else 'big'}.{order}"
            save(name, np.array(values, dtype=byte_order + code, order=order))

save("bool", count % 2 == 1)
save("version2", count - 5.0, version=(2, 0))
save("version3", count - 5.0, version=(3, 0))
save("vector", np.arange(3.0))
save("number", np.array(1.5))
save("empty", np.zeros((2, 0, 3)))
save("nan", np.where(count == 17, np.nan, count))
save("complex", count * 1j)
save("text", np.array(["a", "bc"]))
save("bytes", np.array([b"a", b"bc"]))
save("date", np.array(["2020-01-01"], dtype="datetime64[D]"))
save("structured", np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]))
save("object", np.array([None, {}], dtype=object), allow_pickle=True)

# A partial decomposition, compressed, with a factor in Fortran order.
factor_0 = np.asfortranarray([[0.6, 0.0], [0.8, 0.0], [0.0, 1.0]])
factor_2 = np.array([[1.0], [0.0], [0.0], [0.0], [0.0]])
core = np.arange(1.0, 5.0).reshape(2, 2, 1)
meta = {
    "version": 1, "method": "by hand", "ranks": [2, 2, 1], "relative_error": 0.25,
    "shape": [3, 2, 5], "dtype": "f64", "modes": [0, 2],
}
np.savez_compressed(here / "tucker.npz", core=core, factor_0=factor_0, factor_2=factor_2,
                    meta=np.array(json.dumps(meta)))
