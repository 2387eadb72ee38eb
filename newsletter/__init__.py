"""Garder contact: the newsletter pipeline of *Oh my Lot !*. Start reading at `newsletter.pipeline`."""

import sys
from pathlib import Path

__version__ = "0.1.0"

_TOP_LEVEL = Path(__file__).parent / "_top_level"
if _TOP_LEVEL.is_dir():  # in a wheel only: `segments` and `scheduler` are kept out of site-packages (docs/why/0014)
    sys.path.insert(0, str(_TOP_LEVEL))
