"""Settings: read once from the environment into one frozen value; a bad one refuses to start."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent


class ConfigError(ValueError):
    """A setting is missing or wrong; the message names it and says what it should be."""


class Mode(StrEnum):
    """Where this runs: with test money, or with real people's."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Fees:
    """What a merchant pays on a sale: basis points of the gross, and minor units for each payment."""

    wallet_basis_points: int = 120
    card_basis_points: int = 150
    card_fixed_minor: int = 25


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can differ from one installation to another."""

    mode: Mode = Mode.SANDBOX
    base_url: str = "http://localhost:8000"
    database_url: str = f"sqlite:///{ROOT / 'instance' / 'comptoir.sqlite3'}"
    instance: Path = ROOT / "instance"
    secret_key: str = field(default="", repr=False)
    pin_pepper: str = field(default="", repr=False)
    trusted_hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
    smtp_url: str = field(default="", repr=False)
    mail_from: str = "Comptoir <bonjour@localhost>"
    stripe_secret_key: str = field(default="", repr=False)
    stripe_webhook_secret: str = field(default="", repr=False)
    payment_simulator_url: str = "http://localhost:8002"
    signing_key_file: Path | None = None
    signing_certificate_file: Path | None = None
    redis_url: str = field(default="", repr=False)
    nchan_url: str = ""
    jitsi_url: str = ""
    bbb_url: str = ""
    bbb_secret: str = field(default="", repr=False)
    country: str = "FR"
    currency: str = "EUR"
    time_zone: str = "Europe/Paris"
    fees: Fees = Fees()
    max_upload_bytes: int = 8 * 1024 * 1024

    @property
    def sandbox(self) -> bool:
        """True when money is test money and mail stays on this machine."""
        return self.mode is Mode.SANDBOX

    @property
    def secure(self) -> bool:
        """True when the portal is served over https."""
        return self.base_url.startswith("https://")

    @property
    def media(self) -> Path:
        """Where uploaded pictures and issued documents are kept."""
        return self.instance / "media"


def _kept_secret(instance: Path, name: str) -> str:
    """A secret of this sandbox, made at first use and kept in a file only its owner reads."""
    path = instance / name
    if not path.exists():
        instance.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal():
        msg = f"{name} must be a whole number, not {text!r}"
        raise ConfigError(msg)
    return int(text)


def _address(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name, "").strip().rstrip("/")
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        msg = f"{name} must look like https://example.org/path, not {text!r}"
        raise ConfigError(msg)
    return text


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    path = Path(text)
    if not path.is_file():
        msg = f"{name} names {text!r}, which is not a file"
        raise ConfigError(msg)
    return path


def _check_production(settings: Settings, environ: Mapping[str, str]) -> None:
    needed = {
        "COMPTOIR_SECRET_KEY": settings.secret_key,
        "COMPTOIR_PIN_PEPPER": settings.pin_pepper,
        "COMPTOIR_STRIPE_SECRET_KEY": settings.stripe_secret_key,
        "COMPTOIR_STRIPE_WEBHOOK_SECRET": settings.stripe_webhook_secret,
        "COMPTOIR_SMTP_URL": settings.smtp_url,
        "COMPTOIR_SIGNING_KEY_FILE": settings.signing_key_file,
        "COMPTOIR_SIGNING_CERTIFICATE_FILE": settings.signing_certificate_file,
        "COMPTOIR_TRUSTED_HOSTS": environ.get("COMPTOIR_TRUSTED_HOSTS"),
        "COMPTOIR_DATABASE_URL": environ.get("COMPTOIR_DATABASE_URL"),
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        msg = f"production needs {', '.join(missing)}"
        raise ConfigError(msg)
    if not settings.secure:
        msg = "production needs COMPTOIR_BASE_URL to begin with https://"
        raise ConfigError(msg)
    if settings.stripe_secret_key.startswith("sk_test_"):
        msg = "production needs a live COMPTOIR_STRIPE_SECRET_KEY, not a test key"
        raise ConfigError(msg)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises ConfigError naming the variable that is missing or wrong.

    In the sandbox whatever is secret is made at first start and kept in the instance folder.
    """
    environ = os.environ if environ is None else environ
    mode_text = environ.get("COMPTOIR_MODE", Mode.SANDBOX)
    if mode_text not in set(Mode):
        msg = f"COMPTOIR_MODE must be sandbox or production, not {mode_text!r}"
        raise ConfigError(msg)
    mode = Mode(mode_text)
    instance = Path(environ.get("COMPTOIR_INSTANCE", ROOT / "instance")).resolve()
    sandbox = mode is Mode.SANDBOX
    base_url = environ.get("COMPTOIR_BASE_URL", "http://localhost:8000").rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = f"COMPTOIR_BASE_URL must look like https://example.org, not {base_url!r}"
        raise ConfigError(msg)

    def secret(name: str, file_name: str) -> str:
        return environ.get(name, "") or (_kept_secret(instance, file_name) if sandbox else "")

    hosts = [host.strip() for host in environ.get("COMPTOIR_TRUSTED_HOSTS", "").split(",") if host.strip()]
    settings = Settings(
        mode=mode,
        base_url=base_url,
        database_url=environ.get("COMPTOIR_DATABASE_URL", f"sqlite:///{instance / 'comptoir.sqlite3'}"),
        instance=instance,
        secret_key=secret("COMPTOIR_SECRET_KEY", "secret_key"),
        pin_pepper=secret("COMPTOIR_PIN_PEPPER", "pin_pepper"),
        trusted_hosts=tuple(hosts) or tuple({"localhost", "127.0.0.1", parts.hostname}),
        smtp_url=environ.get("COMPTOIR_SMTP_URL", ""),
        mail_from=environ.get("COMPTOIR_MAIL_FROM", f"Comptoir <bonjour@{parts.hostname}>"),
        stripe_secret_key=environ.get("COMPTOIR_STRIPE_SECRET_KEY", ""),
        stripe_webhook_secret=secret("COMPTOIR_STRIPE_WEBHOOK_SECRET", "webhook_secret"),
        payment_simulator_url=environ.get("COMPTOIR_PAYMENT_SIMULATOR_URL", "http://localhost:8002").rstrip("/"),
        signing_key_file=_file(environ, "COMPTOIR_SIGNING_KEY_FILE"),
        signing_certificate_file=_file(environ, "COMPTOIR_SIGNING_CERTIFICATE_FILE"),
        redis_url=environ.get("COMPTOIR_REDIS_URL", ""),
        nchan_url=_address(environ, "COMPTOIR_NCHAN_URL"),
        jitsi_url=_address(environ, "COMPTOIR_JITSI_URL"),
        bbb_url=_address(environ, "COMPTOIR_BBB_URL"),
        bbb_secret=environ.get("COMPTOIR_BBB_SECRET", "").strip(),
        fees=Fees(
            wallet_basis_points=_whole(environ, "COMPTOIR_FEE_WALLET_BASIS_POINTS", 120),
            card_basis_points=_whole(environ, "COMPTOIR_FEE_CARD_BASIS_POINTS", 150),
            card_fixed_minor=_whole(environ, "COMPTOIR_FEE_CARD_FIXED_MINOR", 25),
        ),
    )
    if bool(settings.bbb_url) != bool(settings.bbb_secret):
        msg = "COMPTOIR_BBB_URL and COMPTOIR_BBB_SECRET belong together: `bbb-conf --secret` on the server prints both"
        raise ConfigError(msg)
    if not sandbox:
        _check_production(settings, environ)
    return settings


_current: list[Settings] = []


def use(settings: Settings) -> None:
    """Make these the settings of this process."""
    _current[:] = [settings]


def current() -> Settings:
    """The settings of this process; RuntimeError before `use()`."""
    if not _current:
        msg = "no settings yet: create the app first"
        raise RuntimeError(msg)
    return _current[0]
