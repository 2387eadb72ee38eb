"""Sender processes for tests to kill, each forked in a few milliseconds from a parent that has imported everything.

`python -m tests.kit.forked_senders LOG` is the parent they are forked from.
It reads one JSON order a line and answers each with one line.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from newsletter.store import Store
from tests.kit.planned_editions import plan_edition
from tests.kit.sender_process import SenderOptions, send


@dataclass(frozen=True, slots=True)
class ForkedProcess:
    """A running process; `owner` is its name in the ledger."""

    pid: int
    owner: str


@dataclass(slots=True)
class ForkedSenders:
    """Starts sender processes and knows which of them run."""

    parent: subprocess.Popen[str]
    alive: list[ForkedProcess] = field(default_factory=list)
    _started: int = 0

    def send(self, orders: SenderOptions) -> ForkedProcess:
        """Start a sender under a name of its own."""
        self._started += 1
        owner = f"{orders.owner}-{self._started}"
        return self._start(owner, {"do": "send", "orders": asdict(orders) | {"owner": owner}})

    def plan(self, url: str, edition_id: int) -> ForkedProcess:
        """Start a process that freezes this edition's audience."""
        return self._start("planner", {"do": "plan", "url": url, "edition_id": edition_id})

    def kill(self, process: ForkedProcess, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it this signal; SIGKILL is also waited for."""
        os.kill(process.pid, how)
        if how is signal.SIGKILL:
            self.wait(process)

    def wait(self, process: ForkedProcess) -> int:
        """Wait for its end; 0 when it ended by itself and well."""
        self.alive.remove(process)
        return int(self._ask({"do": "wait", "pid": process.pid}))

    def still_alive(self) -> list[ForkedProcess]:
        """Those that have not ended."""
        self.alive = [process for process in self.alive if self._ask({"do": "look", "pid": process.pid})]
        return self.alive

    def _start(self, owner: str, order: dict[str, Any]) -> ForkedProcess:
        process = ForkedProcess(int(self._ask(order)), owner)
        self.alive.append(process)
        return process

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self.parent.stdin is not None
        assert self.parent.stdout is not None
        self.parent.stdin.write(json.dumps(order) + "\n")
        self.parent.stdin.flush()
        return json.loads(self.parent.stdout.readline())


@contextmanager
def forked_senders(folder: Path) -> Iterator[ForkedSenders]:
    """A parent to fork senders from, and its children, ended with the block; `senders.log` has their output."""
    command = [sys.executable, "-m", "tests.kit.forked_senders", str(folder / "senders.log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:  # noqa: S603
        yield ForkedSenders(parent)


def main(log: str) -> None:
    """Fork, wait and look, until nobody orders any more; then end those that still live."""
    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] in ("send", "plan"):
            answer = _fork(order, log)
            children.add(answer)
        elif order["do"] == "wait":
            answer = _waited(children, order["pid"])
        else:
            answer = _is_alive(children, order["pid"])
        print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork(order: dict[str, Any], log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    with suppress(BaseException):
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (0, 1, 2):
            os.dup2(said, stream)
        os._exit(_do(order))
    os._exit(2)


def _do(order: dict[str, Any]) -> int:
    try:
        if order["do"] == "send":
            send(SenderOptions(**order["orders"]))
        else:
            plan_edition(Store(order["url"]), order["edition_id"], connections=4)
    except Exception:  # noqa: BLE001  the trace goes to the log, the exit code to the harness
        traceback.print_exc()
        return 1
    return 0


def _waited(children: set[int], pid: int) -> int:
    if pid not in children:
        return 0
    children.discard(pid)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _is_alive(children: set[int], pid: int) -> bool:
    if pid in children and os.waitpid(pid, os.WNOHANG)[0]:
        children.discard(pid)
    return pid in children


if __name__ == "__main__":
    main(*sys.argv[1:])
