"""The tracker's journal of hits: append-only segment files, one JSON object per line.

The hits of one iteration of the event loop are written by one `write()`, and each is answered after it: an answered hit
survives the death of the process. A live writer holds a lock (`flock`) on its segment, so that a reader can tell a
finished segment, a crashed writer's included, from one that still grows. A hit is known by its segment's name and the
byte at which it starts.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newsletter.clock import Clock
from newsletter.words import EventKind

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_AGE = timedelta(hours=1)
_ENDING = ".jsonl"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A raw request as the journal keeps it: numbers and short words, nothing of the network or machine (TRK-11)."""

    at: int  # milliseconds since 1970
    kind: str  # an EventKind word
    edition: int
    mail: int
    link: int = 0  # the link's number in its edition; 0 for the pixel
    method: str = "GET"
    agent: str = ""
    hints: str = ""  # words separated by spaces
    network: str = ""  # a salted name, dropped when loaded

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.at / 1000, UTC)

    @property
    def event_kind(self) -> EventKind:
        return EventKind(self.kind)


class Journal:
    """The writing side, for one event loop of one process."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._file: int | None = None
        self._size, self._opened = 0, datetime.min.replace(tzinfo=UTC)

    async def append(self, hit: Hit) -> None:
        """Note a hit; back when it is in the file. A full disk loses the hit, is logged, and never raises."""
        loop = asyncio.get_running_loop()
        written = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((_line(hit), written))
        await written

    def close(self) -> None:
        """Finish the present segment; the next hit opens another."""
        if self._file is not None:
            os.close(self._file)  # gives the lock back too
            self._file = None

    def _flush(self) -> None:
        """Write every pending line in one go, then let their hits be answered."""
        waiting, self._waiting = self._waiting, []
        try:
            self._write(b"".join(line for line, _written in waiting))
        except OSError:
            _log.exception("the journal cannot be written: %d hits are answered but not noted", len(waiting))
            self.close()  # a torn line must be the last of its segment
        for _note, written in waiting:
            if not written.done():  # the reader may have gone away
                written.set_result(None)

    def _write(self, lines: bytes) -> None:
        self._roll_segment()
        assert self._file is not None
        while lines:
            count = os.write(self._file, lines)
            self._size += count
            lines = lines[count:]

    def _roll_segment(self) -> None:
        """Have a segment open that is neither too large nor too old."""
        now = self._clock.now()
        if self._file is not None and (self._size >= SEGMENT_BYTES or now - self._opened >= SEGMENT_AGE):
            self.close()
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{now:%Y%m%dT%H%M%S}-{os.getpid()}-{secrets.token_hex(4)}{_ENDING}"
            self._file = os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._size, self._opened = 0, now


def _line(hit: Hit) -> bytes:
    return json.dumps(asdict(hit), separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment file, for reading."""

    path: Path
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.path.name.removesuffix(_ENDING))

    def finished(self) -> bool:
        """True once no writer holds it, and none ever will again."""
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return self.path.stat().st_size > 0  # an empty one may be just about to be locked by its writer

    def hits(self, *, start: int) -> Iterator[tuple[int, int, Hit | None]]:
        """Each whole line from this byte on: where it starts, where it ends, and its hit.

        A torn last line is not there yet. A line that is no hit, such as a torn one that a later writer left
        behind, comes as None.
        """
        with self.path.open("rb") as file:
            file.seek(start)
            position = start
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield position, position + len(line), _hit_of(line)
                position += len(line)

    def loaded_until_end(self, position: int) -> bool:
        """No whole line stands after this byte."""
        return not any(True for _found in self.hits(start=position))


def _hit_of(line: bytes) -> Hit | None:
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        hit = Hit(**json.loads(line))
        hit.moment, hit.event_kind  # noqa: B018  both must make sense
        return hit
    return None


def segments(folder: Path) -> list[Segment]:
    """The segments of a folder, oldest first."""
    return [Segment(path) for path in sorted(folder.glob(f"*{_ENDING}"))] if folder.is_dir() else []
