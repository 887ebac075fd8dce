//! `schleuse dpo restrict` and `hold`.

use schleuse_client::{Client, ClientError, HoldId, format_time, rfc3339};
use serde_json::{Value, json};

use super::Ending;
use super::args::{HoldCommand, RestrictArguments};
use super::output::Output;
use super::table::Table;

/// Restricts processing, or ends the restriction.
pub(crate) async fn restrict(
    client: &Client,
    arguments: &RestrictArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let restricted = !arguments.end;
    let receipt = client.restrict_participant(&arguments.participant, restricted).await?;
    let record = receipt.record_number;
    output.result(&json!({ "restricted": restricted, "record": record }), || {
        let what = if restricted {
            "restricted: nothing about this participant passes, nothing is erased"
        } else {
            "the restriction ended: what waited goes on"
        };
        format!("{what}\nlog record {record}")
    });
    Ok(Ending::Done)
}

/// Holds on erasure.
pub(crate) async fn hold(
    client: &Client,
    command: &HoldCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        HoldCommand::Place { reason, participant } => {
            let (hold, receipt) = client.place_hold(reason, participant.as_ref()).await?;
            let record = receipt.record_number;
            let value = json!({ "hold": hold.to_string(), "record": record });
            output.result(&value, || format!("hold {hold}\nlog record {record}"));
        }
        HoldCommand::Release { hold } => {
            let record = client.release_hold(&HoldId::parse_text(hold)?).await?.record_number;
            output.result(&json!({ "released": hold, "record": record }), || {
                format!("released, log record {record}")
            });
        }
        HoldCommand::List => {
            let holds = client.list_holds().await?;
            let value = holds.iter().map(|hold| {
                json!({
                    "hold": hold.id.to_string(),
                    "reason": hold.reason,
                    "participant": hold.participant.as_ref().map(|r| r.as_text().to_owned()),
                    "placed": rfc3339(hold.placed_ms),
                })
            });
            output.table(&value.collect::<Value>(), || {
                let head = ["hold", "placed", "participant", "reason"];
                let mut table = Table::new(&head, "nothing is on hold");
                for hold in &holds {
                    let about = hold.participant.as_ref().map(|r| r.as_text().to_owned());
                    table.row(vec![
                        hold.id.to_string(),
                        format_time(hold.placed_ms),
                        about.unwrap_or_else(|| "all".to_owned()),
                        hold.reason.clone(),
                    ]);
                }
                table
            });
        }
    }
    Ok(Ending::Done)
}
