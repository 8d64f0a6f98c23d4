"""Merchants' photos: checked, re-encoded in two sizes, kept by content under the media folder."""

import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flask_babel import lazy_gettext as _l

from portal import config
from portal.store import photo_worker
from portal.store.errors import BadPhotoError
from portal.store.models import HASH_LENGTH

SIZES = (photo_worker.LARGE, photo_worker.SMALL)
_TIMEOUT_SECONDS = 20
_WORKER = Path(photo_worker.__file__)
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PreparedPhoto:
    """A picture whose two files are in place: its name, and the larger one's size in pixels."""

    content_hash: str
    width: int
    height: int


def photo_path(content_hash: str, size: int) -> Path:
    """Where one size of a photo is kept."""
    return config.current().media / "photos" / content_hash[:2] / f"{content_hash}-{size}.webp"


def prepare(data: bytes) -> PreparedPhoto:
    """Check and re-encode what a merchant sent; the same picture twice is kept once.

    Raises BadPhotoError with a message that says what to do: too heavy (over 8 MB), too large
    (over 20 megapixels), or not a JPEG, PNG or WebP picture. The decoding happens in another
    process with capped memory and time. Files are written before any row names them: an
    abandoned upload leaves two small files, never a row without its picture.
    """
    limit = config.current().max_upload_bytes
    if len(data) > limit:
        raise BadPhotoError(
            _l("This photo is too heavy. Choose one under %(megabytes)s MB.", megabytes=limit // _MEGABYTE)
        )
    if not data.startswith(_SIGNATURES):
        raise BadPhotoError
    media = config.current().media
    media.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=media, prefix=".photo-") as folder:
        width, height = _decode(data, folder)
        return _keep(Path(folder), width, height)


def _decode(data: bytes, folder: str) -> tuple[int, int]:
    command = [sys.executable, "-I", str(_WORKER), folder]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise BadPhotoError from None
    if done.returncode == photo_worker.TOO_MANY_PIXELS:
        raise BadPhotoError(_l("This photo is too large. Choose one under 20 megapixels."))
    if done.returncode != 0:
        raise BadPhotoError
    width, height = done.stdout.decode().split()
    return int(width), int(height)


def _keep(folder: Path, width: int, height: int) -> PreparedPhoto:
    large = (folder / f"{photo_worker.LARGE}.webp").read_bytes()
    content_hash = hashlib.sha256(large).hexdigest()[:HASH_LENGTH]
    for size in SIZES:
        target = photo_path(content_hash, size)
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{size}.webp").replace(target)
    return PreparedPhoto(content_hash, width, height)
