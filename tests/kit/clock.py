"""A clock that a test moves by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True)
class StoppedClock:
    """A clock that stands until it is moved: the product asks it for the present moment."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by
