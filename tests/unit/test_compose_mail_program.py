"""A mail joined from ready segments says, byte for byte, what Jinja and the mime writer would have said."""

import quopri
import re
import shutil
from datetime import UTC, date, datetime
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.blocks.block import ResolvedBlock
from newsletter.blocks.text import TextBlock
from newsletter.compose import templates
from newsletter.compose.build import compile_html
from newsletter.compose.content import Content
from newsletter.compose.headers import message_id_for, sender_identity
from newsletter.compose.links import LazyLinks, LinkTarget
from newsletter.compose.mail_program import MailProgram, compile_mails
from newsletter.compose.mail_template import MailTemplate, Recipient
from newsletter.compose.mime import write_message
from newsletter.compose.placeholders import Placeholders
from newsletter.compose.preflight import inspect
from newsletter.compose.quoted_printable import SOFT_BREAK, on_the_wire, quoted
from newsletter.compose.slot_contexts import check_slot_contexts
from newsletter.compose.sources import literal
from newsletter.compose.templates import TemplateError
from newsletter.config import Settings
from newsletter.tokens import Keyring, Purpose
from newsletter.words import LinkKind

KEYS = Keyring.fresh()
SENDER = sender_identity(Settings.model_construct(base_url="https://lettre.exemple.fr/a=1&b"))
DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TO = "camille@exemple.fr"
TARGETS = (
    LinkTarget(number=1, kind=LinkKind.page, url="https://exemple.fr/?a=1&b=l’été#" + "x" * 90),
    LinkTarget(number=2, kind=LinkKind.poll, answer="this_year"),
    LinkTarget(number=3, kind=LinkKind.page, url="https://exemple.fr/\0\n\"'<b>\r"),
)
PIECES = st.text(alphabet="aé=.<&>\"'[]%# \t\n\r\0🏡שـ_-", max_size=100).map(literal)
TAGS = [
    "[[ hello ]]", "[[ first_name ]]", "[[ link_1 ]]", "[[ link_2 ]]", "[[ link_3 ]]", "[[ pixel ]]", "[[ view ]]",
    "[[ unsubscribe ]]", "[[ preferences ]]", "[[ first_name | upper ]]", "[[ first_name | e ]]", "[# rien #]",
    "[[ first_name | replace('a', '<b>') ]]", "[[ hello if first_name else '<i>' ]]", "[[ _('à bientôt <3') ]]",
]  # fmt: skip
SOURCES = st.lists(st.one_of(PIECES, st.sampled_from(TAGS)), max_size=8).map("".join)
FIRST_NAMES = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        ["<b>", "\"'&", "مريم", "שרה", "👩‍🌾", "[[ view ]]", "=", "=3D", ".", ". ", "é" * 80, "a " * 60, "--=_"]
    ),
)


def a_program(html: str, text: str) -> tuple[MailTemplate, MailProgram]:
    program = MailTemplate(subject="Des nouvelles du Lot, l’été", html=html, text=text)
    return program, compile_mails(program, sender=SENDER, date=DATE, targets=TARGETS, group="edition-3")


def a_reader(*, number: int = 41, clicks: bool = True, opens: bool = True) -> LazyLinks:
    return LazyLinks(keys=KEYS, edition_id=3, mail_id=number, subscriber_id=number, clicks=clicks, opens=opens)


def both(html: str, text: str, first_name: str, reader: LazyLinks) -> tuple[bytes, bytes]:
    """The message from ready segments, and the same from Jinja and the mime writer."""
    program, compiled = a_program(html, text)
    message_id = message_id_for(KEYS, 3, reader.mail_id, SENDER.message_domain)
    links = reader.addresses(SENDER.base_url, targets=TARGETS)
    mail = program.render(Recipient(address=TO, first_name=first_name, links=links))
    by_jinja = write_message(
        mail, sender=SENDER, to=TO, message_id=message_id, date=DATE, links=links, one_click=True, group="edition-3"
    )
    return compiled.write(TO, first_name, reader, message_id), by_jinja


def bodies(raw: bytes) -> list[bytes]:
    parts = list(BytesParser(policy=policy.compat32).parsebytes(raw).walk())[1:]
    assert [part["Content-Type"] for part in parts] == ['text/plain; charset="utf-8"', 'text/html; charset="utf-8"']
    return [quopri.decodestring(str(part.get_payload()).encode("ascii")) for part in parts]


@given(html=SOURCES, text=SOURCES, first_name=FIRST_NAMES, clicks=st.booleans(), opens=st.booleans())
@example(html="[[ pixel ]]", text="", first_name="", clicks=False, opens=False)
@example(html="a \n[[ first_name ]] \n.", text="\n[[ hello ]]\n\n", first_name=".", clicks=True, opens=True)
@example(
    html=literal("[") + "[[ link_1 ]]", text="a" * 75 + " [[ view ]]", first_name="x" * 99, clicks=True, opens=True
)
def test_a_mail_from_ready_segments_says_what_jinja_says(
    html: str, text: str, first_name: str, clicks: bool, opens: bool
) -> None:
    ours, by_jinja = both(html, text, first_name, a_reader(clicks=clicks, opens=opens))
    assert a_program(html, text)[1].compiled
    assert bodies(ours) == bodies(by_jinja)
    assert ours.partition(b"\r\n\r\n")[0] == by_jinja.partition(b"\r\n\r\n")[0]
    assert ours.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", ours)
    lines = ours.split(b"\r\n")
    assert not any(line.startswith(b".") for line in lines), "the sender promises this to the wire (Envelope.plain)"
    assert all(len(line) <= 76 for line in lines[lines.index(b"") :])


@given(st.lists(st.text(alphabet="aé=. \t\n🏡_\r\0<", max_size=120), max_size=4))
@example(["a" * 75 + " ", "a" * 76, "." + "a" * 74, "." * 300])
@example(["a" * 72 + "." * 4, "é" * 12 + "." * 9 + "é" * 12, "\r\n.\r\n."])
def test_quoted_segments_may_be_joined_by_a_soft_break_anywhere(texts: list[str]) -> None:
    wires = [on_the_wire(text) for text in texts]
    joined = SOFT_BREAK.join(map(quoted, wires))
    assert quopri.decodestring(joined).decode() == "".join(wires)
    assert all(len(line) <= 76 and not line.startswith(b".") for line in joined.split(b"\r\n"))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("[% if first_name %]Chère [[ first_name ]][% endif %]", "« if first_name » décide selon le lecteur"),
        ("<p>[% for a in hello %][[ a ]][% endfor %]", "« for a in hello » décide selon le lecteur"),
        ("[[ view | upper ]]", "« view » passe par un calcul"),
        ("[[ link_1 ~ first_name ]]", "« first_name, link_1 » passe par un calcul"),
    ],
)
def test_what_cannot_be_compiled_is_filled_by_jinja_and_says_so(source: str, why: str) -> None:
    ours, by_jinja = both(source, "[[ hello ]]\n", "Léa & Tom", a_reader())
    program = a_program(source, "[[ hello ]]\n")[1]
    assert not program.compiled
    assert why in program.why
    assert ours == by_jinja


def test_only_the_tokens_a_mail_has_links_for_are_signed() -> None:
    _, program = a_program("[[ link_1 ]][[ link_3 ]][[ pixel ]]", "[[ link_1 ]]\n")
    assert program.skeleton(clicks=False, opens=False).purposes == (Purpose.unsubscribe,)
    assert set(program.skeleton(clicks=True, opens=True).purposes) == {Purpose.unsubscribe, Purpose.click, Purpose.open}


def test_a_mail_is_the_same_every_time_and_shares_no_token_with_another() -> None:
    source = "".join(f"{tag}\n" for tag in TAGS)
    first, again, other = (both(source, source, "Zoé", a_reader(number=number))[0] for number in (8, 8, 9))
    tokens = [set(re.findall(rb"(?m)^[\w-]{34,60}(?==\r$)", raw)) for raw in (first, other)]
    assert first == again
    assert len(tokens[0]) == len(tokens[1]) == 6
    assert not tokens[0] & tokens[1]


def test_a_link_of_another_issue_and_a_name_a_filter_cannot_take_are_one_sentence() -> None:
    with pytest.raises(TemplateError, match="« link_9 » n’est pas un lien de ce numéro"):
        a_program("[[ link_9 ]]", "")
    _, program = a_program("[[ first_name | first ]]", "")
    with pytest.raises(TemplateError, match="ne peut pas être remplie"):
        program.write(TO, "", a_reader(), "<a@b.fr>")


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ('<a href="[[ first_name ]]">x</a>', "ne peut pas faire partie d’une adresse"),
        ('<p style="color:[[ first_name ]]">x</p>', "dans un style, un script ou un attribut sans guillemets"),
        ("<p class=[[ first_name ]]>x</p>", "sans guillemets"),
        ("<style>p { color: [[ first_name ]] }</style>", "dans un style"),
        ("<p onclick='a([[ first_name ]])'>", "un script"),
        ('<p title="[[ first_name ]]"><a href="[[ link_1 ]]#[[ preferences ]]">[[ hello ]]</a></p>', ""),
    ],
)
def test_a_slot_stands_only_where_its_value_is_harmless(inside: str, said: str) -> None:
    placeholders = Placeholders()
    page = placeholders.put_in(inside)
    if said:
        with pytest.raises(TemplateError, match=said):
            check_slot_contexts(page, placeholders)
    else:
        check_slot_contexts(page, placeholders)


def test_a_template_with_a_name_in_an_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = '<mjml><mj-body><mj-raw><a href="https://x.fr/[[ first_name ]]">x</a></mj-raw></mj-body></mjml>'
    (tmp_path / "x.mjml").write_text(source, encoding="utf-8")
    monkeypatch.setattr(templates, "FOLDER", tmp_path)
    with pytest.raises(TemplateError, match="seuls les liens le peuvent"):
        compile_html("x.mjml", {}, placeholders=Placeholders())


def test_preflight_warns_of_a_template_that_cannot_be_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(templates.FOLDER, tmp_path, dirs_exist_ok=True)
    text = tmp_path / "issues" / "lettre.txt"
    text.write_text(text.read_text("utf-8") + "[% if first_name %]Merci ![% endif %]\n", encoding="utf-8")
    monkeypatch.setattr(templates, "FOLDER", tmp_path)
    written = Content(
        subject="Le Lot", preheader="Un atelier.", blocks=(ResolvedBlock(TextBlock(markdown="Bonjour.")),)
    )
    (found,) = inspect(written, template="lettre", sender=SENDER, today=date(2026, 11, 23))
    assert found.level == "warn"
    assert "remplie une à une" in found.sentence
    assert "« if first_name »" in found.sentence
