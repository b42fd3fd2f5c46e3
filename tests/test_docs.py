"""What the command line can do is written down, and what is written down it can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from digest.cli.app import app
from tests.parts import ROOT


def commands() -> Iterator[tuple[str, list[str]]]:
    """("digest topics add", ["--from", ...]) for every command; of an option's names, the long ones."""
    tree: Any = typer.main.get_command(app)

    def walk(path: str, node: Any) -> Iterator[tuple[str, list[str]]]:
        if hasattr(node, "commands"):
            for name, inside in node.commands.items():
                yield from walk(f"{path} {name}", inside)
            return
        names = [name for one in node.params for name in (*one.opts, *one.secondary_opts) if name.startswith("--")]
        yield path, [name for name in names if name != "--help"]

    yield from walk("digest", tree)


COMMANDS = dict(commands())


def reference() -> dict[str, str]:
    """docs/commands.md by command: the text from its first mention to the next command's."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    starts = [(found.start(), found[1]) for found in re.finditer(r"`(digest(?: [a-z]+)+)", text)]
    firsts = {name: start for start, name in reversed(starts) if name in COMMANDS}
    order = sorted(firsts.items(), key=lambda item: item[1])
    ends = [start for _, start in order[1:]] + [len(text)]
    return {name: text[start:end] for (name, start), end in zip(order, ends, strict=True)}


def test_there_are_commands() -> None:
    assert {"digest demo", "digest try", "digest send", "digest run", "digest topics add"} <= COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_in_the_reference(command: str) -> None:
    told = reference().get(command, "")
    assert told, f"docs/commands.md says nothing of `{command}`"
    missing = [name for name in COMMANDS[command] if not re.search(rf"{name}\b", told)]
    assert not missing, f"docs/commands.md does not say what these of `{command}` do: {missing}"


@pytest.mark.parametrize("file", ["README.md", "docs/commands.md", "CONTRIBUTING.md"])
def test_no_text_names_a_command_or_an_option_that_does_not_exist(file: str) -> None:
    path = ROOT / file
    if not path.exists():
        assert file != "docs/commands.md"
        return
    every = {option for options in COMMANDS.values() for option in options} | {"--help", "--json"}
    groups = {" ".join(name.split()[:2]) for name in COMMANDS}
    for line in re.findall(
        r"(?m)^(?:\$ )?(?:\.venv/bin/)?(digest [^\n`]*)|`(digest [^`\n]*)`", path.read_text(encoding="utf-8")
    ):
        words = " ".join(filter(None, line)).split("#")[0].split()
        name = next((" ".join(words[:size]) for size in (3, 2) if " ".join(words[:size]) in COMMANDS), None)
        if len(words) > 1 and words[1].startswith("-"):
            continue
        assert name or " ".join(words[:2]) in groups, f"{file} names `{' '.join(words)}`, which is no command"
        for word in words[1:]:
            if word.startswith("--"):
                assert word.split("=")[0] in (COMMANDS[name] + ["--help"] if name else every), (
                    f"{file}: {' '.join(words)}"
                )


def test_every_command_says_what_it_does() -> None:
    tree: Any = typer.main.get_command(app)
    assert tree.commands["send"].help
    assert all(one.help for group in tree.commands.values() for one in getattr(group, "commands", {}).values())


def test_every_section_that_a_comment_names_exists(python_files: list[Path]) -> None:
    """Comments point into docs/design.md by number: "(design, section 5)"."""
    there = set(re.findall(r"(?m)^## (\d+)\. ", (ROOT / "docs" / "design.md").read_text()))
    assert there
    told = {
        f"{file.relative_to(ROOT)}: section {number}"
        for file in python_files
        for numbers in re.findall(r"design(?:\.md)?`?,\s+sections? ([\d, and]+)", file.read_text())
        for number in re.findall(r"\d+", numbers)
        if number not in there
    }
    assert told == set()


def test_every_relative_link_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = page.read_text()
        links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text) + re.findall(r'src="(?!https?:)([^"]+)"', text)
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name
