"""Settings, read once at the door into a frozen value; `docs/reference/settings.md` lists them.

Every setting is an environment variable `NEWSLETTER_…` (the database also answers to plain `DATABASE_URL`), or a
line of the file `.env` in the folder where the program starts. Nothing else in the project looks at the environment.
"""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from newsletter.errors import SettingsError
from newsletter.i18n import _


class Settings(BaseSettings):
    """What an installation can set. Each room is given the part it needs."""

    model_config = SettingsConfigDict(
        env_prefix="NEWSLETTER_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        populate_by_name=True,
    )

    home: Path = Field(default=Path("var"), description="Dossier des données : base, clés, images, journal.")
    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("NEWSLETTER_DATABASE_URL", "DATABASE_URL"),
        description="Base de données ; vide : un fichier SQLite dans le dossier des données.",
    )
    base_url: str = Field(
        default="http://127.0.0.1:8000",
        description="Adresse publique du site, celle que portent les liens des lettres.",
    )
    host: str = Field(default="127.0.0.1", description="Adresse d’écoute du serveur web.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port d’écoute du serveur web.")

    metrics_token: str = Field(
        default="", repr=False, description="Jeton qui ouvre /metrics ailleurs que sur la machine elle-même."
    )

    smtp_host: str = Field(default="127.0.0.1", description="Serveur SMTP qui reçoit nos lettres.")
    smtp_port: int = Field(default=25, ge=1, le=65535, description="Port du serveur SMTP.")
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        default="none", description="Chiffrement vers le serveur SMTP : none, starttls ou tls."
    )
    smtp_ca_file: str = Field(
        default="",
        description="Fichier (PEM) de l’autorité à croire pour le serveur SMTP ; vide : celles du système.",
    )
    smtp_username: str = Field(default="", description="Compte SMTP, s’il en faut un.")
    smtp_password: str = Field(default="", repr=False, description="Mot de passe SMTP.")
    smtp_connections: int = Field(default=4, ge=1, le=50, description="Connexions SMTP ouvertes à la fois.")

    late_after_hours: float = Field(
        default=6, gt=0, description="Retard, en heures, après lequel un numéro programmé demande avant de partir."
    )

    sender_name: str = Field(default="Oh my Lot !", description="Nom affiché de l’expéditeur.")
    sender_address: str = Field(default="bonjour@ohmylot.example", description="Adresse de l’expéditeur.")
    reply_to: str = Field(default="", description="Adresse des réponses ; vide : celle de l’expéditeur.")
    bounce_address: str = Field(default="", description="MAIL FROM ; vide : l’adresse de l’expéditeur.")
    list_domain: str = Field(default="lettre.ohmylot.example", description="Domaine du champ List-Id.")
    organisation: str = Field(
        default="Oh my Lot ! · programme d’accueil du Lot", description="Entité responsable, nommée dans chaque lettre."
    )
    postal_address: str = Field(
        default="Avenue de l’Europe, 46000 Cahors", description="Adresse postale, donnée dans chaque lettre."
    )
    privacy_contact: str = Field(
        default="donnees@ohmylot.example", description="Contact pour les données personnelles."
    )

    @field_validator("base_url")
    @classmethod
    def _no_trailing_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(_("l’adresse publique commence par http:// ou https://"))
        return url.rstrip("/")

    @property
    def store_url(self) -> str:
        """The database, an SQLite file in the home folder unless one is named."""
        return self.database_url or f"sqlite:///{self.home / 'newsletter.db'}"

    @property
    def keys_file(self) -> Path:
        return self.home / "keys.json"

    @property
    def media(self) -> Path:
        """The pictures of the catalogue."""
        return self.home / "media"

    @property
    def journal(self) -> Path:
        """The tracker's append-only files."""
        return self.home / "journal"

    @property
    def links(self) -> Path:
        """The links of each edition, for the tracker."""
        return self.home / "links"

    @property
    def ca_file(self) -> Path | None:
        """The authority to believe about the SMTP server, named from the home folder; None: those of the system."""
        return self.home / self.smtp_ca_file if self.smtp_ca_file else None

    @property
    def late_after(self) -> timedelta:
        """How late a scheduled issue may still leave by itself."""
        return timedelta(hours=self.late_after_hours)

    @property
    def outbound_from(self) -> str:
        """The MAIL FROM of every message; it never changes between tries (RTY-02)."""
        return self.bounce_address or self.sender_address


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsError, naming the setting, when one makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(
            _("Le réglage {name} ne convient pas : {why}.").format(name=name, why=first["msg"])
        ) from None
