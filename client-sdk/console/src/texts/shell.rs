//! Texts around every page.

use super::texts;

texts! {
    /// Texts around every page.
    ShellTexts {
        skip: "Zum Inhalt", "Skip to content";
        navigation: "Hauptmenü", "Main menu";
        other_language: "English", "Deutsch";
        footer: "Schleuse gibt nur weiter, was eine Einwilligung erlaubt. Jeder Blick in personenbezogene Daten wird protokolliert.",
            "Schleuse passes on only what a consent allows. Every look at personal data is logged.";
        role_lotse: "Lotsin oder Lotse:", "Lotse:";
        role_dpo: "Datenschutz:", "Data protection:";
        role_operator: "Betrieb:", "Operations:";
        nav_today: "Heute", "Today";
        nav_participants: "Teilnehmende", "Participants";
        nav_deadlines: "Fristen", "Deadlines";
        nav_conferences: "Fallkonferenzen", "Fallkonferenzen";
        nav_places: "Plätze", "Places";
        nav_overview: "Übersicht", "Overview";
        nav_log: "Protokoll", "Access log";
        nav_incident: "Vorfall", "Incident";
        nav_report: "Auskunft", "Access report";
        nav_deletions: "Löschpflichten", "Deletion duties";
        nav_erasure: "Löschen", "Erasure";
        nav_status: "Zustand", "Status";
        nav_mailboxes: "Postfächer", "Mailboxes";
        nav_directory: "Verzeichnis", "Directory";
    }
}
