//! Texts of the operator's pages.

use super::texts;

texts! {
    /// Texts of the operator's pages.
    OperatorTexts {
        status: "Zustand", "Status";
        status_lead: "Der Broker in Zahlen. Hier steht nichts über Personen.", "The broker in numbers. Nothing here is about persons.";
        permits: "Gibt er etwas weiter?", "Does it pass anything on?";
        permits_yes: "ja", "yes";
        permits_no: "nein: nur Widerrufe und Lesen", "no: revocations and reading only";
        why_behind: "Das Protokoll ist hinter einem gezeigten Stand zurück.", "The log is behind a checkpoint that was shown.";
        why_witnesses: "Zu wenige Zeugen haben zuletzt unterschrieben.", "Too few witnesses have cosigned lately.";
        why_clock: "Die Uhr wurde zurückgestellt.", "The clock was set back.";
        why_storage: "Der Speicherplatz ist unter der Reserve.", "Free space is below the reserve.";
        log: "Protokoll", "Log";
        records: "Einträge", "Records";
        newest: "Neuester Eintrag", "Newest record";
        checkpoint: "Neuester unterschriebener Stand", "Newest signed checkpoint";
        started: "Gestartet", "Started";
        epoch: "Start Nummer", "Start number";
        version: "Version", "Version";
        profile: "Betriebsart", "Profile";
        production: "Produktion", "production";
        development: "Entwicklung: Testzertifikate werden angenommen", "development: test certificates are accepted";
        certificates: "Zertifikate", "Certificates";
        certificate: "Zertifikat", "Certificate";
        what_for: "Wofür", "What for";
        until: "Gültig bis", "Valid until";
        days_left: "Tage übrig", "Days left";
        u_broker: "dieser Broker", "this broker";
        u_chain: "Aussteller des Brokers", "issuer of the broker";
        u_root: "Wurzel", "root";
        u_issuer: "stellt aus für: {}", "issues for: {}";
        u_unknown: "unbekannt", "unknown";
        lists: "Sperrlisten", "Revocation lists";
        list_until: "Nächste Fassung bis", "Next update by";
        queues: "Warteschlangen", "Queues";
        now_of: "{} von {}", "{} of {}";
        q_urgent: "Eilige Aufträge (Widerrufe)", "Urgent commands (revocations)";
        q_normal: "Andere Aufträge", "Other commands";
        q_connections: "Verbindungen", "Connections";
        q_calls: "Aufrufe", "Calls";
        q_streams: "Ströme", "Streams";
        q_messages: "Wartende Nachrichten in allen Postfächern", "Messages waiting in all mailboxes";
        q_bytes: "Ihre Größe", "Their size";
        free: "Freier Platz", "Free space";
        mib: "{} MiB", "{} MiB";
        w_late: "zu alt", "too old";
        w_fresh: "aktuell", "recent";
        w_met: "genug Zeugen", "enough witnesses";
        w_not_met: "zu wenige Zeugen", "too few witnesses";
        w_required: "Verlangt", "Required";
        seconds: "{} {Sekunde|Sekunden}", "{} {second|seconds}";
        minutes: "{} {Minute|Minuten}", "{} {minute|minutes}";
        hours: "{} {Stunde|Stunden}", "{} {hour|hours}";
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
        renew_by: "Zu bestätigen bis", "To be confirmed by";
        stale: "vielleicht veraltet: Rufen Sie die Stelle an", "perhaps out of date: call the agency";
        key_until: "Schlüssel gültig bis", "Key valid until";
        key_none: "kein gültiger Schlüssel", "no valid key";
        unreadable: "Ein Eintrag ist nicht echt oder nicht lesbar: {}", "An entry is not authentic or not readable: {}";
        directory_none: "Das Verzeichnis ist leer.", "The directory is empty.";
        directory_none_do: "Jede Stelle veröffentlicht ihren Eintrag selbst: schleuse agency publish.", "Each agency publishes its entry itself: schleuse agency publish.";
    }
}
