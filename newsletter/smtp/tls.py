"""TLS towards a server: certificate and host name are always verified; the trusted authorities can be one's own."""

import ssl
from functools import lru_cache
from pathlib import Path

from newsletter.smtp import messages
from newsletter.smtp.contract import RelayError


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that trusts the certificate authorities of this PEM file alone; None: those of the system.

    A file that was renewed holds from the next connection on. Raises RelayError when it cannot be read as certificates.
    """
    if ca_file is None:
        return _context(None, 0)
    try:
        return _context(ca_file, ca_file.stat().st_mtime_ns)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise RelayError(messages.BAD_AUTHORITY.format(name=ca_file.name)) from error


@lru_cache(maxsize=8)
def _context(ca_file: Path | None, _changed_ns: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
