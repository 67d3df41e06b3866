"""Makes the arrays beside it: three maps of different sizes, and the combined maps that the rules of
pytorch-grad-cam give, with NumPy and OpenCV in f32."""

import pathlib

import cv2
import numpy as np

here = pathlib.Path(__file__).parent
HEIGHT, WIDTH = 30, 44


def scaled(map):
    map = map - map.min()
    return map / (1e-7 + map.max())


def combined(maps, over_layers):
    layers = [cv2.resize(np.float32(scaled(np.maximum(map, 0))), (WIDTH, HEIGHT)) for map in maps]
    return np.float32(scaled(over_layers(np.maximum(np.stack(layers), 0), axis=0)))


row, column = np.mgrid[:14, :14]
fine = np.exp(-((row - 4) ** 2 + (column - 9) ** 2) / 12) + 0.02 * (row * column % 5)
row, column = np.mgrid[:7, :7]
# Entries of both signs.
middle = np.sin(0.9 * row) * np.cos(0.7 * column)
row, column = np.mgrid[:3, :5]
coarse = 40.0 + 7 * row - 3 * column * row
maps = [map.astype(np.float32) for map in [fine, middle, coarse]]
for name, map in zip(["fine", "middle", "coarse"], maps):
    np.save(here / f"{name}.npy", map)
np.save(here / "mean.npy", combined(maps, np.mean))
np.save(here / "max.npy", combined(maps, np.max))
