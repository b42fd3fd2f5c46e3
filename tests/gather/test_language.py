"""The language of what declares none."""

from __future__ import annotations

import csv
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from digest.gather.language import detect
from tests.parts import ROOT

TOLD = {
    "en": "The harbour board met on Tuesday and decided that the old crane should be taken down before winter.",
    "de": "Der Hafenrat hat am Dienstag beschlossen, den alten Kran noch vor dem Winter abbauen zu lassen.",
    "fr": "Le conseil du port a décidé mardi de démonter la vieille grue avant les tempêtes de l'hiver.",
    "es": "El consejo del puerto decidió el martes desmontar la vieja grúa antes de las tormentas del invierno.",
    "pl": "Rada portu zdecydowała we wtorek, że stary dźwig zostanie rozebrany przed zimowymi sztormami.",
    "ru": "Совет порта решил во вторник, что старый кран разберут до зимних штормов.",
    "ar": "قرر مجلس الميناء يوم الثلاثاء إزالة الرافعة القديمة قبل عواصف الشتاء.",
    "zh": "港务局周二决定在冬季风暴来临之前拆除这台旧起重机，费用由市政府承担。",
    "ja": "港湾局は火曜日に、冬の嵐が来る前に古いクレーンを撤去することを決めた。",
}


@pytest.mark.parametrize("tag", TOLD)
def test_a_sentence_is_enough(tag: str) -> None:
    assert detect("", TOLD[tag]) == tag


@pytest.mark.parametrize("title", ["", "Wetter", "iPhone 17", "2026-01-03 12:30", "!" * 500, "Sport: 3 – 1"])
def test_a_short_text_is_in_no_language(title: str) -> None:
    assert detect(title) == ""


def test_what_might_be_two_languages_is_in_none() -> None:
    assert detect("Havnerådet besluttede tirsdag at fjerne den gamle kran") == ""


@pytest.mark.shared
def test_hardly_a_real_headline_is_mistaken(shared: Path) -> None:
    with (shared / "clusters" / "headlines.csv").open(newline="") as file:
        found = [detect(row["title"]) for row in csv.DictReader(file)]
    answered = [tag for tag in found if tag]
    assert len(answered) > 0.4 * len(found)
    assert sum(tag != "en" for tag in answered) <= 0.001 * len(answered)


def test_it_loads_when_asked_first_without_a_warning() -> None:
    program = (
        "import sys; from digest.gather import refine; from digest.gather.language import detect;"
        "assert 'numpy' not in sys.modules and 'py3langid' not in sys.modules;"
        f"assert detect('', {TOLD['de']!r}) == 'de'; assert 'numpy' in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_threads_get_the_same_answers() -> None:
    found: list[tuple[str, str]] = []
    threads = [
        threading.Thread(target=lambda: found.extend((tag, detect("", TOLD[tag])) for tag in TOLD)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([(tag, tag) for tag in TOLD] * 4)
