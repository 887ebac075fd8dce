//! Texts of the operator's pages.

use super::texts;

texts! {
    /// Texts of the operator's pages.
    OperatorTexts {
        status: "Zustand", "Status";
        status_lead: "Der Broker in Zahlen. Hier steht nichts über Personen.", "The broker in numbers. Nothing here is about persons.";
        mailboxes: "Postfächer", "Mailboxes";
        mailboxes_lead: "Wer liest, und was wartet. Bei einem Rückstand rufen Sie die Stelle an.", "Who reads, and what waits. Call the agency if it falls behind.";
        mailbox: "Postfach", "Mailbox";
        read_last: "Zuletzt gelesen", "Last read";
        never: "noch nie", "never";
        waiting: "Wartet", "Waiting";
        oldest: "Älteste seit", "Oldest since";
        class: "Gelesen wird", "Is read";
        class_regular: "regelmäßig", "regularly";
        class_irregular: "unregelmäßig", "irregularly";
        class_not: "nicht", "not";
        class_unknown: "unbekannt", "unknown";
        mailboxes_none: "Noch hat keine Stelle ein Postfach.", "No agency has a mailbox yet.";
        mailboxes_none_do: "Ein Postfach entsteht, wenn eine Stelle eine Funktion im Verzeichnis veröffentlicht.", "A mailbox appears when an agency publishes a function in the directory.";
        directory: "Verzeichnis", "Directory";
        directory_lead: "Welche Stellen es gibt, und bis wann ihre Einträge und Schlüssel gelten.", "Which agencies there are, and until when their entries and keys hold.";
        agency: "Stelle", "Agency";
        functions: "Funktionen", "Functions";
        revision: "Fassung", "Revision";
        key_until: "Schlüssel gültig bis", "Key valid until";
        key_none: "kein gültiger Schlüssel", "no valid key";
        unreadable: "Ein Eintrag ist nicht echt oder nicht lesbar: {}", "An entry is not authentic or not readable: {}";
        directory_none: "Das Verzeichnis ist leer.", "The directory is empty.";
        directory_none_do: "Jede Stelle veröffentlicht ihren Eintrag selbst: schleuse agency publish.", "Each agency publishes its entry itself: schleuse agency publish.";
    }
}
