//! `schleuse agency kinds`: which message kinds there are, what they hold, an example of each. Nothing
//! here asks the broker.

use schleuse_client::{ClientError, KindField, MessageKind};
use serde_json::{Value, json};

use super::Ending;
use super::args::{KindsArguments, KindsCommand};
use super::output::Output;
use super::table::Table;

/// Lists kinds or shows one.
pub(crate) fn run(arguments: &KindsArguments, output: &Output) -> Result<Ending, ClientError> {
    match &arguments.command {
        Some(KindsCommand::Show { kind, example }) => show(kind, *example, output)?,
        None => list(arguments.purpose.as_deref(), output)?,
    }
    Ok(Ending::Done)
}

fn list(purpose: Option<&str>, output: &Output) -> Result<(), ClientError> {
    let wanted = |kind: &&MessageKind| purpose.is_none_or(|code| kind.purposes.contains(&code));
    let kinds: Vec<&MessageKind> = MessageKind::all().iter().filter(wanted).collect();
    if kinds.is_empty() {
        let expected = "a purpose that has kinds; see: schleuse agency kinds".to_owned();
        return Err(ClientError::Argument { what: "purpose", expected });
    }
    let value: Value = kinds.iter().map(|kind| summary(kind)).collect();
    output.table(&value, || {
        let mut table = Table::new(&["kind", "purposes", "name", "meaning"], "no kinds");
        for kind in &kinds {
            let name = kind.name.to_owned();
            let meaning = kind.explanation.to_owned();
            table.row(vec![kind.code.to_owned(), purposes(kind), name, meaning]);
        }
        table
    });
    Ok(())
}

/// Purposes of a kind in few words.
fn purposes(kind: &MessageKind) -> String {
    if kind.purposes.len() > 3 { "every purpose".to_owned() } else { kind.purposes.join(", ") }
}

fn summary(kind: &MessageKind) -> Value {
    json!({
        "kind": kind.code,
        "name": kind.name,
        "explanation": kind.explanation,
        "purposes": kind.purposes,
        "contents": kind.contents,
        "content_free": kind.content_free,
    })
}

fn show(code: &str, example_only: bool, output: &Output) -> Result<(), ClientError> {
    let unknown = || ClientError::Argument {
        what: "kind",
        expected: "a kind that this program knows; see: schleuse agency kinds".to_owned(),
    };
    let kind = MessageKind::find(code).ok_or_else(unknown)?;
    let example = kind.sendable_example_json()?;
    if example_only {
        output.result(&example, || format!("{example:#}"));
        return Ok(());
    }
    let fields = kind.fields();
    let mut value = summary(kind);
    if let Value::Object(members) = &mut value {
        members.insert("fields".to_owned(), fields.iter().map(field_json).collect());
        members.insert("example".to_owned(), example.clone());
    }
    output.result(&value, || {
        let mut lines = vec![
            format!("{}: {}", kind.code, kind.name),
            kind.explanation.to_owned(),
            format!("purposes: {}", kind.purposes.join(", ")),
            format!("content: {}", kind.contents.join(" or ")),
            String::new(),
        ];
        lines.extend(fields.iter().map(field_text));
        if !kind.content_free {
            lines.push(
                "\nattachments go with --attach FILE, which names them in the content".to_owned(),
            );
        }
        lines.push(format!("\nexample:\n{example:#}"));
        lines.join("\n")
    });
    Ok(())
}

fn field_json(field: &KindField) -> Value {
    let values = field.values.iter().map(|(value, name)| json!({ "value": value, "name": name }));
    json!({
        "path": field.path,
        "label": field.label,
        "required": field.required,
        "allowed": field.allowed,
        "meaning": field.meaning,
        "values": values.collect::<Vec<_>>(),
    })
}

fn field_text(field: &KindField) -> String {
    let must = if field.required { " (required)" } else { "" };
    let mut text = format!("  {}{must}: {}\n      {}", field.path, field.label, field.meaning);
    for (value, name) in &field.values {
        text += &format!("\n        {value}: {name}");
    }
    text
}
