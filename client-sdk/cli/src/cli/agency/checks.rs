//! What is wrong with a message before it is sent, and refusals of the broker in the words of the options.

use schleuse_client::{Client, ClientError, Content, MessageKind, v1};

use super::super::directory;
use super::super::output::Output;

/// An answer finds its way only to a function that the own entry has.
pub(super) async fn own_function(
    client: &Client,
    function: &str,
    output: &Output,
) -> Result<(), ClientError> {
    let Some(entry) = directory::own_entry(client).await? else {
        let own = client.agency();
        output.note(&format!("note: {own} is not in the directory: nobody can answer"));
        return Ok(());
    };
    if entry.has_function(function) {
        return Ok(());
    }
    Err(ClientError::Argument { what: "--as", expected: entry.expected_function() })
}

/// A content names only attachments that go with it, and those are named when they are sent.
pub(super) fn names_no_attachment(content: &Content) -> Result<(), ClientError> {
    if content.attachments().is_empty() {
        return Ok(());
    }
    let expected =
        "no attachments in the content: give each file with --attach, which names it there"
            .to_owned();
    Err(ClientError::Argument { what: "--json-content", expected })
}

/// There is no kind of this name, as far as this program knows.
pub(super) fn unknown_kind(kind: &str) -> ClientError {
    let expected = format!(
        "a kind; there is no {kind}, see: schleuse agency kinds (one of a newer catalogue needs --purpose)"
    );
    ClientError::Argument { what: "--kind", expected }
}

/// The same refusal with the option that cures it.
pub(super) fn in_options(mut error: ClientError) -> ClientError {
    let is_unknown = error.is_refused_for(v1::ErrorReason::UnknownCode);
    let ClientError::Refused { message, metadata, .. } = &mut error else { return error };
    let cure = match metadata.get("field").map(String::as_str) {
        Some("label.professional_secret" | "planned.professional_secret") => {
            "give --professional-secret (§ 203 StGB)"
        }
        Some("label.kind" | "planned.kind") if is_unknown => {
            "there is no such kind, see: schleuse agency kinds"
        }
        Some("label.kind" | "planned.kind") => "what a kind is for: schleuse agency kinds",
        _ => return error,
    };
    *message = format!("{message}; {cure}");
    error
}

/// Which member a content of this kind has; none for a kind that this program does not know.
pub(crate) fn content_members(kind: &str) -> Option<String> {
    MessageKind::find(kind).map(|kind| kind.contents.join(" or "))
}
