"""The words of dates: months in the languages that feeds come in, halves of a day, zones. Pure."""

from __future__ import annotations

import unicodedata

_MONTHS = """
jan feb mar apr may jun jul aug sep oct nov dec
january february march april - june july august september october november december
- - - - - - - - sept - - -
januar februar marz april mai juni juli august september oktober november dezember
- febr maerz - - - - - - okt - dez
janner feber - - - - - - - - - -
janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
janv fevr - avr - - juil - - - - -
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
ene - - abr - - - ago setiembre - - dic
janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro
- fev - - - - - - set out - -
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
gen - - - mag giu lug - sett ott - -
januari februari maart april mei juni juli augustus september oktober november december
- - mrt - - - - - - - - -
stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia
styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik listopad grudzien
sty lut - kwi - cze lip sie wrz paz lis gru
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь
янв фев мар апр - июн июл авг сен окт ноя дек
- февр - - - - - - сент - нояб -
січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
січень лютий березень квітень травень червень липень серпень вересень жовтень листопад грудень
січ лют бер кві тра чер лип сер вер жов лис гру
- - берез квіт трав черв - серп верес жовт листоп груд
ledna unora brezna dubna kvetna cervna cervence srpna zari rijna - prosince
leden unor brezen duben kveten cerven cervenec srpen - rijen - prosinec
led uno bre dub kve cvn cvc srp zar rij - pro
ocak subat mart nisan mayis haziran temmuz agustos eylul ekim kasim aralik
oca sub - nis - haz tem agu eyl eki kas ara
- - - - maj - - augusti - - - -
januar februar marts april maj juni juli august september oktober november december
- - - - - - - - - - - desember
- - - - - - - - - - - des
tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesakuuta - - - - - -
- - - - - - heinakuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta
tammikuu helmikuu maaliskuu huhtikuu toukokuu kesakuu heinakuu elokuu syyskuu lokakuu marraskuu joulukuu
tammi helmi maalis huhti touko kesa heina elo syys loka marras joulu
tammik helmik maalisk huhtik toukok kesak heinak elok syysk lokak marrask jouluk
يناير فبراير مارس ابريل مايو يونيو يوليو اغسطس سبتمبر اكتوبر نوفمبر ديسمبر
ιανουαριου φεβρουαριου μαρτιου απριλιου μαιου ιουνιου ιουλιου αυγουστου σεπτεμβριου οκτωβριου νοεμβριου δεκεμβριου
ιανουαριος φεβρουαριος μαρτιος απριλιος μαιος ιουνιος ιουλιος αυγουστος σεπτεμβριος οκτωβριος νοεμβριος δεκεμβριος
ιαν φεβ μαρ απρ μαι ιουν ιουλ αυγ σεπ οκτ νοε δεκ
- - μαρτ - - ιον ιολ - σεπτ - - -
januar februar marcius aprilis majus junius julius augusztus szeptember oktober november december
- - marc - - - - - szept - - -
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
ian - - - - iun iul - - - noi -
gener febrer marc abril maig juny juliol agost setembre octubre novembre desembre
"""
"""Twelve to a line: English, German, French, Spanish, Portuguese, Italian, Dutch, Polish,
Russian, Ukrainian, Czech, Turkish, Swedish, Danish, Norwegian, Finnish, Arabic, Greek, Hungarian, Romanian, Catalan;
full, as they stand in a date, and short. The tests hold them against CLDR. Languages whose names mean other months in
these (Croatian: listopad is October) are left out. Chinese, Japanese and Korean write numbers."""


def _plain(name: str) -> str:
    """In lower case without accents and dots: `März`, `MARZ` and `ağustos`, `AGUSTOS` are the same."""
    bare = "".join(each for each in unicodedata.normalize("NFD", name.lower()) if not unicodedata.combining(each))
    return bare.replace("ı", "i")


_BY_NAME = {
    _plain(name): number
    for line in _MONTHS.split("\n")
    for number, name in enumerate(line.split(), start=1)
    if name != "-"
}
_HALVES = {
    "am": 0, "오전": 0, "上午": 0, "午前": 0, "ص": 0, "πμ": 0,
    "pm": 12, "오후": 12, "下午": 12, "午後": 12, "م": 12, "μμ": 12,
}  # fmt: skip
_ZONES = {
    "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "MET": 1, "MEZ": 1, "CEST": 2, "MEST": 2,
    "MESZ": 2, "SAST": 2, "EET": 2, "EEST": 3, "MSK": 3, "TRT": 3, "PKT": 5, "IST": 5.5, "WIB": 7, "ICT": 7, "SGT": 8,
    "HKT": 8, "PHT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12,
    "NZDT": 13, "NDT": -2.5, "NST": -3.5, "BRT": -3, "ART": -3, "CLT": -4, "ADT": -3, "AST": -4, "EDT": -4, "EST": -5,
    "ET": -5, "CDT": -5, "CST": -6, "CT": -6, "MDT": -6, "MST": -7, "MT": -7, "PDT": -7, "PST": -8, "PT": -8,
    "AKDT": -8, "AKST": -9, "HST": -10,
}  # fmt: skip
"""Hours from UTC. CST is America's and IST India's, as most feeds that say so mean."""


def month(name: str) -> int | None:
    """1 to 12 for a month's name or its abbreviation in any of the languages; None for other words."""
    plain = _plain(name)
    return _BY_NAME.get(plain) or _BY_NAME.get(plain[:3])


def half(told: str) -> int | None:
    """The hours that half of the day begins with, 0 or 12; None for other words."""
    return _HALVES.get(told.lower().replace(".", ""))


def offset(zone: str) -> float:
    """The hours that a zone's letters mean; 0 for unknown ones (RFC 5322, 4.3: they mean -0000)."""
    return _ZONES.get(zone.upper(), 0)
