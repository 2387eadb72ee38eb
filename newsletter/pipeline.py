"""The flows that cross stations, one short function each. Read this first.

A station reads rows that its neighbour wrote and writes rows that its neighbour will read; only this file knows the
order. A page, a command or a tick that does something which crosses stations, or writes twice, calls one function of
this file; one that needs a single station calls that station. What they show of several stations is read in
`reports/`. Below this file are `sending.py`, for a process that sends; `letters.py`, for letters to one person; and
`instance.py`, for the installed instance that all of it happens in.

The story, top to bottom: sign-ups are confirmed, an issue is written and approved, its audience is chosen and frozen,
its mails leave, readers act, warm leads reach an adviser.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time
from email.utils import make_msgid

from sqlmodel import Session

import segments
from newsletter import addresses, letters
from newsletter.advisers import handover
from newsletter.audience import privacy, signup
from newsletter.clock import paris_day
from newsletter.compose.headers import sender_identity
from newsletter.compose.mail_template import RenderedMail
from newsletter.compose.mime import write_message
from newsletter.delivery.ledger import doubt, restore_lock
from newsletter.delivery.ledger.balance import Balance, balance_of
from newsletter.delivery.ledger.claim import mail_as_claimed
from newsletter.delivery.ledger.lanes import open_lane
from newsletter.delivery.ledger.plan import EditionPlan, cancel_unsent, plan_edition, unplanned
from newsletter.delivery.sender.envelopes import link_targets, read_online
from newsletter.delivery.throttle import backoff
from newsletter.delivery.throttle.providers import provider_label
from newsletter.errors import RefusedError
from newsletter.i18n import _
from newsletter.instance import Instance, send_lock
from newsletter.issues import approval, calendar, draft
from newsletter.leads.refresh import LeadsUpdated, update_leads
from newsletter.smtp.contract import DeliveryStatus, RelayError
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue, edition_of
from newsletter.tokens import Purpose
from newsletter.tracking import answers, link_table, load, verdicts
from newsletter.words import DoubtPolicy, EventKind

# Sign-ups are confirmed ----------------------------------------------------------------------------------------------


def send_pending_letters(instance: Instance) -> int:
    """Send the confirmation and welcome letters that are due; how many left. One that could not is due again later."""
    return letters.send_confirmations(instance) + letters.send_welcomes(instance)


# An issue is written, its audience chosen -----------------------------------------------------------------------------


def preview_issue(instance: Instance, issue_id: int) -> RenderedMail:
    """The issue as a reader would get it, before it is approved."""
    with instance.store.reading() as session:
        return approval.preview(session, issue_id, now=instance.clock.now(), sender=sender_identity(instance.settings))


def send_test(instance: Instance, issue_id: int, *, to: str) -> None:
    """Send the issue as it stands to one of us. Raises RelayError when the server is down, RefusedError for a no."""
    sender = sender_identity(instance.settings)
    recipient = addresses.normalise(to)
    mail = preview_issue(instance, issue_id)
    test = replace(mail, subject=_("[Essai] {subject}").format(subject=mail.subject))
    message_id = make_msgid(domain=sender.message_domain)
    message = write_message(test, sender=sender, to=recipient, message_id=message_id, date=instance.clock.now())
    if letters.post_at_once(instance, message, to=recipient) is not DeliveryStatus.accepted:
        raise RefusedError(_("Le serveur d’envoi a refusé l’essai. Vérifiez l’adresse, puis recommencez."))


def approve_issue(instance: Instance, issue_id: int, *, by: int | None = None) -> Edition:
    """Freeze the issue into an edition. Raises when pre-flight or the segment find something that must be mended."""
    with instance.store.transaction() as session:
        return approval.approve(
            session, issue_id, by=by, now=instance.clock.now(), sender=sender_identity(instance.settings)
        )


def reopen_issue(instance: Instance, issue_id: int) -> None:
    """Back to writing, a cancelled issue as well; only as long as its planning has not begun."""
    with instance.store.transaction() as session:
        approval.reopen(session, issue_id)


def unschedule_issue(instance: Instance, issue_id: int) -> Issue:
    """Take the date away again: the issue stays approved, and leaves only once it gets another."""
    with instance.store.transaction() as session:
        return calendar.unschedule(session, issue_id)


def send_issue_now(instance: Instance, issue_id: int) -> Issue:
    """Let an approved or scheduled issue leave with the next tick, whatever hour it had, even a late one."""
    with instance.store.transaction() as session:
        return calendar.send_now(session, issue_id, now=instance.clock.now())


def set_send_window(instance: Instance, issue_id: int, *, opens: time | None, closes: time | None) -> Issue:
    """Let its mails leave only between these two times of the day in Paris; at any hour without them."""
    with instance.store.transaction() as session:
        return calendar.set_window(session, issue_id, opens=opens, closes=closes)


def schedule_issue(instance: Instance, issue_id: int, *, local: datetime) -> Issue:
    """Let the approved issue leave at this wall-clock time in Paris."""
    with instance.store.transaction() as session:
        return calendar.schedule(session, issue_id, local=local, now=instance.clock.now())


# Its mails leave ------------------------------------------------------------------------------------------------------


def release_due(instance: Instance) -> list[EditionPlan]:
    """Freeze the audience of every issue whose time has come, so that its mails may leave. Twice is harmless.

    An issue starts first and is planned then, in steps, so that planning which a crash cut short is taken up again.
    """
    if send_lock(instance):  # due or not: a home folder whose machine sends nothing learns here what the others sent
        return []
    with instance.store.reading() as session:
        found = calendar.due(session, now=instance.clock.now(), late_after=instance.settings.late_after)
        due = [key(issue.id) for issue in found]
    for issue_id in due:
        with suppress(RefusedError):  # another scheduler was first, or a person just cancelled it
            _start(instance, issue_id)
    with instance.store.reading() as session:
        editions = [session.get_one(Edition, edition_id) for edition_id in unplanned(session)]
    return [_plan(instance, edition) for edition in editions]


def _start(instance: Instance, issue_id: int) -> None:
    with instance.store.transaction() as session:
        calendar.start(session, issue_id)
        edition = edition_of(session, issue_id)
        assert edition is not None  # a scheduled issue was approved
        open_lane(session, connections=instance.settings.smtp_connections)
        link_table.write(instance.settings.links, key(edition.id), _followed(session, key(edition.id)))


def _plan(instance: Instance, edition: Edition) -> EditionPlan:
    tree = segments.parse(edition.segment)
    return plan_edition(
        instance.store,
        key(edition.id),
        audience=lambda began: segments.condition(tree, today=paris_day(began)),
        now=instance.clock.now(),
    )


def _followed(session: Session, edition_id: int) -> dict[int, str]:
    """The links that the tracker redirects: polls and call-backs have pages of their own."""
    return {target.number: target.url for target in link_targets(session, edition_id) if target.url}


def pause_issue(instance: Instance, issue_id: int) -> None:
    """Hold the mails that have not left; what is on the wire ends."""
    with instance.store.transaction() as session:
        calendar.pause(session, issue_id)


def resume_issue(instance: Instance, issue_id: int) -> None:
    """Go on where the pause began."""
    with instance.store.transaction() as session:
        calendar.resume(session, issue_id)


def cancel_issue(instance: Instance, issue_id: int) -> Balance:
    """Never send what has not left. What has left is said by the balance."""
    with instance.store.transaction() as session:
        calendar.cancel(session, issue_id)
        edition = edition_of(session, issue_id)
        if edition is None:
            return Balance()
        cancel_unsent(session, key(edition.id))
        return balance_of(session, key(edition.id))


def open_sending(instance: Instance, *, hold: bool) -> int:
    """A person confirms that this installation may send after a restore; how many issues were paused (`hold`) first."""
    with instance.store.transaction() as session:
        held = calendar.hold_all(session) if hold else 0
        restore_lock.confirm_installation(session, instance.settings.home, now=instance.clock.now())
        return held


def lift_backoff(instance: Instance, provider: str) -> bool:
    """Give a provider, by its name or as it is shown, its usual rate back at once; False when it had no back-off."""
    with instance.store.transaction() as session:
        slowed = backoff.active_backoffs(session, now=instance.clock.now())
        known = {provider_label(one.provider): one.provider for one in slowed}
        return bool(backoff.end_backoff(session, known.get(provider, provider)))


# Its doubts end -------------------------------------------------------------------------------------------------------


def doubts_of_issue(
    instance: Instance, issue_id: int, *, mail_id: int | None = None
) -> tuple[Issue, Sequence[doubt.MailInDoubt]]:
    """An issue, and its mails in doubt, oldest first; or one of them alone. Raises NotFoundError for no such issue."""
    with instance.store.reading() as session:
        return draft.the_issue(session, issue_id), _doubts(session, issue_id, mail_id)


def settle_issue_doubts(
    instance: Instance, issue_id: int, ruling: doubt.Ruling, *, mail_id: int | None = None, why: str
) -> int:
    """A person decides about the issue's mails in doubt, or about one of them; how many doubts ended."""
    with instance.store.transaction() as session:
        mails = [one.mail_id for one in _doubts(session, issue_id, mail_id)]
        return doubt.apply_ruling(session, mails, ruling, now=instance.clock.now(), why=why)


def settle_all_doubts(instance: Instance, ruling: doubt.Ruling, *, edition_id: int | None = None, why: str) -> int:
    """A person decides about every mail in doubt, of one edition or of all; how many doubts ended."""
    with instance.store.transaction() as session:
        mails = [one.mail_id for one in doubt.mails_in_doubt(session, edition_id=edition_id)]
        return doubt.apply_ruling(session, mails, ruling, now=instance.clock.now(), why=why)


def choose_doubt_policy(instance: Instance, issue_id: int, policy: DoubtPolicy) -> int:
    """Say what becomes of the issue's mails in doubt; how many are in doubt already, and follow it as well."""
    with instance.store.transaction() as session:
        draft.the_issue(session, issue_id)
        return doubt.choose_policy(session, issue_id, policy)


def _doubts(session: Session, issue_id: int, mail_id: int | None) -> list[doubt.MailInDoubt]:
    edition = edition_of(session, issue_id)
    found = doubt.mails_in_doubt(session, edition_id=edition.id) if edition else []
    return [one for one in found if mail_id in (None, one.mail_id)]


def settle_doubts(instance: Instance) -> int:
    """End the doubts that evidence or the edition's policy ends; how many."""
    with instance.store.transaction() as session:
        now = instance.clock.now()
        return doubt.settle_by_evidence(session, now=now) + doubt.settle_by_policy(session, now=now)


# Readers act ----------------------------------------------------------------------------------------------------------


def view_online(instance: Instance, token: str) -> str | None:
    """The page that a mail's "view online" link leads to, with this reader's own links; None for any other token."""
    numbers = instance.keys.read(Purpose.view, token)
    if numbers is None:
        return None
    edition_id, mail_id = numbers
    with instance.store.reading() as session:
        mail = mail_as_claimed(session, mail_id)
        if mail is None:
            return None
        return read_online(
            session, mail, edition_id, keys=instance.keys, sender=sender_identity(instance.settings)
        ).html


def answer(instance: Instance, token: str, link_number: int, *, phone: str = "") -> answers.AnswerGiven | None:
    """Take down a poll answer or a "call me back", and what it agrees to; None for a token or a button of no mail."""
    numbers = instance.keys.read(Purpose.answer, token)
    if numbers is None:
        return None
    now = instance.clock.now()
    with instance.store.transaction() as session:
        given = answers.record_answer(session, mail_id=numbers[1], link_number=link_number, now=now)
        if given is not None and given.kind is EventKind.callback:
            privacy.call_me_back(session, given.subscriber_id, phone=phone, now=now)
        return given


def load_hits(instance: Instance) -> verdicts.JudgedEvents:
    """Turn the tracker's journal into events, each hit once, and judge those that have waited their minute."""
    now = instance.clock.now()
    more = True
    while more:  # all of it before any of it is judged: a burst seen half would look like a person
        with instance.store.transaction() as session:
            more = load.load(session, instance.settings.journal, now=now).more
    with instance.store.transaction() as session:
        return verdicts.judge_new(session, now=now)


# Warm leads reach an adviser ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RejudgedPast:
    """What judging the whole past by the present rules came to."""

    events: verdicts.JudgedEvents
    leads: "LeadsRefreshed"


def rejudge_events(
    instance: Instance, *, watched: Callable[[Sequence[list[int]]], Iterable[list[int]]] = iter
) -> RejudgedPast:
    """Judge all that readers ever did by the present rules, then refresh engagement, warmth and leads from it.

    A part of the readers at a time, each in a short transaction, so that nobody waits for the whole; `watched` passes
    on each part, so that progress can be shown. Safe to repeat, and to break off.
    """
    load_hits(instance)
    with instance.store.reading() as session:
        readers = list(verdicts.parts(verdicts.judged_readers(session), verdicts.READERS_AT_A_TIME))
    judged = verdicts.JudgedEvents()
    for part in watched(readers):
        with instance.store.transaction() as session:
            judged += verdicts.rejudge_readers(session, part, now=instance.clock.now())
    return RejudgedPast(events=judged, leads=refresh_leads(instance))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadsRefreshed:
    """What one look at the readers' acts brought."""

    found: LeadsUpdated
    handed_over: int


def find_leads(instance: Instance) -> LeadsRefreshed:
    """Read again what readers did, the journal included, then find and hand over leads."""
    load_hits(instance)
    return refresh_leads(instance)


def refresh_leads(instance: Instance) -> LeadsRefreshed:
    """Warmth and leads from what readers did, and each new lead to its adviser, once, who is told by a letter."""
    now = instance.clock.now()
    with instance.store.transaction() as session:
        refreshed = update_leads(session, now=now)
    with instance.store.transaction() as session:
        handovers = handover.hand_over(session, now=now)
    for adviser_id in sorted({made.adviser_id for made in handovers}):
        with suppress(RelayError):  # the letter is a courtesy: the leads stand in the adviser's list
            letters.tell_adviser(instance, adviser_id, lead_ids={made.lead_id for made in handovers})
    return LeadsRefreshed(found=refreshed, handed_over=len(handovers))


def tidy(instance: Instance) -> None:
    """Forget what was never confirmed, and the journal files that are wholly loaded."""
    with instance.store.transaction() as session:
        signup.purge_unconfirmed(session, now=instance.clock.now())
    with instance.store.transaction() as session:
        load.delete_loaded_segments(session, instance.settings.journal)
