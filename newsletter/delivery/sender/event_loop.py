"""The process that sends: its event loop, and its garbage collector."""

import asyncio
import gc
from collections.abc import Callable
from functools import cache


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where its wheel is installed; None is asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@cache
def spare_what_is_loaded() -> None:
    """Take the program's own classes and tables out of the collector's rounds, once for a process.

    Every mail makes and drops some dozen small objects, so the collector comes by often, and would each time look
    through all that stays for good: a tenth of what a mail costs (docs/reference/delivery.md).
    """
    gc.freeze()
