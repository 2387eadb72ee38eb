"""The pictures people upload: read as pixels, written anew, served under a name that says nothing (SEC-12, SEC-17)."""

import hashlib
import io
import os
import re
import tempfile
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from newsletter.errors import NewsletterError
from newsletter.i18n import _

LARGEST_PICTURE = 10_000_000
"""Bytes of an upload; a telephone's photo is under half of it."""
MOST_PIXELS = 50_000_000
WIDEST = (1600, 1600)
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}\.jpg")


class PictureError(NewsletterError):
    """A file that cannot become a picture of the catalogue."""


def keep(raw: bytes, *, folder: Path) -> str:
    """Write the picture into the folder, re-encoded; its file name, which depends on its pixels alone.

    What is kept is a JPEG of at most 1600 × 1600 pixels without the place, the camera or any other word of the file it
    came from. Keeping the same picture twice gives the same name. Raises PictureError, and then nothing was written.
    """
    pixels = _read(raw)
    encoded = io.BytesIO()
    pixels.save(encoded, "JPEG", quality=84, optimize=True, progressive=True)
    name = hashlib.sha256(encoded.getvalue()).hexdigest()[:32] + ".jpg"
    write_whole(folder / name, encoded.getvalue())
    return name


def _read(raw: bytes) -> Image.Image:
    if len(raw) > LARGEST_PICTURE:
        raise PictureError(_("L’image pèse plus de 10 Mo. Réduisez-la avant de l’envoyer."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=_FORMATS) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise PictureError(_("L’image a trop de pixels. Réduisez-la avant de l’envoyer."))
                return _flattened(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(_("L’image a trop de pixels. Réduisez-la avant de l’envoyer.")) from None
    except (OSError, SyntaxError, ValueError):
        raise PictureError(
            _("Ce fichier n’est pas une image que nous savons lire. Envoyez une photo JPEG, PNG, WebP ou GIF.")
        ) from None


def _flattened(opened: Image.Image) -> Image.Image:
    """The picture upright, on white where it was transparent, small enough for a mail; nothing but pixels."""
    upright = ImageOps.exif_transpose(opened).convert("RGBA")
    upright.thumbnail(WIDEST, Image.Resampling.LANCZOS)
    flat = Image.new("RGB", upright.size, "white")
    flat.paste(upright, mask=upright.getchannel("A"))
    return flat


def write_whole(path: Path, content: bytes) -> None:
    """Write the file so that it is there whole or not at all; its folder is made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, scratch = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(number, "wb") as file:
        file.write(content)
    Path(scratch).chmod(0o644)
    Path(scratch).replace(path)


def find(name: str, *, folder: Path) -> Path | None:
    """The picture of this name, or None; a name that is not one of ours leads nowhere."""
    path = folder / name
    return path if _NAME.fullmatch(name) and path.is_file() else None
