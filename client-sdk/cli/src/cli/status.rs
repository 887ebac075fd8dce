//! `schleuse operator status`: how the broker is.

use schleuse_client::{
    Bounded, BrokerProfile, BrokerStatus, CertificateUse, Client, ClientError, format_time, rfc3339,
};
use serde_json::{Value, json};

use super::Ending;
use super::output::Output;
use super::table::Table;

/// Shows how the broker is.
pub(crate) async fn status(client: &Client, output: &Output) -> Result<Ending, ClientError> {
    let status = client.status().await?;
    output.table(&status_json(&status), || table(&status));
    Ok(if status.needs_attention() { Ending::Declined } else { Ending::Done })
}

fn profile(status: &BrokerStatus) -> &'static str {
    match status.profile {
        BrokerProfile::Development => "development",
        BrokerProfile::Production => "production",
        BrokerProfile::Unknown | _ => "unknown",
    }
}

fn used_for(used_for: CertificateUse) -> &'static str {
    match used_for {
        CertificateUse::Broker => "broker",
        CertificateUse::BrokerChain => "broker's CA",
        CertificateUse::Root => "root",
        CertificateUse::Issuer => "issuer",
        CertificateUse::Unknown | _ => "unknown",
    }
}

/// Why nothing can be permitted; empty if it can.
fn obstacles(status: &BrokerStatus) -> Vec<&'static str> {
    let permits = &status.permits;
    let known = [
        (permits.log_behind, "the log is behind a shown checkpoint"),
        (permits.witnesses_late, "the quorum of witnesses is late"),
        (permits.clock_set_back, "the clock was set back"),
        (permits.storage_low, "space is short"),
    ];
    known.into_iter().filter(|(holds, _)| *holds).map(|(_, why)| why).collect()
}

fn bounded(number: Bounded) -> Value {
    json!({ "now": number.now, "max": number.max })
}

fn status_json(status: &BrokerStatus) -> Value {
    let (log, queues, volume) = (&status.log, &status.queues, &status.volume);
    json!({
        "time": rfc3339(status.time_ms),
        "version": status.version,
        "profile": profile(status),
        "permits": { "possible": status.permits.possible, "obstacles": obstacles(status) },
        "log": {
            "size": log.size,
            "checkpoint": rfc3339(log.checkpoint_ms),
            "newest_record": rfc3339(log.newest_record_ms),
            "epoch": log.epoch,
            "started": rfc3339(log.started_ms),
            "behind": log.behind,
        },
        "witnesses": witnesses_json(status),
        "certificates": certificates_json(status),
        "revocation_lists": lists_json(status),
        "queues": {
            "urgent": bounded(queues.urgent),
            "normal": queues.normal_waiting,
            "normal_kib": bounded(queues.normal_kib),
            "newest_group_records": queues.newest_group_records,
            "connections": bounded(queues.connections),
            "calls": bounded(queues.calls),
            "streams": bounded(queues.streams),
            "messages": queues.messages,
            "message_bytes": queues.message_bytes,
            "mailbox_messages_max": queues.mailbox_messages_max,
            "mailbox_bytes_max": queues.mailbox_bytes_max,
        },
        "volume": {
            "free_bytes": volume.free_bytes,
            "free_bytes_min": volume.free_bytes_min,
            "reserve_bytes": volume.reserve_bytes,
        },
    })
}

fn witnesses_json(status: &BrokerStatus) -> Value {
    let quorum = &status.witnesses;
    let each = quorum.witnesses.iter().map(|witness| {
        json!({
            "name": witness.name,
            "age_ms": witness.age_ms,
            "size": witness.size,
            "late": witness.late,
        })
    });
    json!({
        "required": quorum.required,
        "met": quorum.met,
        "max_age_ms": quorum.max_age_ms,
        "witnesses": each.collect::<Value>(),
    })
}

fn certificates_json(status: &BrokerStatus) -> Value {
    let each = status.certificates.iter().map(|certificate| {
        json!({
            "use": used_for(certificate.used_for),
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "not_before": rfc3339(certificate.not_before_ms),
            "not_after": rfc3339(certificate.not_after_ms),
            "agencies": certificate.agencies,
        })
    });
    each.collect()
}

fn lists_json(status: &BrokerStatus) -> Value {
    let each = status.revocation_lists.iter().map(|list| {
        json!({
            "issuer": list.issuer,
            "number": list.number,
            "next_update": rfc3339(list.next_update_ms),
        })
    });
    each.collect()
}

fn table(status: &BrokerStatus) -> Table {
    let mut table = Table::new(&["what", "name", "value"], "");
    let mut row = |what: &str, name: &str, value: String| {
        table.row(vec![what.to_owned(), name.to_owned(), value]);
    };
    row("broker", "version", format!("{} ({})", status.version, profile(status)));
    let obstacles = obstacles(status).join(", ");
    let permits =
        if status.permits.possible { "yes".to_owned() } else { format!("no: {obstacles}") };
    row("broker", "permits", permits);
    row("log", "records", status.log.size.to_string());
    row("log", "checkpoint", format_time(status.log.checkpoint_ms));
    row("log", "newest record", format_time(status.log.newest_record_ms));
    row("log", "start", format!("{}, {}", status.log.epoch, format_time(status.log.started_ms)));
    let quorum = &status.witnesses;
    let met = if quorum.met { "met" } else { "missing" };
    row("witnesses", "quorum", format!("{} required, {met}", quorum.required));
    for witness in &quorum.witnesses {
        let age = witness.age_ms.map_or("never".to_owned(), |ms| format!("{} s ago", ms / 1000));
        row("witness", &witness.name, format!("{age}{}", if witness.late { ", late" } else { "" }));
    }
    for certificate in &status.certificates {
        let mut until = format!("until {}", format_time(certificate.not_after_ms));
        if !certificate.agencies.is_empty() {
            until = format!("{until}, for {}", certificate.agencies.join(", "));
        }
        row(used_for(certificate.used_for), &certificate.subject, until);
    }
    for list in &status.revocation_lists {
        let next = format_time(list.next_update_ms);
        row("revocations", &list.issuer, format!("number {}, next update {next}", list.number));
    }
    for (what, name, value) in numbers(status) {
        row(what, name, value);
    }
    table
}

fn numbers(status: &BrokerStatus) -> Vec<(&'static str, &'static str, String)> {
    let (queues, volume) = (&status.queues, &status.volume);
    let of = |number: Bounded| format!("{} of {}", number.now, number.max);
    let mib = |bytes: u64| format!("{} MiB", bytes / (1024 * 1024));
    let per_mailbox =
        format!("{} and {}", queues.mailbox_messages_max, mib(queues.mailbox_bytes_max));
    vec![
        ("lane", "urgent", of(queues.urgent)),
        ("lane", "normal", format!("{}, {} KiB", queues.normal_waiting, of(queues.normal_kib))),
        ("group", "newest", format!("{} records", queues.newest_group_records)),
        ("open", "connections", of(queues.connections)),
        ("open", "calls", of(queues.calls)),
        ("open", "streams", of(queues.streams)),
        ("mailboxes", "messages", queues.messages.to_string()),
        ("mailboxes", "bytes", queues.message_bytes.to_string()),
        ("mailboxes", "most in one", per_mailbox),
        ("volume", "free", volume.free_bytes.map_or("unknown".to_owned(), mib)),
        ("volume", "needed free", mib(volume.free_bytes_min)),
        ("volume", "reserve", mib(volume.reserve_bytes)),
    ]
}
