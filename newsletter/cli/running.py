"""One process that is the whole house: pages, tracker, scheduler and sender."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from newsletter.delivery.hints import open_dispatcher
from newsletter.delivery.workers import alive
from newsletter.errors import NewsletterError
from newsletter.house import House
from newsletter.pipeline import keep_sending
from newsletter.tracking.journal import Journal
from newsletter.tracking.linkbook import LinkBook
from newsletter.tracking.tracker import Tracker
from newsletter.web.app import create_app
from newsletter.words import _
from scheduler import open_scheduler


class PortTakenError(NewsletterError):
    """Something else listens there already."""


@dataclass(frozen=True, slots=True)
class Running:
    """A house whose pages answer at `url`."""

    url: str
    server: uvicorn.Server


def run(house: House, sock: socket.socket) -> None:
    """Serve until a signal says stop; what is on the wire then ends first."""
    with _ticking(house):
        _server(house).run(sockets=[sock])


@contextmanager
def in_background(house: House, sock: socket.socket) -> Iterator[Running]:
    """The same, in threads of this process, until the block ends."""
    server = _server(house)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    with _ticking(house):
        thread.start()
        try:
            yield Running("http://{}:{}".format(*sock.getsockname()[:2]), server)
        finally:
            server.should_exit = True
            thread.join()


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


@contextmanager
def _ticking(house: House) -> Iterator[None]:
    stopping = threading.Event()
    with alive(house.store, house.clock) as heart:
        sender = threading.Thread(
            target=keep_sending,
            args=[house],
            kwargs={"dispatcher": open_dispatcher(house.store), "heart": heart, "stopping": stopping.is_set},
            name="sender",
        )
        ticker = open_scheduler(house, around=heart.ticking)
        sender.start()
        try:
            yield
        finally:
            stopping.set()
            sender.join()
            ticker.shutdown(wait=True)


def _server(house: House) -> uvicorn.Server:
    tracker = Tracker(
        keys=house.keys,
        journal=Journal(house.settings.journal, clock=house.clock),
        links=LinkBook(house.settings.links),
        clock=house.clock,
    )
    # No access log: it would write down the network address of every reader (TRK-11, LAW-16).
    return uvicorn.Server(
        uvicorn.Config(create_app(house, tracker), access_log=False, log_level="warning", server_header=False)
    )
