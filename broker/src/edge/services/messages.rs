//! `MessageService`.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use schleuse_proto::v1;
use schleuse_proto::v1::message_service_server::MessageService;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Context, checkpoint, failed, invalid, peer, rates};
use crate::domain::command::{Command, Outcome, SubmitDecision};
use crate::domain::event::Submission;
use crate::domain::ids::Address;
use crate::domain::message::{Hold, Stage};
use crate::domain::refusal::Refusal;
use crate::edge::flush::Handed;
use crate::edge::limits;
use crate::edge::peer::Peer;
use crate::edge::rates::Rates;
use crate::edge::status::{self, Failure};
use crate::engine::Lane;
use crate::journal::Commit;
use crate::record::rows::taken_up_by;

pub(in crate::edge) struct Messages(pub(super) Context);

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Bytes of one fetch, with what the core adds for labels and signatures: below the largest message.
const FETCH_BYTES_MAX: u64 = 1000 * 1024;

impl Context {
    /// Functions of the caller's agency.
    pub(super) fn functions(peer: &Peer, functions: &[String]) -> Result<Vec<Address>, Failure> {
        if !(1..=limits::FUNCTIONS_MAX).contains(&functions.len()) {
            return Err(invalid("functions", "1 to 16 functions"));
        }
        functions
            .iter()
            .map(|function| {
                Address::parse(peer.actor.agency.as_str(), function)
                    .ok_or(invalid("functions", "each 1 to 40 of [a-z0-9-]"))
            })
            .collect()
    }

    pub(super) fn outcome(
        &self,
        commit: &Commit,
        decision: SubmitDecision,
    ) -> Result<v1::SubmitOutcome, Failure> {
        let result = if decision.accepted {
            v1::SubmitResult::Accepted
        } else {
            v1::SubmitResult::NotCovered
        };
        let receipt = Some(self.receipt(commit, decision.record)?);
        Ok(v1::SubmitOutcome { result: result.into(), receipt, rejection: None })
    }
}

impl Messages {
    async fn submit_all(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<v1::SubmitResponse, Failure> {
        let (peer, rates) = (peer(&request)?, rates(&request)?);
        let v1::SubmitRequest { messages, require_all } = request.into_inner();
        if !(1..=limits::SUBMIT_MESSAGES_MAX).contains(&messages.len()) {
            return Err(invalid("messages", "1 to 32 messages"));
        }
        rates.messages(messages.len())?;
        let messages = messages.into_iter().map(|m| self.0.submission(&peer, m));
        let messages = messages.collect::<Result<Vec<Submission>, _>>()?;
        let command = Command::Submit { actor: peer.actor.clone(), messages, require_all };
        let answer = self.0.engine.execute(Lane::Normal, command).await?;
        let Outcome::Decisions(decisions) = answer.outcome else { return Err(Failure::Internal) };
        let outcomes =
            decisions.into_iter().map(|decision| self.0.outcome(&answer.commit, decision));
        let outcomes = outcomes.collect::<Result<_, _>>()?;
        Ok(v1::SubmitResponse { outcomes, checkpoint: checkpoint(&answer.commit) })
    }

    async fn fetch_waiting(
        &self,
        request: Request<v1::FetchRequest>,
        handed: &Handed,
    ) -> Result<v1::FetchResponse, Failure> {
        let peer = peer(&request)?;
        let request = request.into_inner();
        let recipients = Context::functions(&peer, &request.functions)?;
        if !(1..=limits::FETCH_MESSAGES_MAX).contains(&request.max_messages) {
            return Err(invalid("max_messages", "1 to 100"));
        }
        let until = self.0.engine.clock().now() + limits::FETCH_HOLD_MS;
        let command = Command::HandOut {
            recipients,
            hold: Hold::Until(until),
            messages_max: usize::try_from(request.max_messages).unwrap_or(1),
            bytes_max: FETCH_BYTES_MAX,
            actor: peer.actor.clone(),
        };
        let cut = peer.cut.clone();
        let answer = self.0.engine.execute_cutting(Lane::Normal, command, cut).await?;
        let mut deliveries = Vec::new();
        for hand_out in answer.hand_outs {
            let (delivery, guard) = self.0.open(&peer.actor.agency, hand_out)?;
            handed.add(guard);
            deliveries.push(delivery);
        }
        Ok(v1::FetchResponse { deliveries, checkpoint: checkpoint(&answer.commit) })
    }

    async fn report(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<v1::AcknowledgeResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let request = request.into_inner();
        let stage = match request.stage() {
            v1::DeliveryStage::Decrypted => Stage::Decrypted,
            v1::DeliveryStage::Acknowledged => Stage::Acknowledged,
            v1::DeliveryStage::Unspecified => {
                return Err(invalid("stage", "DECRYPTED or ACKNOWLEDGED"));
            }
        };
        let by = taken_up_by(request.taken_up_by());
        let messages = request.message_numbers;
        if !(1..=limits::ACKNOWLEDGE_MAX).contains(&messages.len()) {
            return Err(invalid("message_numbers", "1 to 1000 numbers"));
        }
        let command = Command::Report { actor, messages, stage, by };
        let answer = self.0.engine.execute(Lane::Normal, command).await?;
        let Outcome::Reported(records) = answer.outcome else { return Err(Failure::Internal) };
        let receipts = records.into_iter().map(|record| self.0.receipt(&answer.commit, record));
        let receipts = receipts.collect::<Result<_, _>>()?;
        Ok(v1::AcknowledgeResponse { receipts, checkpoint: checkpoint(&answer.commit) })
    }
}

#[tonic::async_trait]
impl MessageService for Messages {
    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        self.submit_all(request).await.map(Response::new).map_err(failed)
    }

    type SubmitStreamStream = BoxStream<v1::SubmitStreamResponse>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let rates = rates(&request).map_err(failed)?;
        let (sender, receiver) = mpsc::channel(limits::STREAM_PARTS_WAITING_MAX);
        let room = usize::try_from(limits::STREAM_KIB_WAITING_MAX).unwrap_or(1);
        let room = Arc::new(Semaphore::new(room));
        let parts = Parts { context: self.0.clone(), peer, rates, room };
        tokio::spawn(parts.run(request.into_inner(), sender));
        Ok(Response::new(
            ReceiverStream::new(receiver).buffered(limits::STREAM_PARTS_WAITING_MAX).boxed(),
        ))
    }

    type ReceiveStream = BoxStream<v1::ReceiveResponse>;

    async fn receive(
        &self,
        request: Request<Streaming<v1::ReceiveRequest>>,
    ) -> Result<Response<Self::ReceiveStream>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let handed = Handed::default();
        let stream = super::receive::receive(&self.0, &peer, request.into_inner(), handed.clone());
        let mut response = Response::new(stream.await.map_err(failed)?);
        response.extensions_mut().insert(handed);
        Ok(response)
    }

    async fn fetch(
        &self,
        request: Request<v1::FetchRequest>,
    ) -> Result<Response<v1::FetchResponse>, Status> {
        let handed = Handed::default();
        let fetched = self.fetch_waiting(request, &handed).await.map_err(failed)?;
        let mut response = Response::new(fetched);
        response.extensions_mut().insert(handed);
        Ok(response)
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        self.report(request).await.map(Response::new).map_err(failed)
    }
}

/// One submit stream: each part becomes one command; several are on their way at once, and their
/// outcomes leave in order.
struct Parts {
    context: Context,
    peer: Arc<Peer>,
    rates: Arc<Rates>,
    /// Room for what waits for its outcome, in KiB.
    room: Arc<Semaphore>,
}

/// The outcome of one part, to come.
type PartOutcome = Pin<Box<dyn Future<Output = Result<v1::SubmitStreamResponse, Status>> + Send>>;

impl Parts {
    async fn run(
        self,
        mut requests: Streaming<v1::SubmitStreamRequest>,
        outcomes: mpsc::Sender<PartOutcome>,
    ) {
        loop {
            let part = tokio::select! {
                part = self.next_part(&mut requests) => part,
                () = self.peer.cut.cancelled() => return,
                () = outcomes.closed() => return,
                () = self.context.drain.cancelled() => Err(failed(Refusal::Draining)),
            };
            let (outcome, last): (PartOutcome, bool) = match part {
                Ok(Some(outcome)) => (outcome, false),
                Ok(None) => return,
                Err(status) => (Box::pin(std::future::ready(Err(status))), true),
            };
            if outcomes.send(outcome).await.is_err() || last {
                return;
            }
        }
    }

    /// Reads the next part and puts it into its lane, once the agency's rate and the lane allow it.
    async fn next_part(
        &self,
        requests: &mut Streaming<v1::SubmitStreamRequest>,
    ) -> Result<Option<PartOutcome>, Status> {
        let Some(request) = requests.message().await? else { return Ok(None) };
        self.rates.messages_when_ready(request.messages.len()).await;
        self.part(request).await.map(Some)
    }

    async fn part(&self, request: v1::SubmitStreamRequest) -> Result<PartOutcome, Status> {
        if !(1..=limits::STREAM_PART_MESSAGES_MAX).contains(&request.messages.len()) {
            return Err(failed(invalid("messages", "1 to 256 messages")));
        }
        let mut rejected: Vec<Option<Failure>> = Vec::with_capacity(request.messages.len());
        let mut messages = Vec::with_capacity(request.messages.len());
        for message in request.messages {
            match self.context.submission(&self.peer, message) {
                Ok(submission) => {
                    messages.push(submission);
                    rejected.push(None);
                }
                Err(failure) => rejected.push(Some(failure)),
            }
        }
        let bytes: u64 = messages.iter().map(|message| u64::from(message.payload_bytes)).sum();
        let weight = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        let weight = weight.clamp(1, limits::STREAM_KIB_WAITING_MAX);
        let room = self.room.clone().acquire_many_owned(weight).await;
        let room = room.map_err(|_| failed(Refusal::Draining))?;
        let command = Command::SubmitEach { actor: self.peer.actor.clone(), messages };
        let answer = self.context.engine.enqueue(Lane::Patient, command).await.map_err(failed)?;
        let context = self.context.clone();
        Ok(Box::pin(async move {
            let answer = answer.wait().await.map_err(failed)?;
            drop(room);
            let Outcome::EachDecided(decisions) = answer.outcome else {
                return Err(failed(Failure::Internal));
            };
            let mut decisions = decisions.into_iter();
            let outcomes = rejected.into_iter().map(|rejected| {
                if let Some(failure) = rejected {
                    return Ok(rejection(&failure));
                }
                match decisions.next() {
                    Some(Ok(decision)) => context.outcome(&answer.commit, decision),
                    Some(Err(refusal)) => Ok(rejection(&Failure::Refused(refusal))),
                    None => Err(Failure::Internal),
                }
            });
            let outcomes = outcomes.collect::<Result<_, _>>().map_err(failed)?;
            Ok(v1::SubmitStreamResponse { outcomes, checkpoint: checkpoint(&answer.commit) })
        }))
    }
}

fn rejection(failure: &Failure) -> v1::SubmitOutcome {
    v1::SubmitOutcome {
        result: v1::SubmitResult::Rejected.into(),
        receipt: None,
        rejection: Some(status::rejection(failure)),
    }
}
