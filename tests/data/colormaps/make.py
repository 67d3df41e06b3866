"""Makes the tables beside it: 256 colours × 3 levels of 8 bits, the colour maps of Matplotlib, and
for jet that of OpenCV, which is MATLAB's."""

import pathlib

import cv2
import matplotlib
import numpy as np

here = pathlib.Path(__file__).parent
level = np.arange(256)
for name in ["turbo", "viridis", "inferno", "magma", "plasma", "gray"]:
    colors = np.rint(255 * matplotlib.colormaps[name](level)[:, :3])
    np.save(here / f"{name}.npy", colors.astype(np.uint8))
jet = cv2.applyColorMap(level.astype(np.uint8)[:, None], cv2.COLORMAP_JET)[:, 0, ::-1]
np.save(here / "jet.npy", jet)
