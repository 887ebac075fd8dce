//! Public holidays of the sixteen Länder, from 2020 to 2050, as their laws stand in 2026.
//!
//! A period that would end on a public holiday ends on the next working day (§ 26 (3) SGB X). Which days
//! are public holidays is for the Land of the agency to say, in Bavaria and in a few places elsewhere even
//! for the community. Moving feasts hang on Easter, which is computed (Meeus, Astronomical Algorithms,
//! 2nd edition, chapter 8: valid for every year of the Gregorian calendar). 24 and 31 December are working
//! days. Before 2020 the table is not right: the Länder changed it in 2018 and 2019, and 31 October 2017 was
//! a holiday everywhere.
//!
//! Source: Art. 2 Einigungsvertrag (3 October) and the holiday laws of the Länder; for Bavaria Art. 1 FTG.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

use crate::error::ClientError;

/// First year for which the table is right.
pub const FIRST_YEAR: i16 = 2020;
/// Last year for which the table is right, as far as the laws of today go.
pub const LAST_YEAR: i16 = 2050;

/// A Land, by the code of ISO 3166-2:DE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Land {
    /// Baden-Württemberg.
    BW,
    /// Bayern.
    BY,
    /// Berlin.
    BE,
    /// Brandenburg.
    BB,
    /// Bremen.
    HB,
    /// Hamburg.
    HH,
    /// Hessen.
    HE,
    /// Mecklenburg-Vorpommern.
    MV,
    /// Niedersachsen.
    NI,
    /// Nordrhein-Westfalen.
    NW,
    /// Rheinland-Pfalz.
    RP,
    /// Saarland.
    SL,
    /// Sachsen.
    SN,
    /// Sachsen-Anhalt.
    ST,
    /// Schleswig-Holstein.
    SH,
    /// Thüringen.
    TH,
}

use Land::{BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, SN, ST, TH};

impl Land {
    /// All sixteen.
    pub const ALL: [Self; 16] = [BW, BY, BE, BB, HB, HH, HE, MV, NI, NW, RP, SL, SN, ST, SH, TH];

    /// The code, for example `BY`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            BW => "BW",
            BY => "BY",
            BE => "BE",
            BB => "BB",
            HB => "HB",
            HH => "HH",
            HE => "HE",
            MV => "MV",
            NI => "NI",
            NW => "NW",
            RP => "RP",
            SL => "SL",
            SN => "SN",
            ST => "ST",
            SH => "SH",
            TH => "TH",
        }
    }
}

/// What a community has beyond its Land, or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Community {
    /// Nothing beyond the Land. In Bavaria: a community with more Protestants than Catholics, where
    /// 15 August is a working day.
    Plain,
    /// In Bavaria a community with more Catholics than Protestants: Mariä Himmelfahrt (Art. 1 (1) no. 2
    /// FTG; 1,704 of 2,056 communities, Regensburg among them). In Sachsen and Thüringen a community
    /// with Fronleichnam.
    Catholic,
    /// The city of Augsburg: as a Catholic community, and the Friedensfest on 8 August (Art. 1 (2) FTG).
    Augsburg,
}

/// Where the period runs: the Land and community of the agency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    land: Land,
    community: Community,
}

impl Default for Place {
    /// Regensburg.
    fn default() -> Self {
        Self { land: BY, community: Community::Catholic }
    }
}

impl Place {
    /// A Land and community.
    ///
    /// # Errors
    /// The community does not exist in this Land.
    pub fn new(land: Land, community: Community) -> Result<Self, ClientError> {
        let fits = match (land, community) {
            (_, Community::Plain) | (BY, Community::Augsburg | Community::Catholic) => true,
            (SN | TH, Community::Catholic) => true,
            (_, Community::Catholic | Community::Augsburg) => false,
        };
        let expected =
            "a community of the Land: catholic for BY, SN, TH; augsburg for BY; plain for all";
        if fits {
            Ok(Self { land, community })
        } else {
            Err(ClientError::argument("community", expected))
        }
    }

    /// The Land.
    #[must_use]
    pub const fn land(self) -> Land {
        self.land
    }

    /// The name of the public holiday on this day, in German.
    ///
    /// # Errors
    /// The day is outside the years of the table.
    pub fn holiday(self, day: Date) -> Result<Option<&'static str>, ClientError> {
        in_range(day)?;
        Ok(HOLIDAYS.iter().find(|row| row.is_on(day, self)).map(|row| row.name))
    }

    /// Whether a period may end on this day: no Saturday, Sunday or public holiday.
    /// Source: § 26 (3) SGB X.
    ///
    /// # Errors
    /// The day is outside the years of the table.
    pub fn is_workday(self, day: Date) -> Result<bool, ClientError> {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        Ok(self.holiday(day)?.is_none() && !weekend)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.land.code())?;
        match self.community {
            Community::Plain => Ok(()),
            Community::Catholic => f.write_str("/catholic"),
            Community::Augsburg => f.write_str("/augsburg"),
        }
    }
}

impl FromStr for Place {
    type Err = ClientError;

    /// `BE`, `BY/plain`, `SN/catholic`, `BY/augsburg`. `BY` alone is a Catholic community, as Regensburg.
    fn from_str(text: &str) -> Result<Self, ClientError> {
        let expected =
            "the code of a Land such as BY, with /catholic, /plain or /augsburg where it matters";
        let wrong = || ClientError::argument("land", expected);
        let (land, community) = text.split_once('/').unwrap_or((text, ""));
        let land = Land::ALL.into_iter().find(|known| known.code() == land).ok_or_else(wrong)?;
        let community = match community {
            "" if land == BY => Community::Catholic,
            "" | "plain" => Community::Plain,
            "catholic" => Community::Catholic,
            "augsburg" => Community::Augsburg,
            _ => return Err(wrong()),
        };
        Self::new(land, community)
    }
}

/// When a holiday is.
#[derive(Clone, Copy, Debug)]
enum When {
    /// Month and day.
    Fixed(i8, i8),
    /// Days after Easter Sunday.
    Easter(i64),
    /// The Wednesday before 23 November.
    BeforeEleventhSunday,
    /// One day in one year.
    Once(i16, i8, i8),
}

/// Where a holiday is.
#[derive(Clone, Copy, Debug)]
enum Where {
    Everywhere,
    Lands(&'static [Land]),
    /// From this year on.
    Since(i16, &'static [Land]),
    /// Catholic communities of these Länder.
    Catholic(&'static [Land]),
    Augsburg,
}

#[derive(Debug)]
struct Holiday {
    name: &'static str,
    when: When,
    place: Where,
}

const fn row(name: &'static str, when: When, place: Where) -> Holiday {
    Holiday { name, when, place }
}

/// The table. A day of one of the rows that is valid for the place is a public holiday.
const HOLIDAYS: &[Holiday] = &[
    row("Neujahr", When::Fixed(1, 1), Where::Everywhere),
    row("Heilige Drei Könige", When::Fixed(1, 6), Where::Lands(&[BW, BY, ST])),
    // Berlin since 2019.
    row("Internationaler Frauentag", When::Fixed(3, 8), Where::Lands(&[BE])),
    row("Internationaler Frauentag", When::Fixed(3, 8), Where::Since(2023, &[MV])),
    row("Karfreitag", When::Easter(-2), Where::Everywhere),
    row("Ostersonntag", When::Easter(0), Where::Lands(&[BB])),
    row("Ostermontag", When::Easter(1), Where::Everywhere),
    row("Tag der Arbeit", When::Fixed(5, 1), Where::Everywhere),
    row("75. Jahrestag der Befreiung", When::Once(2020, 5, 8), Where::Lands(&[BE])),
    row("80. Jahrestag der Befreiung", When::Once(2025, 5, 8), Where::Lands(&[BE])),
    row("Christi Himmelfahrt", When::Easter(39), Where::Everywhere),
    row("Pfingstsonntag", When::Easter(49), Where::Lands(&[BB])),
    row("Pfingstmontag", When::Easter(50), Where::Everywhere),
    row("Fronleichnam", When::Easter(60), Where::Lands(&[BW, BY, HE, NW, RP, SL])),
    row("Fronleichnam", When::Easter(60), Where::Catholic(&[SN, TH])),
    row("75. Jahrestag des Aufstands vom 17. Juni", When::Once(2028, 6, 17), Where::Lands(&[BE])),
    row("Augsburger Friedensfest", When::Fixed(8, 8), Where::Augsburg),
    row("Mariä Himmelfahrt", When::Fixed(8, 15), Where::Lands(&[SL])),
    row("Mariä Himmelfahrt", When::Fixed(8, 15), Where::Catholic(&[BY])),
    row("Weltkindertag", When::Fixed(9, 20), Where::Lands(&[TH])),
    row("Tag der Deutschen Einheit", When::Fixed(10, 3), Where::Everywhere),
    row(
        "Reformationstag",
        When::Fixed(10, 31),
        Where::Lands(&[BB, HB, HH, MV, NI, SN, ST, SH, TH]),
    ),
    row("Allerheiligen", When::Fixed(11, 1), Where::Lands(&[BW, BY, NW, RP, SL])),
    row("Buß- und Bettag", When::BeforeEleventhSunday, Where::Lands(&[SN])),
    row("Erster Weihnachtstag", When::Fixed(12, 25), Where::Everywhere),
    row("Zweiter Weihnachtstag", When::Fixed(12, 26), Where::Everywhere),
];

impl Holiday {
    fn is_on(&self, day: Date, place: Place) -> bool {
        let here = match self.place {
            Where::Everywhere => true,
            Where::Lands(lands) => lands.contains(&place.land),
            Where::Since(year, lands) => year <= day.year() && lands.contains(&place.land),
            Where::Catholic(lands) => {
                place.community != Community::Plain && lands.contains(&place.land)
            }
            Where::Augsburg => place.community == Community::Augsburg,
        };
        here && match self.when {
            When::Fixed(month, on) => (day.month(), day.day()) == (month, on),
            When::Once(year, month, on) => {
                (day.year(), day.month(), day.day()) == (year, month, on)
            }
            When::Easter(after) => {
                easter_sunday(day.year()).and_then(|e| e.checked_add(after.days()).ok())
                    == Some(day)
            }
            When::BeforeEleventhSunday => {
                day.weekday() == Weekday::Wednesday
                    && day.month() == 11
                    && (16..=22).contains(&day.day())
            }
        }
    }
}

/// Easter Sunday of a year. Source: Meeus, Astronomical Algorithms, chapter 8 (after Butcher, 1876).
#[must_use]
pub fn easter_sunday(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    Date::new(year, i8::try_from(n / 31).ok()?, i8::try_from(n % 31 + 1).ok()?).ok()
}

/// Refuses days for which the table is not right.
pub(super) fn in_range(day: Date) -> Result<(), ClientError> {
    if (FIRST_YEAR..=LAST_YEAR).contains(&day.year()) {
        Ok(())
    } else {
        let expected =
            format!("a day from {FIRST_YEAR} to {LAST_YEAR}: holidays are known for these years");
        Err(ClientError::argument("date", expected))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn of(place: &str, day: Date) -> Option<&'static str> {
        place.parse::<Place>().unwrap().holiday(day).unwrap()
    }

    /// Dates of Easter as printed in calendars (Physikalisch-Technische Bundesanstalt), with the earliest
    /// and the latest of the range and both exceptions to Gauss's formula of 1800.
    #[test]
    fn easter_is_where_the_calendars_have_it() {
        let known = [
            (2020, 4, 12),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2028, 4, 16),
            (2029, 4, 1),
            (2030, 4, 21),
            (2035, 3, 25),
            (2038, 4, 25),
            (2049, 4, 18),
            (2050, 4, 10),
            (1954, 4, 18),
            (1981, 4, 19),
            (2008, 3, 23),
        ];
        for (year, month, day) in known {
            assert_eq!(easter_sunday(year), Some(date(year, month, day)));
        }
    }

    #[test]
    fn bavaria_has_its_holidays_and_communities_differ() {
        let regensburg = Place::default();
        let of_2026: Vec<(Date, &str)> = date(2026, 1, 1)
            .series(1.day())
            .take(365)
            .filter_map(|day| regensburg.holiday(day).unwrap().map(|name| (day, name)))
            .collect();
        let expected = [
            (date(2026, 1, 1), "Neujahr"),
            (date(2026, 1, 6), "Heilige Drei Könige"),
            (date(2026, 4, 3), "Karfreitag"),
            (date(2026, 4, 6), "Ostermontag"),
            (date(2026, 5, 1), "Tag der Arbeit"),
            (date(2026, 5, 14), "Christi Himmelfahrt"),
            (date(2026, 5, 25), "Pfingstmontag"),
            (date(2026, 6, 4), "Fronleichnam"),
            (date(2026, 8, 15), "Mariä Himmelfahrt"),
            (date(2026, 10, 3), "Tag der Deutschen Einheit"),
            (date(2026, 11, 1), "Allerheiligen"),
            (date(2026, 12, 25), "Erster Weihnachtstag"),
            (date(2026, 12, 26), "Zweiter Weihnachtstag"),
        ];
        assert_eq!(of_2026, expected);
        assert_eq!(of("BY/plain", date(2026, 8, 15)), None);
        assert_eq!(of("BY", date(2026, 8, 8)), None);
        assert_eq!(of("BY/augsburg", date(2026, 8, 8)), Some("Augsburger Friedensfest"));
        assert_eq!(of("BY/augsburg", date(2026, 8, 15)), Some("Mariä Himmelfahrt"));
    }

    #[test]
    fn christmas_eve_and_new_years_eve_are_no_holidays_anywhere() {
        for land in Land::ALL {
            let place = Place::new(land, Community::Plain).unwrap();
            for year in FIRST_YEAR..=LAST_YEAR {
                assert_eq!(place.holiday(date(year, 12, 24)).unwrap(), None);
                assert_eq!(place.holiday(date(year, 12, 31)).unwrap(), None);
            }
        }
    }

    #[test]
    fn days_of_single_lands_and_single_years() {
        assert_eq!(of("BE", date(2025, 5, 8)), Some("80. Jahrestag der Befreiung"));
        assert_eq!(of("BE", date(2026, 5, 8)), None);
        assert_eq!(of("MV", date(2022, 3, 8)), None);
        assert_eq!(of("MV", date(2023, 3, 8)), Some("Internationaler Frauentag"));
        assert_eq!(of("SN", date(2026, 11, 18)), Some("Buß- und Bettag"));
        assert_eq!(of("SN", date(2027, 11, 17)), Some("Buß- und Bettag"));
        assert_eq!(of("BY", date(2026, 11, 18)), None);
        assert_eq!(of("TH/catholic", date(2026, 6, 4)), Some("Fronleichnam"));
        assert_eq!(of("TH", date(2026, 6, 4)), None);
    }

    #[test]
    fn places_are_read_and_written_and_those_that_do_not_exist_are_refused() {
        for text in ["BY/catholic", "BY", "BE", "SN/catholic", "BY/plain", "BY/augsburg"] {
            let place: Place = text.parse().unwrap();
            let again: Place = match place.to_string().as_str() {
                "BY" => "BY/plain".parse().unwrap(),
                written => written.parse().unwrap(),
            };
            assert_eq!(again, place, "{text}");
        }
        for text in ["", "XX", "by", "BE/catholic", "SN/augsburg", "BY/x"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
        assert!(Place::default().holiday(date(2019, 12, 31)).is_err());
        assert!(Place::default().holiday(date(2051, 1, 1)).is_err());
    }
}
