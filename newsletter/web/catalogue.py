"""The pages of the catalogue: four shelves that are listed, filled and mended alike, and the pictures they show."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile

from newsletter.catalogue import employers, partners, pictures, portraits, territory
from newsletter.catalogue.forms import FormError, validated_form
from newsletter.catalogue.pictures import LARGEST_PICTURE, PictureError
from newsletter.clock import paris_day
from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.text import fold
from newsletter.urls import MEDIA_PATH
from newsletter.web import catalogue_supports
from newsletter.web.catalogue_shelves import SHELVES, Shelf, ShelfName
from newsletter.web.pages import Marketing, TheForm, TheInstance, render, say_and_go, text_of

router = APIRouter()
router.include_router(catalogue_supports.router)  # first: its addresses are narrower than a shelf's
A_YEAR = "public, max-age=31536000, immutable"
ROOT = "/bureau/catalogue"


@router.get(ROOT)
def overview(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    today = paris_day(instance.clock.now())
    with instance.store.reading() as session:
        counts = {shelf.name.value: len(shelf.listed(session, today)) for shelf in SHELVES.values()}
    return render(request, "catalogue/index.html", shelves=SHELVES, counts=counts)


@router.get(MEDIA_PATH + "/{name}")
def picture(name: str, instance: TheInstance) -> Response:
    """A picture of the catalogue, for mails and pages alike. Its name changes with its pixels: kept for a year."""
    path = pictures.find(name, folder=instance.settings.media)
    if path is None:
        raise NotFoundError(_("Cette image n’existe pas, ou plus."))
    headers = {"Cache-Control": A_YEAR, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type="image/jpeg", headers=headers)


@router.get(ROOT + "/{shelf_name}")
def list_shelf(request: Request, instance: TheInstance, visitor: Marketing, shelf_name: ShelfName) -> Response:
    shelf = SHELVES[shelf_name]
    today = paris_day(instance.clock.now())
    with instance.store.reading() as session:
        lines = shelf.listed(session, today)
    return render(request, f"catalogue/{shelf_name}.html", shelf=shelf, shelves=SHELVES, lines=lines, today=today)


@router.get(ROOT + "/{shelf_name}/nouveau")
def blank_form(request: Request, instance: TheInstance, visitor: Marketing, shelf_name: ShelfName) -> Response:
    shelf = SHELVES[shelf_name]
    with instance.store.reading() as session:
        return _form_page(request, instance, session, shelf, typed=shelf.blank())


@router.post(ROOT + "/{shelf_name}/nouveau")
def add(request: Request, instance: TheInstance, visitor: Marketing, form: TheForm, shelf_name: ShelfName) -> Response:
    shelf = SHELVES[shelf_name]
    typed, errors = _typed(form, shelf, instance=instance)
    try:
        filled = _checked(shelf, typed, errors)
        with instance.store.transaction() as session:
            row = shelf.add(session, filled)
    except FormError as error:
        with instance.store.reading() as session:
            return _form_page(request, instance, session, shelf, typed=typed, errors=error.fields)
    return say_and_go(request, _after(shelf, row.id), shelf.added)


@router.get(ROOT + "/{shelf_name}/{row_id}")
def filled_form(
    request: Request, instance: TheInstance, visitor: Marketing, shelf_name: ShelfName, row_id: int
) -> Response:
    shelf = SHELVES[shelf_name]
    with instance.store.reading() as session:
        row = shelf.find(session, row_id)
        return _form_page(request, instance, session, shelf, typed=shelf.values(session, row), row=row)


@router.post(ROOT + "/{shelf_name}/{row_id}")
def edit(
    request: Request, instance: TheInstance, visitor: Marketing, form: TheForm, shelf_name: ShelfName, row_id: int
) -> Response:
    shelf = SHELVES[shelf_name]
    typed, errors = _typed(form, shelf, instance=instance)
    try:
        filled = _checked(shelf, typed, errors)
        with instance.store.transaction() as session:
            shelf.edit(session, row_id, filled)
    except FormError as error:
        with instance.store.reading() as session:
            row = shelf.find(session, row_id)
            return _form_page(request, instance, session, shelf, typed=typed, errors=error.fields, row=row)
    return say_and_go(request, f"{ROOT}/{shelf_name}", _("C’est enregistré."))


@router.post(ROOT + "/{shelf_name}/{row_id}/retirer")
def remove(request: Request, instance: TheInstance, visitor: Marketing, shelf_name: ShelfName, row_id: int) -> Response:
    with instance.store.transaction() as session:
        SHELVES[shelf_name].remove(session, row_id)
    return say_and_go(request, f"{ROOT}/{shelf_name}", _("La fiche est retirée du catalogue."))


@router.post(ROOT + "/portraits/{portrait_id}/accord-repris")
def withdraw(request: Request, instance: TheInstance, visitor: Marketing, portrait_id: int) -> Response:
    with instance.store.transaction() as session:
        portrait = portraits.withdraw(session, portrait_id, now=instance.clock.now())
    said = _("Le portrait de {person} ne sera plus montré.").format(person=portrait.person)
    return say_and_go(request, f"{ROOT}/portraits", said)


def _after(shelf: Shelf, row_id: int) -> str:
    """A new partner's next step is their first support; every other record goes back on its shelf."""
    return f"{ROOT}/{shelf.name}/{row_id}" if shelf.name is ShelfName.partners else f"{ROOT}/{shelf.name}"


def _typed(form: FormData, shelf: Shelf, *, instance: Instance) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed, with the uploaded picture kept under its new name; and the sentence of a refused picture."""
    typed: dict[str, Any] = {field: text_of(form, field) for field in shelf.form.model_fields}
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


def _checked(shelf: Shelf, typed: Mapping[str, Any], errors: Mapping[str, str]) -> Any:
    """The valid form. Raises FormError with everything that is wrong, the picture included."""
    try:
        filled = validated_form(shelf.form, typed)
    except FormError as error:
        raise FormError({**error.fields, **errors}) from None
    if errors:
        raise FormError(errors)
    return filled


def _form_page(
    request: Request,
    instance: Instance,
    session: Session,
    shelf: Shelf,
    *,
    typed: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
    row: Any = None,
) -> Response:
    """The form, empty, filled or to be mended; a partner's with their supports."""
    more = catalogue_supports.about_partner(session, instance, row) if shelf.name is ShelfName.partners and row else {}
    return render(
        request,
        f"catalogue/{shelf.name}-form.html",
        status=400 if errors else 200,
        shelf=shelf,
        shelves=SHELVES,
        typed=typed,
        errors=errors or {},
        row=row,
        **_choices(session, today=paris_day(instance.clock.now())),
        **more,
    )


def _choices(session: Session, *, today: date) -> dict[str, Any]:
    """The closed lists that the forms offer."""
    return {
        "sectors": [(sector.code, sector.name_fr) for sector in territory.sectors(session)],
        "communes": [commune.name for commune in territory.communes(session)],
        "employers": [
            (one.name, one.name) for one in sorted(employers.employers_by_name(session).values(), key=_by_name)
        ],
        "partner_kinds": partners.PARTNER_KINDS,
        "today": today,
    }


def _by_name(row: Any) -> str:
    return fold(row.name)
