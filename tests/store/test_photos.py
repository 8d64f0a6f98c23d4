import io
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from portal.store import photo_worker, photos
from portal.store.errors import BadPhotoError
from tests.builders.store import picture

pytestmark = pytest.mark.usefixtures("app")


def bomb(width: int, height: int) -> bytes:
    """A valid PNG of one colour: a few kilobytes that would take hundreds of megabytes decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    squeezer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    body = b"".join(squeezer.compress(row) for _ in range(height)) + squeezer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def opened(prepared: photos.PreparedPhoto, size: int) -> Image.Image:
    return Image.open(io.BytesIO(photos.photo_path(prepared.content_hash, size).read_bytes()))


def test_two_sizes_are_made():
    prepared = photos.prepare(picture(1200, 900))
    assert (prepared.width, prepared.height) == (800, 600)
    assert (opened(prepared, 800).size, opened(prepared, 400).size) == ((800, 600), (400, 400))
    assert opened(prepared, 800).format == "WEBP"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_formats(kind):
    assert photos.prepare(picture(50, 60, kind)).width == 50


def test_the_same_picture_has_the_same_name():
    assert photos.prepare(picture(300, 200)) == photos.prepare(picture(300, 200))
    assert photos.prepare(picture(300, 200)) != photos.prepare(picture(300, 200, colour="#123456"))


def test_a_picture_taken_sideways_stands_upright_and_says_nothing_of_where_it_was_taken():
    file = io.BytesIO()
    image = Image.new("RGB", (60, 40), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # turned a quarter
    exif[0x9286] = "my address"
    image.save(file, "JPEG", exif=exif)
    prepared = photos.prepare(file.getvalue())
    assert (prepared.width, prepared.height) == (40, 60)
    for size in photos.SIZES:
        assert not opened(prepared, size).getexif()
        assert b"my address" not in photos.photo_path(prepared.content_hash, size).read_bytes()


def test_what_is_transparent_becomes_white():
    file = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(file, "PNG")
    prepared = photos.prepare(file.getvalue())
    assert min(opened(prepared, 800).convert("RGB").getpixel((10, 10))) > 250


def test_too_heavy():
    with pytest.raises(BadPhotoError, match="8 MB"):
        photos.prepare(b"\xff\xd8\xff" + bytes(9 * 1024 * 1024))


@pytest.mark.parametrize("size", [(5000, 4001), (30_000, 30_000)])
def test_a_bomb_is_refused_before_it_is_decoded(size):
    data = bomb(*size) if size[0] < 10_000 else bomb(30_000, 1)
    if size[0] > 10_000:
        # Claims 900 megapixels; a decoder that believed it would ask for 2.7 gigabytes.
        data = data[:20] + struct.pack(">I", 30_000) + data[24:]
        data = data[:29] + struct.pack(">I", zlib.crc32(data[12:29])) + data[33:]
    with pytest.raises(BadPhotoError, match="20 megapixels"):
        photos.prepare(data)


def test_just_under_the_limit_is_decoded_within_the_memory_it_is_given():
    assert photos.prepare(bomb(5000, 4000)).width == 800


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello, I am a text file",
        b"GIF89a" + bytes(100),
        b"\xff\xd8\xff" + b"not really",
        picture(400, 300)[:2000],
        picture(400, 300, "PNG")[:300],
        picture(400, 300, "WEBP")[:100],
        b"RIFF\x00\x00\x00\x00WAVE" + bytes(64),
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
    ],
)
def test_what_is_no_picture(data):
    with pytest.raises(BadPhotoError, match="cannot read"):
        photos.prepare(data)


def test_nothing_is_left_of_a_refused_picture(tmp_path):
    media = photos.photo_path("0" * 32, 800).parents[2]
    media.mkdir(parents=True, exist_ok=True)
    before = sorted(media.iterdir())
    with pytest.raises(BadPhotoError):
        photos.prepare(picture(400, 300)[:2000])
    assert sorted(media.iterdir()) == before


def test_the_decoder_cannot_take_all_memory():
    """The limits hold in the process that decodes: 2 GB are refused there, and not here."""
    code = f"import sys; sys.path.insert(0, {str(photo_worker.__file__).rsplit('/', 1)[0]!r})\n"
    code += "import photo_worker; photo_worker.limit_resources(); bytearray(2 * 1024**3)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=False)
    assert b"MemoryError" in done.stderr
