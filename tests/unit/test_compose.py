"""An issue becomes a mail: nothing typed by anyone runs, nothing differs per reader but what must."""

import re
from datetime import date
from gettext import NullTranslations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import i18n
from newsletter.blocks.block import ResolvedBlock
from newsletter.blocks.callback import CallbackBlock
from newsletter.blocks.catalogue import OpeningCard, Picture
from newsletter.blocks.employers import EmployerCard, EmployersBlock
from newsletter.blocks.openings import OpeningsBlock
from newsletter.blocks.poll import PollBlock
from newsletter.blocks.portrait import PortraitBlock, PortraitCard
from newsletter.blocks.text import TextBlock
from newsletter.compose import templates
from newsletter.compose.build import IssueSource, compile_html, compile_issue
from newsletter.compose.content import Content, ContentBlock
from newsletter.compose.headers import SenderIdentity, sender_identity
from newsletter.compose.letters import LETTER_VALUES, render_letter
from newsletter.compose.links import LazyLinks
from newsletter.compose.mail_template import MailTemplate, Recipient, RenderedMail
from newsletter.compose.placeholders import Placeholders
from newsletter.compose.plaintext import coverage, visible_text
from newsletter.compose.preflight import inspect
from newsletter.compose.sources import literal, read_source
from newsletter.compose.templates import TemplateError, check_mjml
from newsletter.config import Settings
from newsletter.tokens import Keyring
from newsletter.words import LinkKind

SENDER = sender_identity(Settings.model_construct(base_url="https://lettre.exemple.fr"))
TODAY = date(2026, 11, 23)
KEYS = Keyring.fresh()
HOSTILE = '{{7*191}} {% if %} [[ first_name ]] [[[ [% x %] [# <script>alert(1)</script> "><img src=x> & jinja0w1z'


def an_opening(**fields: object) -> OpeningCard:
    return OpeningCard(
        **({"id": 3, "title": "Tourneur-fraiseur", "employer": "Atelier du Célé", "employer_id": 7,
            "sector_code": "industrie", "place": "Figeac", "contract": "CDI", "about": "",
            "url": "https://atelier.exemple/offre", "expires_on": date(2026, 12, 31)} | fields)  # type: ignore[arg-type]
    )  # fmt: skip


def an_employer_card(**fields: object) -> EmployerCard:
    return EmployerCard(
        **({"id": 7, "name": "Atelier du Célé", "sector": "Industrie", "sector_code": "industrie", "place": "Figeac",
            "about": "Quarante personnes.", "url": "https://atelier.exemple/", "picture": None,
            "openings": (an_opening(),)} | fields)  # type: ignore[arg-type]
    )  # fmt: skip


def a_portrait(**fields: object) -> ResolvedBlock:
    card = PortraitCard(
        **({"id": 5, "person": "Léa Martin", "role": "Soigneuse", "employer": "Parc", "employer_id": None,
            "sector_code": None, "place": "Gramat", "quote": "On reste.", "story": "Un août.\n\nDeux ans.",
            "url": "https://exemple.fr/lea", "picture": Picture(url="https://x.fr/lea.jpg", alt="Léa au parc"),
            "image_right_until": date(2028, 1, 1), "withdrawn": False} | fields)  # type: ignore[arg-type]
    )  # fmt: skip
    return ResolvedBlock(PortraitBlock(portrait=card.id), (card,))


def a_text(markdown: str) -> ResolvedBlock:
    return ResolvedBlock(TextBlock(markdown=markdown))


def employers(*cards: EmployerCard, title: str = "Ils recrutent") -> ResolvedBlock:
    return ResolvedBlock(EmployersBlock(title=title, employers=tuple(card.id for card in cards)), cards)


def openings(*cards: OpeningCard) -> ResolvedBlock:
    return ResolvedBlock(OpeningsBlock(title="Les offres", openings=tuple(card.id for card in cards)), cards)


def callback(title: str, text: str) -> ResolvedBlock:
    return ResolvedBlock(CallbackBlock(title=title, text=text))


def content(*blocks: ContentBlock, **fields: str) -> Content:
    words = {"subject": "Des nouvelles du Lot", "preheader": "Un atelier recrute."} | fields
    return Content(**words, blocks=blocks or (a_text("Bonjour à **tous**."),))


WHOLE = content(
    a_text("Venez [nous voir](https://exemple.fr/?a=1&b=2), ou [écrivez](mailto:a@exemple.fr)."),
    employers(an_employer_card()),
    openings(an_opening(id=4, title="Cuisinier", url="")),
    a_portrait(),
    ResolvedBlock(PollBlock(question="Quand ?")),
    callback("Parlons-en", "On vous rappelle."),
)


def compiled(written: Content) -> IssueSource:
    return compile_issue(written, template="lettre", sender=SENDER)


def filled(written: Content, *, first_name: str = "Camille", measured: bool = False, reader: int = 8) -> RenderedMail:
    source = compiled(written)
    theirs = LazyLinks(keys=KEYS, edition_id=1, mail_id=reader, subscriber_id=reader, clicks=measured, opens=measured)
    links = theirs.addresses(SENDER.base_url, targets=source.links)
    template = MailTemplate(subject=written.subject, html=source.html, text=source.text)
    return template.render(Recipient(address="r@exemple.fr", first_name=first_name, links=links))


def hrefs(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]*)"', html.replace("&amp;", "&"))


TAGS = [
    "[[ a < b ]]", "[% for x in 'a]]b' %]", "[# [ #]", "[[ {'a': {1: 2}} ]]", '<a href="[[ link ]]">', "[", "]]",
    "texte", "[% if a == \"%]\" %]", "jinja0w", "\n", "[[ a[0][1] ]]",
]  # fmt: skip


@given(st.lists(st.sampled_from(TAGS)))
def test_what_placeholders_stand_for_comes_back_unchanged(parts: list[str]) -> None:
    source = "".join(parts)
    placeholders = Placeholders(apart_from=source)
    try:
        page = placeholders.put_in(source)
    except TemplateError:
        return  # a tag left open: refused, not guessed at
    assert not re.search(r"\[[\[%#]", page)
    assert "".join(before + tag for before, tag in placeholders.split(page)) == source


@given(st.text(alphabet="[]%#{}'\" ab\n<&é", max_size=40))
def test_a_literal_is_never_read_as_a_tag(text: str) -> None:
    source = literal(text) + "[[ first_name ]]"
    assert read_source(source, markup=False, known=frozenset({"first_name"})).render(first_name="x") == text + "x"


def test_what_anyone_typed_stays_what_they_typed() -> None:
    written = content(
        a_text(HOSTILE),
        employers(an_employer_card(name=HOSTILE, about=HOSTILE, sector=HOSTILE), title=HOSTILE),
        a_portrait(quote=HOSTILE, story=HOSTILE, picture=Picture(url="https://x.fr/a.jpg", alt=HOSTILE)),
        callback(HOSTILE, HOSTILE),
        preheader=HOSTILE,
    )
    mail = filled(written, first_name=HOSTILE)
    assert "1337" not in mail.html + mail.text
    assert "<script" not in mail.html
    assert re.findall(r"<img[^>]*>", mail.html.replace("&lt;img src=x&gt;", ""))[0].count("src=") == 1
    assert visible_text(mail.html).count("{{7*191}} {% if %} [[ first_name ]] [[[ [% x %] [#") >= 8
    assert "{{7*191}} {% if %} [[ first_name ]] [[[" in mail.text
    assert f"Bonjour {HOSTILE}," in mail.text


def test_a_text_that_looks_like_what_stands_for_tags_is_kept() -> None:
    """Also one that only looks like it once its Markdown is written as plain text."""
    mail = filled(content(a_text("jinja0w0z et **jin**ja1w1z")))
    assert "jinja0w0z et jinja1w1z" in mail.text


def test_links_are_registered_once_and_point_at_the_catalogue() -> None:
    links = compiled(WHOLE).links
    assert [link.number for link in links] == list(range(1, len(links) + 1))
    assert [link.kind for link in links] == [
        LinkKind.page, LinkKind.employer, LinkKind.opening, LinkKind.portrait,
        *[LinkKind.poll] * 4, LinkKind.callback,
    ]  # fmt: skip
    assert (links[2].opening_id, links[2].employer_id, links[2].sector_code) == (3, 7, "industrie")
    assert links[0].url == "https://exemple.fr/?a=1&b=2"


def test_a_reader_who_is_not_measured_gets_plain_links_and_no_pixel() -> None:
    mail = filled(WHOLE)
    assert "/l/" not in mail.html + mail.text
    assert "/f/" not in mail.html
    assert "https://exemple.fr/?a=1&b=2" in hrefs(mail.html)
    one, other = (hrefs(filled(WHOLE, reader=number).html) for number in (8, 9))
    differing = {url.split("/")[3] for pair in zip(one, other, strict=True) if pair[0] != pair[1] for url in pair}
    assert differing == {"d", "p", "v", "r"}


def test_a_measured_reader_gets_one_pixel_and_our_links() -> None:
    mail = filled(WHOLE, measured=True)
    assert mail.html.count("/f/") == 1
    assert "https://atelier.exemple/" not in mail.html + mail.text
    assert "mailto:a@exemple.fr" in mail.html


def test_a_mail_meets_what_every_issue_must() -> None:
    mail = filled(WHOLE)
    assert mail.html.startswith("<!doctype html>")
    assert mail.html.count("<h1") == 1
    assert all("alt=" in image for image in re.findall(r"<img[^>]*>", mail.html))
    assert all('role="presentation"' in table for table in re.findall(r"<table[^>]*>", mail.html))
    assert not re.search(r"url\(|@import|@font-face", mail.html)
    for part in (mail.html, mail.text):
        for ours in ("/d/", "/p/", "/v/", "/confidentialite", SENDER.postal_address, SENDER.privacy_contact):
            assert ours in part, ours
    assert coverage(mail.html, mail.text) >= 0.8
    assert max(len(line) for line in mail.text.splitlines() if "://" not in line) <= 72


def test_raw_html_scripts_and_pictures_in_a_text_block_are_only_text() -> None:
    mail = filled(content(a_text("<b onclick=x>a</b>\n\n![p](https://x.fr/p.png)\n\n[j](javascript:alert(1))")))
    assert "&lt;b onclick=x&gt;" in mail.html
    assert "<img" not in mail.html
    assert "javascript" not in "".join(hrefs(mail.html))


def test_the_same_issue_compiles_to_the_same_sources() -> None:
    assert compiled(WHOLE) == compiled(WHOLE)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<mjml>\n<mj-sectoin></mj-sectoin></mjml>", "ligne 2 : la balise « mj-sectoin » n’existe pas"),
        ("<mjml><mj-body>\n<mj-section>\n</mj-body></mjml>", "ligne 2 : la balise « mj-section » n’est pas refermée"),
        ("<mjml></mj-body></mjml>", "n’est pas refermée"),
    ],
)
def test_a_misspelt_mjml_tag_is_named_with_its_line(source: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        check_mjml(source, name="x.mjml")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<mjml>\n{% iff %}</mjml>", "x.mjml, ligne 2 "),
        ("<mjml>\n\n{{ surnom }}</mjml>", "x.mjml, ligne 3 .*surnom"),
        ("<mjml>{{ subject.__class__ }}</mjml>", "__class__"),
        ("<mjml>\n[[ first_name </mjml>", "Ligne 2 du modèle : la balise « \\[\\[ first_name"),
        ("<mjml>{{ '' | attr('x') }}</mjml>", "attr"),
        ("<mjml><mj-body><mj-text></p></mj-text></mj-body></mjml>", "MJML ne le comprend pas"),
    ],
)
def test_a_bad_tag_is_one_sentence_with_its_line(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.mjml").write_text(source, encoding="utf-8")
    monkeypatch.setattr(templates, "FOLDER", tmp_path)
    with pytest.raises(TemplateError, match=said):
        compile_html("x.mjml", {"subject": "Lot"}, placeholders=Placeholders())


def test_an_unknown_slot_and_an_unknown_template_are_named() -> None:
    with pytest.raises(TemplateError, match="« prenom » n’existe pas"):
        MailTemplate(subject="", html="<p>[[ prenom ]]</p>", text="")
    with pytest.raises(TemplateError, match=r"« affiche » n’existe pas. Les modèles possibles sont : lettre"):
        compile_issue(WHOLE, template="affiche", sender=SENDER)


def test_preflight_is_content_with_a_whole_issue() -> None:
    assert inspect(WHOLE, template="lettre", sender=SENDER, today=TODAY) == []


@pytest.mark.parametrize(
    ("written", "level", "said"),
    [
        (content(subject=" "), "block", "objet est vide"),
        (content(subject="Bonjour\nBcc: x@y.fr"), "block", "saut de ligne"),
        (content(preheader=""), "block", "accroche est vide"),
        (Content(subject="a", preheader="b", blocks=()), "block", "numéro est vide"),
        (content(employers(an_employer_card(openings=()))), "warn", "aucune offre"),
        (content(openings(an_opening(expires_on=date(2026, 11, 22)))), "block", "a expiré"),
        (content(a_portrait(withdrawn=True)), "block", "a retiré son portrait"),
        (content(a_portrait(image_right_until=date(2026, 11, 22))), "block", "droit à l’image"),
        (content(a_portrait(picture=Picture(url="https://x.fr/a.jpg", alt=" "))), "block", "texte de remplacement"),
        (content(a_text("[ici](javascript:alert(1))")), "block", "« ici » mène à « javascript"),
        (content(a_text("[ici](/page)")), "block", "doit commencer par https"),
        (content(a_text("mot " * 17_000)), "warn", "pèse 8"),
        (content(a_text("mot " * 25_000)), "block", "Gmail le couperait : retirez"),
    ],
)  # fmt: skip
def test_preflight_says_what_is_wrong(written: Content, level: str, said: str) -> None:
    found = inspect(written, template="lettre", sender=SENDER, today=TODAY)
    assert [finding.level for finding in found if said in finding.sentence] == [level]


@pytest.mark.parametrize("name", sorted(LETTER_VALUES))
def test_every_letter_is_written_in_both_forms_with_its_values_escaped(name: str) -> None:
    values = {value: f"https://x.fr/{value}" if value.endswith("url") else HOSTILE for value in LETTER_VALUES[name]}
    letter = render_letter(name, sender=SENDER, values=values)
    assert "<script" not in letter.html
    assert HOSTILE in letter.text
    for value in LETTER_VALUES[name]:
        if value.endswith("url"):
            assert values[value] in hrefs(letter.html)
            assert values[value] in letter.text
    assert SENDER.postal_address in letter.html
    assert letter.subject
    with pytest.raises(TemplateError, match="Il manque"):
        render_letter(name, sender=SENDER, values={})


def test_a_letter_is_in_the_language_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    english = NullTranslations()
    monkeypatch.setattr(
        english, "gettext", lambda sentence: {"Plus qu’un clic": "One more click"}.get(sentence, sentence)
    )
    monkeypatch.setattr(i18n, "_catalogue", {"fr": None, "en": english}.get)
    values = dict.fromkeys(LETTER_VALUES["confirmation"], "https://x.fr/")
    in_english, in_french = [], []
    for _time in range(2):
        with i18n.speaking("en"):
            in_english.append(render_letter("confirmation", sender=SENDER, values=values).html)
        in_french.append(render_letter("confirmation", sender=SENDER, values=values).html)
    assert all("One more click" in html for html in in_english)
    assert all("Plus qu’un clic" in html for html in in_french)


def test_a_sender_writes_its_domains_in_ascii() -> None:
    head: SenderIdentity = sender_identity(
        Settings.model_construct(sender_address="lot@é-lot.fr", list_domain="lettre.é-lot.fr")
    )
    assert head.sender_address == "lot@xn---lot-9oa.fr"
    assert head.list_domain == "lettre.xn---lot-9oa.fr"
