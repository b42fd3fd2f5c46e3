"""An operator's own templates: files that stand in for the shipped ones of the same name, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from gettext import NullTranslations
from pathlib import Path

from digest.compose.theme import THEMES, Theme, theme_names
from digest.errors import InputError, SettingError
from digest.service.places import templates_folder
from digest.settings import Settings

MAILS = "email"
"""The part of the templates that may be replaced: mails. Pages change with the code that serves them."""


NEVER = "own, never used"


@dataclass(frozen=True, slots=True)
class Listed:
    """A template of mails. `name` begins with "email/"."""

    name: str
    origin: str
    """shipped; own; "own, as shipped" for a copy that says the same; "own, never used" where nothing asks for it."""


def own_folder(settings: Settings) -> Path | None:
    """TEMPLATES_DIR; None when it is not set. Raises SettingError when it is no folder: mails would go out in the
    shipped look, and nobody would be told."""
    if not settings.templates_dir:
        return None
    folder = Path(settings.templates_dir)
    if not folder.is_dir():
        raise SettingError(
            f"TEMPLATES_DIR is {settings.templates_dir}, and there is no such folder; "
            "`digest templates copy` makes it, or leave the setting empty"
        )
    return folder


def chosen_theme(settings: Settings, translations: Callable[[str], NullTranslations], name: str | None = None) -> Theme:
    """The theme `name`, or that of THEME. Raises SettingError, and InputError for a name that no theme has."""
    own = own_folder(settings)
    wanted, there = name or settings.theme, theme_names(templates_folder(), own)
    if wanted not in there:
        known = f"there are {', '.join(there)}"
        raise InputError(f"no theme {name!r}; {known}") if name else SettingError(f"THEME is {wanted!r}; {known}")
    return Theme(templates_folder(), translations, own, wanted)


def listed(settings: Settings) -> list[Listed]:
    """Every template of mails, by name. Raises SettingError."""
    own, shipped = own_folder(settings), templates_folder()
    names = _names(shipped)
    found = [Listed(name, _origin(name, shipped, own)) for name in names]
    more = [
        Listed(name, "own" if _instead_of(name) in names else NEVER)
        for name in set(_names(own) if own else ()) - set(names)
    ]
    return sorted([*found, *more], key=lambda each: each.name)


def copied(settings: Settings, wanted: Sequence[str], *, force: bool = False) -> list[str]:
    """Copy shipped templates into TEMPLATES_DIR, which is made when missing; their names.

    `wanted` are mails ("digest", "_base") or files ("email/digest/body.html"). All or nothing: InputError for what is
    not there, and for a file that would be written over without `force`. Raises SettingError without a TEMPLATES_DIR,
    InputError when it cannot be written to.
    """
    if not settings.templates_dir:
        raise SettingError("TEMPLATES_DIR is not set; name there the folder that your own templates shall be in")
    own, shipped = Path(settings.templates_dir), templates_folder()
    names = [name for each in wanted for name in _matching(each, _names(shipped))]
    there = [name for name in names if (own / name).exists()]
    if there and not force:
        raise InputError(f"{own / there[0]} is there already; name another one, or give --force")
    try:
        for name in names:
            (own / name).parent.mkdir(parents=True, exist_ok=True)
            (own / name).write_bytes((shipped / name).read_bytes())
    except OSError as error:
        raise InputError(f"cannot write to TEMPLATES_DIR: {error}") from None
    return names


def _names(folder: Path) -> list[str]:
    files = (file for file in (folder / MAILS).rglob("*") if file.is_file())
    return sorted(file.relative_to(folder).as_posix() for file in files)


def _instead_of(name: str) -> str:
    """The shared file that a theme's file stands in for; the name itself outside of themes."""
    theme, _, rest = name.removeprefix(f"{THEMES}/").partition("/")
    return f"{MAILS}/{rest}" if name.startswith(f"{THEMES}/{theme}/") else name


def _origin(name: str, shipped: Path, own: Path | None) -> str:
    if own is None or not (own / name).is_file():
        return "shipped"
    return "own, as shipped" if (own / name).read_bytes() == (shipped / name).read_bytes() else "own"


def _matching(wanted: str, names: Sequence[str]) -> list[str]:
    name = wanted.strip("/").removeprefix(f"{MAILS}/")
    found = [each for each in names if each == f"{MAILS}/{name}" or each.startswith(f"{MAILS}/{name}/")]
    if not found:
        mails = ", ".join(dict.fromkeys(each.split("/")[1] for each in names))
        raise InputError(f"there is no template {wanted!r}; there are {mails}, and their files")
    return found
