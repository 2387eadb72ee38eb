"""Where servers of ours listen."""

import socket

from newsletter.errors import NewsletterError
from newsletter.i18n import _


class PortTakenError(NewsletterError):
    """Something else listens there already."""


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 is any free one. Raises PortTakenError with a sentence that says what to do."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer on a kept line waits some 40 ms
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise PortTakenError(
            _(
                "Impossible d’écouter sur {host}:{port} : ce port est sans doute déjà pris. "
                "Arrêtez l’autre programme, ou choisissez un autre port avec --port."
            ).format(host=host, port=port)
        ) from error
    sock.listen(128)
    return sock
