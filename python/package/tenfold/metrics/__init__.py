"""Metrics of the quality of saliency maps.

A masked image is an image multiplied by its saliency map. If the map keeps the important pixels,
the network responds to the masked image as it does to the image.

==================  =================  ===========================================  ======
metric              of one image       compares                                     better
==================  =================  ===========================================  ======
`average_drop`      `drops`            class probabilities, images and masked ones  lower
`average_increase`  `increases`        the same                                     higher
`average_gain`      `gains`            the same                                     higher
`embedding_mse`     `embedding_error`  embeddings, images and masked ones           lower
`mean_iou`          `iou`              thresholded maps and masks of the object     higher
insertion           `PixelOrder`       probabilities while salient pixels are       higher
                                       inserted
deletion            `PixelOrder`       probabilities while salient pixels are       lower
                                       deleted
==================  =================  ===========================================  ======

The definitions follow Bouayed et al. (section 6.1, appendix C); insertion and deletion follow
Petsiuk, Das and Saenko ("RISE", BMVC 2018). Other libraries define some metrics differently, and
their variants have names of their own: `average_absolute_drop` (pytorch-grad-cam) does not divide
by the probability of the image, and `average_drop_with_epsilon` (torch-cam, xplique) adds a small
constant to the divisor.

`bootstrap` computes how far the mean over a sample of images may be from the mean over all images.

Arrays come from NumPy or any library with ``__dlpack__``. Lists of numbers are accepted too.
Probabilities and the values of maps are between 0 and 1. An entry outside [0, 1] by at most 1e-6
counts as 0 or 1. An entry farther outside raises `ValueError` with its index.
"""

from tenfold.metrics._bootstrap import Interval, bootstrap
from tenfold.metrics._curves import PixelOrder, area_under_curve
from tenfold.metrics._embeddings import embedding_error, embedding_mse
from tenfold.metrics._overlap import THRESHOLDS, iou, mean_iou, regions_of_voc
from tenfold.metrics._probabilities import (
    EPSILON_OF_TORCH_CAM,
    EPSILON_OF_XPLIQUE,
    absolute_drops,
    average_absolute_drop,
    average_drop,
    average_drop_with_epsilon,
    average_gain,
    average_increase,
    drops,
    drops_with_epsilon,
    gains,
    increases,
)

__all__ = [
    "EPSILON_OF_TORCH_CAM",
    "EPSILON_OF_XPLIQUE",
    "THRESHOLDS",
    "Interval",
    "PixelOrder",
    "absolute_drops",
    "area_under_curve",
    "average_absolute_drop",
    "average_drop",
    "average_drop_with_epsilon",
    "average_gain",
    "average_increase",
    "bootstrap",
    "drops",
    "drops_with_epsilon",
    "embedding_error",
    "embedding_mse",
    "gains",
    "increases",
    "iou",
    "mean_iou",
    "regions_of_voc",
]


def __dir__() -> list[str]:
    return __all__
