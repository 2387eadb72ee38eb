"""Which processes do the work, and when they last said so."""

from datetime import datetime

from sqlmodel import Field

from newsletter.store.columns import Row, UtcMoment, word
from newsletter.words import WorkerState


class Worker(Row, table=True):
    """A process that sends; it says every ten seconds that it is alive. Nobody's work depends on this row."""

    id: str = Field(primary_key=True)  # host, process number and a few random letters: a number comes back
    host: str
    pid: int
    started: datetime = Field(sa_type=UtcMoment)
    seen: datetime = Field(sa_type=UtcMoment)
    lane: str = ""  # the lanes it drains just now
    state: WorkerState = Field(default=WorkerState.idle, sa_type=word(WorkerState))


class TickMark(Row, table=True):
    """When a thing that happens again and again last did, in whichever process."""

    name: str = Field(primary_key=True)
    every: int  # seconds
    at: datetime = Field(sa_type=UtcMoment)
