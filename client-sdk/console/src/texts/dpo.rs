//! Texts of the data-protection officer's pages.

use super::texts;

texts! {
    /// Texts of the data-protection officer's pages.
    DpoTexts {
        overview: "Übersicht", "Overview";
        overview_reason: "Übersicht der Konsole: Verkehr und Ablehnungen", "Overview of the console: traffic and refusals";
        overview_lead: "Was zwischen den Stellen geschah. Zahlen, keine Personen. Auch dieser Blick steht im Protokoll.",
            "What happened between agencies. Numbers, no persons. This look, too, stands in the log.";
        days: "Zeitraum", "Period";
        days_n: "{} {Tag|Tage}", "{} {day|days}";
        accepted: "angenommen", "accepted";
        refused: "abgelehnt", "refused";
        decided: "Entscheidungen", "Decisions";
        per_day: "Nachrichten je Tag", "Messages per day";
        per_day_chart: "Balken je Tag: angenommene Nachrichten nach oben, abgelehnte nach unten. Die Zahlen stehen in der Tabelle darunter.",
            "A bar for each day: accepted messages upwards, refused ones downwards. The numbers are in the table below.";
        as_table: "Als Tabelle", "As a table";
        day: "Tag", "Day";
        day_utc: "Tag (UTC)", "Day (UTC)";
        by_pair: "Nach Absender und Empfänger", "By sender and recipient";
        by_purpose: "Nach Zweck", "By purpose";
        others_n: "{} andere, zusammen (einzeln: im Protokoll suchen)", "{} others, together (one by one: search the log)";
        more_rows: "{} weitere {Zeile|Zeilen}", "{} more {row|rows}";
        pair: "Absender → Empfänger", "Sender → recipient";
        purpose: "Zweck", "Purpose";
        nothing_decided: "In diesem Zeitraum wurde keine Nachricht entschieden.", "No message was decided in this period.";
        nothing_decided_do: "Wählen Sie einen längeren Zeitraum.", "Choose a longer period.";
        overdue: "Überfällige Lösch\u{ad}bestätigungen", "Overdue deletion confirmations";
        overdue_none: "keine überfällig", "none overdue";
        overdue_do: "Ansehen", "Look";
        log_state: "Protokoll", "Log";
        log_sound: "stimmt mit dem überein, was früher gezeigt wurde", "agrees with what was shown before";
        log_told: "laut Broker unverändert", "unchanged, the broker says";
        log_size: "{} {Eintrag|Einträge}", "{} {record|records}";
        checked_here: "Geprüft hat das der Broker selbst. Unabhängig prüfen Sie mit: schleuse dpo console oder schleuse verify.",
            "The broker itself checked this. Check independently with: schleuse dpo console, or schleuse verify.";
        checked_home: "Geprüft auf diesem Rechner, gegen den letzten hier bekannten Stand.", "Checked on this machine, against the newest state known here.";

        log: "Im Protokoll suchen", "Search the log";
        log_lead: "Jede Suche nennt einen Grund und wird selbst protokolliert, bevor das erste Ergebnis erscheint.",
            "Each search states a reason and is itself logged before the first result appears.";
        filters: "Eingrenzen", "Narrow down";
        participant: "Kennung der Person", "Reference of the participant";
        participant_hint: "26 Zeichen, so wie Ihre Stelle die Person anspricht.", "26 characters, as your agency addresses the participant.";
        agency: "Beteiligte Stelle", "Agency that took part";
        counterpart: "Und Gegenstelle", "And its counterpart";
        category: "Datenart", "Data category";
        kind: "Art der Nachricht", "Message kind";
        record_type: "Art des Eintrags", "Record type";
        outcome: "Ergebnis der Entscheidung", "Outcome of the decision";
        consent: "Einwilligung", "Consent";
        consent_hint: "32 Zeichen (0 bis 9, a bis f).", "32 characters (0 to 9, a to f).";
        consent_problem: "Eine Einwilligung hat 32 Zeichen: 0 bis 9 und a bis f.", "A consent has 32 characters: 0 to 9 and a to f.";
        certificate: "Seriennummer des Zertifikats", "Serial number of the certificate";
        certificate_problem: "Eine Seriennummer hat bis zu 40 Zeichen: 0 bis 9 und a bis f, in Paaren.", "A serial number has up to 40 characters: 0 to 9 and a to f, in pairs.";
        results: "Ergebnisse", "Results";
        results_n: "{} {Eintrag|Einträge} gezeigt. Diese Suche ist Eintrag {}.", "{} {record|records} shown. This search is record {}.";
        results_none: "Kein Eintrag passt.", "No record matches.";
        results_none_do: "Nehmen Sie eine Eingrenzung weg, oder prüfen Sie die Kennung.", "Remove a filter, or check the reference.";
        more: "Weitere Einträge", "More records";
        results_again: "Noch einmal suchen (ein Eintrag mehr)", "Search again (one more record)";
        change: "Suche ändern", "Change the search";
        record_n: "Eintrag {}", "Record {}";
        verify_now: "Beweis jetzt prüfen", "Verify now";
        proof: "Beweis", "Proof";
        proof_sound: "Der Eintrag steht unverändert im Protokoll.", "The record stands in the log unchanged.";
        proof_says: "Aus seiner Prüfsumme und {} weiteren folgt genau die Wurzel, die der Broker über {} {Eintrag|Einträge} unterschrieben hat.",
            "From its checksum and {} {other|others} follows exactly the root that the broker signed over {} {record|records}.";
        proof_root: "Wurzel", "Root";
        proof_path: "Weg zur Wurzel", "Path to the root";
        proof_checkpoint: "Unterschriebener Stand", "Signed checkpoint";
        export: "Ergebnisse mitnehmen", "Take the results along";
        export_hint: "Jede Ausgabe ist eine neue Suche und wird protokolliert. Die Beweisdatei prüft jeder ohne den Broker mit: schleuse verify.",
            "Each export is a new search and is logged. Anybody can check the proof file without the broker with: schleuse verify.";
        too_many: "Mehr als {} {Eintrag passt|Einträge passen}. Grenzen Sie weiter ein, zum Beispiel mit einem kürzeren Zeitraum.",
            "More than {} {record matches|records match}. Narrow down, for example by a shorter period.";
        too_many_of_one: "Über diese Person gibt es mehr als {} {Eintrag|Einträge}.", "There are more than {} {record|records} about this participant.";
        too_many_here: "Größeres geht auf Ihrem eigenen Rechner mit: {}", "Larger ones work on your own machine with: {}";
        export_nothing: "Kein Eintrag passt: Es gibt nichts zu beweisen.", "No record matches: there is nothing to prove.";
        export_proof: "Einträge mit Beweisen (JSON)", "Records with proofs (JSON)";
        export_csv: "Tabelle (CSV)", "Table (CSV)";
        export_jsonl: "Zeilen (JSON Lines)", "Lines (JSON Lines)";

        incident: "Vorfall", "Incident";
        incident_lead: "Was wurde mit einem Zertifikat oder durch eine Stelle weitergegeben? Grundlage für eine Meldung nach Art. 33 DSGVO.",
            "What was disclosed with a certificate or by an agency? Basis of a notification under GDPR Art. 33.";
        known_since: "Bekannt seit (Tag)", "Known since (day)";
        known_time: "Uhrzeit", "Time of day";
        known_hint: "Ab da laufen 72 Stunden.", "72 hours run from then.";
        time_problem: "Geben Sie eine Uhrzeit an, zum Beispiel 09:30.", "Enter a time, for example 09:30.";
        clock_left: "Melden bis {}: noch {} {Stunde|Stunden}.", "Notify until {}: {} {hour|hours} left.";
        clock_over: "Die Frist zur Meldung endete am {}. Melden Sie sofort und begründen Sie die Verspätung (Art. 33 Abs. 1 DSGVO).",
            "The time to notify ended on {}. Notify at once and state the reasons for the delay (GDPR Art. 33(1)).";
        incident_scope_problem: "Nennen Sie ein Zertifikat, eine Stelle oder einen Zeitraum.", "Name a certificate, an agency or a period.";
        handed_out: "Ausgehändigt: das haben die Empfänger", "Handed out: what recipients have";
        sent: "Abgeschickt: angenommen, ausgehändigt oder nicht", "Sent: accepted, handed out or not";
        recipient: "Empfänger", "Recipient";
        messages: "Nachrichten", "Messages";
        persons: "Personen", "Persons";
        persons_which: "Kennungen", "References";
        categories: "Datenarten", "Data categories";
        last: "Zuletzt", "Last";
        nothing_handed_out: "Nichts wurde ausgehändigt.", "Nothing was handed out.";
        nothing_sent: "Nichts wurde abgeschickt.", "Nothing was sent.";

        report: "Auskunft an eine Person", "Report to a participant";
        report_lead: "Alles, was das Protokoll über eine Person hat (Art. 15 DSGVO): als Seite für die Person und als Datei mit Beweisen.",
            "Everything that the log has about a participant (GDPR Art. 15): as a page for the person, and as a file with proofs.";
        report_page: "Auskunft als Seite (HTML)", "Report as a page (HTML)";
        report_proofs: "Einträge mit Beweisen (JSON)", "Records with proofs (JSON)";
        report_nobody: "Ihre Stelle hat keine Kennung dieser Art, oder es ist nichts aufgezeichnet.", "Your agency has no such reference, or nothing is recorded.";

        unsound: "Achtung: Die Prüfung ist gescheitert", "Attention: the checks failed";
        unsound_says: "Was der Broker geliefert hat, hält der Prüfung nicht stand. Deshalb gibt es hier keine Ausgabe.",
            "What the broker delivered does not stand up to the checks. So nothing is handed out here.";
        unsound_do: "Geben Sie nichts davon weiter und stützen Sie nichts darauf. Sichern Sie die Beweisdatei und lassen Sie sie von jemandem prüfen, der den Broker nicht betreibt. Ist Ihre Liste der Zertifikatsstellen veraltet, kann auch das die Ursache sein.",
            "Pass nothing of it on and rely on none of it. Keep the proof file and have it examined by somebody who does not run the broker. A list of certificate authorities that is out of date can be a cause, too.";
        unsound_failed: "Das ist gescheitert", "This failed";
        unsound_evidence: "Für die Untersuchung", "For the examination";
        unsound_evidence_hint: "Die Datei enthält dieselben Einträge mit ihren Beweisen, neu abgefragt; auch das wird protokolliert. Prüfen lässt sie sich mit: schleuse verify",
            "The file has the same records with their proofs, asked for anew; that is logged, too. It can be checked with: schleuse verify";
        unsound_evidence_take: "Beweisdatei trotzdem sichern (JSON)", "Keep the proof file nevertheless (JSON)";
        check_signature: "Der Stand des Protokolls ist nicht mit dem Schlüssel unterschrieben, dem Sie vertrauen.", "The state of the log is not signed with the key that you trust.";
        check_inclusion: "Ein Eintrag steht so nicht im unterschriebenen Protokoll.", "A record does not stand in the signed log as it is.";
        check_records: "Ein Eintrag passt nicht zu seiner eigenen Prüfsumme.", "A record does not fit its own checksum.";
        check_order: "Die Reihenfolge oder die Zeiten der Einträge stimmen nicht.", "The order or the times of the records do not fit.";
        check_permits: "Etwas wurde weitergegeben, ohne dass die Einwilligungen es zeigen.", "Something was passed on that the consents do not show.";
        check_participants: "Einträge sind einer anderen Person zugeordnet, als die Lotsin oder der Lotse unterschrieben hat.", "Records are assigned to another participant than the Lotse signed.";
        check_consents: "Eine Einwilligung, ein Widerruf oder ein Widerspruch passt nicht zu dem, was davor war.", "A consent, a revocation or an objection does not fit what was before it.";
        check_signatures: "Eine Unterschrift unter einem Dokument gilt nicht.", "A signature under a document does not hold.";
        check_duties: "Eine Löschpflicht passt nicht zu dem, was ausgehändigt wurde.", "A duty to delete does not fit what was handed out.";
        check_erased: "Etwas wurde gelöscht, ohne dass es so vorgeschlagen und freigegeben war.", "Something was erased that was not proposed and approved so.";
        check_other: "Eine weitere Prüfung ist gescheitert.", "Another check failed.";

        deletions: "Löschpflichten", "Duties to delete";
        deletions_lead: "Fällt die Grundlage einer Weitergabe weg, muss der Empfänger löschen oder eine Vorschrift nennen, nach der er behält.",
            "When the basis of a disclosure ends, the recipient has to delete, or to name a rule for keeping.";
        deletions_open: "Offen", "Open";
        deletions_overdue: "Überfällig", "Overdue";
        deletions_all: "Alle", "All";
        deletions_none: "Keine Löschpflicht in dieser Liste.", "No duty in this list.";
        deletions_none_do: "Neue entstehen, wenn eine Einwilligung endet, unter der etwas ausgehändigt wurde.", "New ones arise when a consent ends under which something was handed out.";
        duty: "Pflicht", "Duty";
        opened: "Seit", "Since";
        due: "Fällig", "Due";
        state: "Stand", "State";
        s_open: "offen", "open";
        s_overdue: "überfällig", "overdue";
        s_deleted: "gelöscht am {}", "deleted on {}";
        s_retained: "behalten seit {}: {}", "kept since {}: {}";
        erased_person: "gelöschte Person", "erased participant";

        erasure: "Löschen und Aufbewahren", "Erasure and retention";
        erasure_lead: "Gelöscht wird nur, was eine Person vorschlägt und eine andere freigibt. Beides steht im Protokoll.",
            "Only what one person proposes and another one approves is erased. Both stand in the log.";
        runs: "Wartet auf die zweite Person", "Waits for the second person";
        runs_none: "Nichts wartet auf eine Freigabe.", "Nothing waits for a second person.";
        run_n: "Vorschlag {}", "Run {}";
        run_erasure: "Alles über eine Person löschen", "Erase everything about a participant";
        run_retention: "Löschen, was seine Aufbewahrungsfrist überschritten hat", "Erase what its retention period has left behind";
        run_reason: "Begründung", "Reason";
        run_by: "Vorgeschlagen von {} am {}; freizugeben bis {}.", "Proposed by {} on {}; to be approved until {}.";
        run_own: "Sie haben es selbst vorgeschlagen: Eine andere Person muss es freigeben.", "You proposed it yourself: another person must approve it.";
        run_approve: "Ansehen und freigeben", "Look and approve";
        run_confirm: "Zur Sicherheit: Geben Sie die Nummer {} ein.", "To be sure: enter the number {}.";
        run_confirm_problem: "Das ist nicht die Nummer dieses Vorschlags.", "That is not the number of this run.";
        run_approve_now: "Jetzt endgültig löschen", "Erase for good now";
        run_withdraw: "Zurückziehen", "Withdraw";
        run_withdrawn: "Der Vorschlag ist zurückgezogen. Eintrag {}.", "The run is withdrawn. Record {}.";
        run_done: "Gelöscht: Inhalte von {} {Eintrag|Einträgen}. Eintrag {}.", "Erased: contents of {} {record|records}. Record {}.";
        run_would: "Gelöscht würden Inhalte von {} {Eintrag|Einträgen}; {} wartende {Nachricht würde|Nachrichten würden} angehalten.", "Contents of {} {record|records} would be erased; {} waiting {message|messages} would be stopped.";
        run_would_retention: "Gelöscht würden Inhalte von {} {Eintrag|Einträgen} und alles über {} {Person|Personen}.", "Contents of {} {record|records} and everything about {} {participant|participants} would be erased.";
        run_more: "Ein weiterer Lauf würde noch mehr löschen.", "Another run would erase more.";
        run_proposed: "Vorgeschlagen als Nummer {}. Eine andere Person muss es innerhalb von 14 Tagen freigeben.", "Proposed as number {}. Another person must approve it within 14 days.";
        propose_erasure: "Person löschen", "Erase a participant";
        propose_retention: "Aufbewahrung anwenden", "Apply retention";
        count_now: "Neu zählen, was gelöscht würde", "Count anew what would be erased";
        count_only: "Nur zählen", "Only count";
        propose: "Vorschlagen", "Propose";
        needs_person: "Ihr Zertifikat nennt keine Person. Vorschlagen und freigeben kann nur, wessen Zertifikat eine Person nennt.", "Your certificate names no person. Only whose certificate names a person can propose and approve.";
        project_only: "Das darf nur die oder der Datenschutzbeauftragte des Projekts.", "Only the project's data-protection officer may do this.";
        holds: "Sperren", "Holds";
        holds_none: "Keine Sperre: Freigegebenes wird gelöscht.", "No hold: what is approved is erased.";
        hold_all: "alle", "everybody";
        hold_place: "Löschen anhalten", "Put erasure on hold";
        hold_hint: "Ohne Kennung gilt die Sperre für alle.", "Without a reference the hold is for everybody.";
        hold_release: "Sperre aufheben", "Release the hold";
        hold_done: "Angehalten. Eintrag {}.", "On hold. Record {}.";
        hold_released: "Die Sperre ist aufgehoben. Eintrag {}.", "The hold is released. Record {}.";

        health: "Zustand des Brokers", "How the broker is";
        health_good: "nimmt Nachrichten an", "takes messages";
        health_bad: "nimmt nur Widerrufe an", "takes only revocations";
        witnesses: "Zeugen", "Witnesses";
        witnesses_none: "keine eingerichtet", "none set up";
        witness_age: "{}: zuletzt vor {}", "{}: last {} ago";
        witness_never: "{}: noch nie", "{}: never yet";
    }
}
