//! The receive stream: credit in, deliveries and heartbeats out.
//!
//! INVARIANT (log-first): the only way from a payload to the wire is [`Context::open`], which needs
//! the durable permit of exactly that message.

use std::pin::Pin;
use std::task::Poll;

use futures::{Stream, StreamExt as _};
use schleuse_proto::evidence::consent_reference;
use schleuse_proto::v1;
use schleuse_proto::v1::receive_request::Request as Said;
use schleuse_proto::v1::receive_response::Response as Says;
use tokio_util::sync::DropGuard;
use tonic::{Status, Streaming};

use super::{Context, checkpoint, failed, invalid};
use crate::domain::ids::{AgencyId, ConsentId};
use crate::domain::refusal::Refusal;
use crate::edge::flush::Handed;
use crate::edge::limits;
use crate::edge::peer::Peer;
use crate::edge::status::Failure;
use crate::engine::{CREDIT_MAX, HandOut, InFlightGuard, Subscription};
use crate::record::rows::SealedParts;

type Responses = Pin<Box<dyn Stream<Item = Result<v1::ReceiveResponse, Status>> + Send>>;

impl Context {
    /// Opens the payload of a permitted hand-out to an agency.
    pub(super) fn open(
        &self,
        agency: &AgencyId,
        hand_out: HandOut,
    ) -> Result<(v1::Delivery, InFlightGuard), Failure> {
        let HandOut { permit, guard } = hand_out;
        let reader = self.engine.reader();
        let stored = reader.record(permit.permit().message())?;
        let parts = SealedParts::of(&stored).ok_or(Failure::Internal)?;
        let payload = stored.payload.unlock(&permit).ok_or(Failure::Internal)?;
        let leaf_hash = bytes::Bytes::copy_from_slice(permit.leaf_hash());
        let permit = permit.permit();
        let receipt = v1::Receipt { record_number: permit.record(), leaf_hash };
        let known_as = |consent: ConsentId| {
            bytes::Bytes::copy_from_slice(&consent_reference(consent.bytes(), agency.as_str()))
        };
        let ms = |time: u64| i64::try_from(time).unwrap_or_default();
        let delivery = v1::Delivery {
            message_number: permit.message(),
            receipt: Some(receipt),
            attempt: permit.attempt(),
            participant_reference: permit.reference().map(|r| r.to_text()).unwrap_or_default(),
            consent_reference: permit.permit().consent().map(known_as).unwrap_or_default(),
            consent_revision: permit.permit().revision(),
            accepted_at_ms: ms(permit.accepted_at()),
            handed_out_at_ms: ms(permit.handed_out_at()),
            sealed: Some(parts.with(&payload)),
        };
        Ok((delivery, guard))
    }

    fn heartbeat(&self) -> v1::ReceiveResponse {
        let heartbeat = v1::Heartbeat {
            time_ms: i64::try_from(self.engine.clock().now()).unwrap_or_default(),
            checkpoint: checkpoint(&self.engine.reader().latest()),
        };
        v1::ReceiveResponse { response: Some(Says::Heartbeat(heartbeat)) }
    }
}

/// Starts a receive stream.
pub(super) async fn receive(
    context: &Context,
    peer: &Peer,
    mut requests: Streaming<v1::ReceiveRequest>,
    handed: Handed,
) -> Result<Responses, Failure> {
    let first = tokio::time::timeout(limits::HANDSHAKE, requests.message()).await;
    let Ok(Ok(Some(v1::ReceiveRequest { request: Some(Said::Open(open)) }))) = first else {
        return Err(invalid("request", "first OpenReceive"));
    };
    let recipients = Context::functions(peer, &open.functions)?;
    let credit = check_credit(open.credit)?;
    let cut = peer.cut.clone();
    let subscription =
        context.engine.subscribe(peer.actor.clone(), recipients, credit, cut).await?;
    let handle = subscription.handle.clone();
    // Ends when either side ends: the receiver's credits, or the deliveries below.
    let (ended, end) = tokio::sync::oneshot::channel::<Status>();
    let over = peer.cut.child_token();
    let stop = over.clone();
    tokio::spawn(async move {
        let why = tokio::select! {
            why = take_credits(requests, &handle) => why,
            () = stop.cancelled() => None,
        };
        if let Some(status) = why {
            let _stream_gone = ended.send(status);
        } else {
            drop(ended);
        }
    });
    let agency = peer.actor.agency.clone();
    Ok(deliveries(context.clone(), agency, subscription, handed, end, over.drop_guard()))
}

fn check_credit(credit: u32) -> Result<u32, Failure> {
    if (1..=CREDIT_MAX).contains(&credit) {
        Ok(credit)
    } else {
        Err(invalid("credit", "1 to 1000"))
    }
}

/// Passes credit on until the receiver closes its side or says something wrong.
async fn take_credits(
    mut requests: Streaming<v1::ReceiveRequest>,
    handle: &crate::engine::StreamHandle,
) -> Option<Status> {
    loop {
        match requests.message().await {
            Ok(Some(v1::ReceiveRequest { request: Some(Said::Credit(credit)) })) => {
                match check_credit(credit) {
                    Ok(credit) => handle.give_credit(credit),
                    Err(failure) => return Some(failed(failure)),
                }
            }
            Ok(Some(_)) => return Some(failed(invalid("request", "credit after OpenReceive"))),
            Ok(None) | Err(_) => return None,
        }
    }
}

fn deliveries(
    context: Context,
    agency: AgencyId,
    mut subscription: Subscription,
    handed: Handed,
    end: tokio::sync::oneshot::Receiver<Status>,
    over: DropGuard,
) -> Responses {
    let mut heartbeat = tokio::time::interval(limits::HEARTBEAT);
    let mut end = Box::pin(end);
    let drain = context.drain.clone();
    let mut drained = Box::pin(async move { drain.cancelled().await });
    let mut done = false;
    futures::stream::poll_fn(move |task| {
        // Lives as long as the deliveries: the receiver's side of the stream must not outlast them.
        let _over = &over;
        if done {
            return Poll::Ready(None);
        }
        if let Poll::Ready(ended) = end.as_mut().poll(task) {
            done = true;
            return Poll::Ready(ended.ok().map(Err));
        }
        if drained.as_mut().poll(task).is_ready() {
            done = true;
            return Poll::Ready(Some(Err(failed(Refusal::Draining))));
        }
        match subscription.receiver.poll_recv(task) {
            Poll::Ready(Some(hand_out)) => {
                heartbeat.reset();
                let opened = context.open(&agency, hand_out).map(|(delivery, guard)| {
                    handed.add(guard);
                    v1::ReceiveResponse { response: Some(Says::Delivery(delivery)) }
                });
                done = opened.is_err();
                return Poll::Ready(Some(opened.map_err(failed)));
            }
            Poll::Ready(None) => {
                done = true;
                return Poll::Ready(Some(Err(failed(Refusal::Draining))));
            }
            Poll::Pending => {}
        }
        heartbeat.poll_tick(task).map(|_| Some(Ok(context.heartbeat())))
    })
    .boxed()
}
