//! `schleuse dpo count`: how many records there are, in groups, without showing them.

use schleuse_client::{ClientError, LogCount, LogGrouping, format_time, rfc3339};
use serde_json::{Value, json};

use super::args::{CountArguments, Global};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect, dpo, spreadsheet};

/// Counts the log.
pub(crate) async fn run(
    global: &Global,
    arguments: &CountArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let group_by = groupings(&arguments.by)?;
    let names: Vec<&str> = group_by.iter().map(|grouping| grouping.name()).collect();
    let query = dpo::query(&arguments.filter)?;
    let client = connect(global, None, output).await?;
    let counts = client.count_log(&query, &group_by).await?;
    let record = counts.receipt.record_number;
    let value = json!({
        "groups": counts.groups.iter().map(|group| group_json(&names, group)).collect::<Value>(),
        "query_record": record,
    });
    output.table(&value, || table(&names, &counts.groups));
    if let Some(path) = &arguments.csv {
        spreadsheet::write_counts(&names, &counts.groups, path)?;
        output.note(&format!("wrote {}", path.display()));
    }
    output.note(&format!("this count is log record {record}"));
    Ok(Ending::Done)
}

fn groupings(names: &[String]) -> Result<Vec<LogGrouping>, ClientError> {
    let grouping = |name: &String| {
        LogGrouping::parse(name).ok_or_else(|| {
            let known: Vec<&str> = LogGrouping::ALL.into_iter().map(LogGrouping::name).collect();
            let expected = format!("at most three of {}", known.join(", "));
            ClientError::Argument { what: "by", expected }
        })
    };
    names.iter().map(grouping).collect()
}

fn group_json(names: &[&str], group: &LogCount) -> Value {
    let keys = names.iter().zip(&group.keys).map(|(name, key)| ((*name).to_owned(), json!(key)));
    json!({
        "keys": keys.collect::<serde_json::Map<_, _>>(),
        "records": group.records,
        "first": rfc3339(group.first_ms),
        "last": rfc3339(group.last_ms),
    })
}

fn table(names: &[&str], groups: &[LogCount]) -> Table {
    let head: Vec<&str> = names.iter().chain(&["records", "first", "last"]).copied().collect();
    let mut table = Table::new(&head, "no record matches");
    for group in groups {
        let shown = |key: &String| if key.is_empty() { "-".to_owned() } else { key.clone() };
        let mut cells: Vec<String> = group.keys.iter().map(shown).collect();
        let times = [format_time(group.first_ms), format_time(group.last_ms)];
        cells.push(group.records.to_string());
        cells.extend(times);
        table.row(cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groupings_have_names_for_the_command_line() {
        let names = |text: &str| groupings(&[text.to_owned()]);
        assert_eq!(names("agency-pair").unwrap(), [LogGrouping::AgencyPair]);
        let error = names("person").unwrap_err().to_string();
        assert!(error.contains("purpose"), "{error}");
    }

    #[test]
    fn a_group_is_shown_with_its_keys() {
        let keys = vec!["drv>bezirk".to_owned(), String::new()];
        let group = LogCount { keys, records: 4, first_ms: 0, last_ms: 0 };
        let value = group_json(&["agency-pair", "purpose"], &group);
        assert_eq!(value["keys"]["agency-pair"], "drv>bezirk");
        let text = table(&["agency-pair", "purpose"], &[group]).to_string();
        assert!(text.lines().nth(1).unwrap().starts_with("drv>bezirk   -        4"), "{text}");
    }
}
