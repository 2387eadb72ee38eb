"""What one finished message costs: a compiled program against Jinja and `EmailMessage`, same sources, same run.

python -m benchmarks.programs
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import jinja2

from benchmarks.rows import Row, at_most, table, times
from newsletter.compose.headers import message_id_for, sender_identity
from newsletter.compose.links import LazyLinks, LinkTarget
from newsletter.compose.mail_program import compile_mails
from newsletter.compose.mail_template import MailTemplate, link_values, name_values
from newsletter.config import Settings
from newsletter.tokens import Keyring
from newsletter.words import LinkKind
from tests.kit import sample_letter

KEYS = Keyring.fresh()
SENDER = sender_identity(Settings.model_construct(base_url="https://lettre.ohmylot.example"))
SUBJECT = "Des nouvelles du Lot : l’atelier de Figeac vous attend"
DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TARGETS = tuple(
    LinkTarget(number=number, kind=LinkKind.page, url=f"https://www.lot.example/histoires/{number}")
    for number in range(1, sample_letter.LINKS + 1)
)
NAMES = ["Camille", "Zoé", "Jean-Noël", "", "Anne <3", "François-Xavier", "Léa & Tom", "Ibrahim", "Maëlle", "O’Neill"]
ROUNDS = 7

ADDRESS = "camille@exemple.fr"

Writer = Callable[["Someone"], bytes]


@dataclass(frozen=True, slots=True)
class Someone:
    """One reader of the benchmark, who agreed to be measured or not."""

    number: int
    first_name: str
    measured: bool

    @property
    def links(self) -> LazyLinks:
        return LazyLinks(
            keys=KEYS,
            edition_id=3,
            mail_id=self.number,
            subscriber_id=self.number,
            clicks=self.measured,
            opens=self.measured,
        )

    @property
    def message_id(self) -> str:
        return message_id_for(KEYS, 3, self.number, SENDER.message_domain)


def run() -> list[dict[str, Any]]:
    """One row per figure, in the words of `benchmarks.rows.Row`."""
    ours, theirs = compiled(), by_the_libraries()
    known = [Someone(number, NAMES[number % len(NAMES)], measured=True) for number in range(2000)]
    new = [Someone(number, f"{NAMES[number % len(NAMES)]} {number}", measured=True) for number in range(5000)]
    plain = [Someone(number, NAMES[number % len(NAMES)], measured=False) for number in range(2000)]
    ours(known[0]), ours(plain[0])
    figures = [_costs(ours, known), _costs(theirs, known[:60]), _costs(ours, new), _costs(ours, plain)]
    rounds = [[costs() for costs in figures] for _ in range(ROUNDS)]  # in turns, so that a busy machine slows down all
    known_us, theirs_us, new_us, plain_us = (median(round_[at] for round_ in rounds) for at in range(len(figures)))
    rows = [
        times("finished message", known_us, "µs", baseline=theirs_us, bar=100, less_is_better=True),
        at_most("finished message, all in", known_us, "µs", bar=40),
        at_most("… every first name a new one", new_us, "µs", bar=60),
        at_most("… to a reader who is not measured", plain_us, "µs", bar=40),
        Row(name="size of the message", value=len(ours(known[0])), unit="bytes", baseline=len(theirs(known[0]))),
    ]
    return [asdict(row) for row in rows]


def compiled() -> Writer:
    """As the sender does it: tokens, Message-ID, header fields and bodies."""
    program = compile_mails(
        MailTemplate(subject=SUBJECT, html=sample_letter.html(), text=sample_letter.text()),
        sender=SENDER,
        date=DATE,
        targets=TARGETS,
        group="edition-3",
    )
    assert program.compiled
    return lambda reader: program.write(ADDRESS, reader.first_name, reader.links, reader.message_id)


def by_the_libraries() -> Writer:
    """The same message as Jinja and the standard library write it, with templates compiled once."""
    options = {"variable_start_string": "[[", "variable_end_string": "]]", "keep_trailing_newline": True}
    html = jinja2.Environment(autoescape=True, **options).from_string(sample_letter.html())  # type: ignore[arg-type]
    text = jinja2.Environment(autoescape=False, **options).from_string(sample_letter.text())  # type: ignore[arg-type] # noqa: S701
    return partial(_by_the_libraries, html=html, text=text)


def _by_the_libraries(reader: Someone, *, html: jinja2.Template, text: jinja2.Template) -> bytes:
    links = reader.links.addresses(SENDER.base_url, targets=TARGETS)
    values = {**name_values(reader.first_name), **link_values(links)}
    message = EmailMessage()
    message["From"] = f"{SENDER.sender_name} <{SENDER.sender_address}>"
    message["To"] = ADDRESS
    message["Subject"] = SUBJECT
    message["Date"] = format_datetime(DATE)
    message["Message-ID"] = reader.message_id
    message["List-Id"] = f"{SENDER.sender_name} <{SENDER.list_domain}>"
    message["List-Unsubscribe"] = f"<{links.unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Feedback-ID"] = f"edition-3:lettre:{SENDER.stream}"
    message.set_content(text.render(values), cte="quoted-printable")
    message.add_alternative(html.render(values), subtype="html", cte="quoted-printable")
    return message.as_bytes(policy=SMTP.clone(max_line_length=76))


def _costs(write: Writer, readers: list[Someone]) -> Callable[[], float]:
    """A function that measures the µs of processor time per message."""

    def costs() -> float:
        start = process_time()
        for reader in readers:
            write(reader)
        return (process_time() - start) / len(readers) * 1e6

    return costs


if __name__ == "__main__":
    print(table([Row(**row) for row in run()]))
