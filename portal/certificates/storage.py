"""Issued documents on disk, by the hash of their content: written once, checked when read."""

import hashlib
import os
from pathlib import Path

from portal import config


class DamagedDocumentError(RuntimeError):
    """What is on disk is not what was issued."""


def _path(sha256: str) -> Path:
    return config.current().media / "certificates" / sha256[:2] / f"{sha256}.pdf"


def keep(content: bytes) -> str:
    """Store a document and return its SHA-256 in hex; it is on the disk when this returns."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = _path(sha256)
    if path.exists():
        return sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return sha256


def read(sha256: str) -> bytes:
    """The document with this hash.

    Raises FileNotFoundError when it is gone, DamagedDocumentError when it is not what was stored.
    """
    content = _path(sha256).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        msg = f"the document {sha256} has changed on the disk"
        raise DamagedDocumentError(msg)
    return content
