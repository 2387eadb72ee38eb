"""Whose word we take for who a server is: the authorities that the system trusts, or one of our own."""

import ssl
from functools import lru_cache
from pathlib import Path

from newsletter.smtp import messages
from newsletter.smtp.contract import RelayError


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificate and name are always checked; against the authorities of this file alone when there is one.

    A file that was renewed holds from the next connection on. Raises RelayError when it cannot be read as certificates.
    """
    if ca_file is None:
        return _context(None, 0)
    try:
        return _context(ca_file, ca_file.stat().st_mtime_ns)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise RelayError(messages.BAD_AUTHORITY.format(name=ca_file.name)) from error


@lru_cache(maxsize=8)
def _context(ca_file: Path | None, _changed: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
