"""Garder contact: the newsletter pipeline of *Oh my Lot !*. Start reading at `newsletter.pipeline`."""

__version__ = "0.1.0"
