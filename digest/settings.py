"""Settings: frozen, validated, from the environment and `.env`; the environment wins.

Every field carries its documentation; a test compares the fields with `.env.example`. Values that must not be shown
are marked secret.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from digest import checks
from digest.carrying import LOCAL, Carrying
from digest.errors import SettingError
from digest.fields import Line, Mailbox, WebAddress, Zone, number, setting


class Settings(Carrying):
    """The effective settings. Field names in upper case are the variables' names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site_name: Line = setting("Digest", "The name in the masthead, in subjects of system mails and in List-Id.")
    public_url: WebAddress = setting(
        "http://127.0.0.1:8080",
        "Where readers reach the pages. Links in mails begin with it, so a real send needs a public https address.",
    )
    from_: Mailbox = setting("Digest <digest@localhost>", "The From header; with a provider, a domain verified there.")
    reply_to: Mailbox = setting("", "A mailbox that a person reads: readers do answer.")
    postal_address: Line = setting(
        "", "The postal address in every footer (CAN-SPAM requires one). Use ' | ' for line breaks."
    )
    accent: str = Field(
        default="#8a3324",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="The one colour for links and rules, as #rrggbb.",
        json_schema_extra={"secret": False, "allowed": "a colour such as #8a3324"},
    )
    theme: Line = setting("paper", "The look of the mails: paper, compact, letter, or one of your own.")
    logo_url: Annotated[str, BeforeValidator(checks.picture_address), BeforeValidator(checks.line)] = setting(
        "", "The https address of a picture that stands in the masthead of mails in place of the name."
    )
    logo_width: int = Field(
        default=160,
        ge=16,
        le=552,
        description="How wide the logo is shown, in pixels; the file should have twice as many.",
        json_schema_extra={"secret": False, "allowed": "a whole number of pixels from 16 to 552"},
    )
    fonts: Literal["serif", "sans", "system"] = setting(
        "serif",
        "The type of headlines in mails: serif (Georgia), sans (Helvetica, Arial) or system (each device's own).",
        allowed="serif, sans or system",
    )
    templates_dir: Line = setting(
        "", "The folder of your own templates of mails: a file there stands in for the shipped one of the same name."
    )

    database_url: Annotated[str, BeforeValidator(checks.database)] = setting(
        "sqlite:///data/digest.db", "SQLite in a file, or postgresql://user:password@host/name.", secret=True
    )
    data_dir: Annotated[Path, BeforeValidator(checks.folder)] = setting(
        Path("data"), "Where the generated key and the local outbox live."
    )
    secret_keys: Annotated[tuple[str, ...], BeforeValidator(checks.keys)] = setting(
        (),
        "Keys that sign links, the newest first, separated by commas. When empty, one is generated into DATA_DIR.",
        secret=True,
    )

    alert_url: WebAddress = setting(
        "",
        "Where a POST tells that an edition was stopped, a provider fails or mails are in doubt; nobody is told if "
        "empty.",
        secret=True,
    )
    operator_email: Annotated[tuple[str, ...], BeforeValidator(checks.addresses)] = setting(
        (), "Who is mailed every day what the last day was, separated by commas; nobody when empty."
    )
    operator_language: Line = setting("en", "The language of what is mailed to OPERATOR_EMAIL: en, de, ar.")
    report_at: str = Field(
        default="05:50",
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="When the daily report is made, by the clock of DEFAULT_TIMEZONE.",
        json_schema_extra={"secret": False, "allowed": "a time such as 05:50"},
    )

    host: Line = setting("127.0.0.1", "The address that `digest run` listens on.")
    port: int = number(8080, 0, 65535, "The port that `digest run` listens on; 0 takes any free one.")
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(checks.networks)] = setting(
        (),
        "Proxies in front of the pages, as addresses or networks separated by commas; only theirs is X-Forwarded-For "
        "believed. Name yours, or every reader seems to come from one network.",
    )
    sign_up_domains: Annotated[tuple[str, ...], BeforeValidator(checks.domains)] = setting(
        (), "Only addresses of these domains and their subdomains may sign up, separated by commas; everybody if empty."
    )
    blocked_domains: Annotated[tuple[str, ...], BeforeValidator(checks.domains)] = setting(
        (), "Addresses of these domains and their subdomains may not sign up, separated by commas."
    )
    sign_ups_per_network: int = number(
        20, 1, 1_000_000, "How many sign-ups and requests for links one network may make in an hour."
    )
    sign_ups_per_hour: int = number(
        5000,
        1,
        100_000_000,
        "How many sign-ups all together are taken in an hour, and as many requests for links besides.",
    )
    goodbye_mail: bool = setting(
        False,
        "Whether who leaves everything is sent one last mail that confirms it, with an undo for a day.",
        allowed="true or false",
    )
    rank_weights: Annotated[Mapping[str, float], BeforeValidator(checks.weights)] = setting(
        dict(checks.RANK_WEIGHTS), "What counts how much in the order of stories; what is not named counts nothing."
    )
    llm_url: WebAddress = setting(
        "", "The base address of an OpenAI-compatible endpoint that summarises stories; nothing is asked when empty."
    )
    llm_model: Line = setting("", "The model that is asked there.")
    llm_key: Annotated[str, BeforeValidator(checks.token)] = setting(
        "", "The endpoint's key, if it wants one.", secret=True
    )
    llm_tokens_per_day: int = number(
        200_000, 0, 1_000_000_000, "Tokens, asked and answered, that summaries may cost on one day (UTC)."
    )
    llm_seconds: int = number(60, 1, 600, "Seconds that an edition waits for its summaries at most.")

    default_timezone: Zone = setting("UTC", "The zone of readers who named none.")
    contact_url: WebAddress = setting(
        "", "Named in the User-Agent when sources are fetched, so that publishers can reach you. PUBLIC_URL when empty."
    )
    allow_private_networks: bool = setting(
        False,
        "Development only: lets sources live on private and loopback addresses.",
        allowed="true or false",
    )

    @property
    def sends_over_network(self) -> bool:
        """Whether mail leaves this machine."""
        return self.provider not in LOCAL


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where each came from: "environment", the path of the .env file, "default" or "generated, PATH"."""

    settings: Settings
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()
    """What start-up should say, one line each."""


def variable(field: str) -> str:
    """The environment variable of a field: `from_` is FROM."""
    return field.rstrip("_").upper()


def load(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Loaded:
    """Read the environment and `.env` (in the working directory unless named); the environment wins.

    Raises SettingError, one line, on a bad value. Creates nothing; see `with_keys` for the generated key.
    """
    environ = os.environ if environ is None else environ
    file = env_file or Path(".env")
    from_file = _read(file)
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
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingError(_one_line(error, origins)) from None
    if bool(settings.llm_url) != bool(settings.llm_model):
        missing, there = ("LLM_MODEL", "LLM_URL") if settings.llm_url else ("LLM_URL", "LLM_MODEL")
        raise SettingError(f"{there} is set and {missing} is not; set both to have stories summarised, or neither")
    return Loaded(settings, origins, _misspelt(file, from_file))


def _read(file: Path) -> dict[str, str | None]:
    if not file.exists():
        return {}
    try:
        return dict(dotenv_values(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from None


def _misspelt(file: Path, from_file: Mapping[str, str | None]) -> tuple[str, ...]:
    """A note for each name in `.env` that is nearly a setting. Other names may belong to other programs."""
    known = [variable(name) for name in Settings.model_fields]
    near = {name: get_close_matches(name.upper(), known, n=1, cutoff=0.85) for name in from_file if name not in known}
    return tuple(f"{file}: {name} is not a setting; {found[0]} is" for name, found in near.items() if found)


def _one_line(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    field = Settings.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    allowed = str(extra.get("allowed") or "") or first["msg"].removeprefix("Value error, ")
    value = "(hidden)" if extra.get("secret") else repr(first["input"])
    return f"{variable(name)} is {value} ({origins[name]}); allowed is {allowed}"


def with_keys(loaded: Loaded) -> Loaded:
    """Settings that surely have a key: without SECRET_KEYS, the one in DATA_DIR/secret.key.

    That file is made on first use (mode 0600). Raises SettingError when it can neither be read nor made. The key is
    durable when this returns.
    """
    settings = loaded.settings
    if settings.secret_keys:
        return loaded
    file = settings.data_dir / "secret.key"
    notes = loaded.notes
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if _make_key(file):
            notes = (*notes, f"made a signing key in {file}: back it up, links in sent mails depend on it")
        keys = checks.keys(file.read_text().strip().replace("\n", ","))
    except (OSError, ValueError) as error:
        raise SettingError(f"SECRET_KEYS is empty and {file} cannot be used: {error}") from None
    if not keys:
        raise SettingError(f"SECRET_KEYS is empty and {file} holds no key; delete the file to have a new one made")
    return Loaded(
        settings.model_copy(update={"secret_keys": keys}),
        {**loaded.origins, "secret_keys": f"generated, {file}"},
        notes,
    )


def _make_key(file: Path) -> bool:
    """Make `file` with a new key unless it exists; whether this call did. Written whole under another name and then
    linked into place, so that a second process starting at this moment never reads half a key.
    """
    if file.exists():
        return False
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(48) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a new name is durable only with its folder (fsync(2))
    finally:
        os.close(folder)
    return True


def masked(loaded: Loaded) -> list[dict[str, str]]:
    """The effective settings as rows of setting, value and from, fit to be shown: secrets only say that they are
    set."""
    rows = []
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        value = getattr(loaded.settings, name)
        shown = _plain(value)
        if extra.get("secret") and value:
            shown = _without_password(shown) if name == "database_url" else "(set)"
        rows.append({"setting": variable(name), "value": shown, "from": loaded.origins[name]})
    return rows


def _plain(value: object) -> str:
    """A value as it would be written into `.env`."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={number:g}" for name, number in value.items())
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_password(url: str) -> str:
    """As SQLAlchemy understands the address: it finds passwords where the standard library does not."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "(set, but not a database address)"
    return parsed.set(query=dict.fromkeys(parsed.query, "***")).render_as_string(hide_password=True)
