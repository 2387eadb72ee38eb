"""Circuit breaker: when a server refuses us, and not one recipient's mailbox (pure: it reads and tests as a table).

A relay that lost our login, or a receiver that blocks our address, refuses every mail with a 5xx. Taken as the
recipients' own, such refusals would use up the whole list in minutes. So refusals in a row, without one acceptance
between them, stop the lane.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from newsletter.i18n import lazy
from newsletter.smtp.contract import DeliveryStatus, Reply

REFUSALS_ABOUT_US = 10
"""Refusals in a row that are about us: login, policy, reputation."""
REFUSALS_OF_ANY_KIND = 50
"""Refusals in a row of any kind, each of another recipient: no list is that bad, but a relay can be set up so."""
BUSY_REPLIES = 30
"""Replies in a row by which the server itself, not a mailbox, asks us to come back later."""

_LOGIN_CODES = frozenset({530, 534, 535, 538})  # RFC 4954
_RECIPIENT_CODES = frozenset({551, 552, 553})
_PLAIN_REFUSALS = frozenset({550, 554})
_BUSY_CODES = frozenset({421, 454})


class ReplyClass(Enum):
    """What a reply says about the server as a whole."""

    accepted = auto()  # it works
    login = auto()
    about_us = auto()
    recipient = auto()  # this recipient's address is refused
    busy = auto()
    neutral = auto()  # nothing either way: greylisting, a lost connection, a mail that was withheld


class StopReason(Enum):
    """Why a lane stops."""

    login = auto()
    refuses_us = auto()
    refuses_all = auto()
    busy = auto()


@dataclass(frozen=True, slots=True)
class RefusalStreak:
    """The replies since the last acceptance."""

    login: int = 0
    about_us: int = 0  # in a row: a refusal of a recipient ends it
    refused: int = 0
    busy: int = 0


_NO_STREAK = RefusalStreak()


def reply_class(reply: Reply) -> ReplyClass:
    """What this reply says about the server (RFC 3463: x.1 address, x.2 mailbox, x.3 system, x.7 policy)."""
    match reply.status:
        case DeliveryStatus.accepted:
            return ReplyClass.accepted
        case DeliveryStatus.refused if reply.code is not None:
            return _refusal_class(reply.code, reply.enhanced)
        case DeliveryStatus.try_later if reply.code in _BUSY_CODES or reply.enhanced.startswith("4.3."):
            return ReplyClass.busy
        case _:
            return ReplyClass.neutral  # without a code: refused by our own side, before it was offered


def _refusal_class(code: int, enhanced: str) -> ReplyClass:
    if code in _LOGIN_CODES:
        return ReplyClass.login
    if enhanced.startswith(("5.1.", "5.2.")) or code in _RECIPIENT_CODES:
        return ReplyClass.recipient
    if enhanced.startswith(("5.7.", "5.3.", "5.5.")) or (not enhanced and code not in _PLAIN_REFUSALS):
        return ReplyClass.about_us
    # 550 without more is "no such user" at many small servers, 554 "transaction failed" for any reason at all
    return ReplyClass.about_us if code == 554 else ReplyClass.recipient


def streak_after(streak: RefusalStreak, reply: Reply) -> RefusalStreak:
    """The streak with one more reply."""
    match reply_class(reply):
        case ReplyClass.accepted:
            return _NO_STREAK
        case ReplyClass.login:
            return replace(streak, login=streak.login + 1, about_us=streak.about_us + 1, refused=streak.refused + 1)
        case ReplyClass.about_us:
            return replace(streak, about_us=streak.about_us + 1, refused=streak.refused + 1)
        case ReplyClass.recipient:
            return replace(streak, about_us=0, refused=streak.refused + 1)
        case ReplyClass.busy:
            return replace(streak, busy=streak.busy + 1)
        case ReplyClass.neutral:
            return streak


def stop_reason(streak: RefusalStreak) -> StopReason | None:
    """Why to stop the lane; None while there is no reason to."""
    if streak.about_us >= REFUSALS_ABOUT_US:
        return StopReason.login if streak.login == streak.about_us else StopReason.refuses_us
    if streak.refused >= REFUSALS_OF_ANY_KIND:
        return StopReason.refuses_all
    return StopReason.busy if streak.busy >= BUSY_REPLIES else None


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


def stop_sentence(reason: StopReason, reply: Reply) -> str:
    """What the issue's page says, with the server's last words."""
    words = " ".join(f"{reply.code or ''} {reply.words}".split())
    return _STOP_SENTENCES[reason].format(words=words[:200])
