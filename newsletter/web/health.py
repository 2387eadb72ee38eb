"""For machines: is the instance well (/healthz), and its figures for Prometheus (/metrics). Never an address."""

import ipaddress
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlmodel import Session, col

from newsletter.delivery.ledger.balance import count_in_doubt, recent_mails
from newsletter.delivery.ledger.lanes import lanes
from newsletter.delivery.ledger.throughput import moving_editions, rate
from newsletter.delivery.workers.registry import late_ticks, list_workers, tick_marks
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.tracking.backlog import journal_backlog
from newsletter.web.pages import ForbiddenError, TheInstance
from newsletter.words import EventKind, Verdict

router = APIRouter()
ENOUGH_FREE = 256 * 1024 * 1024
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class IllError(NewsletterError):
    """A part of the instance does not work."""


def may_look(request: Request, instance: TheInstance) -> None:
    """Only this machine itself, or who has the token. What a proxy hands on never counts as this machine."""
    token = instance.settings.metrics_token
    shown = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and secrets.compare_digest(shown.encode(), token.encode()):
        return
    if not _from_here(request):
        raise ForbiddenError(
            _("Ces chiffres ne se lisent que sur la machine elle-même, ou avec le jeton des réglages.")
        )


@router.get("/healthz")
def healthz(instance: TheInstance) -> Response:
    """200 while every part works; 503, naming the part, when one does not."""
    parts = {name: _look(check, instance) for name, check in CHECKS.items()}
    well = not any(parts.values())
    answer = {"ok": well, "parts": {name: why or "ok" for name, why in parts.items()}}
    return JSONResponse(answer, status_code=200 if well else 503, headers={"cache-control": "no-store"})


@router.get("/metrics", dependencies=[Depends(may_look)])
def metrics(instance: TheInstance) -> Response:
    registry = CollectorRegistry()
    registry.register(Figures(instance))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class Figures(Collector):
    """Every figure, counted when it is asked for: no process keeps any by itself."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        now = self.instance.clock.now()
        with self.instance.store.reading() as session:
            yield from _of_mails(session, now)
            yield from _of_lanes(session)
            yield from _of_workers(session, now)
            yield from _of_readers(session, self.instance, now)


def _of_mails(session: Session, now: datetime) -> Iterator[Metric]:
    mails = _gauge("newsletter_mails", "Mails of the editions planned within a week, by state.", "state")
    for state, count in recent_mails(session, now=now).items():
        mails.add_metric([state], count)
    yield mails
    speed = _gauge("newsletter_mails_per_second", "Mails answered a second, over the last minute.", "edition")
    left = _gauge("newsletter_seconds_left", "How long the rest of the edition takes at that rate.", "edition")
    for edition in moving_editions(session):
        seen = rate(session, key(edition.id), now)
        speed.add_metric([str(edition.id)], seen.per_second)
        if seen.seconds_left is not None:
            left.add_metric([str(edition.id)], seen.seconds_left)
    yield from (speed, left)
    yield GaugeMetricFamily("newsletter_mails_in_doubt", "Mails in doubt.", value=count_in_doubt(session))


def _of_lanes(session: Session) -> Iterator[Metric]:
    paused = _gauge("newsletter_lane_paused", "1 when a person paused this lane.", "lane")
    troubled = _gauge("newsletter_lane_troubled", "1 when this lane does not send, for a reason it keeps.", "lane")
    for lane in lanes(session):
        paused.add_metric([lane.name], lane.paused_at is not None)
        troubled.add_metric([lane.name], bool(lane.why))
    yield from (paused, troubled)


def _of_workers(session: Session, now: datetime) -> Iterator[Metric]:
    found = list_workers(session, now=now)
    processes = _gauge("newsletter_senders", "Sending processes heard of within a day, by what they do.", "state")
    for state in ("idle", "sending", "silent"):
        processes.add_metric([state], sum(state == ("silent" if s.silent else s.worker.state) for s in found))
    yield processes
    ticks = _gauge("newsletter_tick_timestamp_seconds", "When this tick last ran, in seconds since 1970.", "tick")
    for mark in tick_marks(session):
        ticks.add_metric([mark.name], mark.at.timestamp())
    yield ticks


def _of_readers(session: Session, instance: Instance, now: datetime) -> Iterator[Metric]:
    events = GaugeMetricFamily("newsletter_events", "What readers did, by verdict.", labels=["kind", "verdict"])
    counted = session.execute(
        sa.select(col(Event.kind), col(Event.verdict), sa.func.count()).group_by(col(Event.kind), col(Event.verdict))
    )
    for kind, verdict, count in counted:
        events.add_metric([EventKind(kind), Verdict(verdict)], count)
    yield events
    behind = journal_backlog(session, instance.settings.journal, now=now)
    yield GaugeMetricFamily("newsletter_journal_lag_bytes", "Bytes of the journal not loaded yet.", value=behind.bytes)
    yield GaugeMetricFamily(
        "newsletter_journal_lag_seconds", "Age of the oldest hit not loaded yet.", value=behind.seconds
    )


def _gauge(name: str, meaning: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=[label])


def _from_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _look(check: Callable[[Instance], None], instance: Instance) -> str:
    """What is wrong with this part; empty when it works."""
    try:
        check(instance)
    except IllError as error:
        return str(error)
    except (sa.exc.SQLAlchemyError, NewsletterError, OSError) as error:
        return type(error).__name__  # its words may name a path or an account
    return ""


def _database_answers(instance: Instance) -> None:
    instance.store.check_version()


def _scheduler_ticks(instance: Instance) -> None:
    with instance.store.reading() as session:
        marks = tick_marks(session)
    if not marks:
        raise IllError(_("aucun programme ne tient l’horloge : lancez « newsletter serve »"))
    if late := late_ticks(marks, now=instance.clock.now()):
        raise IllError(_("en retard : {names}").format(names=", ".join(late)))


def _journal_takes_notes(instance: Instance) -> None:
    with tempfile.TemporaryFile(dir=instance.settings.journal) as file:
        file.write(b"\n")
        file.flush()


def _disk_has_room(instance: Instance) -> None:
    free = shutil.disk_usage(instance.settings.home).free
    if free < ENOUGH_FREE:
        raise IllError(_("il ne reste que {free} Mo").format(free=free // 1024 // 1024))


CHECKS: dict[str, Callable[[Instance], None]] = {
    "database": _database_answers,
    "scheduler": _scheduler_ticks,
    "journal": _journal_takes_notes,
    "disk": _disk_has_room,
}
