"""The clock of a body that is going out (RTY-04, RFC 5321 §4.5.3.2.5): does the server still take any of it?"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

LOOKS = 4
"""How often within `seconds` we look; so the end comes up to one look later than it could, and never earlier."""


@dataclass(slots=True)
class WriteTimeout:
    """Calls `given_up` when none of the octets that wait have left for so many seconds.

    It runs only while the kernel does not take all it is given: a body that it takes at once costs nothing.
    """

    seconds: float
    octets_kept: Callable[[], int]
    given_up: Callable[[], None]
    _kept: int = 0  # at the last look at which some had left
    _since: float = 0.0
    _next_look: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._kept, self._since = self.octets_kept(), loop.time()
        self._look_later(loop)

    def stop(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self.stop()
        self._next_look = loop.call_later(self.seconds / LOOKS, self._look)

    def _look(self) -> None:
        loop, kept = asyncio.get_running_loop(), self.octets_kept()
        if kept != self._kept:
            self._kept, self._since = kept, loop.time()
        if loop.time() - self._since < self.seconds:
            self._look_later(loop)
        else:
            self.given_up()
