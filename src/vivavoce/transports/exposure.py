"""From settings to what protects the server: keys, origins, TLS, and the address it listens on."""

from pathlib import Path

from vivavoce.config import ConfigError, Settings
from vivavoce.runtime.client_secrets import ClientSecrets
from vivavoce.runtime.clock import Clock
from vivavoce.transports import tls
from vivavoce.transports.access import Access
from vivavoce.transports.authentication import Authentication
from vivavoce.transports.origins import ANY, Origins, is_loopback

OPEN_TO_ALL = (
    "on {host} everybody who can reach this machine could use the server and its models, because "
    "no API key is configured. Set one (VIVAVOCE_API_KEY in the environment, or api_keys in the "
    "configuration file), or say that this is meant with --allow-anonymous."
)

FINGERPRINT = (
    "The TLS certificate is self-signed, for development: clients must be told to trust it. "
    "Its SHA-256 fingerprint is {fingerprint}"
)


def check_exposure(settings: Settings) -> None:
    """Raises `ConfigError` for a server without keys that others could reach, unless meant."""
    protected = settings.api_keys or settings.allow_anonymous
    if not protected and not is_loopback(settings.host):
        raise ConfigError(OPEN_TO_ALL.format(host=settings.host))


def access(settings: Settings, clock: Clock) -> Access:
    """Who may use the server. A page needs no place on a list where it needs a key."""
    secrets = ClientSecrets(settings.secret_key, clock)
    origins = settings.allowed_origins
    if origins is None and settings.api_keys:
        origins = (ANY,)
    return Access(Authentication(settings.api_keys, secrets), Origins(origins), secrets)


def certificate(settings: Settings) -> tls.Tls | None:
    """What the server shows for TLS; None without. Raises `ConfigError`."""
    if settings.tls_cert is not None and settings.tls_key is not None:
        return tls.from_files(Path(settings.tls_cert), Path(settings.tls_key))
    if settings.tls is not None:
        return tls.self_signed(settings.host)
    return None


def notices(shown: tls.Tls | None) -> tuple[str, ...]:
    """What an operator should know about the certificate."""
    if shown is None or shown.fingerprint is None:
        return ()
    return (FINGERPRINT.format(fingerprint=shown.fingerprint),)
