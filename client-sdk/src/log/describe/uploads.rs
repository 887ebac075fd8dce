//! Events about uploads in plain words and as JSON.

use schleuse_proto::v1;
use serde_json::{Value, json};

use crate::ids::hex;

pub(super) fn text(event: &v1::UploadDiscarded) -> String {
    format!("upload of attachments to message {} given up", hex(&event.message_id))
}

pub(super) fn json(event: &v1::UploadDiscarded) -> Value {
    json!({ "message_id": hex(&event.message_id) })
}
