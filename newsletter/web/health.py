"""For machines: is the installation well (/healthz), and its figures for Prometheus (/metrics). Never an address."""

import ipaddress
import secrets
from collections.abc import Iterator

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from newsletter.accounts.permissions import ForbiddenError
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.reports.monitoring import Figures, figures, health
from newsletter.web.pages import TheInstance

router = APIRouter()
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def may_look(request: Request, instance: TheInstance) -> None:
    """Only this machine itself, or who has the token. What a proxy forwards never counts as this machine."""
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
    parts = health(instance)
    well = not any(parts.values())
    answer = {"ok": well, "parts": {name: why or "ok" for name, why in parts.items()}}
    return JSONResponse(answer, status_code=200 if well else 503, headers={"cache-control": "no-store"})


@router.get("/metrics", dependencies=[Depends(may_look)])
def metrics(instance: TheInstance) -> Response:
    registry = CollectorRegistry()
    registry.register(FiguresCollector(instance))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class FiguresCollector(Collector):
    """The figures in Prometheus' words."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        seen = figures(self.instance)
        yield from _of_mails(seen)
        yield from _of_lanes(seen)
        yield from _of_workers(seen)
        yield from _of_readers(seen)


def _of_mails(seen: Figures) -> Iterator[Metric]:
    mails = _gauge("newsletter_mails", "Mails of the editions planned within a week, by state.", "state")
    for state, count in seen.mails.items():
        mails.add_metric([state], count)
    yield mails
    speed = _gauge("newsletter_mails_per_second", "Mails answered a second, over the last minute.", "edition")
    left = _gauge("newsletter_seconds_left", "How long the rest of the edition takes at that rate.", "edition")
    for edition_id, rate in seen.rates.items():
        speed.add_metric([str(edition_id)], rate.per_second)
        if rate.seconds_left is not None:
            left.add_metric([str(edition_id)], rate.seconds_left)
    yield from (speed, left)
    yield GaugeMetricFamily("newsletter_mails_in_doubt", "Mails in doubt.", value=seen.in_doubt)


def _of_lanes(seen: Figures) -> Iterator[Metric]:
    paused = _gauge("newsletter_lane_paused", "1 when a person paused this lane.", "lane")
    troubled = _gauge("newsletter_lane_troubled", "1 when this lane does not send, for a reason it keeps.", "lane")
    for lane in seen.lanes:
        paused.add_metric([lane.name], lane.paused_at is not None)
        troubled.add_metric([lane.name], bool(lane.why))
    yield from (paused, troubled)


def _of_workers(seen: Figures) -> Iterator[Metric]:
    processes = _gauge("newsletter_senders", "Sending processes heard of within a day, by what they do.", "state")
    for state in ("idle", "sending", "silent"):
        processes.add_metric([state], sum(state == ("silent" if s.silent else s.worker.state) for s in seen.workers))
    yield processes
    ticks = _gauge("newsletter_tick_timestamp_seconds", "When this tick last ran, in seconds since 1970.", "tick")
    for mark in seen.ticks:
        ticks.add_metric([mark.name], mark.at.timestamp())
    yield ticks


def _of_readers(seen: Figures) -> Iterator[Metric]:
    events = GaugeMetricFamily("newsletter_events", "What readers did, by verdict.", labels=["kind", "verdict"])
    for (kind, verdict), count in seen.events.items():
        events.add_metric([kind, verdict], count)
    yield events
    yield GaugeMetricFamily(
        "newsletter_journal_lag_bytes", "Bytes of the journal not loaded yet.", value=seen.backlog.bytes
    )
    yield GaugeMetricFamily(
        "newsletter_journal_lag_seconds", "Age of the oldest hit not loaded yet.", value=seen.backlog.seconds
    )


def _gauge(name: str, meaning: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=[label])


def _from_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
