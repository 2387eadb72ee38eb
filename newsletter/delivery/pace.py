"""How fast a lane may send."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """Spaces starts evenly: at most `per_minute` in any minute. Times are seconds of any steady clock."""

    per_minute: int
    next_slot: float = 0.0

    def wait(self, now: float) -> float:
        """Take the next slot; how many seconds to wait for it."""
        slot = max(self.next_slot, now)
        self.next_slot = slot + 60.0 / self.per_minute
        return slot - now
