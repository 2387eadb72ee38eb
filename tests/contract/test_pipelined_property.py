"""Whatever a server answers, wherever it breaks: each mail is accounted for, and none doubled by our own doing."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from newsletter.smtp.contract import Envelope
from newsletter.smtp.options import SmtpOptions, SmtpServer, Timeouts
from newsletter.smtp.pipelined import PipelinedTransport
from tests.kit.outboxes import ListOutbox, an_envelope, deliver_all
from tests.kit.scripted_smtp import DROP, EVERYTHING, TAKE_AND_DROP, Script, Seen, scripted

NO = ["421 4.3.2 going", "450 4.2.0 later", "451 4.7.1 grey", "503 5.5.1 order", "550 5.1.1 unknown", "552 5.2.2 full"]
ODD = ["250-two\r\n250 lines", "251 elsewhere", "354 go on", "gibberish", DROP]

scripts = st.fixed_dictionaries(
    {
        "MAIL": st.lists(st.sampled_from(["250 ok"] * 8 + NO + ODD), max_size=8),
        "RCPT": st.lists(st.sampled_from(["250 ok"] * 8 + NO + ODD), max_size=8),
        "DATA": st.lists(st.sampled_from(["354 go on"] * 8 + NO + ODD), max_size=8),
        "DOT": st.lists(st.sampled_from(["250 taken"] * 4 + NO + ["354 go on", DROP, TAKE_AND_DROP]), max_size=8),
        "RSET": st.lists(st.sampled_from(["250 ok", *NO, DROP]), max_size=4),
    }
)


@given(
    answers=scripts,
    mails=st.integers(0, 6),
    pipelining=st.booleans(),
    per_connection=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_every_mail_is_accounted_for(
    answers: dict[str, list[str]], mails: int, pipelining: bool, per_connection: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  plays the clock, guards nothing

    async def mostly(_envelope: Envelope) -> bool:
        await asyncio.sleep(0)
        return chance.random() < 0.9

    outbox = ListOutbox.of([an_envelope(f"{number}@example.org") for number in range(mails)], permission=mostly)
    outbox.may_poll = lambda: chance.random() < 0.8
    script = Script(answers=answers, extensions=EVERYTHING if pipelining else ())
    options = SmtpOptions(per_connection=per_connection, timeouts=Timeouts(command=2, data=2, end_of_data=2))

    async def run() -> Seen:
        async with scripted(script) as seen:
            transport = PipelinedTransport(server=SmtpServer(host="127.0.0.1", port=seen.port), options=options)
            await deliver_all(transport, outbox, connections=60)
            return seen

    seen = asyncio.run(run())
    fates = {number: outbox.replies[number].status.value for number in outbox.replies}
    taken = {int(recipient.partition("@")[0]) for recipient in seen.recipients}
    waiting = {envelope.key for envelope in outbox.waiting}
    assert fates.keys() | waiting == set(range(mails))
    assert not fates.keys() & waiting
    assert len(seen.recipients) == len(taken), "nobody is mailed twice"
    assert {number for number, status in fates.items() if status == "accepted"} <= taken
    assert all(fates.get(number) in ("accepted", "unknown") for number in taken), "what was taken is never tried again"
    assert all(outbox.replies[number].status != "unknown" for number in fates if number not in outbox.asked)
