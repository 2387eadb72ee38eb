"""`newsletter work`: a process that only sends. As many as are wanted, on as many machines as are wanted."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from newsletter import sending
from newsletter.cli.current import current_instance
from newsletter.cli.progress import show_progress
from newsletter.clock import in_paris
from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.throughput import moving_editions
from newsletter.delivery.workers.dispatch import unfinished_lanes
from newsletter.delivery.workers.hints import open_dispatcher
from newsletter.delivery.workers.registry import Heartbeat, ListedWorker, list_workers, registered
from newsletter.errors import RefusedError
from newsletter.i18n import _, lazy
from newsletter.instance import Instance
from newsletter.reports.sending import EditionsProgress
from newsletter.store.columns import key
from newsletter.words import label

_LOCKED_FOR_GOOD = 4
"""Looks in a row; processes that start a new instance together may each find it strange for a moment."""


@click.command(help=lazy("Envoyer, et rien d’autre : autant de fois, sur autant de machines que voulu (PostgreSQL)."))
@click.option("--lane", default="", help=lazy("Seulement cette voie d’envoi."))
@click.option("--once", is_flag=True, help=lazy("Envoyer ce qui est dû, puis s’arrêter."))
@click.option(
    "--until-done", is_flag=True, help=lazy("S’arrêter quand plus aucune lettre n’attend ; une barre avance.")
)
@click.option("--no-hints", is_flag=True, help=lazy("Sans réveils : regarder le registre toutes les deux secondes."))
@click.option(
    "--list", "list_", is_flag=True, help=lazy("Montrer les programmes d’envoi, et leur dernier signe de vie.")
)
@click.option("--json", "as_json", is_flag=True, help=lazy("Avec --list : pour un programme."))
def work(lane: str, *, once: bool, until_done: bool, no_hints: bool, list_: bool, as_json: bool) -> None:
    if once and until_done:
        raise click.UsageError(_("Choisissez entre --once et --until-done."))
    instance = current_instance()
    if list_:
        _list(instance, as_json=as_json)
        return
    with _until_told() as stopping, registered(instance.store, instance.clock) as own:
        if once:
            _once(instance, own, stopping, lane)
        elif until_done:
            _until_done(instance, own, stopping, lane, hints=not no_hints)
        else:
            if why := locked(instance):
                click.echo(why, err=True)
            click.echo(_("Prêt à envoyer ({host}, {pid}). Ctrl+C pour arrêter.").format(host=own.host, pid=own.pid))
            dispatcher = open_dispatcher(instance.store, hints=not no_hints)
            sending.keep_sending(instance, dispatcher=dispatcher, heartbeat=own, stopping=stopping.is_set, lane=lane)


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Set when a signal says stop: what is on the wire then ends first."""
    stopping = threading.Event()
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in kept:
        signal.signal(number, lambda _number, _frame: stopping.set())
    try:
        yield stopping
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _once(instance: Instance, heartbeat: Heartbeat, stopping: threading.Event, lane: str) -> None:
    drained = sending.send_once(instance, heartbeat=heartbeat, stopping=stopping.is_set, lane=lane)
    click.echo(_("Envois tentés : {count}.").format(count=drained.attempts))
    if drained.trouble:
        raise RefusedError(drained.trouble)


def _until_done(instance: Instance, heartbeat: Heartbeat, stopping: threading.Event, lane: str, *, hints: bool) -> None:
    """Send in a thread, and show how far it is, until nothing waits on this lane, or on any."""
    dispatcher = open_dispatcher(instance.store, hints=hints)
    sender = threading.Thread(
        target=sending.keep_sending,
        args=[instance],
        kwargs={"dispatcher": dispatcher, "heartbeat": heartbeat, "stopping": stopping.is_set, "lane": lane},
    )
    sender.start()
    seen: dict[int, None] = {}
    found_locked: list[str] = []

    def editions() -> list[int]:
        with instance.store.reading() as session:
            seen.update((key(edition.id), None) for edition in moving_editions(session))
        return list(seen)

    def ended(_progress: EditionsProgress) -> bool:
        with instance.store.reading() as session:
            waiting = [name for name in unfinished_lanes(session) if lane in ("", name)]
        found_locked[:] = [*found_locked, why] if (why := locked(instance)) else []
        return stopping.is_set() or not waiting or not sender.is_alive() or len(found_locked) >= _LOCKED_FOR_GOOD

    try:
        show_progress(instance, editions, until=ended)
    finally:
        stopping.set()
        sender.join()
    if len(found_locked) >= _LOCKED_FOR_GOOD:
        raise RefusedError(found_locked[-1])


def locked(instance: Instance) -> str:
    """Why this instance may send nothing until a person opens it; empty when it may."""
    with instance.store.reading() as session:
        return restore_lock.why_locked(session, instance.settings.home)


def _list(instance: Instance, *, as_json: bool) -> None:
    with instance.store.reading() as session:
        found = list_workers(session, now=instance.clock.now())
    if as_json:
        rows = [listed.worker.model_dump(mode="json") | {"silent": listed.silent} for listed in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for listed in found:
        click.echo(_told(listed))
    if not found:
        click.echo(_("Aucun programme d’envoi n’a donné signe de vie depuis un jour."))


def _told(listed: ListedWorker) -> str:
    worker = listed.worker
    since = in_paris(worker.seen).strftime("%d/%m/%Y %H:%M:%S")
    doing = _("sans signe de vie depuis le {since}").format(since=since) if listed.silent else label(worker.state)
    return f"{worker.host:<24} {worker.pid:>8}  {doing} {worker.lane}".rstrip()
