"""Label-independent saliency maps of neural networks.

A layer of a network produces a feature map F of shape C×H×W: C channels at H·W positions. A
decomposition of F has singular values σ₁ ≥ σ₂ ≥ … of the channel mode and unit vectors vᵢ of C
entries. The saliency map has one value in [0, 1] for each position::

    map(F) = norm( Σᵢ (σᵢ/σ₁) · | Σ_c vᵢ[c]·F[c] | ),   norm(s) = (s - min s)/(max s - min s)

It needs neither a label nor a gradient. The four weightings differ in the decomposition and in the
number of vectors:

====================  ==========================  =======  ========  ================
weighting             decomposition               vectors  centred   negative entries
====================  ==========================  =======  ========  ================
"eigen-cam"           SVD of the C×HW unfolding   first    yes       clipped
"tsm"                 Tucker                      first    no        absolute value
"multivec-eigen-cam"  SVD of the C×HW unfolding   all      yes       absolute value
"mtsm"                Tucker                      all      no        absolute value
====================  ==========================  =======  ========  ================

`saliency` computes maps from arrays. The classes `EigenCAM`, `TSM`, `MultivecEigenCAM` and `MTSM`
run a PyTorch network and compute the maps of its layers, with the constructor and the call of
pytorch-grad-cam. `overlay` draws a map on a photograph. `tenfold.metrics` measures the quality of
maps.

References
----------
Bouayed, Deslauriers-Gauthier, Iaccovelli and Naccache, "CNN Interpretability with Multivector
Tucker Saliency Maps for Self-Supervised Models", TMLR. Muhammad and Yeasin, "Eigen-CAM", IJCNN
2020.
"""

from tenfold.cam._maps import combine, normalize, resize
from tenfold.cam._networks import MTSM, TSM, EigenCAM, MultivecEigenCAM
from tenfold.cam._picture import COLORMAPS, Picture, overlay
from tenfold.cam._saliency import WEIGHTINGS, saliency

__all__ = [
    "COLORMAPS",
    "MTSM",
    "TSM",
    "WEIGHTINGS",
    "EigenCAM",
    "MultivecEigenCAM",
    "Picture",
    "combine",
    "normalize",
    "overlay",
    "resize",
    "saliency",
]
