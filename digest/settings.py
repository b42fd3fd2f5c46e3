"""Settings: frozen, validated, from the environment and `.env`; the environment wins.

Every field carries its documentation, from which `digest config` and the test of `.env.example` read. Values that must
not be shown are marked secret.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from digest.errors import SettingError


def _web_address(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address that starts with http:// or https://")
    return value.rstrip("/")


def _mailbox(value: str) -> str:
    address = parseaddr(value)[1]
    try:
        Address(addr_spec=address)
    except (ValueError, IndexError):
        address = ""
    if value and "@" not in address:
        raise ValueError("a mailbox such as Morning Paper <paper@example.org>")
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("a zone of the tz database such as Europe/Berlin")
    ZoneInfo(value)
    return value


def _words(value: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in value.split(",")) if word) if isinstance(value, str) else value


def _keys(value: str) -> tuple[str, ...]:
    keys = _words(value)
    if any(len(key) < 32 for key in keys):
        raise ValueError("keys of at least 32 characters, the newest first, separated by commas")
    return keys


WebAddress = Annotated[str, BeforeValidator(_web_address)]
Mailbox = Annotated[str, BeforeValidator(_mailbox)]
Zone = Annotated[str, BeforeValidator(_zone)]


def _setting(default: Any, doc: str, *, allowed: str = "", secret: bool = False) -> Any:
    return Field(default=default, description=doc, json_schema_extra={"secret": secret, "allowed": allowed})


class Settings(BaseModel):
    """The effective settings. Field names in upper case are the variables' names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site_name: str = _setting("Digest", "The name in the masthead, in subjects of system mails and in List-Id.")
    public_url: WebAddress = _setting(
        "http://127.0.0.1:8080",
        "Where readers reach the pages. Links in mails begin with it, so a real send needs a public https address.",
    )
    from_: Mailbox = _setting("Digest <digest@localhost>", "The From header; with a provider, a domain verified there.")
    reply_to: Mailbox = _setting("", "A mailbox that a person reads: readers do answer.")
    postal_address: str = _setting("", "The postal address in every footer (CAN-SPAM requires one). Use ' | ' for line breaks.")
    accent: str = Field(
        default="#8a3324",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="The one colour for links and rules, as #rrggbb.",
        json_schema_extra={"secret": False, "allowed": "a colour such as #8a3324"},
    )

    database_url: str = _setting(
        "sqlite:///data/digest.db", "SQLite in a file, or postgresql://user:password@host/name.", secret=True
    )
    data_dir: Path = _setting(Path("data"), "Where the generated key and the local outbox live.")
    secret_keys: Annotated[tuple[str, ...], BeforeValidator(_keys)] = _setting(
        (),
        "Keys that sign links, the newest first, separated by commas. When empty, one is generated into DATA_DIR.",
        secret=True,
    )

    provider: Literal["outbox", "resend"] = _setting(
        "outbox", "Who carries the mail: outbox (files under DATA_DIR) or resend.", allowed="outbox or resend"
    )
    resend_api_key: str = _setting("", "The key of your Resend account, re_...", secret=True)
    resend_base_url: WebAddress = _setting(
        "https://api.resend.com", "Where Resend's API answers; a proxy or a test server can stand in."
    )

    host: str = _setting("127.0.0.1", "The address that `digest run` listens on.")
    port: int = Field(
        default=8080, ge=0, le=65535, description="The port that `digest run` listens on; 0 takes any free one.",
        json_schema_extra={"secret": False, "allowed": "a whole number from 0 to 65535"},
    )
    default_timezone: Zone = _setting("UTC", "The zone of readers who named none.")
    contact_url: WebAddress = _setting(
        "", "Named in the User-Agent when sources are fetched, so that publishers can reach you. PUBLIC_URL when empty."
    )
    allow_private_networks: bool = _setting(
        False,
        "Development only: lets sources live on private and loopback addresses.",
        allowed="true or false",
    )

    @property
    def sends_over_network(self) -> bool:
        """Whether mail leaves this machine."""
        return self.provider != "outbox"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings together with where each value came from: "environment", "the .env file's path", "default" or "generated"."""

    settings: Settings
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()
    """What start-up should say, one line each."""


def variable(field: str) -> str:
    """The environment variable of a field: `from_` is FROM."""
    return field.rstrip("_").upper()


def load(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Loaded:
    """Read the environment and `.env` (in the working directory unless named). Raises SettingError, one line, on a bad value.

    Does not create anything; see `with_keys` for the generated key.
    """
    environ = os.environ if environ is None else environ
    file = env_file or Path(".env")
    from_file = dotenv_values(file) if file.is_file() else {}
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    for name in Settings.model_fields:
        for origin, place in (("environment", environ), (str(file), from_file)):
            found = place.get(variable(name))
            if found is not None:
                values[name], origins[name] = found, origin
                break
        else:
            origins[name] = "default"
    try:
        return Loaded(Settings.model_validate(values), origins)
    except ValidationError as error:
        raise SettingError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    field = Settings.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    allowed = str(extra.get("allowed") or "") or first["msg"].removeprefix("Value error, ")
    value = "(hidden)" if extra.get("secret") else repr(first["input"])
    return f"{variable(name)} is {value}; allowed is {allowed}"


def with_keys(loaded: Loaded) -> Loaded:
    """Settings that surely have a key: without SECRET_KEYS, the one in DATA_DIR/secret.key, made on first use (mode 0600).

    Raises SettingError when the file can neither be read nor made. The key is durable when this returns.
    """
    settings = loaded.settings
    if settings.secret_keys:
        return loaded
    file = settings.data_dir / "secret.key"
    notes = loaded.notes
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "w") as out:
                out.write(secrets.token_urlsafe(48) + "\n")
                out.flush()
                os.fsync(out.fileno())
            notes = (*notes, f"made a signing key in {file}: back it up, links in sent mails depend on it")
        keys = _keys(file.read_text().strip().replace("\n", ","))
    except (OSError, ValueError) as error:
        raise SettingError(f"SECRET_KEYS is empty and {file} cannot be used: {error}") from None
    if not keys:
        raise SettingError(f"SECRET_KEYS is empty and {file} holds no key; delete the file to have a new one made")
    return Loaded(
        settings.model_copy(update={"secret_keys": keys}), {**loaded.origins, "secret_keys": f"generated, {file}"}, notes
    )


def missing_for_sending(settings: Settings) -> list[str]:
    """What a network provider still needs before anything may leave, as variable names with what they want."""
    if not settings.sends_over_network:
        return []
    wants = [
        ("FROM is not set to a mailbox on your own domain", settings.from_.endswith("@localhost>") or not settings.from_),
        ("REPLY_TO is not set (a mailbox that somebody reads)", not settings.reply_to),
        ("POSTAL_ADDRESS is not set", not settings.postal_address),
        ("PUBLIC_URL is not a public https address", not _public(settings.public_url)),
        ("RESEND_API_KEY is not set", settings.provider == "resend" and not settings.resend_api_key),
    ]
    return [text for text, missing in wants if missing]


def _public(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    local = host in ("localhost", "") or host.endswith((".localhost", ".local", ".internal")) or host.startswith("127.")
    return url.startswith("https://") and not local and "." in host
