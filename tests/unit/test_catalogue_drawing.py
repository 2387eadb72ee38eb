"""Pictures, codes and words of the catalogue that need no store."""

import io
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from newsletter.catalogue import pictures, qr, supports
from newsletter.catalogue.employers import EmployerForm
from newsletter.catalogue.forms import FormError, validated_form
from newsletter.catalogue.openings import OpeningForm
from newsletter.catalogue.partners import PartnerForm
from newsletter.catalogue.portraits import showable
from newsletter.demo.samples import draw_samples
from newsletter.reports.partners import masked_count
from newsletter.store.catalogue import Partner, Portrait, Support
from newsletter.text import fold, nearest
from newsletter.words import PartnerKind, SupportKind
from tests.conftest import A_MONDAY

TODAY = A_MONDAY.date()
EMPLOYER = {"name": "Atelier", "sector": "industrie", "commune": "Figeac"}


def a_photo(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **more: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "#c9822b").save(written, kind, **more)
    return written.getvalue()


def test_an_uploaded_photo_loses_the_place_where_it_was_taken_and_its_name(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "44 rue des Noyers"
    name = pictures.keep(a_photo(exif=exif.tobytes(), comment=b"secret"), folder=tmp_path)
    kept = (tmp_path / name).read_bytes()
    assert b"Noyers" not in kept
    assert b"secret" not in kept
    assert pictures.find(name, folder=tmp_path) == tmp_path / name
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_large_or_transparent_picture_becomes_a_jpeg_that_fits_a_letter(tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.new("RGBA", (3000, 600), (0, 0, 0, 0)).save(written, "PNG")
    with Image.open(tmp_path / pictures.keep(written.getvalue(), folder=tmp_path)) as kept:
        assert (kept.format, kept.size, kept.getpixel((5, 5))) == ("JPEG", (1600, 320), (255, 255, 255))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "pas une image"),
        (b"GIF89a" + b"\0" * 20, "pas une image"),
        (a_photo()[:200], "pas une image"),
        (a_photo("PNG", (9000, 6000)), "trop de pixels"),
        (b"\xff" * (pictures.LARGEST_PICTURE + 1), "10 Mo"),
        (b"", "pas une image"),
    ],
    ids=["svg", "broken", "cut off", "bomb", "heavy", "empty"],
)
def test_what_is_no_picture_is_refused_in_a_sentence_and_leaves_nothing(
    raw: bytes, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(pictures.PictureError, match=sentence):
        pictures.keep(raw, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../keys.json", "keys.json", "..", "", ".hidden.jpg", "a/b.jpg", "A.JPG", "a.jpg\n"])
def test_no_name_leads_out_of_the_media_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "keys.json").write_text("{}")
    assert pictures.find(name, folder=tmp_path / "media") is None


def test_the_drawings_are_light_always_the_same_and_never_drawn_over(tmp_path: Path) -> None:
    first = draw_samples(tmp_path / "one")
    for path in first:
        assert path.stat().st_size < 60_000
        with Image.open(path) as drawn:
            assert drawn.size == (1200, 675)
    before = first[0].read_bytes()
    first[0].unlink()
    draw_samples(tmp_path / "one")
    assert first[0].read_bytes() == before
    first[0].write_bytes(b"mine")
    draw_samples(tmp_path / "one")
    assert first[0].read_bytes() == b"mine"


def test_a_sheet_carries_the_code_the_address_in_words_and_the_partner() -> None:
    support = Support(partner_id=1, code="k7m4xp", kind=SupportKind.placemat, season=2026)
    sheet = qr.qr_svg(support, "https://lettre.example", partner=Partner(name="Bois & <elfes>"))
    words = " ".join(ET.fromstring(sheet).itertext())  # noqa: S314  our own
    for said in ("lettre.example/i/k7m4xp", "Bois & <elfes>", "Vous aimez le Lot ?", "Et si vous y viviez ?"):
        assert said in words
    assert "http" not in sheet.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert qr.qr_code(support, "https://lettre.example").error == "H"
    assert qr.qr_pdf(support, "https://lettre.example").startswith(b"%PDF-")


def test_a_fresh_code_has_no_letters_that_look_alike() -> None:
    assert not set("0o1il") & set("".join(supports.fresh_code() for _ in range(200)))


def test_a_portrait_is_shown_until_the_last_day_of_its_right_and_never_once_withdrawn() -> None:
    portrait = Portrait(person="Maud", image_right_until=TODAY)
    assert showable(portrait, TODAY)
    assert not showable(portrait, TODAY + timedelta(days=1))
    portrait.withdrawn_at = A_MONDAY
    assert not showable(portrait, TODAY)


@pytest.mark.parametrize(("count", "shown"), [(0, "0"), (1, "moins de 5"), (4, "moins de 5"), (5, "5")])
def test_small_numbers_are_masked_count(count: int, shown: str) -> None:
    assert masked_count(count).replace("\N{NO-BREAK SPACE}", " ") == shown


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "  "}, "name"),
        ({"website": "javascript:alert(1)"}, "website"),
        ({"website": "https://"}, "website"),
        ({"picture": "../keys.jpg"}, "picture"),
        ({"picture": "a.jpg"}, "picture_alt"),
        ({"name": "x" * 121}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_gets_its_own_french_sentence(changed: dict[str, str], field: str) -> None:
    with pytest.raises(FormError) as caught:
        validated_form(EmployerForm, EMPLOYER | changed)
    assert list(caught.value.fields) == [field]
    assert "Cette valeur ne convient pas" not in str(caught.value) or field == "picture"


@pytest.mark.parametrize("written", ["2026-12-31", "31/12/2026", "31.12.2026"])
def test_a_day_may_be_written_as_people_write_it(written: str) -> None:
    form = validated_form(OpeningForm, {"employer": "A", "title": "B", "expires_on": written})
    assert form.expires_on.isoformat() == "2026-12-31"


def test_a_closed_word_is_known_by_its_french_label_too() -> None:
    assert validated_form(PartnerForm, {"name": "A", "kind": "Camping"}).kind is PartnerKind.campsite


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_the_nearest_word_is_found_despite_case_and_accents() -> None:
    assert nearest("ECOMUSEE de cuzal", ["Grottes de Lacave", "Écomusée de Cuzals"]) == "Écomusée de Cuzals"
    assert nearest("zzz", ["Cahors"]) is None
