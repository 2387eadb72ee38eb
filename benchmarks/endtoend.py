"""Messages a second, from the ledger to the server's answer; the same server takes the others' in the same run."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rows import Row, times
from newsletter.store import Store
from tests.kit.counting_smtp import CORES, CountingServer, counting_server
from tests.kit.databases import SQLITE, Databases, databases
from tests.kit.planned_editions import an_edition, many_readers, plan_edition

NAIVE_BAR, SMTP_SOURCE_BAR = 20.0, 0.5
ROUNDS = 3
UNPACKED = Path("build/postfix")
"""Where `dpkg -x` may have put Postfix; nothing needs it."""


def run(quick: bool = False) -> list[Row]:
    """Ours against what most would write, and against Postfix's own source of test mail, over 10 and 50 connections."""
    ours, naive = (2_000, 200) if quick else (20_000, 600)
    with databases() as made:
        return [row for connections in (10, 50) for row in _rows(made, connections, ours=ours, naive=naive)]


def _rows(made: Databases, connections: int, *, ours: int, naive: int) -> list[Row]:
    """The middle one of some rounds; all three take turns, so that a machine that slows down slows all of them."""
    rounds = [_round(made, connections, ours=ours, naive=naive) for _ in range(ROUNDS)]
    rate, slow = median(one.ours for one in rounds), median(one.naive for one in rounds)
    postfix = [one.postfix for one in rounds if one.postfix is not None]
    name = f"end to end, {connections} connections, against"
    against_postfix = (
        times(f"{name} smtp-source", rate, "mails/s", baseline=median(postfix), bar=SMTP_SOURCE_BAR)
        if postfix
        else Row(name=f"{name} smtp-source (Postfix is not installed)", value=rate, unit="mails/s")
    )
    return [
        times(f"{name} Jinja + EmailMessage + aiosmtplib", rate, "mails/s", baseline=slow, bar=NAIVE_BAR),
        against_postfix,
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Messages a second of each, to the same server."""

    ours: float
    naive: float
    postfix: float | None


def _round(made: Databases, connections: int, *, ours: int, naive: int) -> Round:
    url = made.fresh(SQLITE)
    store = Store(url)
    many_readers(store, ours)
    plan_edition(store, an_edition(store), connections=connections)
    store.close()
    with counting_server(made.home(), "--core", str(CORES[0])) as server:
        rate = _per_second(ours, send_apart(url, port=server.port))
        taken = server.count()
        assert taken == ours, f"{taken} of {ours} arrived"
        slow = _told("benchmarks.naive", str(server.port), str(naive), "--connections", str(connections))
        postfix = smtp_source(server, connections, ours)
    return Round(ours=rate, naive=_per_second(naive, slow), postfix=postfix)


def send_apart(url: str, *options: str, port: int = 0) -> dict[str, Any]:
    """What one sender process did, alone on its core. `options` are those of benchmarks.sender."""
    return _told("tests.kit.sender_process", url, str(port), *options)


def smtp_source(server: CountingServer, connections: int, count: int) -> float | None:
    """Messages a second of Postfix's own: one constant message, nothing recorded. None where it is not installed."""
    program = shutil.which("smtp-source", path=os.pathsep.join([os.defpath, "/usr/sbin", str(UNPACKED / "usr/sbin")]))
    if program is None:
        return None
    command = [
        program, "-s", str(connections), "-m", str(count), "-l", "20000", "-d", "-f", "a@ohmylot.example",
        "-t", "reader-1@famille.example", f"127.0.0.1:{server.port}",
    ]  # fmt: skip
    begun = time.perf_counter()
    libraries = {"LD_LIBRARY_PATH": str(UNPACKED.absolute() / "usr/lib/postfix")}
    subprocess.run(_on_core(command), check=True, env=libraries)  # noqa: S603  what `which` found
    return count / (time.perf_counter() - begun)


def _told(module: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *words, "--core", str(CORES[1])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own program
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _on_core(command: Sequence[str]) -> list[str]:
    return ["taskset", "-c", str(CORES[1]), *command] if shutil.which("taskset") else list(command)


def _per_second(count: int, told: dict[str, Any]) -> float:
    return float(count / told["seconds"])
