"""Speaking SMTP over an open line: one round trip per message where the server takes commands in groups.

    ours    MAIL RCPT DATA            body . MAIL RCPT DATA               body .
    theirs                250 250 354                      250 250 250 354      250

The next envelope rides behind the dot (RFC 2920 §3.1 lets message content begin a group, and DATA end one). A body
leaves only with its permit, which is asked for when its 354 is in hand; the envelope that rides ahead has none yet.
"""

from dataclasses import dataclass

from newsletter.smtp.commands import DOT, RSET, Offers, opening, refused_at_home, stuffed
from newsletter.smtp.contract import Envelope, Outbox, RelayError
from newsletter.smtp.in_flight import Hand
from newsletter.smtp.messages import LINE_LOST
from newsletter.smtp.options import Switches
from newsletter.smtp.replies import CLOSING, GO_ON, Answer
from newsletter.smtp.stream import Line, LineLostError

WRITTEN = (b"", b"", b"")  # in groups, the opening left with what went before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What came of MAIL, RCPT and DATA."""

    refused: bool
    taken: bool = False  # the recipient was taken, whatever became of the rest
    waits: bool = False  # the server said 354, and only a dot gets it out of that


@dataclass(slots=True)
class Dialogue:
    """An open SMTP session; the Connection of `wire`."""

    line: Line
    offers: Offers
    switches: Switches
    _begun: int = 0

    async def deliver(self, outbox: Outbox) -> None:
        hand = Hand(outbox, lambda envelope: refused_at_home(envelope, self.offers))
        why = "our side stopped"
        try:
            await self._talk(hand)
        except LineLostError as lost:
            why = str(lost)
            self.line.abort()
            if not hand.asked:
                raise RelayError(LINE_LOST.format(words=why)) from lost
        except BaseException:
            self.line.abort()
            raise
        finally:
            hand.let_go(why, dot_kept=self.line.keeps_the_dot)

    async def _talk(self, hand: Hand) -> None:
        envelope: Envelope | None = None
        while not self.line.closing and (envelope := envelope or await self._first(hand)):
            opened = await self._open(hand, envelope)
            if opened.refused:
                envelope = await self._tidy_up(hand, opened)
            else:
                envelope = await self._hand_over(hand, envelope)

    async def _first(self, hand: Hand) -> Envelope | None:
        """The next message when none rides ahead, its opening written."""
        if self._worn:
            return None
        envelope = await hand.next()
        self._start(envelope)
        if envelope is not None and self._in_groups:
            self.line.write(b"".join(opening(envelope, self.offers)))
        return envelope

    def _ahead(self, hand: Hand) -> tuple[Envelope | None, bytes]:
        """The next message and its opening, to ride behind what is written now."""
        if not self._in_groups or self._worn or self.line.closing:
            return None, b""
        envelope = hand.poll()
        self._start(envelope)
        return envelope, b"".join(opening(envelope, self.offers)) if envelope is not None else b""

    def _start(self, envelope: Envelope | None) -> None:
        self._begun += envelope is not None

    @property
    def _worn(self) -> bool:
        return 0 < self.switches.per_connection <= self._begun

    @property
    def _in_groups(self) -> bool:
        return self.offers.pipelining and self.switches.pipelining

    async def _open(self, hand: Hand, envelope: Envelope) -> _Opened:
        """Ask leave for a message; the first no is recorded at once.

        Raises LineLostError for a 421 to MAIL, which is said to us and not to the message.
        """
        mail, rcpt, data = WRITTEN if self._in_groups else opening(envelope, self.offers)
        patience = self.switches.patience
        first = await self._ask(mail, patience.command)
        if first.code == CLOSING:
            raise LineLostError(first.reply.words)
        refused = not first.taken and _refuse(hand, first)
        if refused and not self._in_groups:
            return _Opened(refused=True)
        second = await self._ask(rcpt, patience.command)
        refused = refused or (not second.taken and _refuse(hand, second))
        if refused and (second.code == CLOSING or not self._in_groups):
            return _Opened(refused=True)
        third = await self._ask(data, patience.data)
        waits = third.code == GO_ON
        refused = refused or (not waits and _refuse(hand, third))
        return _Opened(refused=refused, taken=second.taken, waits=waits)

    async def _ask(self, command: bytes, seconds: float) -> Answer:
        """The answer to a command, which in groups was written already."""
        if command:
            self.line.write(command)
        return await self.line.answer(seconds)

    async def _hand_over(self, hand: Hand, envelope: Envelope) -> Envelope | None:
        """The body with its permit, its dot and its answer. Gives the envelope that rode behind.

        That one is written before the permit is asked for: while other lines' answers come in, and not when the
        permits of all of them have come at once and the server waits for bodies.
        """
        following, behind = self._ahead(hand)
        if not await hand.permit():
            self.line.abort()  # after 354 there is no RSET: a line cut before the dot delivers nothing
            return None
        if self.line.unread:
            raise LineLostError("the server spoke before the body")
        hand.leaving = True
        self.line.write_message(stuffed(envelope), behind=behind)
        answer = await self.line.answer(self.switches.patience.end_of_data)
        if answer.code // 100 == 3 or (answer.taken and self.line.keeps_the_dot):
            raise LineLostError("answers out of step")
        hand.answered(answer.reply)
        return following

    async def _tidy_up(self, hand: Hand, opened: _Opened) -> Envelope | None:
        """After a no: make room for the next message, which rides behind."""
        if self.line.closing:
            return None
        if opened.waits and opened.taken:
            self.line.abort()  # a lone dot would hand an empty message to a recipient who was taken
            return None
        following, behind = self._ahead(hand)
        self.line.write((DOT if opened.waits else RSET) + behind)  # RFC 2920 §3.1: a lone dot after 354
        patience = self.switches.patience
        tidied = await self.line.answer(patience.end_of_data if opened.waits else patience.command)
        if not (tidied.taken or (opened.waits and tidied.code >= 400)):
            self.line.abort()
        return following


def _refuse(hand: Hand, answer: Answer) -> bool:
    """Record this no. Raises LineLostError when it is none: then ours and theirs are out of step."""
    if not answer.denied:
        raise LineLostError(f"out of step: {answer.code} {answer.reply.words}")
    hand.refused(answer.reply)
    return True
