"""The French sentences of a server that cannot be used: the lane keeps them, and the issue's page shows them."""

from newsletter.i18n import lazy

NO_ANSWER = lazy("Le serveur d’envoi {host}:{port} ne répond pas. Vérifiez qu’il est démarré et les réglages SMTP.")
REFUSED_LOGIN = lazy(
    "Le serveur d’envoi refuse notre compte ({words}). Vérifiez l’identifiant et le mot de passe SMTP."
)
NO_LOGIN = lazy(
    "Le serveur d’envoi ne propose aucune connexion par mot de passe que nous sachions faire (PLAIN ou LOGIN). "
    "Vérifiez le port et le chiffrement SMTP."
)
NOT_WELCOME = lazy("Le serveur d’envoi ne veut pas de nos lettres pour l’instant ({words}).")
NO_ENCRYPTION = lazy("Le serveur d’envoi ne propose pas STARTTLS. Vérifiez le port et le chiffrement SMTP.")
BAD_CERTIFICATE = lazy(
    "Le certificat du serveur d’envoi n’inspire pas confiance ({words}). "
    "Vérifiez le nom du serveur et l’autorité de certification."
)
BAD_AUTHORITY = lazy(
    "Le fichier de l’autorité de certification, {name}, ne se lit pas ou n’est pas au format PEM. "
    "Vérifiez NEWSLETTER_SMTP_CA_FILE, et ca_file dans pace.toml."
)
CONNECTION_LOST = lazy("Le serveur d’envoi a coupé la connexion ({words}).")
