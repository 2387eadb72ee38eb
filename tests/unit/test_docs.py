"""The docs cannot drift: what they must name is read from the program."""

import inspect
import re
import subprocess
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from newsletter import words
from newsletter.blocks.registry import block_kinds
from newsletter.cli import newsletter as program
from newsletter.config import Settings
from newsletter.web.app import every_route
from segments.fields import Field

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
NEVER_SHOWN = (words.NoteKind,)
"""Lists that no page names: what a note tells has sentences of its own beside the page that shows it."""


def commands(command: click.Command = program, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below this one, with its words."""
    if not isinstance(command, click.Group):
        yield " ".join(("newsletter", *path)), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from commands(found, *path, name)


def described(page: str, heading: str) -> str:
    """What stands under the heading that begins with these words; empty when there is none."""
    found = re.search(rf"^### `{re.escape(heading)}[` ].*?(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    return found.group() if found else ""


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Every text in the checkout that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607  the developer's own git
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.suffix not in (".png", ".csv"):
            yield name, path.read_text(encoding="utf-8")


def test_every_command_and_option_has_help_and_stands_in_the_reference() -> None:
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    missing = []
    for name, command in commands():
        section = described(page, name)
        options = [option for option in command.params if isinstance(option, click.Option)]
        missing += [name] if not (section and command.help) else []
        missing += [
            f"{name} {word}"
            for option in options
            for word in option.opts
            if word.startswith("--") and not (option.help and f"`{word}" in section)
        ]
    assert missing == []


def test_the_reference_names_no_command_that_is_gone() -> None:
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    known = {name for name, _command in commands()}
    told = re.findall(r"^### `(newsletter(?: [a-z]+)+)", page, re.MULTILINE)
    assert set(told) == known


def test_every_setting_stands_in_the_reference_with_its_default() -> None:
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        line = next((line for line in page.splitlines() if f"`NEWSLETTER_{name.upper()}`" in line), "")
        default = str(field.default)
        assert line, name
        assert field.description, name
        assert not default or f"`{default}`" in line, (name, default)


@pytest.mark.parametrize("field", Field)
def test_every_field_of_a_segment_stands_in_the_reference(field: Field) -> None:
    assert f"### `{field}`" in (DOCS / "reference" / "segments.md").read_text(encoding="utf-8")


def test_every_page_of_the_back_office_stands_in_the_reference() -> None:
    page = (DOCS / "reference" / "pages.md").read_text(encoding="utf-8")
    rooms = {"/".join(route.path.split("/")[:3]) for route in every_route() if route.path.startswith("/bureau")}
    public = {"/" + route.path.split("/")[1] for route in every_route()} - {"/bureau", "/"}
    unnamed = [path for path in rooms | public if f"`{path}" not in page and path != "/bureau/deconnexion"]
    assert unnamed == []


def test_every_word_that_people_see_has_a_label() -> None:
    lists = [kind for _name, kind in inspect.getmembers(words, inspect.isclass) if issubclass(kind, StrEnum)]
    shown = [word for kind in lists if kind not in (*NEVER_SHOWN, StrEnum) for word in kind]
    assert len(shown) > 50
    assert [repr(word) for word in shown if (type(word), word.value) not in words.LABELS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)
    for target in targets:
        place, _, anchor = unquote(target).partition("#")
        if "://" in place:
            continue
        led = (page.parent / place).resolve() if place else page
        assert led.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(led), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_names_the_two_commands_and_make_knows_every_target_it_names() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"make ([a-z]+)", readme))
    for page in PAGES:
        named = re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= targets, page.name


@pytest.mark.parametrize("picture", sorted(DOCS.rglob("*.png")), ids=lambda picture: picture.name)
def test_every_picture_is_light_and_shown(picture: Path) -> None:
    assert picture.stat().st_size < 250_000
    assert any(picture.name in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("page", sorted((DOCS / "why").glob("0*.md")), ids=lambda page: page.stem[:4])
def test_every_decision_has_its_four_headings_and_is_listed(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives"]
    assert page.name in (DOCS / "why" / "README.md").read_text(encoding="utf-8")


def test_every_test_that_a_page_calls_as_witness_is_there() -> None:
    ours = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for page in PAGES:
        named = re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
        assert [name for name in named if f"def {name}(" not in ours] == [], page.name


def test_no_text_names_a_package_index_or_a_place_on_somebodys_machine() -> None:
    index = r"https?://[\w.-]*(?:pypi|pythonhosted|registry|artifactory|nexus)[\w.-]*"
    place = r"(?<![\w.])/(?:home|root|Users|work)/\w+"
    found = [
        f"{name}: {match.group()}" for name, text in tracked_texts() for match in re.finditer(f"{index}|{place}", text)
    ]
    assert found == []


KEYWORDS = {**DEFAULT_KEYWORDS, "lazy": None}


QUESTION = re.compile(r"^\| .+\? \| `(.+)` \| `(.+\.py)` \|$", re.MULTILINE)


@pytest.mark.parametrize(("words", "name"), QUESTION.findall((DOCS / "map.md").read_text(encoding="utf-8")))
def test_a_stranger_s_question_is_answered_by_the_first_line_of_a_file(words: str, name: str) -> None:
    first_lines = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").partition("\n")[0].lower()
        for path in [*(ROOT / "newsletter").rglob("*.py"), *(ROOT / "segments").rglob("*.py"), ROOT / "scheduler.py"]
    }
    found = [path for path, line in first_lines.items() if words.lower() in line]
    assert name in found
    assert len(found) <= 3, "a grep that finds more answers nothing"


def test_the_map_answers_twelve_questions_at_least() -> None:
    assert len(QUESTION.findall((DOCS / "map.md").read_text(encoding="utf-8"))) >= 12


def test_every_sentence_can_be_gathered_for_translation() -> None:
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        mapping, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    gathered: set[str] = set()
    for _file, _line, sentence, _comments, _context in extract_from_dir(str(ROOT), mapping, options, keywords=KEYWORDS):
        gathered.update([sentence] if isinstance(sentence, str) else sentence)
    of_a_page, of_a_mail, of_the_code = "Je me désinscris", "Une question pour vous", "Il manque un employeur"
    assert {of_a_page, of_a_mail, of_the_code} <= gathered
    assert set(words.LABELS.values()) | {kind.label for kind in block_kinds().values()} <= gathered
