"""The counting server from outside: starting it, and reading what it noted."""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CORES = (0, 1)
"""The server's core and the sender's, where the machine has two."""


@dataclass(frozen=True, slots=True)
class CountingServer:
    """A counting server that listens."""

    port: int
    log: Path
    process: subprocess.Popen[str]

    def count(self) -> int:
        """How many messages it has taken so far."""
        return len(self.received().messages)

    def received(self) -> "ServerLog":
        return read(self.log)


@dataclass(slots=True)
class ServerLog:
    """What a server noted. Moments are seconds of the machine's steady clock."""

    messages: list[tuple[float, str, str]] = field(default_factory=list)  # moment, Message-ID, recipient
    not_taken: list[tuple[float, str, str]] = field(default_factory=list)  # moment, treatment, recipient
    most_connections: int = 0
    most_per_connection: int = 0  # messages over one connection
    most_at_once: dict[str, int] = field(default_factory=dict)  # by provider

    @property
    def times(self) -> Counter[str]:
        """How often each recipient got a message."""
        return Counter(recipient for _moment, _message_id, recipient in self.messages)

    def busiest(self, seconds: float, provider_of: Callable[[str], str]) -> dict[str, int]:
        """The most tries that each provider saw in any so many seconds, refused ones included."""
        moments: dict[str, list[float]] = defaultdict(list)
        for moment, _what, recipient in sorted([*self.messages, *self.not_taken]):
            moments[provider_of(recipient)].append(moment)
        return {provider: _most_within(seen, seconds) for provider, seen in moments.items()}


@contextmanager
def counting_server(folder: Path, *options: str) -> Iterator[CountingServer]:
    """A server in a process of its own, ended with the block. `options` are those of `counting_smtp_server`."""
    log = folder / "server.log"
    command = [sys.executable, "-m", "tests.kit.counting_smtp_server", str(log), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own program
        try:
            assert process.stdout is not None
            yield CountingServer(int(process.stdout.readline()), log, process)
        finally:
            process.terminate()


def read(log: Path) -> ServerLog:
    """Everything a server noted. A last line that is still being written is left out."""
    received = ServerLog()
    for line in log.read_text(encoding="utf-8").split("\n")[:-1]:
        kind, moment, first, second = line.split(" ", 3)
        if kind == "T":
            received.messages.append((float(moment), first, second))
        elif kind == "N":
            received.not_taken.append((float(moment), first, second))
        elif kind == "P":
            received.most_at_once[second] = max(int(first), received.most_at_once.get(second, 0))
        else:
            received.most_connections = max(int(first), received.most_connections)
            received.most_per_connection = max(0 if second == "-" else int(second), received.most_per_connection)
    return received


def _most_within(moments: list[float], seconds: float) -> int:
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
