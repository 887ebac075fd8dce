//! Statutory channels: what an agency must or may do by law anyway, without a consent and outside Schleuse.
//!
//! Shown with a refusal, so that nothing waits for a consent that the law does not ask for. The text depends
//! only on the purpose and the kind that the sender itself named, never on the answer or its cause: it tells
//! nothing about a participant (INVARIANT uniform-refusal). It is a hint and opens no way through the broker.

/// What the law provides for, whatever a consent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatutoryChannel {
    /// Kind code or purpose code.
    pub code: &'static str,
    /// Where it stands, in German.
    pub norm: &'static str,
    /// What to do, in German.
    pub text: &'static str,
}

const fn row(code: &'static str, norm: &'static str, text: &'static str) -> StatutoryChannel {
    StatutoryChannel { code, norm, text }
}

/// Kinds, the more exact row first.
const KINDS: &[StatutoryChannel] = &[
    row(
        "zustaendigkeit.forward",
        "§ 14 Abs. 1 Satz 2 SGB IX",
        "Einen Antrag auf Leistungen zur Teilhabe leitet der unzuständige Träger unverzüglich weiter, spätestens nach den \
         zwei Wochen des § 14 Abs. 1 Satz 1 SGB IX. Dafür ist keine Einwilligung nötig: bitte auf dem gesetzlichen Weg \
         weiterleiten und die antragstellende Person unterrichten. Die Frist läuft weiter.",
    ),
    row(
        "zustaendigkeit.involve",
        "§ 15 SGB IX",
        "Weitere Rehabilitationsträger beteiligt der leistende Träger von Gesetzes wegen: er leitet den Antrag insoweit zu \
         (Abs. 1) oder fordert Feststellungen an (Abs. 2). Bitte auf dem gesetzlichen Weg; die Fristen des § 15 Abs. 4 \
         SGB IX laufen weiter.",
    ),
    row(
        "zustaendigkeit.decided",
        "§ 14 Abs. 2 SGB IX",
        "Die Entscheidung über den Antrag ergeht durch Bescheid an die antragstellende Person, innerhalb der Fristen der \
         §§ 14, 15 SGB IX und unabhängig von Schleuse.",
    ),
];

/// Purposes.
const PURPOSES: &[StatutoryChannel] = &[
    row(
        "zustaendigkeit",
        "§§ 14, 15 SGB IX, § 16 Abs. 2 SGB I",
        "Anträge auf Leistungen zur Teilhabe werden nach §§ 14, 15 SGB IX weitergeleitet, andere Anträge bei \
         unzuständigen Trägern nach § 16 Abs. 2 SGB I. Dafür ist keine Einwilligung nötig: bitte auf dem gesetzlichen Weg; \
         die Fristen laufen weiter.",
    ),
    row(
        "reha-einleitung",
        "§ 14 Abs. 1 SGB IX, § 16 SGB I",
        "Einen gestellten Antrag auf Rehabilitation nimmt jeder Träger entgegen und leitet ihn unverzüglich weiter (§ 16 \
         Abs. 2 SGB I, § 14 Abs. 1 SGB IX). Dafür ist keine Einwilligung nötig: bitte auf dem gesetzlichen Weg.",
    ),
    row(
        "leistungsklaerung",
        "§ 16 Abs. 2, § 43 SGB I",
        "Anträge bei unzuständigen Trägern werden unverzüglich weitergeleitet (§ 16 Abs. 2 SGB I). Bei Streit über die \
         Zuständigkeit leistet der zuerst angegangene Träger auf Antrag vorläufig (§ 43 SGB I). Beides braucht keine \
         Einwilligung.",
    ),
    row(
        "unterlagen",
        "§§ 60, 65 SGB I, § 67a Abs. 2 SGB X, § 100 SGB X",
        "Unterlagen können bei der Person selbst angefordert werden (§ 60 SGB I, in den Grenzen des § 65). Wo das Gesetz \
         Erhebung oder Auskunft ohne Einwilligung vorsieht (§ 67a Abs. 2, § 100 SGB X), gilt der gesetzliche Weg.",
    ),
    row(
        "fallkonferenz",
        "§ 20 SGB IX, § 119 SGB IX",
        "Eine Teilhabeplan- oder Gesamtplankonferenz setzt die Zustimmung der Person voraus. Die Fristen für die \
         Entscheidung laufen unabhängig davon weiter (§ 15 Abs. 4 SGB IX).",
    ),
    row(
        "hilfeplanung",
        "§ 19 SGB IX, § 121 SGB IX",
        "Teilhabeplan und Gesamtplan stellt der verantwortliche Träger von Gesetzes wegen auf; die Fristen für die \
         Entscheidung laufen unabhängig von Schleuse weiter.",
    ),
];

/// The statutory channel for what somebody wanted to send, if there is one.
#[must_use]
pub fn statutory_channel(purpose: &str, kind: &str) -> Option<&'static StatutoryChannel> {
    KINDS
        .iter()
        .find(|row| row.code == kind)
        .or_else(|| PURPOSES.iter().find(|row| row.code == purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_counts_before_the_purpose_and_nothing_else_counts() {
        let norm = |purpose, kind| statutory_channel(purpose, kind).map(|channel| channel.norm);
        let forward = norm("zustaendigkeit", "zustaendigkeit.forward");
        assert_eq!(forward, Some("§ 14 Abs. 1 Satz 2 SGB IX"));
        let note = norm("zustaendigkeit", "zustaendigkeit.note");
        assert_eq!(note, Some("§§ 14, 15 SGB IX, § 16 Abs. 2 SGB I"));
        assert_eq!(norm("evaluation", "evaluation.transfer"), None);
        assert_eq!(norm("nachbetreuung", "nachbetreuung.note"), None);
    }

    #[test]
    fn every_purpose_of_the_table_is_one_of_the_catalogue_and_no_text_names_a_cause() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/reference/catalogue.toml");
        let catalogue: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        for row in PURPOSES {
            assert!(catalogue["purpose"].get(row.code).is_some(), "{}", row.code);
        }
        for row in KINDS.iter().chain(PURPOSES) {
            assert!(!row.text.contains("  ") && !row.norm.is_empty(), "{}", row.code);
            for cause in ["widerruf", "abgelaufen", "unbekannt", "gesperrt", "abgelehnt"] {
                assert!(!row.text.to_lowercase().contains(cause), "{}: {cause}", row.code);
            }
        }
    }
}
