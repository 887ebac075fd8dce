//! The words of the pages, in plain German.

use schleuse_proto::v1;

use super::course::State;
use super::{Names, shown};
use crate::german::german_time;

/// A time in Germany, to the minute: `22.11.2026, 09:30 Uhr`. The page says once whose time it is.
pub(super) fn time(ms: i64) -> String {
    german_time(ms)
}

/// A day: `22.11.2026`.
pub(super) fn day(ms: i64) -> String {
    let time = german_time(ms);
    time.split_once(", ").map_or(time.as_str(), |(day, _)| day).to_owned()
}

/// The time of a day: `09:30 Uhr`.
pub(super) fn time_of_day(ms: i64) -> String {
    let time = german_time(ms);
    time.split_once(", ").map_or(time.as_str(), |(_, of_day)| of_day).to_owned()
}

pub(super) fn address(address: Option<&v1::Address>, names: &Names) -> String {
    let Some(address) = address else { return "unbekannt".to_owned() };
    let id = format!("{}/{}", address.agency, address.function);
    match names.offices.contains_key(&id) {
        true => names.office_and_id(&id),
        false => format!("{}, {}", names.office(&address.agency), shown(&address.function)),
    }
}

/// Why somebody looked. Reasons of programs are English in the log.
pub(super) fn reason(reason: &str) -> String {
    match reason {
        "consents listed by the Lotse" => "Die Einwilligungen wurden angesehen.".to_owned(),
        "releases and objections listed by the Lotse" => {
            "Schweigepflichtentbindungen und Widersprüche wurden angesehen.".to_owned()
        }
        "participants listed by the Lotse" => {
            "Die Liste der Teilnehmenden wurde angesehen.".to_owned()
        }
        "participations listed by the Lotse" => {
            "Der Stand der Teilnahmen wurde angesehen.".to_owned()
        }
        "tasks listed by the Lotse" => "Anstehende Aufgaben wurden angesehen.".to_owned(),
        "reviews listed by the Lotse" => "Anstehende Durchsichten wurden angesehen.".to_owned(),
        "holds listed by the project's officer" => {
            "Aufschübe des Löschens wurden angesehen.".to_owned()
        }
        "open runs listed by the project's officer" => {
            "Vorschläge zum Löschen wurden angesehen.".to_owned()
        }
        "duties to delete listed by the officer" => {
            "Pflichten zum Löschen wurden angesehen.".to_owned()
        }
        "erasure planned" => "Ein Löschen wurde vorbereitet.".to_owned(),
        other => shown(other),
    }
}

pub(super) fn actor(actor: Option<&v1::Actor>, names: &Names) -> String {
    let Some(actor) = actor else { return "das System selbst".to_owned() };
    let role = match actor.role.as_str() {
        "system" => "Fachverfahren",
        "lotse" => "Lotsin oder Lotse",
        "dpo" => "Datenschutz",
        "operator" => "technischer Betrieb",
        "evaluation" => "Begleitforschung",
        other => other,
    };
    let person = if actor.person.is_empty() { "" } else { ", " };
    shown(&format!("{} ({role}{person}{})", names.office(&actor.agency), actor.person))
}

pub(super) fn state(state: State) -> &'static str {
    match state {
        State::InForce => "gilt",
        State::NotYet => "gilt noch nicht",
        State::Ended => "abgelaufen",
        State::Revoked => "widerrufen",
        State::Suspended => "ausgesetzt",
        State::Over => "gilt nicht mehr: Ihre Teilnahme ist beendet",
        State::Unknown => "Einzelheiten werden hier nicht gezeigt",
    }
}

pub(super) fn form(form: v1::ConsentForm) -> &'static str {
    match form {
        v1::ConsentForm::Written => "schriftlich",
        v1::ConsentForm::Electronic => "elektronisch",
        v1::ConsentForm::SpecialReason => "auf andere Weise, wegen besonderer Umstände",
        v1::ConsentForm::Unspecified => "nicht angegeben",
    }
}

/// Why a message was refused.
pub(super) fn deny_reason(reason: v1::DenyReason) -> &'static str {
    match reason {
        v1::DenyReason::UnknownParticipant => "Die Kennung gehörte zu niemandem.",
        v1::DenyReason::NoConsent => "Keine Ihrer Einwilligungen erlaubt das.",
        v1::DenyReason::Revoked => "Sie hatten die Einwilligung dafür widerrufen.",
        v1::DenyReason::Expired => "Die Einwilligung dafür war abgelaufen.",
        v1::DenyReason::NotYet => "Die Einwilligung dafür galt noch nicht.",
        v1::DenyReason::Superseded => "Nur eine frühere Fassung Ihrer Einwilligung erlaubte das.",
        v1::DenyReason::NotAllCovered => {
            "Das war erlaubt, aber die Stelle wollte alles zusammen senden, und anderes war es nicht."
        }
        v1::DenyReason::Suspended => "Die Einwilligung dafür war ausgesetzt.",
        v1::DenyReason::Restricted => "Die Verarbeitung Ihrer Daten war eingeschränkt.",
        // Never about a participant, so that no report shows it.
        v1::DenyReason::NotInDirectory => "Eine Stelle steht nicht im Verzeichnis.",
        v1::DenyReason::ReviewMissed => {
            "Die Einwilligung dafür ruhte, weil sie nicht rechtzeitig mit Ihnen überprüft wurde."
        }
        v1::DenyReason::SecrecyReleaseMissing => {
            "Für ein Berufsgeheimnis fehlte die Schweigepflichtentbindung."
        }
        v1::DenyReason::Objected => "Sie hatten dem widersprochen.",
        v1::DenyReason::Ended => "Ihre Teilnahme war beendet.",
        v1::DenyReason::Unspecified => "Der Grund wird hier nicht gezeigt.",
    }
}

/// Why a waiting message was stopped.
pub(super) fn stop_reason(reason: v1::StopReason) -> &'static str {
    match reason {
        v1::StopReason::ConsentEnded => {
            "Die Einwilligung dafür galt nicht mehr: Sie war abgelaufen, widerrufen oder geändert."
        }
        v1::StopReason::Expired => "Die Frist war abgelaufen.",
        v1::StopReason::Erased => "Ihre Daten wurden gelöscht.",
        v1::StopReason::UploadEnded => {
            "Teil eines Anhangs: Die Nachricht dazu kam nicht an oder wurde aufgehalten."
        }
        v1::StopReason::Recalled => "Die absendende Stelle hat die Nachricht zurückgerufen.",
        v1::StopReason::Unspecified => "Der Grund wird hier nicht gezeigt.",
    }
}

/// How far a recipient got.
pub(super) fn stage(stage: v1::DeliveryStage) -> &'static str {
    match stage {
        v1::DeliveryStage::Decrypted => "geöffnet",
        v1::DeliveryStage::Acknowledged => "übernommen",
        v1::DeliveryStage::Unspecified => "gemeldet",
    }
}
