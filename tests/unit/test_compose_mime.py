"""The bytes of a message, parsed and checked rule by rule (standards §1.1–1.3)."""

import quopri
import re
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.compose.links import ReaderLinks
from newsletter.compose.mime import MessageError, letterhead, message_id_for, write_message
from newsletter.compose.program import Filled
from newsletter.config import Settings
from newsletter.tokens import Keyring

KEYS = Keyring.fresh()
HEAD = letterhead(Settings.model_construct(base_url="https://lettre.exemple.fr", reply_to="reponse@ohmylot.example"))
LINKS = ReaderLinks(
    urls={},
    pixel="",
    view="https://lettre.exemple.fr/v/x",
    unsubscribe="https://lettre.exemple.fr/d/" + "a" * 60,
    preferences="https://lettre.exemple.fr/p/x",
)
DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ALLOWED = {
    "From", "Reply-To", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id",
    "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
}  # fmt: skip
SUBJECT = "Trois ateliers de Figeac cherchent quelqu’un comme vous : venez voir, c’est ouvert à tout le monde 🏡"


def message(*, subject: str = SUBJECT, html: str = "<p>Été</p>", text: str = "Été", one_click: bool = True) -> bytes:
    return write_message(
        Filled(subject=subject, html=html, text=text),
        letterhead=HEAD,
        to="camille@exemple.fr",
        message_id=message_id_for(KEYS, 3, 41, HEAD.message_domain),
        date=DATE,
        links=LINKS,
        one_click=one_click,
        group="automne",
    )


def test_an_issue_has_each_header_once_and_no_other() -> None:
    parsed = BytesParser(policy=policy.compat32).parsebytes(message())
    assert sorted(parsed.keys()) == sorted(ALLOWED)
    assert str(make_header(decode_header(parsed["Subject"]))) == SUBJECT
    assert parsed["From"] == "Oh my Lot ! <bonjour@ohmylot.example>"
    assert parsed["Date"] == "Mon, 23 Nov 2026 09:00:00 +0000"
    assert re.fullmatch(r"<[\w-]+@ohmylot\.example>", parsed["Message-ID"])
    assert parsed["List-Id"] == "Oh my Lot ! <lettre.ohmylot.example>"
    assert parsed["List-Unsubscribe"] == f"<{LINKS.unsubscribe}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Feedback-ID"] == "automne:lettre:ohmylot"
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.walk()][1:] == ["text/plain", "text/html"]


def test_the_list_headers_stand_raw_on_the_wire() -> None:
    assert b"\r\nList-Unsubscribe: <https://lettre.exemple.fr/d/aaa" in message()
    assert b"List-" not in message(one_click=False)


@given(body=st.text(max_size=400), subject=st.text(alphabet='abé ’🏡"()<>@,;:=?_', min_size=1, max_size=150))
@example(body=".\r\n.\n--=_\rFrom moi\n" + "é" * 300 + " \n", subject="x" * 200)
@example(body="", subject="é" * 120)
def test_whatever_it_says_the_bytes_keep_the_rules(body: str, subject: str) -> None:
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
        assert said.rstrip("\r\n") == re.sub(r"\r\n|\r|\n", "\r\n", wanted).rstrip("\r\n")


@pytest.mark.parametrize("break_", ["\r", "\n", "\r\n", "\0", "\x85", "\u2028", "=?UTF-8?Q?=0A?="])
def test_no_value_ends_a_header_or_starts_one(break_: str) -> None:
    evil = f"a{break_}Bcc: x@exemple.fr"
    with pytest.raises(MessageError):
        message(subject=evil)
    with pytest.raises(MessageError):
        message(subject=f"Objet{break_}")
    with pytest.raises(MessageError):
        letterhead(Settings.model_construct(sender_name=evil))


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
def test_an_address_that_could_fool_the_wire_is_refused(address: str) -> None:
    with pytest.raises(MessageError):
        write_message(
            Filled(subject="a", html="a", text="a"), letterhead=HEAD, to=address, message_id="<a@b.fr>", date=DATE
        )


def test_a_recipient_may_have_an_accent_before_the_at_sign() -> None:
    raw = write_message(
        Filled(subject="a", html="a", text="a"), letterhead=HEAD, to="zoé@b.fr", message_id="<a@b.fr>", date=DATE
    )
    assert "\r\nTo: zoé@b.fr\r\n" in raw.decode()


def test_names_that_need_it_are_quoted_or_encoded_outside_the_address() -> None:
    quoted = letterhead(Settings.model_construct(sender_name='Lot, "et vous"'))
    accented = letterhead(Settings.model_construct(sender_name="Réseau accueil du Lot et de tous ses habitants, d’ici"))
    for head in (quoted, accented):
        raw = write_message(
            Filled(subject="a", html="a", text="a"), letterhead=head, to="a@b.fr", message_id="<a@b.fr>", date=DATE
        )
        name, _, address = BytesParser(policy=policy.compat32).parsebytes(raw)["From"].rpartition(" ")
        assert address == "<bonjour@ohmylot.example>"
        assert name == r'"Lot, \"et vous\""' or str(make_header(decode_header(name))) == head.sender_name


def test_a_message_id_is_the_same_for_every_try_and_tells_nothing() -> None:
    again = message_id_for(KEYS, 3, 41, "ohmylot.example")
    assert again == message_id_for(KEYS, 3, 41, "ohmylot.example")
    assert len({message_id_for(KEYS, 3, mail, "ohmylot.example") for mail in range(500)}) == 500
    assert message() == message()
