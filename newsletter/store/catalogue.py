"""The catalogue: places, trades, employers and portraits of the Lot, and the partners that distribute our supports."""

from datetime import date, datetime

from sqlmodel import Field

from newsletter.store.columns import Row, UtcMoment, folded, word
from newsletter.words import PartnerKind, SupportKind


class Epci(Row, table=True):
    """An intercommunality: the territory of an adviser."""

    siren: str = Field(primary_key=True)
    name: str
    name_folded: str = folded("name")


class Commune(Row, table=True):
    insee_code: str = Field(primary_key=True)
    name: str = Field(index=True)
    name_folded: str = folded("name")
    postcodes: str  # separated by spaces
    population: int
    epci_siren: str = Field(foreign_key="epci.siren", index=True)


class Sector(Row, table=True):
    """A trade, of a closed list that suits the Lot (catalogue/territory)."""

    code: str = Field(primary_key=True)
    name_fr: str
    name_en: str
    code_folded: str = folded("code")
    name_fr_folded: str = folded("name_fr")
    name_en_folded: str = folded("name_en")


class Employer(Row, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    name_folded: str = folded("name")
    sector_code: str = Field(foreign_key="sector.code", index=True)
    commune_code: str = Field(foreign_key="commune.insee_code")
    about: str = ""
    website: str = ""
    picture: str = ""  # a file of the media folder
    picture_alt: str = ""


class Opening(Row, table=True):
    """A job that an employer offers until a day."""

    id: int | None = Field(default=None, primary_key=True)
    employer_id: int = Field(foreign_key="employer.id", index=True, ondelete="CASCADE")
    title: str
    contract: str = ""  # CDI, CDD, saisonnier …
    about: str = ""
    url: str = ""
    expires_on: date


class Portrait(Row, table=True):
    """A person who tells their life in the Lot. Shown only while their image right runs."""

    id: int | None = Field(default=None, primary_key=True)
    person: str
    role: str = ""
    employer_id: int | None = Field(default=None, foreign_key="employer.id")
    commune_code: str | None = Field(default=None, foreign_key="commune.insee_code")
    quote: str = ""
    story: str = ""
    url: str = ""
    picture: str = ""
    picture_alt: str = ""
    image_right_until: date
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcMoment)


class Partner(Row, table=True):
    """A campsite or a site that distributes supports."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    name_folded: str = folded("name")
    kind: PartnerKind = Field(default=PartnerKind.other, sa_type=word(PartnerKind))
    commune_code: str | None = Field(default=None, foreign_key="commune.insee_code")
    website: str = ""


class Support(Row, table=True):
    """One print run, with the code of its QR."""

    id: int | None = Field(default=None, primary_key=True)
    partner_id: int = Field(foreign_key="partner.id", index=True)
    code: str = Field(unique=True)  # short, without look-alike letters; stands in the printed address
    kind: SupportKind = Field(sa_type=word(SupportKind))
    season: int  # the year
    note: str = ""


class Scan(Row, table=True):
    """How often a QR code led to the form, by day. No person is known here."""

    support_id: int = Field(foreign_key="support.id", primary_key=True)
    day: date = Field(primary_key=True)
    count: int = 0
