//! Texts of the Lotse's pages: today, participants, participation.

use super::texts;

texts! {
    /// Texts of the Lotse's pages.
    LotseTexts {
        today: "Heute", "Today";
        today_lead: "Was ansteht, das Dringendste zuerst.", "What is to be done, the most urgent first.";
        nothing: "Nichts offen.", "Nothing open.";
        nothing_do: "Neue Bitten der Stellen und Durchsichten erscheinen hier von selbst.", "New requests of agencies and reviews appear here by themselves.";
        tasks_n: "{} {Aufgabe|Aufgaben}", "{} {task|tasks}";
        tasks_cut: "Mehr als {} {Aufgabe|Aufgaben}", "More than {} {task|tasks}";
        tasks_cut_do: "Sie sehen die dringendsten. Die übrigen rücken nach, sobald Sie davon welche erledigen; bei der einzelnen Person sehen Sie auch sie.",
            "You see the most urgent ones. The others move up as you settle some of these; the participant's own page shows them, too.";
        due_now: "sofort", "at once";
        due_by: "bis {}", "by {}";
        overdue_since: "überfällig seit {}", "overdue since {}";
        t_request: "Bitte um Einwilligung", "Request for a consent";
        t_request_says: "{} möchte an {} senden: {} ({}).", "{} would like to send to {}: {} ({}).";
        t_request_reason: "Grund: {}.", "Reason: {}.";
        t_grant: "Eine Erlaubnis läuft aus", "A grant ends";
        t_grant_says: "Besprechen Sie mit der Person, ob sie verlängert werden soll. Ohne Verlängerung endet sie von selbst.", "Talk with the participant about whether it shall be renewed. Without that it ends by itself.";
        t_review: "Durchsicht einer Einwilligung", "Review of a consent";
        t_review_says: "Gehen Sie die Einwilligung mit der Person durch. Wird das versäumt, ruht sie.", "Go through the consent with the participant. If that is missed, it is suspended.";
        t_end: "24 Monate enden", "24 months end";
        t_end_says: "Planen Sie die Überleitung.", "Plan the hand-over.";
        t_place: "Ein Platz ist frei", "A place is free";
        t_place_says: "{}: Soll die Person den Platz bekommen, ändern Sie ihren Stand auf „Kontaktaufbau“.", "{}: if the participant shall have the place, change the state to \u{201c}First contact\u{201d}.";
        t_entry: "Eintrag im Verzeichnis bestätigen", "Confirm the directory entry";
        t_entry_says: "Prüfen Sie den Eintrag von {} und bestätigen Sie ihn: schleuse directory confirm.", "Check the entry of {} and confirm it: schleuse directory confirm.";
        t_unknown: "Eine Aufgabe, die dieses Programm noch nicht kennt", "A task that this program does not know yet";
        close: "Erledigt?", "Settled?";
        close_done: "Besprochen und erledigt", "Talked about and settled";
        close_declined: "Die Person möchte das nicht", "The participant does not want it";
        close_obsolete: "Nicht mehr nötig", "Not needed any more";
        close_hint: "Die Stelle erfährt nicht, was daraus wird.", "The agency learns nothing of what becomes of it.";
        prepare: "Einwilligung vorbereiten", "Prepare a consent";
        look: "Ansehen", "Look";
        closed: "Erledigt. Die Stelle erfährt davon nichts.", "Settled. The agency learns nothing of it.";

        participants: "Teilnehmende", "Participants";
        participants_lead: "Namen stehen nur auf diesem Rechner. Der Broker kennt nur Kennungen.", "Names are on this machine only. The broker knows references alone.";
        find: "Name, Aktenzeichen oder Kennung", "Name, file number or reference";
        find_do: "Finden", "Find";
        find_all: "Alle zeigen", "Show all";
        found_none: "Niemand passt zu „{}“.", "Nobody matches \u{201c}{}\u{201d}.";
        nobody: "Sie begleiten noch niemanden.", "You guide nobody yet.";
        nobody_do: "Nehmen Sie die erste Person auf.", "Register the first participant.";
        register: "Person aufnehmen", "Register a participant";
        name: "Name", "Name";
        name_hint: "Bleibt auf diesem Rechner.", "Stays on this machine.";
        name_problem: "Geben Sie einen Namen mit höchstens 200 Zeichen an.", "Enter a name of at most 200 characters.";
        born: "Geboren am", "Born on";
        file_number: "Aktenzeichen", "File number";
        unnamed: "(ohne Namen)", "(without a name)";
        book_unreadable: "(Namen nicht lesbar: siehe Teilnehmende)", "(names cannot be read: see Participants)";
        kept_some: "Auf diesem Rechner steht noch etwas über {} {Person|Personen}, die nicht mehr zu Ihnen {gehört|gehören}.",
            "This machine still keeps something about {} {person|persons} who {is|are} not yours any more.";
        kept_look: "Ansehen und löschen", "Look and delete";
        kept: "Noch auf diesem Rechner", "Still on this machine";
        kept_lead: "Namen und Fallkonferenzen von Personen, die Sie nicht mehr begleiten: übergeben, oder beim Broker gelöscht. Brauchen Sie etwas davon, übernehmen Sie es vorher in Ihre Akte.",
            "Names and Fallkonferenzen of participants whom you do not guide any more: handed over, or erased at the broker. If you need something of it, take it to your files before.";
        kept_none: "Hier steht nichts über Personen, die Sie nicht mehr begleiten.", "Nothing is kept here about participants whom you do not guide any more.";
        kept_conferences: "Fallkonferenzen", "Fallkonferenzen";
        forget: "Endgültig löschen", "Delete for good";
        forgotten: "Name und eigene Fallkonferenzen zu dieser Person sind von diesem Rechner gelöscht. Texte von Einwilligungen und Fallkonferenzen anderer bleiben.",
            "The name of this participant and your own Fallkonferenzen about them are deleted from this machine. Texts of consents and Fallkonferenzen of others stay.";
        edit_name: "Namen ändern", "Change the name";
        named: "Der Name ist geändert.", "The name is changed.";
        registered: "Die Person ist aufgenommen.", "The participant is registered.";
        phase: "Stand", "Phase";
        jobcenter: "Jobcenter", "Jobcenter";
        since: "Seit", "Since";
        ends: "24 Monate enden am", "24 months end on";
        waiting_position: "Platz {} der Vormerkliste", "number {} on the waiting list";
        open: "Offen", "Open";
        open_none: "nichts", "nothing";
        open_unknown: "nicht bekannt", "not known";
        open_cut: "Es gibt mehr Aufgaben, als der Broker auf einmal nennt. Wo „nicht bekannt“ steht, sehen Sie auf der Seite der Person, was offen ist; eine Zahl kann zu klein sein.",
            "There are more tasks than the broker lists at once. Where it says \u{201c}not known\u{201d}, the participant's page shows what is open; a number can be too small.";
        page_n: "Seite {} von {}", "Page {} of {}";
        next_page: "Nächste Seite", "Next page";
        previous_page: "Vorige Seite", "Previous page";

        p_none: "noch nicht erfasst", "not recorded yet";
        p_proposed: "Vorgeschlagen", "Proposed";
        p_waiting: "Vormerkliste", "Waiting list";
        p_contact: "Kontaktaufbau", "First contact";
        p_assessment: "Assessment", "Assessment";
        p_goals: "Zielvereinbarung", "Agreement on goals";
        p_support_planning: "Förder- und Unterstützungsplanung", "Planning of support";
        p_implementation: "Durchführung", "Carrying it out";
        p_reflection: "Reflexion", "Reflection";
        p_transition: "Überleitung", "Hand-over";
        p_follow_up: "Nachbetreuung", "Follow-up care";
        p_ended: "Beendet", "Ended";

        person_open: "Offene Aufgaben", "Open tasks";
        person_open_none: "Für diese Person ist nichts offen.", "Nothing is open for this participant.";
        restricted: "Die Verarbeitung ist eingeschränkt: Zurzeit wird nichts weitergegeben.", "Processing is restricted: nothing is passed on at the moment.";
        ended: "Die Teilnahme ist beendet: Es wird nichts mehr weitergegeben.", "The participation has ended: nothing is passed on any more.";
        person_open_unknown: "Es sind mehr Bitten der Stellen offen, als der Broker auf einmal nennt. Ob eine davon diese Person meint, steht hier, sobald ältere erledigt sind.",
            "More requests of agencies are open than the broker lists at once. Whether one of them is about this participant will stand here as soon as older ones are settled.";
        matrix: "Wer darf was bekommen?", "Who may receive what?";
        matrix_caption: "Einwilligungen: Empfänger in Zeilen, Zwecke in Spalten", "Consents: recipients in rows, purposes in columns";
        matrix_none: "Es gibt keine Einwilligung. Über diese Person darf nichts gesendet werden.", "There is no consent. Nothing may be sent about this participant.";
        matrix_none_do: "Nehmen Sie eine Einwilligung auf, wenn die Person das möchte.", "Record a consent if the participant wants that.";
        recipient: "Empfänger", "Recipient";
        from: "von {}", "from {}";
        until: "bis {}", "until {}";
        from_day: "ab {}", "from {} on";
        not_allowed: "nichts erlaubt", "nothing allowed";
        consents: "Einwilligungen", "Consents";
        consents_ended: "Frühere Einwilligungen", "Earlier consents";
        record_consent: "Einwilligung aufnehmen", "Record a consent";
        safeguards: "Schweigepflicht und Widersprüche", "Secrecy and objections";
        timeline: "Wer hat was bekommen?", "Who received what?";
        participation: "Teilnahme", "Participation";
        set_phase: "Stand ändern", "Change the phase";
        phase_set: "Der Stand ist aufgezeichnet: {}.", "The phase is recorded: {}.";
        phase_waits: "Es ist kein Platz frei: Die Person steht auf der Vormerkliste, Platz {}.", "No place is free: the participant is on the waiting list, number {}.";
        employability_start: "Beschäftigungsfähigkeit am Anfang (Stufe 1 bis 4)", "Employability at the beginning (step 1 to 4)";
        employability_end: "Beschäftigungsfähigkeit am Ende (Stufe 1 bis 4)", "Employability at the end (step 1 to 4)";
        as_recorded: "wie aufgezeichnet", "as recorded";
        reference_for: "Kennung für eine Stelle", "Reference for an agency";
        reference_for_hint: "Jede Stelle hat ihre eigene Kennung. Nennen Sie diese nur dieser Stelle.", "Each agency has its own reference. Tell it to that agency only.";
        reference_make: "Kennung zeigen", "Show the reference";
        reference_is: "Die Kennung der Person für {} ist:", "The reference of the participant for {} is:";
        leave: "Vertretung, Wechsel, Ende", "Deputy, change, end";

        s_active: "gilt", "in force";
        s_not_yet: "gilt noch nicht", "not yet in force";
        s_expired: "abgelaufen", "expired";
        s_revoked: "widerrufen", "revoked";
        phase_problem: "Wählen Sie eine Phase.", "Choose a phase.";
        phase_follows: "Auf den eingetragenen Stand kann diese Phase nicht folgen. Am Anfang steht „{}“, „{}“ oder „{}“.", "This phase cannot follow the recorded state. At the beginning stands \u{201c}{}\u{201d}, \u{201c}{}\u{201d} or \u{201c}{}\u{201d}.";
        jobcenter_problem: "Wählen Sie am Anfang ein Jobcenter. Danach ändert es sich nur, solange noch kein Platz belegt ist.", "Choose a Jobcenter at the beginning. Later it changes only as long as no place is taken.";
        s_over: "Teilnahme beendet", "participation ended";
        s_withdrawn: "zurückgenommen", "withdrawn";
        s_suspended: "ruht", "suspended";
        s_unknown: "unbekannt", "unknown";
        h_restricted: "Verarbeitung eingeschränkt", "processing restricted";
        h_objected: "Widerspruch", "objection";
        h_objected_part: "Widerspruch zum Teil", "objection in part";

        timeline_lead: "Alles, was das Protokoll über diese Person zeigt, das Neueste zuerst. Auch dieser Blick wird protokolliert.",
            "Everything that the log shows about this participant, the newest first. This look, too, is logged.";
        timeline_which: "Zeigen", "Show";
        timeline_disclosures: "nur Weitergaben", "disclosures only";
        timeline_consents: "nur Einwilligungen", "consents only";
        timeline_everything: "alles", "everything";
        timeline_none: "Dazu gibt es keinen Eintrag.", "There is no record of that.";
        timeline_older: "Ältere Einträge zeigt die Auskunft.", "Older records are in the report.";
        report: "Auskunft für die Person (HTML)", "Report for the participant (HTML)";

        deadlines: "Fristen", "Deadlines";
        deadlines_lead: "Hinweise, keine Entscheidungen: Gesetzliche Fristen laufen, gleich was hier steht.", "Hints, no decisions: statutory periods run whatever stands here.";
        deadlines_all_lead: "Die nächsten Fristen aller Teilnehmenden: das Ende der 24 Monate, Durchsichten und auslaufende Erlaubnisse der nächsten 30 Tage.",
            "The next deadlines of all participants: the end of the 24 months; reviews and ending grants of the next 30 days.";
        deadlines_all_law: "Gesetzliche Fristen, zum Beispiel die zwei Wochen des § 14 SGB IX, folgen aus den Nachrichten zu einer Person. Sie stehen auf deren Seite unter „Fristen“.",
            "Statutory periods, for example the two weeks of § 14 SGB IX, follow from the messages about a participant. They are on the participant's page at \u{201c}Deadlines\u{201d}.";
        deadlines_all_none: "Zurzeit ist keine Frist bekannt.", "No deadline is known at the moment.";
        deadlines_n: "{} {Frist|Fristen}", "{} {deadline|deadlines}";
        deadlines_cut: "Es gibt mehr Aufgaben, als der Broker auf einmal nennt: Durchsichten und auslaufende Erlaubnisse stehen hier nur bis {}.",
            "There are more tasks than the broker lists at once: reviews and ending grants are here until {} only.";
        deadlines_cut_all: "Es sind mehr Bitten der Stellen offen, als der Broker auf einmal nennt: Durchsichten und auslaufende Erlaubnisse fehlen hier, bis davon welche erledigt sind.",
            "More requests of agencies are open than the broker lists at once: reviews and ending grants are missing here until some of those are settled.";
        deadlines_none: "Nach dem, was bekannt ist, läuft keine Frist.", "By what is known, no period runs.";
        deadline_what: "Was", "What";
        deadline_whose: "Wer", "Who";
        d_open: "läuft", "runs";
        d_overdue: "überschritten", "overdue";
        restrict: "Verarbeitung einschränken", "Restrict processing";
        restrict_lead: "Solange sie eingeschränkt ist, wird nichts über die Person weitergegeben und nichts gelöscht (Art. 18 DSGVO). Das lässt sich wieder aufheben.", "While it is restricted, nothing about the participant is passed on and nothing is erased (GDPR Art. 18). This can be lifted again.";
        restrict_now: "Jetzt einschränken", "Restrict now";
        unrestrict: "Einschränkung aufheben", "Lift the restriction";
        unrestrict_lead: "Danach wird wieder weitergegeben, was eine Einwilligung erlaubt.", "After that, what a consent allows is passed on again.";
        unrestrict_now: "Jetzt aufheben", "Lift it now";
        restrict_done: "Eingeschränkt: Ab jetzt wird nichts weitergegeben. Eintrag {}.", "Restricted: nothing is passed on from now on. Record {}.";
        unrestrict_done: "Die Einschränkung ist aufgehoben. Eintrag {}.", "The restriction is lifted. Record {}.";

        places: "Plätze", "Places";
        places_lead: "Belegte und freie Plätze je Jobcenter. Zahlen, keine Personen.", "Places taken and free at each Jobcenter. Numbers, no persons.";
        places_all: "Plätze", "Places";
        places_taken: "Belegt", "Taken";
        places_free: "Frei", "Free";
        places_waiting: "Vorgemerkt", "Waiting";
        places_none: "Es sind keine Plätze eingerichtet.", "No places are set up.";
        places_none_do: "Der Betrieb trägt sie in die Einstellungen des Brokers ein.", "Operations enters them into the broker's configuration.";
    }
}
