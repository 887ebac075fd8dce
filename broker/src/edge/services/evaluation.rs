//! `EvaluationService`: the tables of a quarter, always the same.

use schleuse_proto::v1;
use schleuse_proto::v1::evaluation_service_server::EvaluationService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{Command, EvaluationCommand, EvaluationOutcome, Outcome};
use crate::domain::evaluation::Quarter;
use crate::domain::event::Actor;
use crate::domain::refusal::Refusal;
use crate::edge::status::Failure;
use crate::engine::{Answer, CountError, Lane};

pub(super) struct Evaluation(pub(super) Context);

/// Records that are counted together: others get their turn in between.
const COUNTED_TOGETHER: usize = 4_096;

impl From<CountError> for Failure {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Journal(error) => Self::from(error),
            CountError::TooMuch | CountError::TooManyAgencies => {
                tracing::error!(%error, "a quarter cannot be counted; nothing is released");
                Self::Refused(Refusal::Overloaded { limit: "evaluation" })
            }
        }
    }
}

impl Evaluation {
    async fn ask(
        &self,
        command: EvaluationCommand,
    ) -> Result<(Answer, EvaluationOutcome), Failure> {
        let answer = self.0.engine.execute(Lane::Normal, Command::Evaluation(command)).await?;
        let Outcome::Evaluation(outcome) = answer.outcome else { return Err(Failure::Internal) };
        Ok((answer, outcome))
    }

    async fn export(
        &self,
        actor: Actor,
        request: v1::ExportEvaluationRequest,
    ) -> Result<v1::ExportEvaluationResponse, Failure> {
        let expected = "a quarter of the calendar year, like 2026-Q4";
        let quarter = Quarter::parse(&request.quarter).ok_or(invalid("quarter", expected))?;
        let (_, found) = self.ask(EvaluationCommand::Find { quarter }).await?;
        let tables = match found {
            EvaluationOutcome::Found(None) => Some(self.count(quarter).await?),
            EvaluationOutcome::Found(Some(_)) | EvaluationOutcome::Exported { .. } => None,
        };
        // Two may count at the same time: the core takes the first, and both get that one.
        let export = EvaluationCommand::Export { actor, quarter, tables };
        let (answer, exported) = self.ask(export).await?;
        let EvaluationOutcome::Exported { release, record } = exported else {
            return Err(Failure::Internal);
        };
        let engine = self.0.engine.clone();
        Ok(v1::ExportEvaluationResponse {
            tables: self.0.blocking(move || engine.released_tables(release)).await?,
            release: Some(self.0.receipt(&answer.commit, release)?),
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn count(&self, quarter: Quarter) -> Result<bytes::Bytes, Failure> {
        let mut count = self.0.engine.count_quarter(quarter)?;
        loop {
            let part = move || {
                let is_all = count.go_on(COUNTED_TOGETHER);
                Ok((is_all, count))
            };
            let (is_all, returned) = self.0.blocking(part).await?;
            count = returned;
            if is_all? {
                return self.0.blocking(move || Ok(count.finish())).await;
            }
        }
    }
}

#[tonic::async_trait]
impl EvaluationService for Evaluation {
    async fn export_evaluation(
        &self,
        request: Request<v1::ExportEvaluationRequest>,
    ) -> Result<Response<v1::ExportEvaluationResponse>, Status> {
        let actor = peer(&request).map_err(failed)?.actor.clone();
        self.export(actor, request.into_inner()).await.map(Response::new).map_err(failed)
    }
}
