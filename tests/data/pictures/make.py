"""Makes pictures in fuzz/corpus/image, and here the 8-bit RGB levels H×W×3 that are expected of
them, with Pillow, OpenCV and NumPy. A picture without a .npy file here is refused, or another
decoder may round its levels differently."""

import pathlib
import struct

import cv2
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
corpus = here.parents[2] / "fuzz" / "corpus" / "image"

HEIGHT, WIDTH = 5, 7
row, column = np.mgrid[:HEIGHT, :WIDTH]
rgb = np.stack([37 * column, 50 * row, (11 * row * column + 90) % 256], axis=-1).astype(np.uint8)
gray = rgb[..., 0]
alpha = (255 - 20 * row).astype(np.uint8)
rgba = np.dstack([rgb, alpha])
# All 16 bits are used: the low byte differs from the high byte.
rgb16 = (257 * rgb.astype(np.uint16)) ^ 0x0055


def expect(name, levels):
    levels = np.asarray(levels)
    if levels.ndim == 2:
        levels = np.dstack([levels] * 3)
    np.save(here / f"{name}.npy", levels.astype(np.uint8))


def save(name, array, levels, mode=None, **options):
    picture = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
    picture.save(corpus / name, **options)
    expect(name, levels)


def save_with_opencv(name, array, levels, *options):
    array = array[..., ::-1] if array.ndim == 3 else array
    assert cv2.imwrite(str(corpus / name), np.ascontiguousarray(array), options)
    expect(name, levels)


def rounded(array):
    return np.rint(array / 257)


# 1. Lossless formats.
save("lossless.webp", rgb, rgb, lossless=True)
save("alpha.webp", rgba, rgb, lossless=True, exact=True)
save("rgb.bmp", rgb, rgb)
save("gray.bmp", gray, gray)
palette = Image.fromarray(rgb).quantize(16)
palette.save(corpus / "palette.bmp")
expect("palette.bmp", palette.convert("RGB"))
for compression in ["raw", "tiff_lzw", "tiff_deflate", "packbits"]:
    save(f"{compression.removeprefix('tiff_')}.tif", rgb, rgb, compression=compression)
save("big.tif", rgb, rgb, big_tiff=True)
save("gray.tif", gray, gray)
save("rgba.tif", rgba, rgb)
save("bits.tif", gray > 100, 255 * (gray > 100), compression="group4")
save("gray-alpha.png", np.dstack([gray, alpha]), gray)
save_with_opencv("rgb16.png", rgb16, rounded(rgb16))
save_with_opencv("gray16.tif", rgb16[..., 0], rounded(rgb16[..., 0]))
save_with_opencv("rgb16.tif", rgb16, rounded(rgb16))
# Levels below 0 and above 1 occur.
floating = (rgb / 100 - 0.5).astype(np.float32)
save_with_opencv("float.tif", floating, np.rint(255 * floating.clip(0, 1)))

# 2. Pictures with an EXIF orientation. A test changes the orientation.
exif = Image.Exif()
exif[0x0112] = 1
Image.fromarray(rgb).resize((24, 16)).save(corpus / "oriented.jpg", exif=exif, quality=95)
Image.fromarray(rgb).save(corpus / "oriented.png", exif=exif)
Image.fromarray(rgb).save(corpus / "oriented.webp", exif=exif, lossless=True)
Image.fromarray(rgb).save(corpus / "oriented.tif", tiffinfo={0x0112: 1})

# 3. Lossy or refused.
large = Image.fromarray(rgb).resize((40, 30))
large.save(corpus / "lossy.webp", quality=80)
large.save(corpus / "animated.webp", save_all=True, append_images=[large.rotate(180)])
Image.fromarray(rgb).save(corpus / "jpeg.tif", compression="jpeg")
Image.fromarray(rgb).convert("CMYK").save(corpus / "cmyk.tif")
Image.fromarray(rgb).save(corpus / "two-pages.tif", save_all=True, append_images=[large])

# 4. Headers that claim more than the file holds.


def chunk(name, data, length=None):
    length = len(data) if length is None else length
    return name + struct.pack("<I", length) + data + b"\0" * (len(data) % 2)


def riff(*chunks):
    data = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(data)) + data


def extended(width, height, flags):
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3])


lossless = (corpus / "lossless.webp").read_bytes()[12:]
lossy = (corpus / "lossy.webp").read_bytes()[20:]
enormous = lossy[:6] + struct.pack("<HH", 16383, 16383) + lossy[10:]
EXIF = 8
(corpus / "claims-metadata.webp").write_bytes(
    riff(extended(WIDTH, HEIGHT, EXIF), lossless, chunk(b"EXIF", b"II*\0", length=0xFFFF_FFF0)))
(corpus / "claims-pixels.webp").write_bytes(riff(chunk(b"VP8 ", enormous)))
(corpus / "claims-hidden-pixels.webp").write_bytes(riff(extended(40, 30, 0), chunk(b"VP8 ", enormous)))
header = bytearray((corpus / "rgb.bmp").read_bytes())
header[18:26] = struct.pack("<ii", 60_000, 60_000)
(corpus / "claims-pixels.bmp").write_bytes(header)


def tiff(*entries):
    """A TIFF with a directory of these entries (tag, type, count, value)."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4)


def big_endian_bigtiff(*entries):
    """A big-endian BigTIFF: a directory with these entries after the levels of `gray`."""
    packed = b"".join(struct.pack(">HHQ", *entry[:3]) + entry[3] for entry in entries)
    directory = 16 + gray.size
    header = b"MM\0+" + struct.pack(">HHQ", 8, 0, directory)
    return header + gray.tobytes() + struct.pack(">Q", len(entries)) + packed + bytes(8)


SHORT, LONG = 3, 4
short = lambda value: struct.pack(">H6x", value)
entries = [(256, SHORT, 1, short(WIDTH)), (257, SHORT, 1, short(HEIGHT)), (258, SHORT, 1, short(8)),
           (259, SHORT, 1, short(1)), (262, SHORT, 1, short(1)), (273, SHORT, 1, short(16)),
           (277, SHORT, 1, short(1)), (278, SHORT, 1, short(HEIGHT)), (279, SHORT, 1, short(gray.size))]
(corpus / "big-endian.tif").write_bytes(big_endian_bigtiff(*entries))
expect("big-endian.tif", gray)
# A compression of four bytes is JPEG too.
entries[3] = (259, LONG, 1, struct.pack(">I4x", 7))
(corpus / "big-endian-jpeg.tif").write_bytes(big_endian_bigtiff(*entries))
pixels = [(256, LONG, 1, 60_000), (257, LONG, 1, 60_000), (258, SHORT, 1, 8), (259, SHORT, 1, 1),
          (262, SHORT, 1, 1), (273, LONG, 1, 8), (277, SHORT, 1, 1), (278, LONG, 1, 60_000)]
(corpus / "claims-pixels.tif").write_bytes(tiff(*pixels, (279, LONG, 1, 0xFFFF_FFF0)))
(corpus / "claims-strips.tif").write_bytes(
    tiff(*[(tag, kind, count, 5 if tag < 258 else value) for tag, kind, count, value in pixels],
         (279, LONG, 0xFFFF_FFF0, 8)))
