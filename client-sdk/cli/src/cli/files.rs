//! Files that commands read: grants, invitations, contents.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schleuse_client::german::parse_end;
use schleuse_client::{
    ClientError, Content, ContentError, FILE_BYTES_MAX, MessageId, parse_time, v1,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest JSON of a content in bytes: base64 and escapes make it longer than the content.
const JSON_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Reads a file of at most so many bytes; of a larger one, a byte more.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
    let failed =
        |error: std::io::Error| ClientError::File { path: path.to_owned(), why: error.to_string() };
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Writes a file for its owner alone: what is exported names participants.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), ClientError> {
    let failed =
        |error: std::io::Error| ClientError::File { path: path.to_owned(), why: error.to_string() };
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = |mut file: File| file.write_all(content).and_then(|()| file.sync_all());
    options.open(path).and_then(written).map_err(failed)
}

/// Makes a folder that nobody else may open, unless it is there; one that others may open is refused.
pub(crate) fn private_folder(folder: &Path) -> Result<(), ClientError> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let failed = |error: std::io::Error| ClientError::File {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mode = std::fs::metadata(folder).map_err(failed)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let why = "others may open it, and names of participants are kept there: chmod 700".to_owned();
    Err(ClientError::File { path: folder.to_owned(), why })
}

/// Makes sure that files can be written into a folder; makes it if need be.
pub(crate) fn check_folder(folder: &Path) -> Result<(), ClientError> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let failed = |error: std::io::Error| wrong(folder, &error.to_string());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let probe = folder.join(format!(".schleuse-{}.new", std::process::id()));
    File::options().write(true).create(true).truncate(true).open(&probe).map_err(failed)?;
    std::fs::remove_file(&probe).map_err(failed)
}

/// Makes sure that a file can be appended to, or made; it is not made yet.
pub(crate) fn check_appendable(path: &Path) -> Result<(), ClientError> {
    let failed = |error: std::io::Error| wrong(path, &error.to_string());
    if path.try_exists().map_err(failed)? {
        return File::options().append(true).open(path).map(drop).map_err(failed);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    if !folder.is_dir() {
        return Err(wrong(path, "its folder does not exist"));
    }
    check_folder(folder)
}

/// Makes sure that another file can be put in the place of a file.
pub(crate) fn check_replaceable(path: &Path) -> Result<(), ClientError> {
    let why = |error: ClientError| wrong(path, &error.to_string());
    check_folder(path.parent().unwrap_or(Path::new(""))).map_err(why)
}

/// Reads a text of at most 1 MiB.
pub(crate) fn read_text(path: &Path) -> Result<String, ClientError> {
    let bytes = read(path, FILE_BYTES_MAX)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(wrong(path, "larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| wrong(path, "not UTF-8 text"))
}

/// Reads a file as a content. One that is too large is named with its real size.
pub(crate) fn file_content(
    path: &Path,
    media_type: Option<&str>,
    note: &str,
) -> Result<Content, ClientError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| wrong(path, "its name is not UTF-8 text"))?;
    let data = read(path, FILE_BYTES_MAX)?;
    if data.len() > FILE_BYTES_MAX {
        let size = std::fs::metadata(path).ok().and_then(|m| usize::try_from(m.len()).ok());
        let bytes = size.unwrap_or(data.len()).max(data.len());
        return Err(ContentError::FileTooLarge { bytes }.into());
    }
    let media_type = media_type.unwrap_or_else(|| media_type_of(path));
    Ok(Content::file(name, media_type, data, note)?)
}

pub(crate) fn media_type_of(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("odt") => "application/vnd.oasis.opendocument.text",
        _ => "application/octet-stream",
    }
}

/// Members of a content's JSON that surround what it says.
const ENVELOPE: [&str; 4] = ["schema_version", "in_reply_to", "subject", "attachments"];

/// Reads a content of any kind as JSON. `about` goes into the `message_id` of kinds that have one; `expected`
/// names the member that is the content, if that is known.
pub(crate) fn json_content(
    path: &Path,
    about: Option<MessageId>,
    expected: Option<&str>,
) -> Result<Content, ClientError> {
    let bytes = read(path, JSON_BYTES_MAX)?;
    if bytes.len() > JSON_BYTES_MAX {
        return Err(wrong(path, "larger than 2 MiB"));
    }
    let json: Value =
        serde_json::from_slice(&bytes).map_err(|error| wrong(path, &error.to_string()))?;
    let is_content = |name: &String| !ENVELOPE.contains(&name.as_str());
    if !json.as_object().is_some_and(|members| members.keys().any(is_content)) {
        let expected = expected.unwrap_or("the content of the kind");
        let why = format!(
            "holds no content: expected an object with {expected}; see: schleuse agency kinds show"
        );
        return Err(wrong(path, &why));
    }
    let json = match about {
        Some(message) => naming(json, message),
        None => json,
    };
    Content::from_exact_json(&json).map_err(|error| wrong(path, &error.to_string()))
}

/// The same content, about this message; a kind that names none is refused when it is read.
fn naming(mut json: Value, message: MessageId) -> Value {
    let inner = json.as_object_mut().and_then(|members| {
        members.iter_mut().find(|(name, _)| !ENVELOPE.contains(&name.as_str())).map(|(_, it)| it)
    });
    if let Some(Value::Object(inner)) = inner {
        inner.insert("message_id".to_owned(), json!(STANDARD.encode(message.as_bytes())));
    }
    json
}

/// One grant of a grants file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileGrant {
    pub(crate) from: Vec<String>,
    pub(crate) to: String,
    pub(crate) purpose: String,
    pub(crate) categories: Vec<String>,
    pub(crate) months: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantsFile {
    grant: Vec<FileGrant>,
    #[serde(default)]
    release: Vec<FileRelease>,
}

/// One release from professional secrecy of a grants file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRelease {
    pub(crate) holder: String,
    pub(crate) to: String,
    pub(crate) categories: Vec<String>,
}

/// Reads a file of `[[grant]]` tables.
pub(crate) fn grants(path: &Path) -> Result<Vec<FileGrant>, ClientError> {
    parse::<GrantsFile>(path).map(|file| file.grant)
}

/// Reads the `[[release]]` tables of such a file.
pub(crate) fn releases(path: &Path) -> Result<Vec<FileRelease>, ClientError> {
    parse::<GrantsFile>(path).map(|file| file.release)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitationFile {
    place: String,
    answer_by: String,
    agenda: Vec<Item>,
    date: Vec<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    title: String,
    #[serde(default)]
    categories: Vec<String>,
    minutes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Date {
    starts_at: String,
    minutes: u32,
}

/// Reads an invitation to a Fallkonferenz.
pub(crate) fn invitation(
    path: &Path,
    conference: schleuse_client::ConferenceId,
) -> Result<Content, ClientError> {
    let file: InvitationFile = parse(path)?;
    let dates = file.date.iter().map(|date| proposed_date(&date.starts_at, date.minutes));
    let agenda = file.agenda.into_iter().map(|item| v1::AgendaItem {
        title: item.title,
        categories: item.categories,
        minutes: item.minutes,
        ..Default::default()
    });
    let request = v1::FallkonferenzRequest {
        conference_id: conference.as_bytes().to_vec().into(),
        agenda: agenda.collect(),
        proposed_dates: dates.collect::<Result<_, _>>()?,
        place: file.place,
        answer_by_ms: parse_end("answer_by", &file.answer_by)?,
    };
    Ok(Content::fallkonferenz_request(request)?)
}

/// A date out of its text.
pub(crate) fn proposed_date(text: &str, minutes: u32) -> Result<v1::ProposedDate, ClientError> {
    Ok(v1::ProposedDate { starts_at_ms: parse_time(text)?, minutes })
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ClientError> {
    let text = read_text(path)?;
    toml::from_str(&text).map_err(|error| wrong(path, &error.to_string()))
}

fn wrong(path: &Path, why: &str) -> ClientError {
    ClientError::File { path: path.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use schleuse_client::ConferenceId;

    use super::*;

    fn write(text: &[u8], name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn an_invitation_is_read_from_its_file() {
        let text = "place = 'Raum 3'\nanswer_by = '2026-12-01'\n\
            [[agenda]]\ntitle = 'Zuständigkeit'\ncategories = ['gesundheit']\nminutes = 20\n\
            [[date]]\nstarts_at = '2026-12-08T09:00:00Z'\nminutes = 60\n";
        let (_folder, path) = write(text.as_bytes(), "f.toml");
        let content = invitation(&path, ConferenceId::generate().unwrap()).unwrap();
        assert_eq!(content.to_json()["proposed_dates"][0]["starts_at"], "2026-12-08T09:00:00Z");
        let (_folder, path) = write(b"place = 3", "f.toml");
        assert!(invitation(&path, ConferenceId::generate().unwrap()).is_err());
    }

    #[test]
    fn a_file_of_one_byte_too_many_is_named_with_its_size() {
        let (_folder, path) = write(&vec![0; FILE_BYTES_MAX], "report.pdf");
        let content = file_content(&path, None, "").unwrap();
        assert_eq!(content.to_json()["media_type"], "application/pdf");
        let (_folder, path) = write(&vec![0; FILE_BYTES_MAX + 1], "report.pdf");
        let error = file_content(&path, None, "").unwrap_err().to_string();
        assert!(error.contains("1048577"), "{error}");
    }
}
