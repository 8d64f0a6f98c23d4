"""Decodes one picture that somebody sent, in a process of its own with little memory and little time.

The portal takes only its constants; it is run by path: `python -I photo_worker.py FOLDER < picture`. It writes
`800.webp` and `400.webp` into FOLDER and prints `WIDTH HEIGHT` of the larger one, or exits with one of
the codes below. Whatever a hostile file does to the decoder, it does here.
"""

import contextlib
import io
import resource
import sys
import warnings
from pathlib import Path

NOT_A_PICTURE = 3
TOO_MANY_PIXELS = 4

LARGEST_PIXELS = 20_000_000
LARGE, SMALL = 800, 400
_QUALITY = 80
_MEMORY_BYTES = 768 * 1024 * 1024
_CPU_SECONDS = 15
_FILE_BYTES = 4 * 1024 * 1024


def limit_resources() -> None:
    """Cap memory, processor time, file size and open files of this process."""
    limits = (
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
    )
    for kind, limit in limits:
        # macOS refuses RLIMIT_AS; the other limits and the pixel cap still hold there.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def convert(data: bytes, folder: Path) -> str:
    """Re-encode the picture as two WebP files, upright and without metadata; returns `WIDTH HEIGHT`.

    Only the header is read before the size is known; decoding comes after.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 (after the limits are set)

    warnings.simplefilter("error")
    Image.MAX_IMAGE_PIXELS = LARGEST_PIXELS
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise SystemExit(TOO_MANY_PIXELS) from None
    if image.width * image.height > LARGEST_PIXELS:
        raise SystemExit(TOO_MANY_PIXELS)
    if image.format == "JPEG":
        # Lets the JPEG decoder skip detail that the small sizes would throw away.
        image.draft("RGB", (LARGE * 2, LARGE * 2))
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        paper = Image.new("RGBA", upright.size, "white")
        paper.alpha_composite(upright.convert("RGBA"))
        upright = paper
    plain = upright.convert("RGB")
    large = ImageOps.contain(plain, (LARGE, LARGE)) if max(plain.size) > LARGE else plain.copy()
    small = ImageOps.fit(plain, (SMALL, SMALL), method=Image.Resampling.LANCZOS)
    for size, picture in ((LARGE, large), (SMALL, small)):
        picture.info.clear()
        picture.save(folder / f"{size}.webp", "WEBP", quality=_QUALITY, method=4)
    return f"{large.width} {large.height}"


def main() -> None:
    """Read standard input, write the two files; any failure to decode is `NOT_A_PICTURE`."""
    limit_resources()
    data = sys.stdin.buffer.read()
    try:
        answer = convert(data, Path(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 (decoders raise anything; the code is the answer)
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(NOT_A_PICTURE) from None
    sys.stdout.write(answer)


if __name__ == "__main__":
    main()
