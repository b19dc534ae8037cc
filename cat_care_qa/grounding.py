"""What an answer quotes of the notes it draws on: dates, amounts and names that the notes do not hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

_NOTE_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)(?!\d)")
_NOTE_MONTH = re.compile(r"(\d{4})-(\d\d)(?!-?\d)")
_TODAY = re.compile(r"今日は(\d{4}-\d\d-\d\d)")
_NAME = re.compile(r"【(.+?)の(?:記録|メモ|給餌器メモ|ノート)】")
_PLANNED = timedelta(days=183)  # a date this far ahead is a plan, not a memory

_UNIT = r"(kg|g|mg|mL|cm|mm|kcal|キロ|グラム|ミリリットル|センチ|回|錠|滴|本|匹|歳|円|単位)"
_AMOUNT = re.compile(rf"(\d+(?:\.\d+)?){_UNIT}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CLOSE = 1e-6


def dates_not_in(notes: str, answer: str) -> list[str]:
    """Dates in an answer that stand neither in the notes nor within half a year after the day they end on."""
    known = {(int(month), int(day)) for _, month, day in _NOTE_DATE.findall(notes)}
    known |= {(int(month), int(day)) for month, day in re.findall(r"(\d{1,2})月(\d{1,2})日", notes)}
    months = {month for month, _ in known} | {int(month) for _, month in _NOTE_MONTH.findall(notes)}
    months |= {int(month) for month in re.findall(r"(\d{1,2})月", notes)}
    years = {int(year) for year, _, _ in _NOTE_DATE.findall(notes) if year}
    years |= {int(year) for year, _ in _NOTE_MONTH.findall(notes)} | set(map(int, re.findall(r"(\d{4})年", notes)))
    if today := _TODAY.search(notes):
        ahead = [date.fromisoformat(today[1]) + timedelta(days=days) for days in range(_PLANNED.days)]
        known |= {(day.month, day.day) for day in ahead}
        months |= {day.month for day in ahead}
        years |= {day.year for day in ahead}
    missing = [f"{m}月{d}日" for m, d in re.findall(r"(\d{1,2})月(\d{1,2})日", answer) if (int(m), int(d)) not in known]
    missing += [f"{m}月" for m in re.findall(r"(?<!\d)(\d{1,2})月", answer) if int(m) not in months]
    return missing + [f"{y}年" for y in re.findall(r"(\d{4})年", answer) if int(y) not in years]


def amounts_not_in(notes: str, answer: str) -> list[str]:
    """Numbers with a unit in an answer that are neither in the notes nor the sum or difference of two of that unit."""
    known = {float(number) for number in _NUMBER.findall(notes)}
    of_unit: dict[str, set[float]] = {}
    for number, unit in _AMOUNT.findall(notes):
        of_unit.setdefault(unit, set()).add(float(number))
    return [
        f"{number}{unit}"
        for number, unit in _AMOUNT.findall(answer)
        if not _near(float(number), known) and not _near(float(number), _worked_out(of_unit.get(unit, set())))
    ]


def _worked_out(amounts: set[float]) -> set[float]:
    return {abs(one - other) for one in amounts for other in amounts} | {a + b for a in amounts for b in amounts}


def _near(number: float, known: set[float]) -> bool:
    return any(abs(number - other) < _CLOSE for other in known)


def names_in(notes: str) -> list[str]:
    """The names of the cats whose notes these are."""
    return [name for name in _NAME.findall(notes) if name != "ほかの飼い主"]


def names_not_in(notes: str, answer: str, names: Iterable[str]) -> list[str]:
    """Those of the names of cats that an answer speaks of as of somebody, and the notes do not know."""
    strangers = [re.escape(name) for name in names if len(name) > 1 and name not in notes]
    if not strangers:
        return []
    return re.findall(rf"(?:^|[。、「])({'|'.join(strangers)})(?:は|が|の|も|を|には|では)", answer)
