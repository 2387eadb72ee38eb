"""How long a test, a client or a server of the kit waits before it gives up.

Waits end on events; a limit ends only what hangs, so one generous value serves everywhere, on a busy machine too. Where
the product's own timeout is what a test is about, it makes that one short and leaves all others at their defaults.
"""

import time
from collections.abc import Callable

SECONDS = 120.0
"""The limit of every wait. pyproject's `faulthandler_timeout` is longer, so that this one speaks first."""
STEP = 0.01  # seconds between two looks


def wait_until(condition: Callable[[], object], what: str | Callable[[], object], *, step: float = STEP) -> None:
    """Return once the condition is true, looked at every `step` seconds; fail with `what` when it never becomes true.

    `what` says what is waited for; where it takes a look to say what holds it up, it is a function of no argument.
    """
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited in vain: {what() if callable(what) else what}")
        time.sleep(step)
