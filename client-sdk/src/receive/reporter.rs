//! Reports opened messages as decrypted, in batches, beside the stream that delivers them.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{ACKNOWLEDGE_MAX, Stage};
use crate::client::Client;

/// The sending end; when it is dropped, what waits is still reported while the program runs.
#[derive(Debug)]
pub(super) struct Reporter {
    numbers: mpsc::Sender<u64>,
    queued: u64,
    done: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

/// Tells when one report is out.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    place: u64,
    done: watch::Receiver<u64>,
}

impl Reported {
    /// Waits until the report is out or has failed.
    pub(super) async fn wait(&self) {
        let mut done = self.done.clone();
        let _task_ended = done.wait_for(|done| *done >= self.place).await;
    }
}

impl Reporter {
    /// Has a message reported soon.
    pub(super) fn report(&mut self, message_number: u64) -> Reported {
        // A full queue only means that a stage is not reported.
        if self.numbers.try_send(message_number).is_ok() {
            self.queued += 1;
        }
        Reported { place: self.queued, done: self.done.clone() }
    }

    /// Waits until everything is reported.
    pub(super) async fn finish(self) {
        drop(self.numbers);
        let _courtesy = self.task.await;
    }
}

/// Starts the task. It ends when the sending end is dropped.
pub(super) fn start(client: Client) -> Reporter {
    let (sender, mut numbers) = mpsc::channel(ACKNOWLEDGE_MAX);
    let (finished, done) = watch::channel(0);
    let task = tokio::spawn(async move {
        let mut batch = Vec::new();
        // Whatever gathered during the call before goes out with the next one.
        while numbers.recv_many(&mut batch, ACKNOWLEDGE_MAX).await > 0 {
            // The stage is a courtesy to the sender: an error here loses no message, and an alarm
            // goes to the keeper's alarm.
            let _courtesy = client.acknowledge(&batch, Stage::Decrypted).await;
            let count = u64::try_from(batch.len()).unwrap_or_default();
            finished.send_modify(|done| *done += count);
            batch.clear();
        }
    });
    Reporter { numbers: sender, queued: 0, done, task }
}
