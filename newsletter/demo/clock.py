"""A clock that runs, and that the demo moves ahead between acts, so that an afternoon fits into seconds."""

import threading
from datetime import UTC, datetime, timedelta


class MovedClock:
    """The machine's clock, moved. It starts in the past, so that the demo's last act is not in the future."""

    def __init__(self, *, behind: timedelta) -> None:
        self._moved = -behind
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._moved

    def move(self, by: timedelta) -> None:
        """Let this much time pass."""
        with self._lock:
            self._moved += by
