"""The marketing team's Markdown, as safe HTML and as plain text.

Raw HTML is shown as text, pictures are left out (they come from the catalogue), and what the parser made is cleaned
once more against an allow-list (SEC-12).
"""

import re
from collections.abc import Callable, Iterator

import nh3
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from newsletter.compose.plaintext import indented, wrapped

ALLOWED_SCHEMES = ("http", "https", "mailto", "tel")
_TAGS = {"p", "h2", "h3", "strong", "em", "ul", "ol", "li", "a", "blockquote", "br", "hr"}
_HEADINGS = {"h1": "h2", "h4": "h3", "h5": "h3", "h6": "h3"}  # the h1 is the subject of the issue

_parser = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline", "code", "fence"])
_parser.validateLink = lambda url: True  # type: ignore[method-assign]  # preflight says which link is wrong


def to_html(markdown: str, *, address: Callable[[str, str], str]) -> str:
    """Safe HTML. `address(url, label)` says where each link leads."""
    tokens = _parser.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = _HEADINGS.get(token.tag, token.tag)
    labels = iter([label for _url, label in links_of(markdown)])
    for token in (child for parent in tokens for child in parent.children or ()):
        if token.type == "link_open":
            label = next(labels)
            token.attrSet("href", address(str(token.attrGet("href")), label))
    return nh3.clean(
        _parser.renderer.render(tokens, _parser.options, {}),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes=set(ALLOWED_SCHEMES),
        link_rel=None,
    )


def to_plain_text(markdown: str, *, address: Callable[[str, str], str]) -> str:
    """Plain text on lines of 72, each link followed by its address."""
    root = SyntaxTreeNode(_parser.parse(markdown))
    return "\n\n".join(_block(node, address) for node in root.children)


def links_of(markdown: str) -> list[tuple[str, str]]:
    """The links, as (address, words), in their order."""
    nodes = SyntaxTreeNode(_parser.parse(markdown)).walk()
    return [(str(node.attrs.get("href", "")), "".join(_words(node))) for node in nodes if node.type == "link"]


def allowed(url: str) -> bool:
    """A link that may stand in a mail: http, https, mailto or tel, and nothing a mail program could be fooled with."""
    return re.match(rf"(?:https?://[^\s/]|(?:{'|'.join(ALLOWED_SCHEMES[2:])}):\S)", url, re.IGNORECASE) is not None


def _block(node: SyntaxTreeNode, address: Callable[[str, str], str]) -> str:
    match node.type:
        case "heading":
            return wrapped(_inline(node, address).upper() if node.tag == "h1" else _inline(node, address))
        case "bullet_list" | "ordered_list":
            items = enumerate(node.children, start=int(node.attrs.get("start", 1)))
            marks = ((f"{number}. " if node.type == "ordered_list" else "- ", item) for number, item in items)
            return "\n".join(indented(_blocks(item, address), first=mark) for mark, item in marks)
        case "blockquote":
            return indented(_blocks(node, address), first="> ", others="> ")
        case "hr":
            return "* * *"
        case _:
            return "\n".join(wrapped(line) for line in _inline(node, address).split("\n"))


def _blocks(node: SyntaxTreeNode, address: Callable[[str, str], str]) -> str:
    return "\n".join(_block(child, address) for child in node.children)


def _inline(node: SyntaxTreeNode, address: Callable[[str, str], str]) -> str:
    if node.type == "link":
        label = "".join(_words(node))
        return f"{label} <{address(str(node.attrs.get('href', '')), label)}>"
    if node.type in ("softbreak", "hardbreak"):
        return "\n" if node.type == "hardbreak" else " "
    return "".join(_inline(child, address) for child in node.children) if node.children else node.content


def _words(node: SyntaxTreeNode) -> Iterator[str]:
    for child in node.walk():
        if not child.children and child.content:
            yield child.content
