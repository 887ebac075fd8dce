"""Compares every deadline that `schleuse deadlines table` prints for 2024 to 2030, and every public holiday
of 2020 to 2050, with a calculation that shares nothing with it: python-dateutil for months, the package
holidays for the Länder, zoneinfo for the clocks. The rules below were read from the statutes, not from the
Rust table; a rule that is missing here or there is a difference.

deadlines.py PROGRAM
"""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
from dateutil.relativedelta import relativedelta

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(2024, 1, 1), date(2030, 12, 31)

# Span; whether the first day counts (§ 187 (2) BGB); whether the end moves to a working day (§ 26 (3) SGB X).
WEEKS_2, WEEKS_3, WEEKS_6, WEEKS_8 = (relativedelta(weeks=n) for n in (2, 3, 6, 8))
MONTHS_2, MONTHS_3, MONTHS_6 = (relativedelta(months=n) for n in (2, 3, 6))
YEAR, YEARS_2 = relativedelta(years=1), relativedelta(years=2)
RULES = {
    "sgb9-14-1-1": (WEEKS_2, False, True),
    "sgb9-14-2-2": (WEEKS_3, False, True),
    "sgb9-14-2-4": (WEEKS_3, False, True),
    "sgb9-14-2-3": (WEEKS_2, False, True),
    "sgb9-17-2-1": (WEEKS_2, False, True),
    "sgb9-15-2-2": (WEEKS_2, False, True),
    "sgb9-15-2-2-gutachten": (WEEKS_2, False, True),
    "sgb9-15-4-1": (WEEKS_6, False, True),
    "sgb9-15-4-1-weiterleitung": (WEEKS_6, False, True),
    "sgb9-15-4-2": (MONTHS_2, False, True),
    "sgb9-15-4-2-weiterleitung": (MONTHS_2, False, True),
    "sgb9-18-1": (MONTHS_2, False, True),
    "sgb9-18-1-weiterleitung": (MONTHS_2, False, True),
    "projekt-rueckmeldung": (WEEKS_8, False, True),
    "projekt-gutachten": (MONTHS_6, False, True),
    "projekt-hilfeplan": (MONTHS_6, False, True),
    "projekt-zustaendigkeit": (YEAR, False, True),
    "projekt-ende": (YEARS_2, True, False),
    "projekt-ueberpruefung": (MONTHS_6, False, True),
    "projekt-nachbetreuung-3": (MONTHS_3, False, False),
    "projekt-nachbetreuung-6": (MONTHS_6, False, False),
}

# Places whose calendars differ most; holidays themselves are compared for all.
PLACES = ["BY/catholic", "BY/plain", "BY/augsburg", "BE", "BB", "BW", "MV", "NW", "SN", "TH/catholic"]
LANDS = ["BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV", "NI", "NW", "RP", "SL", "SN", "ST", "SH", "TH"]


@cache
def calendar(place):
    """Public holidays of a place."""
    land, _, community = place.partition("/")
    years = range(2020, 2052)
    if community == "augsburg":
        return frozenset(holidays.Germany(subdiv="Augsburg", years=years))
    categories = ("public", "catholic") if community == "catholic" else ("public",)
    return frozenset(holidays.Germany(subdiv=land, years=years, categories=categories))


def last_day(event, rule, place):
    """The last day: §§ 187, 188 BGB, § 26 SGB X."""
    span, first_day_counts, moves = RULES[rule]
    end = event + span
    # dateutil cuts a missing day to the last of the month, as § 188 (3) BGB does; a period that begins with a
    # day ends the day before, unless that cut has already made it the day before.
    if first_day_counts and end.day == event.day:
        end -= timedelta(days=1)
    while moves and (end.weekday() >= 5 or end in calendar(place)):
        end += timedelta(days=1)
    return end


def program(binary, *arguments):
    """What the program prints."""
    done = subprocess.run([binary, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def compare_holidays(binary):
    """Every holiday of every place and year; returns how many."""
    compared = 0
    places = [f"{land}/plain" for land in LANDS]
    places += ["BY/catholic", "SN/catholic", "TH/catholic", "BY/augsburg"]
    for place in places:
        for year in range(2020, 2051):
            rows = program(
                binary, "deadlines", "holidays", "--json", "--year", str(year), "--land", place
            )
            ours = {date.fromisoformat(row["day"]) for row in json.loads(rows)}
            theirs = {day for day in calendar(place) if day.year == year}
            assert ours == theirs, f"{place} {year}: {sorted(ours ^ theirs)}"
            compared += len(ours)
    return compared


def compare_table(binary, place):
    """Every day and rule; returns how many."""
    seen = set()
    text = program(
        binary, "deadlines", "table", "--from", str(FIRST), "--until", str(LAST), "--land", place
    )
    for row in csv.DictReader(io.StringIO(text)):
        event, rule = date.fromisoformat(row["event"]), row["rule"]
        due = last_day(event, rule, place)
        assert row["due"] == str(due), f"{place} {rule} {event}: {row['due']}, not {due}"
        midnight = datetime.combine(due + timedelta(days=1), datetime.min.time(), BERLIN)
        overdue = datetime.fromisoformat(row["overdue_from"]).astimezone(UTC)
        assert overdue == midnight.astimezone(UTC), f"{place} {rule} {event}: {row['overdue_from']}"
        seen.add((event, rule))
    days = (LAST - FIRST).days + 1
    expected = {(FIRST + timedelta(days=n), rule) for n in range(days) for rule in RULES}
    assert seen == expected, f"{place}: {len(seen)} cells, not {len(expected)}"
    return len(seen)


def easter_by_gauss(year):
    """Easter Sunday, 1900 to 2099: Gauss 1816 with his two exceptions. The package holidays computes it
    otherwise."""
    a = year % 19
    d = (19 * a + 24) % 30
    e = (2 * (year % 4) + 4 * (year % 7) + 6 * d + 5) % 7
    if d == 29 and e == 6 or d == 28 and e == 6 and a > 10:
        d -= 7
    return date(year, 3, 22) + timedelta(days=d + e)


def known_cases():
    """The independent calculation is itself right about cases from textbooks."""
    assert last_day(date(2026, 12, 11), "sgb9-14-1-1", "BY/catholic") == date(2026, 12, 28)
    assert last_day(date(2026, 12, 10), "sgb9-14-1-1", "BY/catholic") == date(2026, 12, 24)
    assert last_day(date(2024, 2, 29), "projekt-ende", "BY/catholic") == date(2026, 2, 28)
    assert last_day(date(2024, 3, 1), "projekt-ende", "BY/catholic") == date(2026, 2, 28)
    assert last_day(date(2025, 12, 31), "sgb9-15-4-2", "BY/catholic") == date(2026, 3, 2)
    for year in range(2020, 2051):
        assert easter_by_gauss(year) + timedelta(days=1) in calendar("BY/catholic"), year


def main():
    """Compares everything."""
    binary = sys.argv[1]
    known_cases()
    rules = {row["rule"] for row in json.loads(program(binary, "deadlines", "rules", "--json"))}
    assert rules == set(RULES), rules ^ set(RULES)
    days = compare_holidays(binary)
    cells = sum(compare_table(binary, place) for place in PLACES)
    print(f"deadlines: {days} holidays and {cells} deadlines agree")


if __name__ == "__main__":
    main()
