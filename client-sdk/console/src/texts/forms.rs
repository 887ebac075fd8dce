//! Texts of forms and tables in general.

use super::texts;

texts! {
    /// Texts of forms and tables in general.
    FormTexts {
        problems: "Bitte prüfen Sie Ihre Eingaben", "Please check your entries";
        reason: "Warum sehen Sie nach?", "Why do you look?";
        reason_hint: "10 bis 500 Zeichen. Der Grund steht danach im Protokoll.", "10 to 500 characters. The reason will stand in the log.";
        reason_problem: "Geben Sie einen Grund mit 10 bis 500 Zeichen in einer Zeile an.", "State a reason of 10 to 500 characters in one line.";
        search: "Suchen", "Search";
        show: "Anzeigen", "Show";
        next: "Weiter", "Next";
        back: "Zurück", "Back";
        cancel: "Abbrechen", "Cancel";
        save: "Speichern", "Save";
        print: "Drucken", "Print";
        all: "alle", "all";
        none: "keine", "none";
        from_day: "Von", "From";
        until_day: "Bis einschließlich", "Up to and including";
        day_problem: "Geben Sie einen Tag an, zum Beispiel 01.12.2026.", "Enter a day, for example 2026-12-01.";
        day_order_problem: "Das Ende liegt vor dem Anfang.", "The end is before the beginning.";
        months_problem: "Geben Sie 1 bis {} Monate an.", "Enter 1 to {} months.";
        reference: "Kennung", "Reference";
        reference_problem: "Eine Kennung hat 26 Zeichen: Buchstaben und die Ziffern 2 bis 7.", "A reference has 26 characters: letters and the digits 2 to 7.";
        code_problem: "Wählen Sie etwas aus der Liste.", "Choose something from the list.";
        when: "Wann", "When";
        who: "Wer", "Who";
        number: "Nummer", "Number";
        yes: "ja", "yes";
        no: "nein", "no";
        choose: "Bitte wählen", "Please choose";
        table_scroll: "Tabelle, seitlich verschiebbar", "table, scrolls sideways";
    }
}
