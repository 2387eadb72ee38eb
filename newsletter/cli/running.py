"""One process that is everything at once: pages, tracker, scheduler and sender."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from newsletter.delivery.workers.hints import open_dispatcher
from newsletter.delivery.workers.registry import registered
from newsletter.instance import Instance
from newsletter.sending import keep_sending
from newsletter.tracking.journal import Journal
from newsletter.tracking.link_table import LinkTable
from newsletter.tracking.tracker import Tracker
from newsletter.web.app import create_app
from scheduler import open_scheduler


@dataclass(frozen=True, slots=True)
class Running:
    """An instance whose pages answer at `url`."""

    url: str
    server: uvicorn.Server


def run(instance: Instance, sock: socket.socket) -> None:
    """Serve until a signal says stop; what is on the wire then ends first."""
    with _ticking(instance):
        _server(instance).run(sockets=[sock])


@contextmanager
def in_background(instance: Instance, sock: socket.socket) -> Iterator[Running]:
    """The same, in threads of this process, until the block ends."""
    server = _server(instance)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    with _ticking(instance):
        thread.start()
        try:
            yield Running("http://{}:{}".format(*sock.getsockname()[:2]), server)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _ticking(instance: Instance) -> Iterator[None]:
    stopping = threading.Event()
    with registered(instance.store, instance.clock) as heartbeat:
        sender = threading.Thread(
            target=keep_sending,
            args=[instance],
            kwargs={"dispatcher": open_dispatcher(instance.store), "heartbeat": heartbeat, "stopping": stopping.is_set},
            name="sender",
        )
        ticker = open_scheduler(instance, around=heartbeat.ticking)
        sender.start()
        try:
            yield
        finally:
            stopping.set()
            sender.join()
            ticker.shutdown(wait=True)


def _server(instance: Instance) -> uvicorn.Server:
    tracker = Tracker(
        keys=instance.keys,
        journal=Journal(instance.settings.journal, clock=instance.clock),
        links=LinkTable(instance.settings.links),
        clock=instance.clock,
    )
    # No access log: it would write down the network address of every reader (TRK-11, LAW-16).
    return uvicorn.Server(
        uvicorn.Config(create_app(instance, tracker), access_log=False, log_level="warning", server_header=False)
    )
