"""Compiling: an issue and its template → MJML → HTML with its styles inlined, and plain text. Once per edition.

What differs per recipient is a `[[ … ]]` tag; a placeholder stands for it while the compilers work. What the marketing
team or the catalogue says goes in as values: it is escaped where it stands and never read as a template.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mjml
from premailer import Premailer

from newsletter.compose.content import Content
from newsletter.compose.headers import SenderIdentity
from newsletter.compose.layout import lay_out, texts_in
from newsletter.compose.links import LinkTarget
from newsletter.compose.placeholders import Placeholders
from newsletter.compose.plaintext import FILTERS, tidied
from newsletter.compose.slot_contexts import check_slot_contexts
from newsletter.compose.sources import RECIPIENT_SLOTS, literal, read_source
from newsletter.compose.templates import TemplateError, issue_templates, render
from newsletter.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSource:
    """A compiled issue: two sources that hold nothing but text and slots, and the links those slots lead to."""

    html: str
    text: str
    links: tuple[LinkTarget, ...]


def compile_issue(content: Content, *, template: str, sender: SenderIdentity) -> IssueSource:
    """The issue on this template, ready for any recipient. The same content gives the same sources.

    Raises TemplateError with one French sentence: an unknown template, a tag MJML does not know, a Jinja tag that does
    not work, a slot that does not exist.
    """
    if template not in issue_templates():
        raise TemplateError(
            _("Le modèle « {name} » n’existe pas. Les modèles possibles sont : {known}.").format(
                name=template, known=", ".join(issue_templates())
            )
        )
    # laid out twice: a placeholder must differ from every text it will stand among
    without_tags, _links = lay_out(content, sender=sender, placeholder_for=lambda tag: "")
    placeholders = Placeholders(apart_from="\n".join(texts_in(without_tags)))
    page, links = lay_out(content, sender=sender, placeholder_for=placeholders.stand_for)
    html = compile_html(f"issues/{template}.mjml", page, placeholders=placeholders)
    text = compile_text(f"issues/{template}.txt", page, placeholders=placeholders)
    for source, markup in ((html, True), (text, False)):
        read_source(source, markup=markup, known=RECIPIENT_SLOTS)
    return IssueSource(html=html, text=text, links=links)


def compile_html(name: str, values: Mapping[str, Any], *, placeholders: Placeholders) -> str:
    """The HTML source of an MJML template filled with `values`; its slots stand as they were."""
    page = render(name, values, prepare=placeholders.put_in, filters={})
    html = _inlined(_from_mjml(page, name=name))
    check_slot_contexts(html, placeholders)
    return _with_tags(html, placeholders)


def compile_text(name: str, values: Mapping[str, Any], *, placeholders: Placeholders) -> str:
    """The plain-text source of a text template filled with `values`."""
    return _with_tags(tidied(render(name, values, prepare=placeholders.put_in, filters=FILTERS)), placeholders)


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


def _with_tags(text: str, placeholders: Placeholders) -> str:
    """The text with its tags in place of the placeholders; nothing else of it can be read as a tag."""
    return "".join(literal(before) + tag for before, tag in placeholders.split(text))
