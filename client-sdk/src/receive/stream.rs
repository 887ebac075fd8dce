//! The receive stream: credit, signs of life, reconnection.

use std::time::Duration;

use schleuse_proto::v1;
use schleuse_proto::v1::receive_request::Request as Says;
use schleuse_proto::v1::receive_response::Response as Answer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::reporter::{self, Reporter};
use super::{ACKNOWLEDGE_MAX, Incoming};
use crate::client::{Backoff, Client};
use crate::error::ClientError;

/// Longest silence: the broker gives a sign of life every 20 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(65);
/// Most attempts to connect again without a sign of life between them: about three minutes.
const RECONNECTS_MAX: u32 = 60;
/// Credits that wait to be written.
const CREDITS_WAITING_MAX: usize = 16;
/// Most credit.
const CREDIT_MAX: u32 = 1000;

/// Messages as they become deliverable; see [`Client::receive`].
#[derive(Debug)]
pub struct ReceiveStream {
    client: Client,
    functions: Vec<String>,
    credit: u32,
    live: Option<Live>,
    backoff: Backoff,
    reporter: Reporter,
}

/// One connection of the stream.
#[derive(Debug)]
struct Live {
    says: mpsc::Sender<v1::ReceiveRequest>,
    answers: Streaming<v1::ReceiveResponse>,
    /// Deliveries for which no new credit was given yet.
    taken: u32,
}

impl ReceiveStream {
    pub(super) fn new(client: Client, functions: Vec<String>, credit: u32) -> Self {
        let reporter = reporter::start(client.clone());
        let credit = credit.clamp(1, CREDIT_MAX);
        Self {
            client,
            functions,
            credit,
            live: None,
            backoff: Backoff::new(RECONNECTS_MAX),
            reporter,
        }
    }

    /// The next message. Waits for one, and connects again after a loss; what was handed out and
    /// not acknowledged then comes again with a higher `attempt`. Credit for the messages before is
    /// given now, not when they came: beyond the credit, nothing is handed out that the caller does
    /// not come for. May be cancelled and called again.
    ///
    /// # Errors
    /// The broker refuses the stream, stays out of reach, or was rolled back.
    pub async fn next(&mut self) -> Result<Incoming, ClientError> {
        loop {
            let answer = match self.answer().await {
                Ok(answer) => answer,
                Err(error) if error.retryable() => {
                    self.live = None;
                    if self.backoff.pause().await {
                        continue;
                    }
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            self.backoff.reset();
            match answer {
                Answer::Delivery(delivery) => {
                    if let Some(live) = &mut self.live {
                        live.taken += 1;
                    }
                    let mut incoming = self.client.open(delivery);
                    if let Incoming::Verified(received) = &mut incoming {
                        received.reported = Some(self.reporter.report(received.message_number));
                    }
                    return Ok(incoming);
                }
                Answer::Heartbeat(heartbeat) => {
                    if !heartbeat.checkpoint.is_empty() {
                        self.client.settle(&heartbeat.checkpoint).await?;
                    }
                }
            }
        }
    }

    /// Connects, without waiting for a message: from then on the broker hands out.
    ///
    /// # Errors
    /// The broker refuses the stream or cannot be reached.
    pub async fn open(&mut self) -> Result<(), ClientError> {
        if self.live.is_none() {
            self.live = Some(self.connect().await?);
        }
        Ok(())
    }

    /// Ends the stream and waits until the opened messages are reported. Without it a program that
    /// ends at once may leave some unreported; nothing else is lost.
    pub async fn close(self) {
        drop(self.live);
        self.reporter.finish().await;
    }

    async fn connect(&self) -> Result<Live, ClientError> {
        let (says, requests) = mpsc::channel(CREDITS_WAITING_MAX);
        let open = v1::OpenReceive { functions: self.functions.clone(), credit: self.credit };
        let first = v1::ReceiveRequest { request: Some(Says::Open(open)) };
        let _queue_is_empty = says.try_send(first);
        let opened = self.client.messages().receive(ReceiverStream::new(requests)).await;
        let answers = opened.map_err(|status| self.client.failed(&status))?.into_inner();
        Ok(Live { says, answers, taken: 0 })
    }

    async fn answer(&mut self) -> Result<Answer, ClientError> {
        self.open().await?;
        self.give_credit();
        let lost = |why: &str| self.client.failed(&Status::from_error(why.into()));
        let Some(live) = self.live.as_mut() else { return Err(lost("not connected")) };
        let silence = |_| Err(Status::deadline_exceeded("no sign of life"));
        let answer = tokio::time::timeout(SILENCE_MAX, live.answers.message()).await;
        match answer.unwrap_or_else(silence) {
            Ok(Some(v1::ReceiveResponse { response: Some(answer) })) => Ok(answer),
            Ok(Some(v1::ReceiveResponse { response: None })) => {
                Err(ClientError::protocol("an empty answer on a receive stream"))
            }
            Ok(None) => Err(lost("the broker ended the stream")),
            Err(status) => Err(self.client.failed(&status)),
        }
    }

    /// Gives credit for what was taken, half of the whole at a time.
    fn give_credit(&mut self) {
        let Some(live) = self.live.as_mut() else { return };
        if live.taken > 0 && live.taken.saturating_mul(2) >= self.credit {
            let request = v1::ReceiveRequest { request: Some(Says::Credit(live.taken)) };
            if live.says.try_send(request).is_ok() {
                live.taken = 0;
            }
        }
    }
}

const _: () = assert!(ACKNOWLEDGE_MAX >= 1000, "the reporter's queue holds all credit");
