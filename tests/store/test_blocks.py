"""Each kind of block is complete, and a new one needs nothing but its file and its three templates."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from sqlmodel import Session

from newsletter import blocks as package
from newsletter.blocks.block import Block, BlockFieldError, DraftError
from newsletter.blocks.employers import EmployersBlock
from newsletter.blocks.openings import OpeningsBlock
from newsletter.blocks.poll import PollBlock
from newsletter.blocks.portrait import PortraitBlock
from newsletter.blocks.registry import block_kinds, read_block, read_blocks, resolve_blocks
from newsletter.blocks.text import TextBlock
from newsletter.compose import templates
from newsletter.compose.headers import sender_identity
from newsletter.compose.links import LinkNumbering
from newsletter.config import Settings
from newsletter.instance import Instance
from newsletter.issues import approval, draft
from newsletter.store import Store
from newsletter.store.catalogue import Opening, Portrait
from newsletter.store.columns import key
from newsletter.web import pages
from tests.conftest import A_MONDAY
from tests.kit.makers import a_commune, an_employer
from tests.kit.serving import a_browser, csrf_of, one_account_of_each_role, serve

TODAY = A_MONDAY.date()
SENDER = sender_identity(Settings.model_construct())
DOCS = Path(__file__).parents[2] / "docs"
KINDS = tuple(block_kinds())

STORED = (
    {"kind": "text", "markdown": ""},
    {"kind": "employers", "title": "Ils recrutent dans le Lot", "employers": [3, 1]},
    {"kind": "openings", "title": "Les offres du moment", "openings": []},
    {"kind": "portrait", "portrait": 1},
    {"kind": "poll", "question": "Quand pourriez-vous venir vivre dans le Lot ?"},
    {
        "kind": "callback",
        "title": "Envie d’en parler de vive voix ?",
        "text": "Un référent accueil vous rappelle et répond à vos questions sur l’emploi, le logement ou l’école. "
        "C’est gratuit, et sans engagement.",
    },
)
"""A draft with every kind, as databases have kept it since the first version."""


def a_catalogue(session: Session) -> None:
    """An employer, a job and a person, with nothing that preflight could find fault with."""
    employer = an_employer(session, website="https://a.exemple/", picture="é 1.jpg", picture_alt="Vue")
    session.add(Opening(employer_id=key(employer.id), title="Tourneuse", expires_on=date(2026, 11, 23)))
    session.add(Portrait(person="Léa", commune_code=a_commune(session).insee_code, image_right_until=date(2027, 1, 1)))
    session.flush()


def typed_into(kind: type[Block], session: Session) -> dict[str, tuple[str, ...]]:
    """A form of this kind, filled in: the first choice where there is one, some words where there are none yet."""
    choices = kind.choices(session, today=TODAY)
    first = {field: (offered[0][0],) for field, offered in choices.items()}
    words = {field: tuple(typed) for field, typed in kind.typed_anew().items() if any(typed)}
    return {field: first.get(field) or words.get(field) or ("Quelques mots",) for field in kind.model_fields}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_stored_typed_resolved_checked_and_rendered(kind: str, store: Store) -> None:
    cls = block_kinds()[kind]
    assert cls.label
    with store.transaction() as session:
        a_catalogue(session)
        typed = typed_into(cls, session)
        block = cls.from_typed(typed, number=1)
        issue = draft.create(session, title="x", now=A_MONDAY, subject="Le Lot", preheader="Venez.", blocks=[block])
        assert draft.blocks_of(issue) == [block]
        assert issue.blocks[0]["kind"] == kind
        assert block.typed() == typed
        assert approval.findings(session, issue, now=A_MONDAY, sender=SENDER) == []
        bare = draft.create(session, title="x", now=A_MONDAY, subject="Le Lot", preheader="Venez.", blocks=[])
        mail, without = (approval.preview(session, key(one.id), now=A_MONDAY, sender=SENDER) for one in (issue, bare))
        (resolved,) = resolve_blocks(session, [block], today=TODAY, media_url="https://x.fr/medias")
    assert len(mail.html) > len(without.html) + 100
    assert len(mail.text) > len(without.text) + 10
    seen = resolved.values(LinkNumbering(lambda tag: tag))
    assert seen["kind"] == kind
    assert all(type(value) in (dict, list) or isinstance(value, str) for value in everything_in(seen))


def everything_in(value: Any) -> Iterator[Any]:
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inside:
        yield from everything_in(part)


def test_the_form_of_each_kind_asks_for_each_of_its_fields(instance: Instance) -> None:
    one_account_of_each_role(instance)
    with instance.store.transaction() as session:
        a_catalogue(session)
    for name, kind in block_kinds().items():
        page = form_with(instance, name)
        unasked = [field for field in kind.model_fields if f'name="b0-{field}"' not in page]
        assert unasked == [], name


def form_with(instance: Instance, kind: str) -> str:
    """The form of an issue, just after somebody added a block of this kind."""
    with serve(instance) as served, a_browser(served.settings.base_url, "marketing") as browser:
        csrf = csrf_of(browser.get("/bureau/compte"))
        return browser.post("/bureau/numeros/nouveau", data={"csrf": csrf, "act": f"add-{kind}"}).text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_templates_and_stands_in_the_docs(kind: str) -> None:
    folder = templates.FOLDER / "blocks"
    assert [suffix for suffix in ("mjml", "txt", "html") if not (folder / f"{kind}.{suffix}").is_file()] == []
    page = (DOCS / "reference" / "templates.md").read_text(encoding="utf-8")
    described = re.search(rf"^### `{kind}`$.*?(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert described
    assert all(f"`{field}`" in described.group() for field in block_kinds()[kind].model_fields)


def test_no_template_is_left_of_a_kind_that_is_gone() -> None:
    assert {path.stem for path in (templates.FOLDER / "blocks").iterdir()} == set(KINDS)


def test_no_two_kinds_claim_one_place() -> None:
    assert len({kind.position for kind in block_kinds().values()}) == len(KINDS)


def test_a_draft_of_before_reads_and_is_stored_as_it_was() -> None:
    assert [block.stored() for block in read_blocks(STORED)] == list(STORED)
    assert [
        block.stored() for block in read_blocks([{"kind": stored["kind"], "portrait": 1} for stored in STORED])
    ] == [stored | ({"employers": []} if "employers" in stored else {}) for stored in STORED]


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"kind": "film"}, "la sorte « film » n’existe pas. Les sortes possibles sont : text, employers, openings"),
        ({}, "Bloc 1 : la sorte"),
        ({"kind": None}, "la sorte « None »"),
        ({"kind": "portrait"}, "Bloc 1 .portrait. : le champ « portrait » manque"),
        ({"kind": "employers", "employers": ["x"]}, "le champ « employers.0 » manque ou n’est pas de la bonne forme"),
        ("texte", "n’est pas lisible"),
    ],
)
def test_a_block_that_cannot_be_read_is_named(stored: object, said: str) -> None:
    with pytest.raises(DraftError, match=said):
        read_blocks([stored])


def test_what_a_later_version_adds_is_passed_over_and_a_blank_is_the_default() -> None:
    assert read_blocks([{"kind": "text", "markdown": "a", "of_tomorrow": 1}]) == [TextBlock(markdown="a")]
    assert read_blocks([{"kind": "poll", "question": ""}]) == [PollBlock()]


def test_a_field_that_cannot_be_stored_is_named_with_the_sentence_of_its_kind() -> None:
    with pytest.raises(BlockFieldError, match="Choisissez un portrait, ou retirez ce bloc") as refusal:
        PortraitBlock.from_typed({"portrait": ("",)}, number=2)
    assert refusal.value.field == "portrait"
    with pytest.raises(BlockFieldError, match=r"Bloc 3 .openings. : le champ « openings.1 »"):
        OpeningsBlock.from_typed({"openings": ("1", "x")}, number=3)


def test_the_catalogue_comes_into_an_issue_as_it_stands_today(store: Store) -> None:
    with store.transaction() as session:
        employer = key(an_employer(session, website="https://a.exemple/", picture="é 1.jpg", picture_alt="Vue").id)
        running = Opening(employer_id=employer, title="Tourneuse", expires_on=date(2026, 11, 23))
        over = Opening(employer_id=employer, title="Ancienne", expires_on=date(2026, 11, 22))
        portrait = Portrait(
            person="Léa", commune_code=a_commune(session).insee_code, image_right_until=date(2027, 1, 1)
        )
        session.add_all([running, over, portrait])
        session.flush()
        written = [
            EmployersBlock(employers=(employer,)),
            OpeningsBlock(openings=(key(over.id),)),
            PortraitBlock(portrait=key(portrait.id)),
        ]
        found = resolve_blocks(session, written, today=TODAY, media_url="https://x.fr/medias")
        with pytest.raises(DraftError, match=r"Bloc 1 .portrait. : la fiche 999 n’est plus au catalogue"):
            resolve_blocks(session, [PortraitBlock(portrait=999)], today=TODAY, media_url="")
    cards, jobs, person = (block.values(LinkNumbering(lambda tag: tag)) for block in found)
    assert [job["title"] for job in cards["employers"][0]["openings"]] == ["Tourneuse"]
    assert cards["employers"][0]["picture"]["src"] == "https://x.fr/medias/%C3%A9%201.jpg"
    assert [job["title"] for job in jobs["openings"]] == ["Ancienne"]
    assert (person["person"], person["place"], person["employer"]) == ("Léa", "Figeac", "")
    said = [finding.sentence for block in found for finding in block.findings(today=TODAY)]
    assert any("a expiré le 22/11/2026" in sentence for sentence in said)


def test_the_catalogue_is_asked_as_often_for_many_blocks_as_for_one_of_each_kind(store: Store) -> None:
    with store.transaction() as session:
        a_catalogue(session)
        each = [kind.from_typed(typed_into(kind, session), number=1) for kind in block_kinds().values()]
        asked: list[str] = []
        sa.event.listen(store.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
        resolve_blocks(session, each, today=TODAY, media_url="")
        once = len(asked)
        resolve_blocks(session, each * 5, today=TODAY, media_url="")
    assert len(asked) == 2 * once
    assert once <= 4


FILM = '''
"""A film."""

from typing import ClassVar

from newsletter.blocks.block import Block
from newsletter.words import LinkKind


class FilmBlock(Block):
    kind: ClassVar[str] = "film"
    label: ClassVar[str] = "film du mois"
    position: ClassVar[int] = 15

    address: str

    def values(self, rows, links):
        return {"href": links.register(LinkKind.page, self.address, "Le film")}
'''


@pytest.fixture
def a_new_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a developer adds for a new kind of block, and nothing else: one file and three templates."""
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "film.py").write_text(FILM, encoding="utf-8")
    folder = tmp_path / "templates"
    shutil.copytree(templates.FOLDER, folder)
    (folder / "blocks" / "film.mjml").write_text(
        '<mj-section><mj-column><mj-button href="{{ block.href }}">Voir le film</mj-button></mj-column></mj-section>',
        encoding="utf-8",
    )
    (folder / "blocks" / "film.txt").write_text("Voir le film : {{ block.href }}", encoding="utf-8")
    (folder / "blocks" / "film.html").write_text(
        '{% from "parts/form.html" import field %}'
        '{{ field(block.name_of("address"), "Le film", block.value("address"), error=block.error("address")) }}',
        encoding="utf-8",
    )
    # where the program looks for kinds and templates: in the checkout plus what was added
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "kinds")])
    monkeypatch.setattr(templates, "FOLDER", folder)
    monkeypatch.setattr(pages._environment.loader, "searchpath", [str(folder / "pages"), str(folder)])  # noqa: SLF001
    block_kinds.cache_clear()
    yield
    block_kinds.cache_clear()
    sys.modules.pop("newsletter.blocks.film", None)


def test_a_new_kind_needs_its_file_and_its_templates_and_nothing_else(
    a_new_kind: None, instance: Instance, command: Callable[..., Result], tmp_path: Path
) -> None:
    assert list(block_kinds()) == ["text", "film", "employers", "openings", "portrait", "poll", "callback"]
    film = {"kind": "film", "address": "https://films.exemple/lot"}
    assert read_block(film).stored() == film
    one_account_of_each_role(instance)
    assert 'name="b0-address"' in form_with(instance, "film")
    (tmp_path / "numero.yaml").write_text(
        "subject: Un film\npreheader: À voir.\nblocks: [{kind: film, address: 'https://films.exemple/lot'}]",
        encoding="utf-8",
    )
    assert command("issue", "new", "Film", "--file", str(tmp_path / "numero.yaml")).exit_code == 0
    assert "1. film du mois" in command("issue", "show", "1").output
    assert "est approuvé" in command("issue", "approve", "1").output
    assert command("issue", "preview", "1", "--to", str(tmp_path)).exit_code == 0
    assert "Voir le film : https://films.exemple/lot" in (tmp_path / "apercu-1.txt").read_text(encoding="utf-8")
    assert 'href="https://films.exemple/lot"' in (tmp_path / "apercu-1.html").read_text(encoding="utf-8")
