//! What an agency's system asks, and all that it hears: every call that its role may make.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message;
use schleuse_proto::evidence::directory_signed_bytes;
use schleuse_proto::rpc::Rpc;
use schleuse_proto::v1;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

use super::heard::{self, Names};
use super::{Asked, HOUR_MS, World};
use crate::raw::{DRV, Draft, JOBCENTER, KRANKENKASSE, address};

/// Messages of one scenario, by the number in their identifiers.
const ABOUT: u8 = 1;
const COVERED: u8 = 2;
const PART: u8 = 3;
const PART_OF_DISCARDED: u8 = 4;
const COVERED_PART: u8 = 5;
const DISCARDED: u8 = 6;
const COVERED_TOO: u8 = 7;
const OLD: u8 = 8;
const TO_NOBODY: u8 = 9;
const UNKNOWN_KIND: u8 = 10;
const ABOUT_NOBODY: u8 = 11;
const ALL_OR_NONE: [u8; 2] = [12, 13];
const STREAMED: [u8; 2] = [14, 15];
const NEVER_SENT: u8 = 99;

/// The sender in one of the worlds.
pub(super) struct Sender<'a> {
    world: &'a World,
    asked: &'a Asked,
    round: u32,
    messages: BTreeMap<u8, v1::OutgoingMessage>,
    /// Records of its own refused messages.
    refused: Vec<u64>,
    /// Messages that it has received.
    pub(super) received: Vec<u64>,
    pub(super) heard: Vec<(Rpc, String)>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(world: &'a World, asked: &'a Asked) -> Self {
        let (refused, received, heard) = (Vec::new(), Vec::new(), Vec::new());
        let messages = BTreeMap::new();
        let mut sender = Self { world, asked, round: 0, messages, refused, received, heard };
        sender.write();
        sender
    }

    fn draft(&self, reference: &str, number: u8) -> Draft {
        let mut draft = Draft::new(reference, DRV);
        draft.created_at_ms = self.asked.now_ms;
        draft.message_id = Some(self.asked.id(number));
        draft.thread = self.asked.id(0);
        draft.professional_secret = self.asked.professional_secret;
        draft
    }

    fn write(&mut self) {
        let (about, covered) = (self.asked.reference.clone(), self.world.covered.clone());
        let part = |mut draft: Draft, main: u8| {
            draft.kind = "anhang.teil".to_owned();
            draft.part_of = Some(self.asked.id(main));
            draft
        };
        let mut drafts = vec![
            (ABOUT, self.draft(&about, ABOUT)),
            (COVERED, self.draft(&covered, COVERED)),
            (PART, part(self.draft(&about, PART), COVERED)),
            (PART_OF_DISCARDED, part(self.draft(&covered, PART_OF_DISCARDED), DISCARDED)),
            (COVERED_PART, part(self.draft(&covered, COVERED_PART), ABOUT)),
            (COVERED_TOO, self.draft(&covered, COVERED_TOO)),
        ];
        let mut old = self.draft(&about, OLD);
        old.created_at_ms -= 48 * HOUR_MS;
        let mut foreign = self.draft(&about, TO_NOBODY);
        foreign.recipient.agency = "nirgends".into();
        let mut unknown = self.draft(&about, UNKNOWN_KIND);
        unknown.kind = "fallkonferenz.unknown".into();
        let mut nobody = Draft::about_nobody(KRANKENKASSE);
        nobody.created_at_ms = self.asked.now_ms;
        nobody.message_id = Some(self.asked.id(ABOUT_NOBODY));
        nobody.recipient.function = self.asked.stranger();
        drafts.extend([
            (OLD, old),
            (TO_NOBODY, foreign),
            (UNKNOWN_KIND, unknown),
            (ABOUT_NOBODY, nobody),
        ]);
        for [first, second] in [ALL_OR_NONE, STREAMED] {
            drafts.push((first, self.draft(&covered, first)));
            drafts.push((second, self.draft(&about, second)));
        }
        let jobcenter = &self.world.jobcenter;
        let written = drafts.iter().map(|(number, draft)| (*number, jobcenter.message(draft)));
        self.messages = written.collect();
    }

    /// Makes every call of the role, again and again: what one call leaves behind must not show in the next.
    pub(super) async fn ask_everything(&mut self, calls: &[Rpc]) {
        for round in 0..2 {
            self.round = round;
            for rpc in calls {
                self.call(*rpc).await;
            }
        }
    }

    /// A new call has to be asked here before this compiles; one that the role may make now, before it passes.
    #[expect(clippy::too_many_lines, reason = "one arm for each call, each of them flat")]
    async fn call(&mut self, rpc: Rpc) {
        match rpc {
            Rpc::Submit => self.submit().await,
            Rpc::SubmitStream => self.submit_stream().await,
            Rpc::Receive => self.receive().await,
            Rpc::Fetch => self.fetch().await,
            Rpc::Acknowledge => self.acknowledge().await,
            Rpc::ReadOutcomes => self.read_outcomes().await,
            Rpc::DiscardParts => self.discard_parts().await,
            Rpc::RecallMessages => self.recall().await,
            Rpc::RejectMessages => self.reject().await,
            Rpc::TrackMessages => self.track().await,
            Rpc::ListDeadLetters => self.list_dead_letters().await,
            Rpc::LookUpMailbox => self.look_up_mailboxes().await,
            Rpc::FetchNotices => self.fetch_notices().await,
            Rpc::ReceiveNotices => self.receive_notices().await,
            Rpc::ListDeletionDuties => self.list_duties().await,
            Rpc::ConfirmDeletion => self.confirm_deletion().await,
            Rpc::AskCoverage => self.ask_coverage().await,
            Rpc::RequestConsent => self.request_consent().await,
            Rpc::ListTasks => self.list_tasks().await,
            Rpc::PublishEntry => self.publish().await,
            Rpc::LookUpAgency => self.look_up_agencies().await,
            Rpc::ListAgencies => self.list_agencies().await,
            Rpc::SearchDirectory => self.search_directory().await,
            Rpc::ReadOwnRecords => self.read_own_records().await,
            Rpc::LatestCheckpoint => self.latest_checkpoint().await,
            Rpc::ReadReconciliations => self.read_reconciliations().await,
            Rpc::ProveConsistency => self.prove_consistency().await,
            Rpc::ProveInclusion => self.prove_inclusion().await,
            Rpc::HealthV1HealthCheck
            | Rpc::HealthV1HealthList
            | Rpc::HealthV1HealthWatch
            | Rpc::ReflectionV1ServerReflectionServerReflectionInfo
            | Rpc::ReflectionV1alphaServerReflectionServerReflectionInfo => {
                self.beside_the_broker(rpc).await;
            }
            Rpc::RecordConsent
            | Rpc::ReviseConsent
            | Rpc::PreviewRevocation
            | Rpc::RevokeConsent
            | Rpc::ConfirmConsent
            | Rpc::ListConsents
            | Rpc::RegisterParticipant
            | Rpc::AssignLotse
            | Rpc::AssignReference
            | Rpc::ListParticipants
            | Rpc::CloseTask
            | Rpc::SetParticipation
            | Rpc::ListParticipation
            | Rpc::ShowPlaces
            | Rpc::RecordSecrecyRelease
            | Rpc::RevokeSecrecyRelease
            | Rpc::RecordObjection
            | Rpc::WithdrawObjection
            | Rpc::EndParticipation
            | Rpc::ListSafeguards
            | Rpc::PreviewChange
            | Rpc::ListReviews
            | Rpc::ListMailboxes
            | Rpc::ShowStatus
            | Rpc::QueryLog
            | Rpc::CountLog
            | Rpc::ReadLeafHashes
            | Rpc::PreviewRun
            | Rpc::ProposeRun
            | Rpc::ApproveRun
            | Rpc::WithdrawRun
            | Rpc::ListRuns
            | Rpc::RestrictParticipant
            | Rpc::PlaceHold
            | Rpc::ReleaseHold
            | Rpc::ListHolds
            | Rpc::ExportEvaluation => panic!("{rpc:?}: a system may call it, and nobody asks"),
        }
    }

    // How to ask

    async fn ready(&self) -> Grpc<Channel> {
        let grpc = Grpc::new(self.world.jobcenter.channel.clone());
        let mut grpc = grpc.max_decoding_message_size(schleuse_proto::GRPC_MESSAGE_BYTES_MAX);
        grpc.ready().await.unwrap();
        grpc
    }

    fn hear<A: Message>(&mut self, rpc: Rpc, answer: &Result<A, tonic::Status>) {
        let heard = match answer {
            Ok(answer) => heard::answer(rpc, answer, &self.names()),
            Err(status) => heard::refusal(status),
        };
        self.heard.push((rpc, heard));
    }

    fn names(&self) -> Names {
        let World { covered, former, .. } = self.world;
        [(covered.clone(), "covered"), (former.clone(), "former")].into()
    }

    /// Asks and hears.
    async fn ask<Q, A>(&mut self, rpc: Rpc, request: Q) -> Option<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::from_static(rpc.path());
        let codec: ProstCodec<Q, A> = ProstCodec::default();
        let answer = self.ready().await.unary(Request::new(request), path, codec).await;
        let answer = answer.map(tonic::Response::into_inner);
        self.hear(rpc, &answer);
        answer.ok()
    }

    fn ids(&self, numbers: &[u8]) -> Vec<Bytes> {
        numbers.iter().map(|number| Bytes::copy_from_slice(&self.asked.id(*number))).collect()
    }

    /// A record of the sender's own about the participant in question, if there is one yet.
    fn own_record(&self) -> u64 {
        self.refused.first().copied().unwrap_or(999_999)
    }

    // Messages

    async fn submit(&mut self) {
        let batches: [(&[u8], bool); 10] = [
            (&[ABOUT], false),
            (&[COVERED, ABOUT], false),
            (&ALL_OR_NONE, true),
            (&[PART], false),
            (&[PART_OF_DISCARDED], false),
            (&[COVERED_PART, COVERED_TOO], false),
            (&[OLD], false),
            (&[TO_NOBODY], false),
            (&[UNKNOWN_KIND], false),
            (&[ABOUT_NOBODY], false),
        ];
        for (numbers, require_all) in batches {
            let messages = numbers.iter().map(|number| self.messages[number].clone()).collect();
            let request = v1::SubmitRequest { messages, require_all };
            let answer: Option<v1::SubmitResponse> = self.ask(Rpc::Submit, request).await;
            let outcomes = answer.into_iter().flat_map(|answer| answer.outcomes);
            let refused = outcomes.filter(|it| it.result() == v1::SubmitResult::NotCovered);
            self.refused.extend(refused.map(|it| it.receipt.unwrap().record_number));
        }
        let mut changed = [self.messages[&ABOUT].clone()];
        changed[0].sealed.as_mut().unwrap().ciphertext = Bytes::from_static(&[8; 64]);
        self.world.jobcenter.seal_batch(&mut changed);
        let request = v1::SubmitRequest { messages: changed.to_vec(), require_all: false };
        self.ask::<_, v1::SubmitResponse>(Rpc::Submit, request).await;
    }

    async fn submit_stream(&mut self) {
        let messages = STREAMED.iter().map(|number| self.messages[number].clone()).collect();
        let requests = tokio_stream::iter(vec![v1::SubmitStreamRequest { messages }]);
        let answers = self.world.jobcenter.messages().submit_stream(requests).await;
        let mut answers = answers.unwrap().into_inner();
        let mut outcomes = Vec::new();
        while outcomes.len() < STREAMED.len() {
            let answer = answers.message().await.unwrap().unwrap();
            outcomes.extend(answer.outcomes);
        }
        let answer = v1::SubmitStreamResponse { outcomes, ..Default::default() };
        self.hear(Rpc::SubmitStream, &Ok(answer));
    }

    /// Of a function that nothing but a consent may have named.
    async fn receive(&mut self) {
        use v1::receive_request::Request::Open;
        let open = v1::OpenReceive { functions: vec![self.asked.unpublished(1)], credit: 10 };
        let open = v1::ReceiveRequest { request: Some(Open(open)) };
        let requests = futures::StreamExt::chain(
            tokio_stream::iter([open]),
            futures::stream::pending::<v1::ReceiveRequest>(),
        );
        let answers = self.world.jobcenter.messages().receive(requests).await;
        let mut answer = answers.unwrap().into_inner().message().await.map(|it| it.unwrap());
        // Whether the first sign of life comes before or after the record of the reading is chance.
        use v1::receive_response::Response::Heartbeat;
        if let Ok(v1::ReceiveResponse { response: Some(Heartbeat(heartbeat)) }) = &mut answer {
            heartbeat.checkpoint.clear();
        }
        self.hear(Rpc::Receive, &answer);
    }

    async fn fetch(&mut self) {
        for function in ["zentrale".to_owned(), self.asked.unpublished(0)] {
            let request = v1::FetchRequest { functions: vec![function], max_messages: 100 };
            let answer: Option<v1::FetchResponse> = self.ask(Rpc::Fetch, request).await;
            let deliveries = answer.into_iter().flat_map(|answer| answer.deliveries);
            self.received.extend(deliveries.map(|one| one.message_number));
        }
    }

    async fn acknowledge(&mut self) {
        let last = self.received.last().copied().unwrap_or(999_999);
        for number in [last, self.own_record(), 999_999] {
            let request = v1::AcknowledgeRequest {
                message_numbers: vec![number],
                stage: v1::DeliveryStage::Acknowledged.into(),
                ..Default::default()
            };
            self.ask::<_, v1::AcknowledgeResponse>(Rpc::Acknowledge, request).await;
        }
    }

    async fn read_outcomes(&mut self) {
        let message_ids = self.ids(&[ABOUT, COVERED, PART, COVERED_PART, ABOUT_NOBODY, NEVER_SENT]);
        let request = v1::ReadOutcomesRequest { message_ids };
        self.ask::<_, v1::ReadOutcomesResponse>(Rpc::ReadOutcomes, request).await;
    }

    async fn discard_parts(&mut self) {
        for message_id in self.ids(&[DISCARDED, NEVER_SENT]) {
            let request = v1::DiscardPartsRequest { message_id };
            self.ask::<_, v1::DiscardPartsResponse>(Rpc::DiscardParts, request).await;
        }
    }

    // What becomes of them

    async fn recall(&mut self) {
        let message_ids = self.ids(&[ABOUT, COVERED, PART, NEVER_SENT]);
        let request = v1::RecallMessagesRequest { message_ids };
        self.ask::<_, v1::RecallMessagesResponse>(Rpc::RecallMessages, request).await;
    }

    async fn reject(&mut self) {
        let first = self.received.first().copied().unwrap_or(999_999);
        for number in [first, self.own_record(), 999_999] {
            let request = v1::RejectMessagesRequest {
                message_numbers: vec![number],
                reason: v1::DeadLetterReason::Misdirected.into(),
            };
            self.ask::<_, v1::RejectMessagesResponse>(Rpc::RejectMessages, request).await;
        }
    }

    async fn track(&mut self) {
        let message_ids =
            self.ids(&[ABOUT, COVERED, PART, PART_OF_DISCARDED, COVERED_PART, NEVER_SENT]);
        let request = v1::TrackMessagesRequest { message_ids };
        self.ask::<_, v1::TrackMessagesResponse>(Rpc::TrackMessages, request).await;
    }

    async fn list_dead_letters(&mut self) {
        let request = v1::ListDeadLettersRequest::default();
        self.ask::<_, v1::ListDeadLettersResponse>(Rpc::ListDeadLetters, request).await;
    }

    async fn look_up_mailboxes(&mut self) {
        let mailboxes = [
            address(DRV, "zentrale"),
            address(KRANKENKASSE, &self.asked.stranger()),
            address(JOBCENTER, &self.asked.unpublished(0)),
            address(JOBCENTER, "zentrale"),
        ];
        for mailbox in mailboxes {
            let request = v1::LookUpMailboxRequest { address: Some(mailbox) };
            self.ask::<_, v1::LookUpMailboxResponse>(Rpc::LookUpMailbox, request).await;
        }
    }

    async fn fetch_notices(&mut self) {
        let request = v1::FetchNoticesRequest { after: 0, max: 500 };
        self.ask::<_, v1::FetchNoticesResponse>(Rpc::FetchNotices, request).await;
    }

    async fn receive_notices(&mut self) {
        let request = v1::ReceiveNoticesRequest { after: 0 };
        let path = PathAndQuery::from_static(Rpc::ReceiveNotices.path());
        let codec: ProstCodec<_, v1::ReceiveNoticesResponse> = ProstCodec::default();
        let stream = self.ready().await.server_streaming(Request::new(request), path, codec).await;
        let mut stream = stream.unwrap().into_inner();
        // There is always the duty of the beginning. Between the parts there may be signs of life.
        let told = loop {
            let part = stream.message().await.unwrap().unwrap();
            if !part.notices.is_empty() {
                break part;
            }
        };
        self.hear(Rpc::ReceiveNotices, &Ok(told));
    }

    async fn list_duties(&mut self) {
        let request = v1::ListDeletionDutiesRequest::default();
        self.ask::<_, v1::ListDeletionDutiesResponse>(Rpc::ListDeletionDuties, request).await;
    }

    async fn confirm_deletion(&mut self) {
        for duty_number in [self.world.duty, self.own_record(), 999_999] {
            let request = v1::ConfirmDeletionRequest {
                duty_number,
                answer: v1::DeletionAnswer::Retained.into(),
                rule: "§ 84 SGB X".to_owned(),
            };
            self.ask::<_, v1::ConfirmDeletionResponse>(Rpc::ConfirmDeletion, request).await;
        }
    }

    // Before a message

    fn planned(&self) -> [v1::PlannedMessage; 3] {
        let secret = |draft: &Draft| v1::PlannedMessage {
            professional_secret: self.asked.professional_secret,
            ..draft.planned(JOBCENTER)
        };
        let draft = self.draft(&self.asked.reference, ABOUT);
        let mut elsewhere = draft.clone();
        elsewhere.recipient = address(KRANKENKASSE, &self.asked.stranger());
        let mut unknown = draft.clone();
        unknown.kind = "fallkonferenz.unknown".into();
        [&draft, &elsewhere, &unknown].map(secret)
    }

    async fn ask_coverage(&mut self) {
        for planned in self.planned() {
            let participant_reference = self.asked.reference.clone();
            let request = v1::AskCoverageRequest { participant_reference, planned: Some(planned) };
            self.ask::<_, v1::AskCoverageResponse>(Rpc::AskCoverage, request).await;
        }
    }

    async fn request_consent(&mut self) {
        for planned in self.planned() {
            let request = v1::RequestConsentRequest {
                participant_reference: self.asked.reference.clone(),
                planned: Some(planned),
                reason: v1::RequestReason::PeriodRuns.into(),
            };
            self.ask::<_, v1::RequestConsentResponse>(Rpc::RequestConsent, request).await;
        }
    }

    async fn list_tasks(&mut self) {
        self.ask::<_, v1::ListTasksResponse>(Rpc::ListTasks, v1::ListTasksRequest {}).await;
    }

    // The directory

    async fn publish(&mut self) {
        let now = self.asked.now_ms;
        let function = v1::AgencyFunction {
            function: "zentrale".to_owned(),
            display_name: "Zentrale".to_owned(),
            ..Default::default()
        };
        let document = v1::DirectoryDocument {
            agency: JOBCENTER.to_owned(),
            revision: 2 * u32::from(self.asked.scenario) + self.round + 1,
            display_name: "Jobcenter".to_owned(),
            functions: vec![function],
            sealing_keys: vec![v1::SealingKey {
                suite: v1::SealingSuite::DhkemP256Sha256Aes256gcm.into(),
                public_key: Bytes::from_static(&[4; 65]),
                not_before_ms: now,
                not_after_ms: now + HOUR_MS,
            }],
            signed_at_ms: now,
            ..Default::default()
        };
        let document = Bytes::from(document.encode_to_vec());
        let signature = Some(self.world.jobcenter.sign(&directory_signed_bytes(&document)));
        let request = v1::PublishEntryRequest { document, signature };
        self.ask::<_, v1::PublishEntryResponse>(Rpc::PublishEntry, request).await.unwrap();
    }

    async fn look_up_agencies(&mut self) {
        for agency in [JOBCENTER, DRV, KRANKENKASSE, "nirgends"] {
            let request = v1::LookUpAgencyRequest { agency: agency.to_owned() };
            self.ask::<_, v1::LookUpAgencyResponse>(Rpc::LookUpAgency, request).await;
        }
    }

    async fn list_agencies(&mut self) {
        let request = v1::ListAgenciesRequest {};
        self.ask::<_, v1::ListAgenciesResponse>(Rpc::ListAgencies, request).await;
    }

    async fn search_directory(&mut self) {
        for text in ["zentrale", "stelle"] {
            let request =
                v1::SearchDirectoryRequest { text: text.to_owned(), ..Default::default() };
            self.ask::<_, v1::SearchDirectoryResponse>(Rpc::SearchDirectory, request).await;
        }
    }

    // The log

    async fn read_own_records(&mut self) {
        let mut numbers = self.refused.clone();
        numbers.dedup();
        for record_numbers in [numbers, vec![999_999]] {
            let request = v1::ReadOwnRecordsRequest { record_numbers };
            self.ask::<_, v1::ReadOwnRecordsResponse>(Rpc::ReadOwnRecords, request).await;
        }
    }

    async fn latest_checkpoint(&mut self) {
        let request = v1::LatestCheckpointRequest::default();
        self.ask::<_, v1::LatestCheckpointResponse>(Rpc::LatestCheckpoint, request).await;
    }

    async fn read_reconciliations(&mut self) {
        let request = v1::ReadReconciliationsRequest::default();
        self.ask::<_, v1::ReadReconciliationsResponse>(Rpc::ReadReconciliations, request).await;
    }

    async fn prove_consistency(&mut self) {
        let new_size = self.world.size().await;
        let request = v1::ProveConsistencyRequest { old_size: 3, new_size };
        self.ask::<_, v1::ProveConsistencyResponse>(Rpc::ProveConsistency, request).await;
    }

    async fn prove_inclusion(&mut self) {
        let record_numbers = vec![0, self.own_record()];
        let request = v1::ProveInclusionRequest { record_numbers, log_size: 0 };
        self.ask::<_, v1::ProveInclusionResponse>(Rpc::ProveInclusion, request).await;
    }

    /// Health and reflection are answered without a look at the state: here only that they are.
    async fn beside_the_broker(&mut self, rpc: Rpc) {
        let path = PathAndQuery::from_static(rpc.path());
        let codec: ProstCodec<v1::ListAgenciesRequest, v1::ListAgenciesRequest> =
            ProstCodec::default();
        let request = Request::new(v1::ListAgenciesRequest {});
        let answer = self.ready().await.server_streaming(request, path, codec).await;
        self.heard.push((
            rpc,
            answer
                .map(|_| ())
                .map_err(|status| status.code())
                .map_or_else(|code| format!("{code:?}"), |()| "answered".to_owned()),
        ));
    }
}
