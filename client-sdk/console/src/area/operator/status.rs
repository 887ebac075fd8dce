//! How the broker is: whether it permits, log, witnesses, certificates, queues. Numbers about the machine alone.

use askama::Template;
use schleuse_client::{
    Bounded, BrokerProfile, BrokerStatus, CertificateStatus, CertificateUse, shown,
};

use crate::desk::{Answer, Desk};
use crate::surface::{Language, Surface};
use crate::texts::{OperatorTexts, filled};
use crate::words;

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Below so many days a certificate is to be renewed now.
const DAYS_WARN: i64 = 30;
const MIB: u64 = 1024 * 1024;

/// Something that ends.
struct Ending {
    what: String,
    /// The rest of its name.
    of: String,
    what_for: String,
    until: String,
    days: i64,
    class: &'static str,
    symbol: &'static str,
}

struct Queue {
    name: &'static str,
    says: String,
    bounded: Option<Bounded>,
}

struct WitnessRow {
    name: String,
    age: String,
    class: &'static str,
    symbol: &'static str,
    says: &'static str,
}

#[derive(Template)]
#[template(path = "operator/status.html")]
struct Page {
    s: Surface,
    status: BrokerStatus,
    newest: String,
    checkpoint: String,
    started: String,
    profile: &'static str,
    reasons: Vec<&'static str>,
    witnesses: Vec<WitnessRow>,
    certificates: Vec<Ending>,
    lists: Vec<Ending>,
    queues: Vec<Queue>,
    free: String,
}

impl Page {
    /// What ends: certificates, then revocation lists; each with what its columns are called.
    fn endings(&self) -> [(&'static str, &'static str, &'static str, &[Ending]); 2] {
        let t = &self.s.t.operator;
        let number = self.s.t.forms.number;
        [
            (t.certificates, t.what_for, t.until, &self.certificates),
            (t.lists, number, t.list_until, &self.lists),
        ]
    }
}

pub(super) async fn show(desk: Desk) -> Answer {
    let status = desk.client.status().await.map_err(|error| desk.failed(error))?;
    let (t, language) = (&desk.t().operator, desk.surface.language);
    let time = |ms| words::time(language, ms);
    let certificates = status.certificates.iter().map(|one| certificate(one, &status, language));
    let lists = status.revocation_lists.iter().map(|list| {
        ending(
            shown(&list.issuer),
            list.number.to_string(),
            list.next_update_ms,
            status.time_ms,
            language,
        )
    });
    let mib = |bytes: u64| filled(t.mib, &[&(bytes / MIB).to_string()]);
    let page = Page {
        s: desk.surface.clone(),
        newest: time(status.log.newest_record_ms),
        checkpoint: time(status.log.checkpoint_ms),
        started: time(status.log.started_ms),
        profile: match status.profile {
            BrokerProfile::Production => t.production,
            BrokerProfile::Development => t.development,
            BrokerProfile::Unknown | _ => t.u_unknown,
        },
        reasons: reasons(&status, t),
        witnesses: witnesses(&status, t),
        certificates: soonest_first(certificates),
        lists: soonest_first(lists),
        queues: queues(&status, t, mib),
        free: status.volume.free_bytes.map_or_else(|| "–".to_owned(), mib),
        status,
    };
    desk.page(&page)
}

fn soonest_first(endings: impl Iterator<Item = Ending>) -> Vec<Ending> {
    let mut endings: Vec<Ending> = endings.collect();
    endings.sort_by_key(|ending| ending.days);
    endings
}

/// Why nothing is permitted.
fn reasons(status: &BrokerStatus, t: &OperatorTexts) -> Vec<&'static str> {
    let permits = &status.permits;
    let reasons = [
        (permits.log_behind, t.why_behind),
        (permits.witnesses_late, t.why_witnesses),
        (permits.clock_set_back, t.why_clock),
        (permits.storage_low, t.why_storage),
    ];
    reasons.into_iter().filter(|(holds, _)| *holds).map(|(_, says)| says).collect()
}

fn witnesses(status: &BrokerStatus, t: &OperatorTexts) -> Vec<WitnessRow> {
    let rows = status.witnesses.witnesses.iter().map(|one| WitnessRow {
        name: shown(&one.name),
        age: one.age_ms.map_or_else(|| t.never.to_owned(), |ms| words::age(ms, t)),
        class: if one.late { "bad" } else { "good" },
        symbol: if one.late { "▲" } else { "✓" },
        says: if one.late { t.w_late } else { t.w_fresh },
    });
    rows.collect()
}

fn certificate(one: &CertificateStatus, status: &BrokerStatus, language: Language) -> Ending {
    let t = &language.texts().operator;
    let what_for = match one.used_for {
        CertificateUse::Broker => t.u_broker.to_owned(),
        CertificateUse::BrokerChain => t.u_chain.to_owned(),
        CertificateUse::Root => t.u_root.to_owned(),
        CertificateUse::Issuer => filled(t.u_issuer, &[&one.agencies.join(", ")]),
        CertificateUse::Unknown | _ => t.u_unknown.to_owned(),
    };
    ending(shown(&one.subject), what_for, one.not_after_ms, status.time_ms, language)
}

fn ending(
    what: String,
    what_for: String,
    until_ms: i64,
    now_ms: i64,
    language: Language,
) -> Ending {
    let days = until_ms.saturating_sub(now_ms).div_euclid(DAY_MS);
    let (class, symbol) = match days {
        ..0 => ("bad", "▲"),
        0..DAYS_WARN => ("warn", "◔"),
        _ => ("good", "✓"),
    };
    // A distinguished name begins with what tells it apart; what many share comes after it.
    let (what, of) = what.split_once(", ").unwrap_or((&what, ""));
    let (what, of) = (what.trim_start_matches("CN=").to_owned(), of.to_owned());
    Ending { what, of, what_for, until: words::time(language, until_ms), days, class, symbol }
}

fn queues(status: &BrokerStatus, t: &OperatorTexts, mib: impl Fn(u64) -> String) -> Vec<Queue> {
    let queues = &status.queues;
    let bounded = |name, bounded: Bounded| Queue {
        name,
        says: filled(t.now_of, &[&bounded.now.to_string(), &bounded.max.to_string()]),
        bounded: Some(bounded),
    };
    let plain = |name, says| Queue { name, says, bounded: None };
    vec![
        bounded(t.q_urgent, queues.urgent),
        plain(t.q_normal, queues.normal_waiting.to_string()),
        bounded(t.q_connections, queues.connections),
        bounded(t.q_calls, queues.calls),
        bounded(t.q_streams, queues.streams),
        plain(t.q_messages, queues.messages.to_string()),
        plain(t.q_bytes, mib(queues.message_bytes)),
    ]
}
