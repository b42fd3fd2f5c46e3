"""Files as people have them: encodings, delimiters, line breaks, and what is no table at all."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from subscribers.errors import BadFile
from subscribers.transfer.reading import LONGEST_RECORD, Record, inspect, records


def written(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    file = folder / "readers.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return file


def cells(file: Path, after: int = 0) -> list[tuple[int, list[str]]]:
    return [(each.line, each.cells) for each in records(inspect(file), after)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_usual_file_is_read_alike(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    text = end.join(["email,name", "mina@example.org,Мина", "omar@example.org,Ümit", ""]).replace(",", delimiter)
    file = written(tmp_path, text, encoding)
    assert inspect(file).columns == ("email", "name")
    assert inspect(file).delimiter == delimiter
    assert cells(file) == [(2, ["mina@example.org", "Мина"]), (3, ["omar@example.org", "Ümit"])]


def test_a_big_endian_file_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, b"\xfe\xff" + "email\nmina@example.org\n".encode("utf-16-be"))
    assert cells(file) == [(2, ["mina@example.org"])]


def test_lines_are_those_of_the_file_even_behind_a_cell_of_several(tmp_path: Path) -> None:
    file = written(tmp_path, 'email,note\na@example.org,"one\ntwo\nthree"\n\nb@example.org,x\n')
    found = list(records(inspect(file)))
    assert found == [
        Record(2, 4, ["a@example.org", "one\ntwo\nthree"]),
        Record(6, 6, ["b@example.org", "x"]),
    ]


def test_reading_goes_on_behind_any_line(tmp_path: Path) -> None:
    file = written(tmp_path, 'email,note\na@example.org,"1\n2"\nb@example.org,\nc@example.org,\n')
    assert cells(file, after=3) == [(4, ["b@example.org", ""]), (5, ["c@example.org", ""])]
    assert cells(file, after=5) == []


def test_the_fingerprint_is_of_every_byte(tmp_path: Path) -> None:
    one = inspect(written(tmp_path, "email\na@example.org\n")).fingerprint
    assert inspect(written(tmp_path, "email\na@example.org\n")).fingerprint == one
    assert inspect(written(tmp_path, "email\nb@example.org\n")).fingerprint != one


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("x" * 200_000, "field limit"),
        ('"' + "x" * 140_000 + "\nhidden@example.net,inside\n" + '"', "field limit"),
        ('"open', "is not over in line 103"),
        ('"one" two', "expected after"),
        ('"two\nlines"and more', "expected after"),
    ],
)
def test_nothing_behind_a_record_that_cannot_be_read_is_looked_at(tmp_path: Path, broken: str, told: str) -> None:
    people = "".join(f"p{number}@example.org,x\n" for number in range(LONGEST_RECORD + 20))
    file = written(tmp_path, f"email,note\na@example.org,\nb@example.org,{broken}\n{people}")
    seen = records(inspect(file))
    assert next(seen).cells == ["a@example.org", ""]
    with pytest.raises(BadFile, match=f"^line 3 of .*{told}.*mend it"):
        next(seen)
    assert list(seen) == []


def test_a_quotation_mark_that_is_open_to_the_end_swallows_nobody_silently(tmp_path: Path) -> None:
    file = written(tmp_path, 'email,note\na@example.org,"open\nb@example.org,\n')
    with pytest.raises(BadFile, match=r"line 2 of .*unexpected end"):
        list(records(inspect(file)))


def test_quotation_marks_in_the_middle_of_a_cell_are_text(tmp_path: Path) -> None:
    file = written(tmp_path, 'email,note\na@example.org,a 5" disk\nb@example.org,"a ""b"" c"\n')
    assert cells(file) == [(2, ["a@example.org", 'a 5" disk']), (3, ["b@example.org", 'a "b" c'])]


def test_a_file_that_changed_since_it_was_inspected_is_not_read(tmp_path: Path) -> None:
    file = written(tmp_path, "email\na@example.org\n")
    sheet = inspect(file)
    sheet.check()
    os.utime(file, ns=(1, 1))
    with pytest.raises(BadFile, match="changed while it was read"):
        sheet.check()
    with pytest.raises(BadFile, match="changed while it was read"):
        next(records(sheet))


def huge(kind: str) -> Iterator[bytes]:
    """A hundred megabytes that are no table of readers."""
    if kind == "one cell":
        yield b"email,note\na@example.org,"
    elif kind == "one quoted cell of many lines" or kind == "one record of many cells":
        yield b'email,note\na@example.org,"'
    piece = {
        "one cell": b"x" * 100,
        "one quoted cell of many lines": b"x" * 99 + b"\n",
        "one record of many cells": b"x" * 90 + b'\n","' + b"x" * 5,
        "a million columns": b"column," * 10,
        "a million columns in a row": b",",
    }[kind]
    if kind == "a million columns in a row":
        yield b"email,note\na@example.org"
        yield piece * 1_000_000 + b"\nb@example.org,x\n"
        return
    for _ in range(1000):
        yield piece * 1000 if not kind.startswith("a million") else piece * 100
    yield b"\n"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("one cell", "longer than a million"),
        ("one quoted cell of many lines", "is not over"),
        ("one record of many cells", "is not over"),
        ("a million columns", "longer than a million"),
    ],
)
def test_a_hundred_megabytes_of_no_table_are_one_clear_line_in_little_memory(
    tmp_path: Path, kind: str, told: str
) -> None:
    file = tmp_path / "huge.csv"
    with file.open("wb") as out:
        out.writelines(huge(kind))
    tracemalloc.start()
    try:
        with pytest.raises(BadFile, match=told) as error:
            list(records(inspect(file)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(str(error.value).splitlines()) == 1
    assert peak < 40_000_000


def test_a_row_of_a_million_columns_is_one_row(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    with file.open("wb") as out:
        out.writelines(huge("a million columns in a row"))
    assert [len(each.cells) for each in records(inspect(file))] == [1_000_001, 2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n\n\n", "is empty"),
        (b"email\ncaf\xe9@example.org\n", "line 2"),
        (b"email\n\xff\xfe\n", "no UTF-8"),
        ("email\na@example.org\n".encode("utf-16-le"), "zero bytes"),
        (b"\xff\xfee\x00m\x00a", "no UTF-16"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "zero bytes"),
        (b"x" * 3_000_000, "longer than a million"),
        (b"e" + b",c" * 450_000 + b"\nx@example.org\n", "450,001 columns"),
        (b'"e"x,name\na@example.org,A\n', "cannot be read"),
        (b"mina@example.org,Mina\nomar@example.org,Omar\n", "must name its columns"),
    ],
)
def test_what_is_no_table_is_one_clear_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(BadFile, match=told) as error:
        inspect(written(tmp_path, content))
    assert len(str(error.value).splitlines()) == 1


def test_a_missing_file_and_a_folder_are_one_clear_line(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "nowhere.csv", "is no file"), (tmp_path, "is a folder")):
        with pytest.raises(BadFile, match=told):
            inspect(path)
