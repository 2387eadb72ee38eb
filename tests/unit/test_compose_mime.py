"""The bytes of a message, parsed and checked rule by rule (standards §1.1–1.3)."""

import quopri
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.compose.headers import MessageError, message_id_for, sender_identity
from newsletter.compose.links import LazyLinks
from newsletter.compose.mail_program import compile_mails
from newsletter.compose.mail_template import MailTemplate, RenderedMail
from newsletter.compose.mime import write_message
from newsletter.compose.sources import literal
from newsletter.config import Settings
from newsletter.tokens import Keyring, Purpose

KEYS = Keyring.fresh()
SENDER = sender_identity(
    Settings.model_construct(base_url="https://lettre.exemple.fr", reply_to="reponse@ohmylot.example")
)
READER = LazyLinks(keys=KEYS, edition_id=3, mail_id=41, subscriber_id=7, clicks=True, opens=True)
UNSUBSCRIBE = f"https://lettre.exemple.fr/d/{READER.token(Purpose.unsubscribe)}"
MESSAGE_ID = message_id_for(KEYS, 3, 41, SENDER.message_domain)
TO = "camille@exemple.fr"
DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ALLOWED = {
    "From", "Reply-To", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id",
    "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
}  # fmt: skip
SUBJECT = "Trois ateliers de Figeac cherchent quelqu’un comme vous : venez voir, c’est ouvert à tout le monde 🏡"


def by_hand(
    *, subject: str = SUBJECT, html: str = "<p>Été</p>", text: str = "Été", to: str = TO, one_click: bool = True
) -> bytes:
    return write_message(
        RenderedMail(subject=subject, html=html, text=text),
        sender=SENDER,
        to=to,
        message_id=MESSAGE_ID,
        date=DATE,
        links=READER.addresses(SENDER.base_url, targets=()),
        one_click=one_click,
        group="automne",
    )


def by_program(*, subject: str = SUBJECT, html: str = "<p>Été</p>", text: str = "Été", to: str = TO) -> bytes:
    program = MailTemplate(subject=subject, html=literal(html), text=literal(text))
    assert program.compiled
    message = compile_mails(program, sender=SENDER, date=DATE, targets=(), group="automne")
    return message.write(to, "Camille", READER, MESSAGE_ID)


Writer = Callable[..., bytes]
both_ways = pytest.mark.parametrize("message", [by_hand, by_program])


@both_ways
def test_an_issue_has_each_header_once_and_no_other(message: Writer) -> None:
    parsed = BytesParser(policy=policy.compat32).parsebytes(message())
    assert sorted(parsed.keys()) == sorted(ALLOWED)
    assert str(make_header(decode_header(parsed["Subject"]))) == SUBJECT
    assert parsed["From"] == "Oh my Lot ! <bonjour@ohmylot.example>"
    assert parsed["Date"] == "Mon, 23 Nov 2026 09:00:00 +0000"
    assert re.fullmatch(r"<[\w-]+@ohmylot\.example>", parsed["Message-ID"])
    assert parsed["List-Id"] == "Oh my Lot ! <lettre.ohmylot.example>"
    assert parsed["List-Unsubscribe"] == f"<{UNSUBSCRIBE}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Feedback-ID"] == "automne:lettre:ohmylot"
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.walk()][1:] == ["text/plain", "text/html"]


def test_the_list_headers_stand_raw_on_the_wire() -> None:
    for raw in (by_hand(), by_program()):
        assert f"\r\nList-Unsubscribe: <{UNSUBSCRIBE}>\r\n".encode() in raw
    assert b"List-" not in by_hand(one_click=False)


@both_ways
@given(body=st.text(max_size=400), subject=st.text(alphabet='abé ’🏡"()<>@,;:=?_', min_size=1, max_size=150))
@example(body=".\r\n.\n--=_\rFrom moi\n" + "é" * 300 + " \n", subject="x" * 200)
@example(body="", subject="é" * 120)
@example(body="a" * 75 + " ", subject="a")
@example(body="é" * 12 + "a" * 2 + "\t", subject="a")
def test_whatever_it_says_the_bytes_keep_the_rules(message: Writer, body: str, subject: str) -> None:
    try:
        raw = message(subject=subject, html=body, text=body)
    except MessageError:
        assert re.search(r"=\?[^?\s]+\?[bq]\?", subject)  # looks like an encoded word: refused
        return
    assert raw.isascii()
    assert b"\0" not in raw
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    head, _, body_bytes = raw.partition(b"\r\n\r\n")
    assert all(len(line) <= 76 for line in body_bytes.split(b"\r\n"))
    assert all(len(line) <= 78 or b"http" in line for line in head.split(b"\r\n"))
    parsed = BytesParser(policy=policy.compat32).parsebytes(raw)
    assert set(parsed.keys()) == ALLOWED
    assert len(parsed.keys()) == len(ALLOWED)
    assert str(make_header(decode_header(parsed["Subject"]))).split() == subject.split()
    for part in list(parsed.walk())[1:]:
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
        said = quopri.decodestring(str(part.get_payload()).encode()).decode("utf-8")
        wanted = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", body)
        assert said == re.sub(r"\r\n|\r|\n", "\r\n", wanted)


@both_ways
@pytest.mark.parametrize("break_", ["\r", "\n", "\r\n", "\0", "\x85", "\u2028", "=?UTF-8?Q?=0A?="])
def test_no_value_ends_a_header_or_starts_one(message: Writer, break_: str) -> None:
    evil = f"a{break_}Bcc: x@exemple.fr"
    with pytest.raises(MessageError):
        message(subject=evil)
    with pytest.raises(MessageError):
        message(subject=f"Objet{break_}")
    with pytest.raises(MessageError):
        sender_identity(Settings.model_construct(sender_name=evil))


@both_ways
@pytest.mark.parametrize(
    "address",
    [
        "a@b.fr\r\nBcc: c@d.fr",
        "<a@b.fr>",
        "a b@c.fr",
        "-a@b.fr",
        "a@b.fr\n",
        "a\u00a0b@c.fr",
        "a@é.fr",
        "a@b.fr,c@d.fr",
        "a",
        "a@b..fr",
    ],
)
def test_an_address_that_could_fool_the_wire_is_refused(message: Writer, address: str) -> None:
    with pytest.raises(MessageError):
        message(to=address)


@both_ways
def test_a_recipient_may_have_an_accent_before_the_at_sign(message: Writer) -> None:
    raw = message(to="zoé@b.fr")
    assert raw.decode().startswith("To: zoé@b.fr\r\n")


def test_names_that_need_it_are_quoted_or_encoded_outside_the_address() -> None:
    quoted = sender_identity(Settings.model_construct(sender_name='Lot, "et vous"'))
    accented = sender_identity(
        Settings.model_construct(sender_name="Réseau accueil du Lot et de tous ses habitants, d’ici")
    )
    for head in (quoted, accented):
        raw = write_message(
            RenderedMail(subject="a", html="a", text="a"), sender=head, to="a@b.fr", message_id="<a@b.fr>", date=DATE
        )
        name, _, address = BytesParser(policy=policy.compat32).parsebytes(raw)["From"].rpartition(" ")
        assert address == "<bonjour@ohmylot.example>"
        assert name == r'"Lot, \"et vous\""' or str(make_header(decode_header(name))) == head.sender_name


def test_a_message_id_is_the_same_for_every_try_and_tells_nothing() -> None:
    again = message_id_for(KEYS, 3, 41, "ohmylot.example")
    assert again == message_id_for(KEYS, 3, 41, "ohmylot.example")
    assert len({message_id_for(KEYS, 3, mail, "ohmylot.example") for mail in range(500)}) == 500
    assert by_hand() == by_hand()
    assert by_program() == by_program()
