"""When a whole way out says no, and not one reader's mailbox: pure, so that it can be read and tested as a table.

A relay that lost our login, or a receiver that blocks our address, refuses every mail with a 5xx. Believed, it would
close the whole list in minutes. So refusals in a row, without one acceptance between them, stop the lane.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from newsletter.i18n import lazy
from newsletter.smtp.contract import DeliveryStatus, Reply

ABOUT_US = 10
"""Refusals in a row that speak of us: login, policy, reputation."""
OF_ANY_KIND = 50
"""Refusals in a row of any kind, each of another reader: no list is that bad, but a relay can be set up that badly."""
BUSY = 30
"""Answers in a row by which the server itself, not a mailbox, puts us off."""

LOGIN_CODES = frozenset({530, 534, 535, 538})  # RFC 4954
READER_CODES = frozenset({551, 552, 553})
PLAIN_REFUSALS = frozenset({550, 554})
BUSY_CODES = frozenset({421, 454})


class ReplyClass(Enum):
    """What an answer says about the way out."""

    open = auto()  # it works
    login = auto()
    about_us = auto()
    reader = auto()  # this reader's address is refused
    busy = auto()
    silent = auto()  # nothing either way: greylisting, a line that broke, a mail that was held


class StopReason(Enum):
    """Why a lane stops."""

    login = auto()
    refuses_us = auto()
    refuses_all = auto()
    busy = auto()


@dataclass(frozen=True, slots=True)
class Streak:
    """The answers since the last acceptance."""

    login: int = 0
    about_us: int = 0  # in a row: a refusal of a reader ends it
    refused: int = 0
    busy: int = 0


NO_STREAK = Streak()


def reply_class(reply: Reply) -> ReplyClass:
    """What this answer says about the way out (RFC 3463: x.1 address, x.2 mailbox, x.3 system, x.7 policy)."""
    match reply.status:
        case DeliveryStatus.accepted:
            return ReplyClass.open
        case DeliveryStatus.refused if reply.code is not None:
            return _kind_of_refusal(reply.code, reply.enhanced)
        case DeliveryStatus.try_later if reply.code in BUSY_CODES or reply.enhanced.startswith("4.3."):
            return ReplyClass.busy
        case _:
            return ReplyClass.silent  # refused without a code: by our own side, before it was offered


def _kind_of_refusal(code: int, enhanced: str) -> ReplyClass:
    if code in LOGIN_CODES:
        return ReplyClass.login
    if enhanced.startswith(("5.1.", "5.2.")) or code in READER_CODES:
        return ReplyClass.reader
    if enhanced.startswith(("5.7.", "5.3.", "5.5.")) or (not enhanced and code not in PLAIN_REFUSALS):
        return ReplyClass.about_us
    # 550 without more is "no such user" at many small servers, 554 "transaction failed" for any reason at all
    return ReplyClass.about_us if code == 554 else ReplyClass.reader


def streak_after(streak: Streak, reply: Reply) -> Streak:
    """The streak with one more answer."""
    match reply_class(reply):
        case ReplyClass.open:
            return NO_STREAK
        case ReplyClass.login:
            return replace(streak, login=streak.login + 1, about_us=streak.about_us + 1, refused=streak.refused + 1)
        case ReplyClass.about_us:
            return replace(streak, about_us=streak.about_us + 1, refused=streak.refused + 1)
        case ReplyClass.reader:
            return replace(streak, about_us=0, refused=streak.refused + 1)
        case ReplyClass.busy:
            return replace(streak, busy=streak.busy + 1)
        case ReplyClass.silent:
            return streak


def stop_reason(streak: Streak) -> StopReason | None:
    """Why to stop; None while there is no reason to."""
    if streak.about_us >= ABOUT_US:
        return StopReason.login if streak.login == streak.about_us else StopReason.refuses_us
    if streak.refused >= OF_ANY_KIND:
        return StopReason.refuses_all
    return StopReason.busy if streak.busy >= BUSY else None


_STOP_SENTENCES = {
    StopReason.login: lazy(
        "Le serveur d’envoi n’accepte plus notre compte : « {words} ». "
        "Vérifiez l’identifiant et le mot de passe SMTP. Les lettres attendent ; rien n’est perdu."
    ),
    StopReason.refuses_us: lazy(
        "Le serveur d’envoi refuse toutes nos lettres : « {words} ». "
        "Demandez à votre prestataire d’envoi pourquoi. Les lettres attendent ; rien n’est perdu."
    ),
    StopReason.refuses_all: lazy(
        "Le serveur d’envoi refuse toutes les adresses l’une après l’autre : « {words} ». "
        "Vérifiez ses réglages, puis la liste. Les lettres attendent ; rien n’est perdu."
    ),
    StopReason.busy: lazy(
        "Le serveur d’envoi nous demande sans cesse d’attendre : « {words} ». L’envoi reprendra de lui-même."
    ),
}


def stop_sentence(trouble: StopReason, reply: Reply) -> str:
    """What the issue's page says, with the server's last words."""
    words = " ".join(f"{reply.code or ''} {reply.words}".split())
    return _STOP_SENTENCES[trouble].format(words=words[:200])
