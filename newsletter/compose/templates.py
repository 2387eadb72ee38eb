"""The template files: where they are, the sandbox they run in, and one French sentence when one of them is wrong.

A template has two kinds of tags: `{{ … }}` is filled once, when the issue is compiled; `[[ … ]]` once per recipient.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.errors import NewsletterError
from newsletter.folders import templates_folder
from newsletter.i18n import _, ngettext

FOLDER = templates_folder()

MJML_TAGS = frozenset(
    """
    mjml mj-head mj-body mj-include mj-attributes mj-all mj-class mj-breakpoint mj-font mj-html-attributes mj-selector
    mj-html-attribute mj-preview mj-style mj-title mj-accordion mj-accordion-element mj-accordion-title
    mj-accordion-text mj-button mj-carousel mj-carousel-image mj-column mj-divider mj-group mj-hero mj-image mj-navbar
    mj-navbar-link mj-raw mj-section mj-social mj-social-element mj-spacer mj-table mj-text mj-wrapper
    """.split()  # noqa: SIM905  forty names read better as words
)
"""The tags of MJML 4. The compiler accepts any other one in silence, and drops what stands in it."""

_FILTERS = (
    "capitalize",
    "default",
    "e",
    "escape",
    "first",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "replace",
    "trim",
    "upper",
)
_TAG = re.compile(r"<(/?)(mj[\w-]*)\b([^<>]*?)(/?)>", re.IGNORECASE)


class TemplateError(NewsletterError):
    """A template cannot be used as it is; the sentence names the tag or the line."""


def issue_templates() -> list[str]:
    """The names of the templates an issue may be written on."""
    return sorted(path.stem for path in (FOLDER / "issues").glob("*.mjml") if path.with_suffix(".txt").is_file())


def sandbox(**options: Any) -> ImmutableSandboxedEnvironment:
    """An environment with no global but gettext, a handful of filters, and nothing undefined let through (SEC-10)."""
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )
    environment.globals = {"_": environment.globals["_"]}
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.filters["select_filled"] = _filled
    environment.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


def render(
    name: str, values: Mapping[str, Any], *, prepare: Callable[[str], str], filters: Mapping[str, Callable[..., str]]
) -> str:
    """The file `templates/<name>` filled with these values; every file it includes passes through `prepare` first.

    Raises TemplateError, naming file and line.
    """
    environment = sandbox(loader=jinja2.FunctionLoader(lambda file: _load(file, prepare)), autoescape=_is_markup)
    environment.filters.update(filters)
    try:
        return environment.get_template(name).render(values)
    except jinja2.TemplateNotFound as error:
        raise TemplateError(_("Le modèle « {name} » n’existe pas.").format(name=error.name)) from None
    except jinja2.TemplateSyntaxError as error:
        raise _at_line(error.name or name, error.lineno, error.message or "") from None
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise _at_line(*_where(error, name), str(error)) from None


def check_mjml(source: str, *, name: str) -> None:
    """Raise TemplateError for a tag that MJML 4 does not have, or one that is not closed where it should be."""
    opened: list[tuple[str, int]] = []
    for found in _TAG.finditer(source):
        closing, tag, _attributes, alone = found.groups()
        line = source.count("\n", 0, found.start()) + 1
        if tag not in MJML_TAGS:
            raise TemplateError(
                _("Modèle {name}, ligne {line} : la balise « {tag} » n’existe pas en MJML. Vérifiez son nom.").format(
                    name=name, line=line, tag=tag
                )
            )
        if closing:
            _close(opened, tag, line=line, name=name)
        elif not alone:
            opened.append((tag, line))
    if opened:
        raise _unclosed(*opened[-1], name=name)


def _close(opened: list[tuple[str, int]], tag: str, *, line: int, name: str) -> None:
    if not opened:
        raise TemplateError(
            _("Modèle {name}, ligne {line} : « </{tag}> » ferme une balise qui n’est pas ouverte.").format(
                name=name, line=line, tag=tag
            )
        )
    if opened[-1][0] != tag:
        raise _unclosed(*opened[-1], name=name)
    opened.pop()


def _unclosed(tag: str, line: int, *, name: str) -> TemplateError:
    return TemplateError(
        _("Modèle {name}, ligne {line} : la balise « {tag} » n’est pas refermée au bon endroit.").format(
            name=name, line=line, tag=tag
        )
    )


def _load(name: str, prepare: Callable[[str], str]) -> str | None:
    path = (FOLDER / name).resolve()
    if not path.is_relative_to(FOLDER.resolve()) or not path.is_file():
        return None
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".mjml":
        check_mjml(source, name=name)
    return prepare(source)


def _filled(values: Iterable[str]) -> list[str]:
    return [value for value in values if value]


def _is_markup(name: str | None) -> bool:
    return name is not None and name.endswith(".mjml")


def _where(error: BaseException, name: str) -> tuple[str, int]:
    """The file and line of the template in which this error was raised: Jinja writes them into the traceback."""
    place, traceback = (name, 0), error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.endswith((".mjml", ".txt")) or file == "<template>":
            place = (name if file == "<template>" else file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return place


def _at_line(name: str, line: int, why: str) -> TemplateError:
    return TemplateError(
        _("Modèle {name}, ligne {line} : une balise Jinja ne convient pas ({why}).").format(
            name=name, line=line, why=why
        )
    )
