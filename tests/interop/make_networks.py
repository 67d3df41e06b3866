"""Writes the small ONNX networks in tests/data/networks, what onnxruntime computes with them, and
photographs that Pillow resized.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install numpy onnx onnxruntime pillow
    /tmp/venv/bin/python tests/interop/make_networks.py

The photograph of most tests is photograph.png, 48×32 pixels with a bright quadrant. The networks of
quadrants see its central 32×32 pixels and classify the brightest quadrant:

    image ─ Conv, Relu ─┬─ Conv ─ Add, Relu ─ Conv, Relu ─ Mul ─ mean ─ Gemm ─ Softmax
       3×32×32          └──────────┘ 8×32×32      16×8×8    └ features      4 classes

Mul multiplies each of the channels 0 to 3, which hold the brightness, by a mask of one quadrant.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

FOLDER = Path(__file__).parent.parent / "data" / "networks"
SIDE = 32
MEAN = np.array([0.485, 0.456, 0.406], "f4")
STD = np.array([0.229, 0.224, 0.225], "f4")


class Builder:
    """Collects nodes and constants of a network."""

    def __init__(self, dtype=np.float32):
        self.dtype = dtype
        self.nodes = []
        self.constants = []

    def constant(self, name, values):
        values = np.asarray(values)
        if values.dtype.kind == "f":
            values = values.astype(self.dtype)
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(
            helper.make_node(operator, inputs, [output], f"/{output}/{operator}", **attributes)
        )
        return output

    def save(self, file, inputs, outputs, opset=17, **options):
        graph = helper.make_graph(self.nodes, file, inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        onnx.save(model, FOLDER / file, **options)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def body(net, image):
    """The layers of the quadrants, up to `features`."""
    numbers = np.random.default_rng(7)
    first = numbers.normal(0, 0.2, (8, 3, 3, 3))
    first[0] = 0
    first[0, :, 1, 1] = 1 / 3
    second = numbers.normal(0, 0.05, (8, 8, 3, 3))
    second[0] = 0
    third = numbers.normal(0, 0.1, (16, 8, 4, 4))
    third[:4] = 0
    third[:4, 0] = 1 / 16
    mask = np.ones((1, 16, 8, 8))
    for quadrant in range(4):
        mask[0, quadrant] = 0
        row, column = 4 * (quadrant // 2), 4 * (quadrant % 2)
        mask[0, quadrant, row : row + 4, column : column + 4] = 1
    net.node("Conv", [image, net.constant("w1", first)], "conv1", pads=[1, 1, 1, 1])
    net.node("Relu", ["conv1"], "relu1")
    net.node("Conv", ["relu1", net.constant("w2", second)], "conv2", pads=[1, 1, 1, 1])
    net.node("Add", ["conv2", "relu1"], "sum2")
    net.node("Relu", ["sum2"], "relu2")
    net.node("Conv", ["relu2", net.constant("w3", third)], "conv3", strides=[4, 4])
    net.node("Relu", ["conv3"], "relu3")
    return net.node("Mul", ["relu3", net.constant("mask", mask)], "features")


def head(net, biases=()):
    """The classes, from `features`. `biases` may have the name of the biases."""
    weights = np.zeros((4, 16))
    weights[:, :4] = 4 * np.eye(4)
    net.node("GlobalAveragePool", ["features"], "pooled")
    net.node("Flatten", ["pooled"], "embedding")
    net.node("Gemm", ["embedding", net.constant("w4", weights), *biases], "logits", transB=1)
    net.node("Softmax", ["logits"], "probabilities")


CLASSES = [value("probabilities", ["n", 4])]


def quadrants():
    net = Builder()
    body(net, "image")
    head(net)
    net.save("quadrants.onnx", [value("image", ["n", 3, SIDE, SIDE])], CLASSES)
    net.save(
        "external.onnx",
        [value("image", ["n", 3, SIDE, SIDE])],
        CLASSES,
        save_as_external_data=True,
        location="external.bin",
        size_threshold=1,
    )
    net.save("newer.onnx", [value("image", ["n", 3, SIDE, SIDE])], CLASSES, opset=23)


def quadrants_u8():
    """The same with pixels of the type u8, colours last: it normalises them itself."""
    net = Builder()
    net.node("Cast", ["pixels"], "levels", to=TensorProto.FLOAT)
    net.node("Transpose", ["levels"], "planes", perm=[0, 3, 1, 2])
    net.node("Div", ["planes", net.constant("white", np.float32(255))], "unit")
    net.node("Sub", ["unit", net.constant("mean", MEAN.reshape(1, 3, 1, 1))], "centred")
    net.node("Div", ["centred", net.constant("std", STD.reshape(1, 3, 1, 1))], "image")
    body(net, "image")
    head(net)
    net.save("quadrants_u8.onnx", [value("pixels", ["n", SIDE, SIDE, 3], TensorProto.UINT8)], CLASSES)


def quadrants_f16():
    net = Builder(np.float16)
    body(net, "image")
    head(net, [net.constant("b4", np.zeros(4))])
    net.save(
        "quadrants_f16.onnx",
        [value("image", ["n", 3, SIDE, SIDE], TensorProto.FLOAT16)],
        [value("probabilities", ["n", 4], TensorProto.FLOAT16)],
    )


def channels_last():
    """The end of a network that was converted from TensorFlow: the last layer is N×H×W×C."""
    net = Builder()
    body(net, "image")
    net.node("Transpose", ["features"], "transposed", perm=[0, 2, 3, 1])
    net.node("Relu", ["transposed"], "last")
    net.node("ReduceMean", ["last"], "embedding", axes=[1, 2], keepdims=0)
    net.save(
        "channels_last.onnx", [value("image", [1, 3, SIDE, SIDE])], [value("embedding", [1, 16])]
    )


def transformer():
    """A vision transformer: 16 patches of 8×8 pixels and a class token, 16 numbers each."""
    numbers = np.random.default_rng(11)
    net = Builder()
    width, tokens = 16, 17

    def linear(x, name):
        weights = net.constant(f"w_{name}", numbers.normal(0, 0.3, (width, width)))
        return net.node("MatMul", [x, weights], name)

    def norm(x, name):
        scale = net.constant(f"{name}_scale", np.ones(width))
        return net.node("LayerNormalization", [x, scale], name)

    patches = net.constant("patches", numbers.normal(0, 0.1, (width, 3, 8, 8)))
    net.node("Conv", ["image", patches], "embedded", strides=[8, 8])
    shape = net.constant("shape", np.array([1, width, 16]))
    net.node("Reshape", ["embedded", shape], "flat")
    net.node("Transpose", ["flat"], "patch_tokens", perm=[0, 2, 1])
    net.node(
        "Concat",
        [net.constant("class_token", numbers.normal(size=(1, 1, width))), "patch_tokens"],
        "all_tokens",
        axis=1,
    )
    x = net.node(
        "Add",
        ["all_tokens", net.constant("places", numbers.normal(0, 0.1, (1, tokens, width)))],
        "tokens",
    )
    for block in range(2):
        normed = norm(x, f"block{block}.norm1")
        query, key, values = (linear(normed, f"block{block}.{name}") for name in "qkv")
        keys = net.node("Transpose", [key], f"block{block}.keys", perm=[0, 2, 1])
        scores = net.node("MatMul", [query, keys], f"block{block}.scores")
        weights = net.node("Softmax", [scores], f"block{block}.attention", axis=-1)
        mixed = net.node("MatMul", [weights, values], f"block{block}.mixed")
        x = net.node("Add", [x, mixed], f"block{block}.sum1")
        hidden = net.node("Relu", [linear(norm(x, f"block{block}.norm2"), f"block{block}.mlp")],
                          f"block{block}.relu")
        x = net.node("Add", [x, hidden], f"block{block}.sum2")
    last = norm(x, "norm")
    net.node("Gather", [last, net.constant("zero", np.array(0))], "class_output", axis=1)
    weights = net.constant("w_head", numbers.normal(size=(width, 4)))
    net.node("MatMul", ["class_output", weights], "logits")
    net.save("transformer.onnx", [value("image", [1, 3, SIDE, SIDE])], [value("logits", [1, 4])])


def detector():
    """Boxes and classes for each position of two feature maps, neck1 and neck2. The operator decode
    follows them, as in YOLOv8: its result has one channel."""
    numbers = np.random.default_rng(13)
    net = Builder()

    def conv(x, output, inputs, outputs, side, **attributes):
        weights = net.constant(f"w_{output}", numbers.normal(0, 0.2, (outputs, inputs, side, side)))
        return net.node("Conv", [x, weights], output, **attributes)

    x = "image"
    lists = []
    for scale, channels in (1, 3), (2, 8):
        conv(x, f"conv{scale}", channels, 8, 4, strides=[4, 4] if scale == 1 else [2, 2],
             pads=[0] * 4 if scale == 1 else [1] * 4)
        x = net.node("Relu", [f"conv{scale}"], f"neck{scale}")
        boxes = conv(x, f"boxes{scale}", 8, 4, 1)
        classes = conv(x, f"classes{scale}", 8, 2, 1)
        both = net.node("Concat", [boxes, classes], f"both{scale}", axis=1)
        positions = 64 if scale == 1 else 16
        shape = net.constant(f"shape{scale}", np.array([1, 6, positions]))
        lists.append(net.node("Reshape", [both, shape], f"list{scale}"))
    net.node("Concat", lists, "list", axis=2)
    shape = net.constant("shape", np.array([1, 2, 3, 80]))
    net.node("Reshape", ["list", shape], "table")
    conv("table", "decoded", 2, 1, 1)
    shape = net.constant("shape_decoded", np.array([1, 3, 80]))
    net.node("Reshape", ["decoded", shape], "first")
    net.node("Concat", ["first", "list"], "predictions", axis=1)
    net.save("detector.onnx", [value("image", ["n", 3, SIDE, SIDE])],
             [value("predictions", ["n", 9, 80])])


def segmentation():
    """A mask of one channel, in the size of the image."""
    numbers = np.random.default_rng(17)
    net = Builder()
    net.node("Conv", ["image", net.constant("w1", numbers.normal(size=(8, 3, 4, 4)))], "conv",
             strides=[4, 4])
    net.node("Relu", ["conv"], "features")
    net.node("ConvTranspose", ["features", net.constant("w2", numbers.normal(size=(8, 1, 4, 4)))],
             "logits", strides=[4, 4])
    net.node("Sigmoid", ["logits"], "mask")
    net.save("segmentation.onnx", [value("image", ["n", 3, SIDE, SIDE])],
             [value("mask", ["n", 1, SIDE, SIDE])])


def quantised():
    """A convolution of integers, as onnxruntime's dynamic quantisation makes it. The output is the
    index of the class, an integer."""
    numbers = np.random.default_rng(19)
    net = Builder()
    levels = ["levels", "levels_scale", "levels_zero"]
    net.nodes.append(helper.make_node("DynamicQuantizeLinear", ["image"], levels, "/levels"))
    weights = net.constant("w", numbers.integers(-100, 100, (8, 3, 4, 4)).astype("i1"))
    net.node("ConvInteger", ["levels", weights, "levels_zero"], "sums", strides=[4, 4])
    net.node("Cast", ["sums"], "numbers", to=TensorProto.FLOAT)
    net.node("Mul", ["numbers", "levels_scale"], "scaled")
    net.node("Relu", ["scaled"], "features")
    net.node("GlobalAveragePool", ["features"], "pooled")
    net.node("Flatten", ["pooled"], "embedding")
    net.node("ArgMax", ["embedding"], "class", axis=1, keepdims=0)
    net.save("quantised.onnx", [value("image", [1, 3, SIDE, SIDE])],
             [value("class", [1], TensorProto.INT64)])


def refused():
    """Networks that tenfold refuses, and some with one property that it must handle."""
    image = [value("image", ["n", 3, SIDE, SIDE])]
    weights = np.random.default_rng(3).normal(size=(4, 3, 3, 3))

    def convolution(image="image"):
        net = Builder()
        net.node("Conv", [image, net.constant("w", weights)], "conv", pads=[1, 1, 1, 1])
        return net

    # An operator that the engine lacks, after the last feature map and before it.
    net = convolution()
    net.node("Relu", ["conv"], "features")
    net.node("ImageMagic", ["features"], "magic")
    net.save("unsupported_head.onnx", image, [value("magic", None)])
    net = Builder()
    net.node("ImageMagic", ["image"], "magic")
    net.node("Conv", ["magic", net.constant("w", weights)], "conv")
    net.save("unsupported_start.onnx", image, [value("conv", None)])

    # The square root of negative numbers.
    net = convolution()
    net.node("Sqrt", ["conv"], "roots")
    net.node("GlobalAveragePool", ["roots"], "pooled")
    net.save("not_a_number.onnx", image, [value("pooled", ["n", 4, 1, 1])])

    # Inputs.
    net = convolution()
    net.node("GlobalAveragePool", ["conv"], "pooled")
    pooled = [value("pooled", None)]
    net.save("open_size.onnx", [value("image", ["n", 3, "height", "width"])], pooled)
    net.save("open_input.onnx", [value("image", ["n", "c", "h", "w"])], pooled)
    net.save("batch8.onnx", [value("image", [8, 3, SIDE, SIDE])], pooled)
    net.save("integers.onnx", [value("image", [1, 3, SIDE, SIDE], TensorProto.INT64)], pooled)
    net.save("vector.onnx", [value("image", [1, 3])], pooled)
    net.save("grey.onnx", [value("image", [1, 1, SIDE, SIDE])], pooled)
    net.node("Add", ["conv", "other"], "sum")
    net.save("two_inputs.onnx", [*image, value("other", [1])], [value("sum", None)])
    net = Builder()
    weights_of_line = net.constant("w", np.ones((3 * SIDE * SIDE, 2)))
    net.node("Flatten", ["image"], "line")
    net.node("Gemm", ["line", weights_of_line], "scores")
    net.save("no_convolution.onnx", image, [value("scores", ["n", 2])])

    # A file of some bytes that claims a tensor of 4 TB.
    net = Builder()
    net.node("ConstantOfShape", [net.constant("shape", np.array([10**6, 10**6]))], "large")
    net.node("Add", ["image", "large"], "sum")
    net.save("claims_terabytes.onnx", image, [value("sum", None)])


def photograph():
    """A photograph in which the lower left quadrant of the centre is bright."""
    y, x = np.mgrid[0:32, 0:48]
    levels = np.stack([(5 * x + 3 * y + 40 * colour) % 90 for colour in range(3)], -1)
    levels[16:, 8:24] += 140
    Image.fromarray(levels.astype("u1")).save(FOLDER / "photograph.png")
    return levels.astype("u1")[:, 8:40]


def expected(pixels):
    """What onnxruntime computes."""
    image = ((pixels / np.float32(255) - MEAN) / STD).astype("f4").transpose(2, 0, 1)[None]

    def run(file, names, inputs):
        model = onnx.load(FOLDER / file)
        known = {output.name for output in model.graph.output}
        extra = [helper.make_empty_tensor_value_info(name) for name in names if name not in known]
        model.graph.output.extend(extra)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(names, inputs)

    names = ["features", "relu2", "probabilities"]
    for name, array in zip(names, run("quadrants.onnx", names, {"image": image})):
        np.save(FOLDER / f"quadrants.{name}.npy", array[0])
    [features] = run("quadrants_u8.onnx", ["features"], {"pixels": pixels[None]})
    assert np.allclose(features[0], np.load(FOLDER / "quadrants.features.npy"), atol=1e-5)
    [tokens] = run("transformer.onnx", ["block1.sum2"], {"image": image})
    np.save(FOLDER / "transformer.block1.sum2.npy", tokens[0])


def pattern(width, height):
    """A picture that the tests compute too."""
    y, x, colour = np.mgrid[0:height, 0:width, 0:3]
    return ((x * x * 7 + y * 13 + x * y * 3 + colour * 85 + (x * 31 + y * 17) % 97) % 256).astype("u1")


def crops():
    """torchvision's Resize and CenterCrop of pictures of Pillow: width, height, shorter side, crop."""
    cases = [(40, 30, 16, 16), (30, 41, 20, 15), (7, 5, 16, 16), (1, 9, 6, 6), (9, 1, 6, 6),
             (1, 1, 8, 8), (3000, 2, 5, 5), (2, 3000, 5, 5), (257, 255, 32, 9), (16, 16, 16, 16),
             (33, 16, 16, 15)]
    for width, height, side, crop in cases:
        picture = Image.fromarray(pattern(width, height))
        if width <= height:
            size = (side, int(side * height / width))
        else:
            size = (int(side * width / height), side)
        resized = picture.resize(size, Image.Resampling.BILINEAR)
        left = int(round((size[0] - crop) / 2.0))
        top = int(round((size[1] - crop) / 2.0))
        cut = resized.crop((left, top, left + crop, top + crop))
        cut.save(FOLDER / f"crop.{width}x{height}.{side}.{crop}.png")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    quadrants()
    quadrants_u8()
    quadrants_f16()
    channels_last()
    transformer()
    detector()
    segmentation()
    quantised()
    refused()
    expected(photograph())
    crops()
