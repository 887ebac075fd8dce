//! Events of a participant's case as the log shows them to the Lotse.

use schleuse_proto::v1;

use super::{CaseEvent, case_events};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::ParticipantReference;
use crate::log::LogQuery;

/// Types of records from which deadlines follow.
const TYPES: [v1::RecordType; 8] = [
    v1::RecordType::ParticipantRegistered,
    v1::RecordType::ConsentRecorded,
    v1::RecordType::ConsentConfirmed,
    v1::RecordType::ConsentRevoked,
    v1::RecordType::MessageDecided,
    v1::RecordType::HandedOut,
    v1::RecordType::StageReported,
    v1::RecordType::MessageStopped,
];

impl Client {
    /// What happened to a participant of ours that deadlines can follow from. The query is a record.
    ///
    /// # Errors
    /// As [`Client::query_log`].
    pub async fn participant_case_events(
        &self,
        participant: &ParticipantReference,
        reason: &str,
    ) -> Result<Vec<CaseEvent>, ClientError> {
        let query = LogQuery::new(reason).participant(participant).types(&TYPES);
        Ok(case_events(&self.query_all(&query).await?.rows))
    }
}
