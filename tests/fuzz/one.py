"""One target under atheris: `python -m tests.fuzz.one TARGET [libFuzzer's flags] [corpus or file ...]`.

With a file it runs that once, which is how a finding is looked at. `tests.fuzz` calls it for all targets.
"""

from __future__ import annotations

import sys
from importlib import import_module

atheris = import_module("atheris")  # by name, for it has no types, and is not on every machine
with atheris.instrument_imports(include=["digest.gather", "digest.stories", "protego"]):
    from digest.gather import identity, language
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS
    from tests.fuzz.watch import Watch


def main(name: str, flags: list[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    target = TARGETS[name]
    # Lists and models of the program's own are files that are read when they are first needed.
    identity.same_site("https://a.example.co.uk/", "https://b.example.co.uk/")
    language.detect("", "The ferry came home late in the night, and nobody waited for it.")
    for seed in seeds(name):
        target.check(seed)  # what is imported or read once and late is so before anybody listens
    watch = Watch()

    def check(data: bytes) -> None:
        with watch:
            target.check(data)
        if watch.seen:
            raise AssertionError(f"a parser opened: {watch.seen}")

    atheris.Setup([sys.argv[0], *flags], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
