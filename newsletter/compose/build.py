"""An issue is compiled once per edition: blocks and template → MJML → HTML with its styles inlined, and plain text.

What differs per reader is a `[[ … ]]` tag, hidden behind a neutral word while the compilers work (`shield`). What the
marketing team or the catalogue says goes in as values: it is escaped where it stands and never read as a template.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mjml
from premailer import Premailer

from newsletter.compose.content import Content
from newsletter.compose.layout import lay_out, texts_of
from newsletter.compose.links import LinkTarget
from newsletter.compose.mime import Letterhead
from newsletter.compose.placeholders import Shield
from newsletter.compose.places import check_places
from newsletter.compose.plaintext import FILTERS, tidied
from newsletter.compose.sources import SLOTS, literal, read_source
from newsletter.compose.templates import TemplateError, issue_templates, render
from newsletter.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Two sources that hold nothing but text and per-reader tags, and the links those tags lead to."""

    html: str
    text: str
    links: tuple[LinkTarget, ...]


def compile_issue(content: Content, *, template: str, letterhead: Letterhead) -> Compiled:
    """The issue on this template, ready for any reader. The same content gives the same sources.

    Raises TemplateError with one French sentence: an unknown template, a tag MJML does not know, a Jinja tag that does
    not work, a slot that does not exist.
    """
    if template not in issue_templates():
        raise TemplateError(
            _("Le modèle « {name} » n’existe pas. Les modèles possibles sont : {known}.").format(
                name=template, known=", ".join(issue_templates())
            )
        )
    without_tags, _links = lay_out(content, letterhead=letterhead, slot=lambda tag: "")
    shield = Shield(apart_from="\n".join(texts_of(without_tags)))
    page, links = lay_out(content, letterhead=letterhead, slot=shield.word)
    html = compile_html(f"issues/{template}.mjml", page, shield=shield)
    text = compile_text(f"issues/{template}.txt", page, shield=shield)
    for source, markup in ((html, True), (text, False)):
        read_source(source, markup=markup, known=SLOTS)
    return Compiled(html=html, text=text, links=links)


def compile_html(name: str, values: Mapping[str, Any], *, shield: Shield) -> str:
    """The HTML source of an MJML template filled with `values`; its per-reader tags stand as they were."""
    page = render(name, values, prepare=shield.hide, filters={})
    html = _inlined(_from_mjml(page, name=name))
    check_places(html, shield)
    return _unshielded(html, shield)


def compile_text(name: str, values: Mapping[str, Any], *, shield: Shield) -> str:
    """The plain-text source of a text template filled with `values`."""
    return _unshielded(tidied(render(name, values, prepare=shield.hide, filters=FILTERS)), shield)


def _from_mjml(page: str, *, name: str) -> str:
    page = re.sub(r">\s+(?=</?mj)", ">\n", page)  # it takes blanks without a line break between two tags for text
    try:
        return mjml.mjml2html(page, fonts={}, disable_comments=True)
    except ValueError as error:
        raise TemplateError(
            _("Modèle {name} : MJML ne le comprend pas ({why}).").format(name=name, why=error)
        ) from None


def _inlined(html: str) -> str:
    """The page with our own styles moved into its tags; media queries stay where they are. No network."""
    html = re.sub(r"<style type=\"text/css\">(?=\s*#outlook)", '<style type="text/css" data-premailer="ignore">', html)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # premailer's own parser of CSS deprecates itself
        inlined = Premailer(
            html,
            allow_network=False,
            disable_validation=True,
            strip_important=False,
            disable_basic_attributes=["width", "height"],
            cssutils_logging_level=50,
        ).transform()
    return "<!doctype html>\n" + str(inlined).strip() + "\n"


def _unshielded(text: str, shield: Shield) -> str:
    """The text with its tags back; everything else is protected from being read as one."""
    return "".join(literal(before) + tag for before, tag in shield.pieces(text))
