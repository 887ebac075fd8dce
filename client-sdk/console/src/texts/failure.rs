//! Texts for what goes wrong: a title, and what to do now.

use super::texts;

texts! {
    /// Texts for what goes wrong.
    FailureTexts {
        details: "Technische Einzelheiten", "Technical details";
        home: "Zur Startseite", "To the start page";
        not_found: "Das gibt es hier nicht", "There is nothing here";
        not_found_do: "Die Seite, die Person oder der Eintrag ist nicht da, oder nicht für Sie. Prüfen Sie die Eingabe oder gehen Sie zur Startseite.",
            "The page, the person or the record is not there, or not for you. Check what you entered, or go to the start page.";
        wrong_host: "Falsche Adresse", "Wrong address";
        wrong_host_do: "Diese Konsole antwortet nur unter ihrer eigenen Adresse. Öffnen Sie sie über den Link, den das Programm gezeigt hat.",
            "This console answers only under its own address. Open it with the link that the program has shown.";
        foreign: "Bitte öffnen Sie die Konsole direkt", "Please open the console directly";
        foreign_do: "Die Anfrage kam von einer anderen Seite. Zu Ihrem Schutz wird sie nicht ausgeführt. Geben Sie die Adresse der Konsole selbst ein.",
            "The request came from another page. For your protection it is not carried out. Enter the address of the console yourself.";
        too_fast: "Das war zu schnell hintereinander", "That was too fast";
        too_fast_do: "Warten Sie einen Augenblick und laden Sie die Seite neu.", "Wait a moment and load the page again.";
        busy: "Gerade werden schon große Ausgaben gemacht", "Large answers are being made already";
        busy_do: "Mehr davon auf einmal, auch in Ihren anderen Fenstern, würde die Nachrichten bremsen. Versuchen Sie es in ein paar Minuten noch einmal, oder nehmen Sie auf Ihrem Rechner: schleuse dpo console",
            "More of them at once would slow down messages. Try again in some minutes, or use on your own machine: schleuse dpo console";
        no_console: "Für diese Rolle gibt es keine Konsole", "There is no console for this role";
        no_console_do: "Ihr Zertifikat ist das eines Systems oder der Auswertung. Wählen Sie im Browser das Zertifikat einer Person.",
            "Your certificate is that of a system or of the evaluation. Choose the certificate of a person in your browser.";
        session_over: "Die Sitzung ist zu Ende", "The session is over";
        session_over_do: "Drücken Sie im Fenster des Programms die Eingabetaste: Es zeigt einen neuen Link.",
            "Press Enter in the window of the program: it shows a new link.";
        link_used: "Dieser Link gilt nicht mehr", "This link does not work any more";
        link_used_do: "Jeder Link öffnet die Konsole nur einmal. Drücken Sie im Fenster des Programms die Eingabetaste: Es zeigt einen neuen. Haben Sie den Link nicht selbst benutzt? Dann beenden Sie das Programm.",
            "Each link opens the console only once. Press Enter in the window of the program: it shows a new one. Did you not use the link yourself? Then end the program.";
        internal: "Das ist ein Fehler der Konsole", "This is a fault of the console";
        internal_do: "Ob schon etwas geändert wurde, sehen Sie auf der Seite der Person oder des Eintrags. Kommt der Fehler wieder, melden Sie ihn dem Betrieb.",
            "Whether something was changed already, the page of the person or record shows. If it happens again, tell operations.";
        too_large: "Das Formular ist zu groß", "The form is too large";
        too_large_do: "Es wurde nichts geändert. Gehen Sie zurück und kürzen Sie den Text, oder wählen Sie kleinere Dateien.",
            "Nothing was changed. Go back and shorten the text, or choose smaller files.";
        unreadable: "Das Formular ist nicht ganz angekommen", "The form did not arrive whole";
        unreadable_do: "Es wurde nichts geändert. Gehen Sie zurück und senden Sie es noch einmal.",
            "Nothing was changed. Go back and send it again.";
        file: "Eine Datei auf diesem Rechner lässt sich nicht lesen oder schreiben", "A file on this machine cannot be read or written";
        file_do: "Prüfen Sie, ob die Platte voll ist und ob der Ordner Ihnen gehört; die Einzelheiten nennen die Datei. Was schon gesendet war, gilt: Sehen Sie es auf der Seite der Person nach, bevor Sie es noch einmal tun.",
            "Check whether the disk is full and the folder is yours; the details name the file. What was sent already stands: look at the person's page before you do it again.";
        unreachable: "Der Broker ist nicht erreichbar", "The broker cannot be reached";
        unreachable_do: "Prüfen Sie die Verbindung. Wollten Sie etwas ändern, sehen Sie danach zuerst auf der Seite der Person nach, ob es schon angekommen ist; senden Sie es nur sonst noch einmal.",
            "Check the connection. If you were changing something, look at the participant's page first whether it has arrived already; send it again only if not.";
        alarm: "Achtung: Das Protokoll stimmt nicht", "Attention: the log does not hold";
        alarm_do: "Der Broker zeigt ein anderes Protokoll als früher. Ändern Sie nichts und sagen Sie sofort der oder dem Datenschutzbeauftragten Bescheid.",
            "The broker shows another log than before. Change nothing, and tell the data-protection officer at once.";
        no_key: "Das geht nur mit Ihrem eigenen Schlüssel", "This needs your own key";
        no_key_do: "Der Schlüssel bleibt auf Ihrem Rechner. Starten Sie dort das Programm mit: schleuse lotse console",
            "The key stays on your machine. Start the program there with: schleuse lotse console";
        changed: "Das wurde inzwischen geändert", "This was changed meanwhile";
        changed_do: "Jemand anderes war schneller. Sehen Sie den neuen Stand an und entscheiden Sie dann.",
            "Somebody else was faster. Look at the new state and decide then.";
        not_permitted: "Das darf Ihre Rolle nicht", "Your role may not do this";
        not_permitted_do: "Der Versuch wurde protokolliert. Wenden Sie sich an die Datenschutzbeauftragte oder den Datenschutzbeauftragten des Projekts.",
            "The attempt was logged. Turn to the project's data-protection officer.";
        not_for_deputy: "Das darf nur die zuständige Lotsin oder der zuständige Lotse", "Only the participant's own Lotse may do this";
        not_for_deputy_do: "Übergeben, Beenden, Phasen und Plätze, das Zurücknehmen von Widersprüchen und weitere Vertretungen gehören nicht zur Vertretung.",
            "Handing over, ending, phases and places, withdrawing objections and appointing deputies do not belong to a deputy.";
        other_before: "Mit diesem Formular wurde schon etwas anderes aufgezeichnet", "Something else was recorded with this form before";
        other_before_do: "Sehen Sie auf der Seite der Person nach, was gilt. Soll etwas anderes gelten, öffnen Sie von dort ein neues Formular.", "Look at the participant's page for what holds. If something else is to hold, open a new form from there.";
        participation_ended: "Die Teilnahme ist beendet", "The participation has ended";
        participation_ended_do: "Wer wiederkommt, wird neu aufgenommen.", "Whoever comes back is registered anew.";
        on_hold: "Das Löschen ist angehalten", "Erasure is on hold";
        on_hold_do: "Solange eine Sperre besteht, wird nichts gelöscht. Die Sperren und ihre Gründe stehen auf der Seite „Löschen“.",
            "While there is a hold, nothing is erased. Holds and their reasons are on the page \u{201c}Erasure\u{201d}.";
        review_too_late: "Die nächste Durchsicht liegt zu spät", "The next review is too late";
        review_too_late_do: "Wählen Sie einen früheren Tag: spätestens nach sechs Monaten wird eine Einwilligung mit der Person durchgesehen.",
            "Choose an earlier day: a consent is reviewed with the person after six months at the latest.";
        representation: "Das geht über die Vertretung hinaus", "This goes beyond the representation";
        representation_do: "Wer vertritt, kann nur einwilligen, soweit die Vertretung reicht. Verkleinern Sie die Erlaubnis oder ergänzen Sie den Aufgabenkreis.",
            "A representative can consent only as far as the representation reaches. Narrow the grant, or name more of the scope.";
        evidence_missing: "Für Gesundheitsdaten fehlt der Nachweis", "Evidence is missing for health data";
        evidence_missing_do: "Wählen Sie die Datei mit der unterschriebenen Einwilligung. Die Datei bleibt auf diesem Rechner; nur ihre Prüfsumme wird aufgezeichnet.",
            "Choose the file with the signed consent. The file stays on this machine; only its checksum is recorded.";
        stopped: "Der Broker nimmt gerade nur Widerrufe an", "The broker takes only revocations at the moment";
        stopped_do: "Es wurde nichts geändert. Widerrufen und nachsehen geht weiter. Der Betrieb muss den Broker prüfen.",
            "Nothing was changed. Revoking and looking still work. Operations must look at the broker.";
        refused: "Der Broker hat das nicht angenommen", "The broker did not take this";
        refused_do: "Es wurde nichts geändert. Die Einzelheiten sagen, was nicht passt.", "Nothing was changed. The details say what does not fit.";
    }
}
