//! Texts of consents: recording, narrowing, revoking, reviewing, receipts, safeguards.

use super::texts;

texts! {
    /// Texts of consents.
    ConsentTexts {
        revision_n: "Fassung {}", "revision {}";
        grants: "Was erlaubt ist", "What is allowed";
        grants_were: "Was erlaubt war", "What was allowed";
        grant_n: "Erlaubnis {}", "Grant {}";
        senders: "Wer senden darf", "Who may send";
        recipient: "Wer bekommen darf", "Who may receive";
        purpose: "Wozu", "What for";
        categories: "Welche Daten", "Which data";
        health: "auch Gesundheitsdaten", "health data, too";
        valid: "Gültig", "Valid";
        valid_span: "{} bis {}", "{} to {}";
        held_back: "Zurzeit nicht", "Not at the moment";
        given: "Gegeben", "Given";
        form: "Form", "Form";
        form_written: "schriftlich", "in writing";
        form_electronic: "elektronisch", "electronically";
        form_special: "aus besonderem Grund in anderer Form", "in another form for a special reason";
        by_participant: "von der Person selbst", "by the participant";
        by_representative: "von einer Vertretung: {}", "by a representative: {}";
        review_by: "Durchsicht bis", "Review by";
        review_missed: "Durchsicht versäumt: die Einwilligung ruht", "review missed: the consent is suspended";
        text_version: "Text", "Text";
        evidence: "Nachweise (Prüfsummen)", "Evidence (checksums)";
        releases: "Schweigepflichtentbindungen darin", "Releases from secrecy in it";
        revoke: "Widerrufen", "Revoke";
        narrow: "Verkleinern", "Narrow";
        confirm: "Durchsicht bestätigen", "Confirm the review";
        receipt: "Quittung drucken", "Print the receipt";

        revoke_title: "Einwilligung widerrufen", "Revoke the consent";
        revoke_lead: "Der Widerruf wirkt sofort. Was wartet, wird angehalten. Was schon ausgehändigt ist, bleibt rechtmäßig weitergegeben; die Empfänger müssen dann löschen.",
            "The revocation works at once. What waits is stopped. What was handed out was lawful; the recipients then have to delete.";
        effects: "Das ändert sich", "This changes";
        effects_none: "Zurzeit ist nichts in Kraft, was damit endet.", "Nothing that would end is in force at the moment.";
        effect_sender: "Darf nicht mehr senden", "May send no more";
        effect_recipient: "Bekommt nichts mehr", "Receives no more";
        effect_waiting: "Wartende Nachrichten", "Messages waiting";
        effect_otherwise: "Anders gedeckt", "Covered otherwise";
        partly: "zum Teil", "in part";
        stops_n: "{} wartende {Nachricht wird|Nachrichten werden} angehalten.", "{} waiting {message|messages} will be stopped.";
        effects_more: "Es können mehr Erlaubnisse enden, als hier stehen.", "More grants may end than are shown here.";
        revoke_now: "Jetzt widerrufen", "Revoke now";
        revoked: "Widerrufen. Ab jetzt wird unter dieser Einwilligung nichts mehr weitergegeben. {} wartende {Nachricht wurde|Nachrichten wurden} angehalten. Eintrag {}.",
            "Revoked. From now on nothing is passed on under this consent. {} waiting {message was|messages were} stopped. Record {}.";
        no_undo: "Ein Widerruf kann nicht zurückgenommen werden. Die Person kann jederzeit neu einwilligen.", "A revocation cannot be undone. The participant can consent anew at any time.";

        narrow_title: "Einwilligung verkleinern", "Narrow the consent";
        narrow_lead: "Wählen Sie, was nicht mehr erlaubt sein soll. Alles andere bleibt.", "Choose what shall not be allowed any more. Everything else stays.";
        drop_grant: "Diese Erlaubnis ganz streichen", "Take this grant out";
        drop_categories: "Diese Daten streichen", "Take these data out";
        drop_senders: "Diese Absender streichen", "Take these senders out";
        narrow_until: "Alles endet spätestens am", "Everything ends on, at the latest";
        narrow_preview: "Vorschau", "Preview";
        narrow_problem: "Wählen Sie etwas, das wegfallen soll, und lassen Sie etwas übrig. Soll nichts bleiben, widerrufen Sie.",
            "Choose something to take out, and leave something. If nothing shall stay, revoke.";
        narrow_now: "Jetzt verkleinern", "Narrow now";
        narrowed: "Verkleinert. {} wartende {Nachricht wurde|Nachrichten wurden} angehalten. Eintrag {}.", "Narrowed. {} waiting {message was|messages were} stopped. Record {}.";

        renew: "Verlängern", "Renew";
        renew_title: "Einwilligung verlängern", "Renew the consent";
        step_term: "1. Wie lange?", "1. How long?";
        renew_lead: "Was diese Einwilligung erlaubt, gilt dann ab heute neu, auch was schon abgelaufen ist oder erst später begann. Soll sich sonst etwas ändern, nehmen Sie eine neue Einwilligung auf.",
            "What this consent allows then holds anew from today on, also what has ended or was to begin later. If anything else shall change, record a new consent.";
        renew_months: "Neue Dauer in Monaten, ab heute", "New duration in months, from today on";
        renew_text_none: "Der Text dieser Einwilligung ist nicht auf diesem Rechner.", "The text of this consent is not on this machine.";
        renew_text_none_do: "Ohne ihn kann die Person nicht noch einmal lesen, was sie unterschreibt. Nehmen Sie eine neue Einwilligung auf.",
            "Without it the participant cannot read again what is signed. Record a new consent.";
        renewal_heading: "Verlängerung", "Renewal";
        renewal_says: "Diese Einwilligung wird verlängert. Statt der Zeiten und Angaben oben gilt von jetzt an nur noch:",
            "This consent is renewed. Instead of the times and details above, from now on only this holds:";
        renewal_sign: "Ort, Datum, Unterschrift:", "Place, date, signature:";
        renew_now: "Jetzt verlängern", "Renew now";
        renewed: "Verlängert. Eintrag {}. Drucken Sie jetzt die neue Quittung für die Person.", "Renewed. Record {}. Print the new receipt for the participant now.";

        confirm_lead: "Sie haben die Einwilligung mit der Person durchgesehen, und sie soll so bleiben.", "You went through the consent with the participant, and it shall stay as it is.";
        next_review: "Nächste Durchsicht in Monaten", "Next review in months";
        confirmed: "Bestätigt. Was unter der Einwilligung wartete, geht weiter. Eintrag {}.", "Confirmed. What waited under the consent goes on. Record {}.";

        record_title: "Einwilligung aufnehmen", "Record a consent";
        step_grants: "1. Was wird erlaubt?", "1. What is allowed?";
        step_text: "2. Vorlesen und unterschreiben", "2. Read out and sign";
        step_evidence: "3. Nachweis und Aufzeichnen", "3. Evidence and recording";
        template: "Vorlage", "Template";
        template_hint: "Die Vorlage bestimmt, welche Zwecke und Daten möglich sind.", "The template determines which purposes and data are possible.";
        templates_none: "Es gibt keine Vorlagen.", "There are no templates.";
        templates_none_do: "Starten Sie die Konsole mit dem Ordner der Vorlagen: schleuse lotse console --templates ORDNER", "Start the console with the folder of templates: schleuse lotse console --templates FOLDER";
        template_problem: "Wählen Sie eine Vorlage aus der Liste.", "Choose a template from the list.";
        valid_from: "Gültig ab", "Valid from";
        months: "Dauer in Monaten (höchstens 24)", "Duration in months (at most 24)";
        term_over_problem: "Diese Zeit ist schon vorbei. Wählen Sie einen späteren Tag oder eine längere Dauer.", "This time is over already. Choose a later day or a longer duration.";
        add_grant: "Weitere Erlaubnis", "Another grant";
        recipient_problem: "Wählen Sie, wer bekommen darf.", "Choose who may receive.";
        senders_problem: "Wählen Sie mindestens eine Stelle, die senden darf.", "Choose at least one agency that may send.";
        purpose_problem: "Wählen Sie den Zweck.", "Choose the purpose.";
        categories_problem: "Wählen Sie mindestens eine Datenart.", "Choose at least one kind of data.";
        release_holder: "Wer wird von der Schweigepflicht entbunden?", "Who is released from secrecy?";
        release_holder_hint: "Name oder Praxis, zum Beispiel: Dr. Beispiel, Hausärztin.", "Name or practice, for example: Dr. Beispiel, family doctor.";
        release_holder_problem: "Nennen Sie, wer entbunden wird.", "Name who is released.";
        representative: "Wer willigt ein?", "Who consents?";
        representative_self: "die Person selbst", "the participant";
        representative_parent: "Eltern oder Vormund", "parents or a guardian";
        representative_betreuer: "Betreuerin oder Betreuer", "a Betreuer";
        representative_power: "mit Vorsorgevollmacht", "by power of attorney";
        scope: "Aufgabenkreis der Vertretung", "Scope of the representation";
        scope_hint: "So wie er im Beschluss oder in der Vollmacht steht. Nur bei Vertretung.", "As it stands in the court's order or the power of attorney. For representatives only.";
        scope_problem: "Nennen Sie den Aufgabenkreis.", "Name the scope.";
        scope_covers: "Was die Vertretung umfasst", "What the representation covers";
        scope_covers_problem: "Kreuzen Sie an, welche Daten und Zwecke die Vertretung umfasst.", "Tick which data and purposes the representation covers.";
        scope_until: "Vertretung endet am", "Representation ends on";
        read_out: "Lesen Sie diesen Text vor oder geben Sie ihn zum Lesen. Drucken Sie ihn zur Unterschrift.", "Read this text out or give it to read. Print it for the signature.";
        text_kept: "Der Text bleibt auf diesem Rechner. Der Broker bekommt nur seine Prüfsumme.", "The text stays on this machine. The broker gets its checksum alone.";
        to_evidence: "Unterschrieben: weiter zum Nachweis", "Signed: on to the evidence";
        files: "Datei mit der unterschriebenen Einwilligung", "File with the signed consent";
        files_hint: "Ziehen Sie die Datei hierher oder wählen Sie sie aus. Sie bleibt auf diesem Rechner; nur ihre Prüfsumme wird aufgezeichnet. Höchstens 64 MiB.",
            "Drop the file here or choose it. It stays on this machine; only its checksum is recorded. At most 64 MiB.";
        review_months: "Durchsicht mit der Person spätestens in Monaten", "Review with the participant in months, at the latest";
        review_most: "Durchgesehen wird spätestens nach {} {Monat|Monaten}.", "The review is after {} {month|months} at the latest.";
        review_beyond: "Die Durchsicht muss vor dem Ende der Einwilligung liegen.", "The review has to be before the end of the consent.";
        summary: "Das wird aufgezeichnet", "This will be recorded";
        text_changed: "Der Text hat sich inzwischen geändert, zum Beispiel ein Name im Verzeichnis. Lesen Sie ihn bitte neu vor.", "The text has changed meanwhile, for example a name in the directory. Please read it out anew.";
        record_now: "Einwilligung aufzeichnen", "Record the consent";
        recorded: "Aufgezeichnet. Eintrag {}. Drucken Sie jetzt die Quittung für die Person.", "Recorded. Record {}. Print the receipt for the participant now.";
        text_refused: "Aus diesen Angaben entsteht kein Text: {}", "No text can be made of this: {}";

        safeguards_title: "Schweigepflicht und Widersprüche", "Secrecy and objections";
        objections: "Widersprüche", "Objections";
        objections_none: "Kein Widerspruch.", "No objection.";
        objection_lead: "Ein Widerspruch geht jeder Einwilligung vor. Was Sie nicht ankreuzen, ist nicht eingegrenzt: ohne jede Angabe wird gar nichts mehr weitergegeben.",
            "An objection beats any consent. What you do not tick is not narrowed: without any entry nothing is passed on at all.";
        objection_new: "Widerspruch aufzeichnen", "Record an objection";
        objection_agencies: "Nicht an und nicht von", "Not to and not from";
        objection_purposes: "Nicht zu diesen Zwecken", "Not for these purposes";
        objection_categories: "Nicht diese Daten", "Not these data";
        objection_until: "Endet von selbst am", "Ends by itself on";
        objection_all: "alles", "everything";
        objection_now: "Widerspruch jetzt aufzeichnen", "Record the objection now";
        objection_everything: "Sie haben nichts eingegrenzt: Ab dann wird über diese Person gar nichts mehr weitergegeben.", "You narrowed nothing: from then on nothing is passed on about this participant at all.";
        objected: "Aufgezeichnet. {} wartende {Nachricht wurde|Nachrichten wurden} angehalten. Eintrag {}.", "Recorded. {} waiting {message was|messages were} stopped. Record {}.";
        withdraw: "Zurücknehmen", "Withdraw";
        withdraw_title: "Widerspruch zurücknehmen", "Withdraw an objection";
        withdraw_lead: "Danach wird wieder weitergegeben, was eine Einwilligung erlaubt. Tun Sie das nur, wenn die Person es möchte.",
            "After that, what a consent allows is passed on again. Do this only if the participant wants it.";
        withdraw_now: "Jetzt zurücknehmen", "Withdraw now";
        withdrawn: "Zurückgenommen. Ab jetzt entscheiden wieder die Einwilligungen. Eintrag {}.", "Withdrawn. From now on the consents decide again. Record {}.";
        secrecy: "Schweigepflichtentbindungen", "Releases from secrecy";
        secrecy_none: "Keine Schweigepflichtentbindung.", "No release from secrecy.";
        secrecy_holder: "Wer ist entbunden", "Who is released";
        secrecy_addressee: "Gegenüber", "Towards";
        secrecy_holder_problem: "Wählen Sie, wer entbunden ist.", "Choose who is released.";
        secrecy_addressee_problem: "Wählen Sie, wem gegenüber.", "Choose towards whom.";
        secrecy_new: "Schweigepflichtentbindung aufzeichnen", "Record a release";
        secrecy_new_hint: "Für Stellen mit Berufsgeheimnis (§ 203 StGB), die selbst an Schleuse teilnehmen.", "For bodies with professional secrets (§ 203 StGB) that take part in Schleuse themselves.";
        secrecy_text: "Text, den die Person unterschrieben hat", "Text that the participant has signed";
        secrecy_text_problem: "Der Text fehlt.", "The text is missing.";
        secrecy_recorded: "Aufgezeichnet. Eintrag {}.", "Recorded. Record {}.";
        unrelease_title: "Schweigepflichtentbindung widerrufen", "Revoke a release from secrecy";
        unrelease_lead: "Der Widerruf wirkt sofort. Was schon ausgehändigt ist, bleibt rechtmäßig weitergegeben.",
            "The revocation takes effect at once. What was handed out already was passed on lawfully.";
        secrecy_revoked: "Widerrufen. {} wartende {Nachricht wurde|Nachrichten wurden} angehalten. Eintrag {}.", "Revoked. {} waiting {message was|messages were} stopped. Record {}.";

        leave_title: "Vertretung, Wechsel, Ende", "Deputy, change, end";
        deputy: "Vertretung einsetzen", "Appoint a deputy";
        deputy_lead: "Nach Absprache mit der Person und mit ihrem Einverständnis. Die Vertretung sieht diese Person und handelt für sie: Sie nimmt Einwilligungen auf und widerruft sie. Übergeben, beenden, Widersprüche zurücknehmen und andere vertreten lassen kann sie nicht.",
            "After consultation with the participant and with their agreement. The deputy sees this participant and acts for them: records consents and revokes them. The deputy cannot hand over, end, withdraw objections or appoint others.";
        lotse_name: "Kennung der Lotsin oder des Lotsen", "Identity of the Lotse";
        lotse_hint: "So wie sie im Zertifikat steht, zum Beispiel l-02. Der Broker kann nicht prüfen, ob es diese Person gibt.", "As it stands in the certificate, for example l-02. The broker cannot check whether there is this person.";
        lotse_again: "Zur Sicherheit noch einmal", "Once more, to be sure";
        lotse_problem: "Geben Sie die Kennung einer anderen Lotsin oder eines anderen Lotsen an.", "Enter the identity of another Lotse.";
        lotse_again_problem: "Das ist nicht dieselbe Kennung.", "That is not the same identity.";
        deputy_text: "Text, dem die Person zugestimmt hat", "Text to which the participant agreed";
        deputy_now: "Vertretung einsetzen", "Appoint the deputy";
        deputy_done: "Die Vertretung ist eingesetzt. Eintrag {}. Sie endet mit dem Widerruf dieser Einwilligung.", "The deputy is appointed. Record {}. It ends with the revocation of this consent.";
        hand_over: "An eine andere Lotsin oder einen anderen Lotsen übergeben", "Hand over to another Lotse";
        hand_over_lead: "Danach sehen Sie diese Person nicht mehr. Nur die neue Lotsin oder der neue Lotse kann sie zurückgeben.", "After that you do not see this participant any more. Only the new Lotse can hand them back.";
        hand_over_done: "Die Person ist übergeben. Eintrag {}. Was über sie auf diesem Rechner steht, können Sie jetzt löschen.",
            "The participant is handed over. Record {}. What is kept about them on this machine you can delete now.";
        hand_over_now: "Jetzt übergeben", "Hand over now";
        end: "Teilnahme beenden", "End the participation";
        end_lead: "Die Person kann jederzeit gehen, ohne Grund und ohne Nachteil. Alle Einwilligungen enden sofort.", "The participant can leave at any time, without reason and without disadvantage. All consents end at once.";
        end_now: "Teilnahme jetzt beenden", "End the participation now";
        end_done: "Beendet. {} wartende {Nachricht wurde|Nachrichten wurden} angehalten. Eintrag {}.", "Ended. {} waiting {message was|messages were} stopped. Record {}.";
        preview: "Vorschau", "Preview";
    }
}
