"""The pages of the catalogue: kinds of entries that are listed, filled and mended alike, and their pictures."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import FormData, UploadFile

from newsletter.catalogue import pictures, portraits
from newsletter.catalogue.forms import FormError, validated_form
from newsletter.catalogue.kinds import CATALOGUE_KINDS, CatalogueKind, KindSlug, entry_counts
from newsletter.catalogue.pictures import LARGEST_PICTURE, PictureError
from newsletter.clock import paris_day
from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.reports.partners import entry_report, masked_count
from newsletter.urls import MEDIA_PATH
from newsletter.web import catalogue_supports
from newsletter.web.pages import Marketing, TheForm, TheInstance, render, say_and_go, text_of

router = APIRouter()
router.include_router(catalogue_supports.router)  # first: its addresses are narrower than a kind's
_A_YEAR = "public, max-age=31536000, immutable"
_PAGE = "/bureau/catalogue"


@router.get(_PAGE)
def overview(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    with instance.store.reading() as session:
        counts = entry_counts(session, today=paris_day(instance.clock.now()))
    return render(request, "catalogue/index.html", kinds=CATALOGUE_KINDS, counts=counts)


@router.get(MEDIA_PATH + "/{name}")
def picture(name: str, instance: TheInstance) -> Response:
    """A picture of the catalogue, for mails and pages alike. Its name changes with its pixels: kept for a year."""
    path = pictures.find(name, folder=instance.settings.media)
    if path is None:
        raise NotFoundError(_("Cette image n’existe pas, ou plus."))
    headers = {"Cache-Control": _A_YEAR, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type="image/jpeg", headers=headers)


@router.get(_PAGE + "/{slug}")
def list_kind(request: Request, instance: TheInstance, visitor: Marketing, slug: KindSlug) -> Response:
    kind = CATALOGUE_KINDS[slug]
    today = paris_day(instance.clock.now())
    with instance.store.reading() as session:
        lines = kind.listed(session, today)
    return render(request, f"catalogue/{kind.name}.html", kind=kind, kinds=CATALOGUE_KINDS, lines=lines, today=today)


@router.get(_PAGE + "/{slug}/nouveau")
def blank_form(request: Request, instance: TheInstance, visitor: Marketing, slug: KindSlug) -> Response:
    kind = CATALOGUE_KINDS[slug]
    return _form_page(request, instance, kind)


@router.post(_PAGE + "/{slug}/nouveau")
def add(request: Request, instance: TheInstance, visitor: Marketing, form: TheForm, slug: KindSlug) -> Response:
    kind = CATALOGUE_KINDS[slug]
    typed, errors = _typed(form, kind, instance=instance)
    try:
        filled = _checked(kind, typed, errors)
        with instance.store.transaction() as session:
            row = kind.add(session, filled)
    except FormError as error:
        return _form_page(request, instance, kind, typed=typed, errors=error.fields)
    return say_and_go(request, _after(kind, row.id), kind.added)


@router.get(_PAGE + "/{slug}/{row_id}")
def filled_form(request: Request, instance: TheInstance, visitor: Marketing, slug: KindSlug, row_id: int) -> Response:
    return _form_page(request, instance, CATALOGUE_KINDS[slug], row_id)


@router.post(_PAGE + "/{slug}/{row_id}")
def edit(
    request: Request, instance: TheInstance, visitor: Marketing, form: TheForm, slug: KindSlug, row_id: int
) -> Response:
    kind = CATALOGUE_KINDS[slug]
    typed, errors = _typed(form, kind, instance=instance)
    try:
        filled = _checked(kind, typed, errors)
        with instance.store.transaction() as session:
            kind.edit(session, row_id, filled)
    except FormError as error:
        return _form_page(request, instance, kind, row_id, typed=typed, errors=error.fields)
    return say_and_go(request, f"{_PAGE}/{slug}", _("C’est enregistré."))


@router.post(_PAGE + "/{slug}/{row_id}/retirer")
def remove(request: Request, instance: TheInstance, visitor: Marketing, slug: KindSlug, row_id: int) -> Response:
    with instance.store.transaction() as session:
        CATALOGUE_KINDS[slug].remove(session, row_id)
    return say_and_go(request, f"{_PAGE}/{slug}", _("La fiche est retirée du catalogue."))


@router.post(_PAGE + "/portraits/{portrait_id}/accord-repris")
def withdraw(request: Request, instance: TheInstance, visitor: Marketing, portrait_id: int) -> Response:
    with instance.store.transaction() as session:
        portrait = portraits.withdraw(session, portrait_id, now=instance.clock.now())
    said = _("Le portrait de {person} ne sera plus montré.").format(person=portrait.person)
    return say_and_go(request, f"{_PAGE}/portraits", said)


def _after(kind: CatalogueKind, row_id: int) -> str:
    """A new partner's next step is their first support; every other record goes back on its kind."""
    return f"{_PAGE}/{kind.slug}/{row_id}" if kind.slug is KindSlug.partners else f"{_PAGE}/{kind.slug}"


def _typed(form: FormData, kind: CatalogueKind, *, instance: Instance) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed, with the uploaded picture kept under its new name; and the sentence of a refused picture."""
    typed: dict[str, Any] = {field: text_of(form, field) for field in kind.form.model_fields}
    if "picture" not in typed:
        return typed, {}
    if text_of(form, "without_picture"):
        typed |= {"picture": "", "picture_alt": ""}
    raw = _uploaded(form)
    if not raw:
        return typed, {}
    try:
        return typed | {"picture": pictures.keep(raw, folder=instance.settings.media)}, {}
    except PictureError as error:
        return typed, {"upload": str(error)}


def _uploaded(form: FormData) -> bytes:
    """The bytes of the picture, one too many at most when it is too heavy; none when no file was chosen."""
    upload = form.get("upload")
    if not isinstance(upload, UploadFile):
        return b""
    with upload.file as file:
        return file.read(LARGEST_PICTURE + 1) if upload.filename else b""


def _checked(kind: CatalogueKind, typed: Mapping[str, Any], errors: Mapping[str, str]) -> Any:
    """The valid form. Raises FormError with everything that is wrong, the picture included."""
    try:
        filled = validated_form(kind.form, typed)
    except FormError as error:
        raise FormError({**error.fields, **errors}) from None
    if errors:
        raise FormError(errors)
    return filled


def _form_page(
    request: Request,
    instance: Instance,
    kind: CatalogueKind,
    row_id: int | None = None,
    *,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    """The form, empty, filled or to be mended; a partner's with their supports."""
    found = entry_report(instance, kind, row_id)
    form = found.form
    return render(
        request,
        f"catalogue/{kind.name}_form.html",
        status=400 if errors else 200,
        kind=kind,
        kinds=CATALOGUE_KINDS,
        typed=form.values if typed is None else typed,
        errors=errors or {},
        row=form.row,
        sectors=form.sectors,
        communes=form.communes,
        employers=[(name, name) for name in form.employers],
        partner_kinds=form.partner_kinds,
        today=paris_day(instance.clock.now()),
        report=found.partner,
        masked=masked_count,
        address=catalogue_supports.short_address_of(instance),
    )
