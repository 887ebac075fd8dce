//! Arguments of reports and receipts for participants.

use std::path::PathBuf;

use clap::Args;
use schleuse_client::{CheckCode, ConsentId, ParticipantReference};

/// Arguments of `dpo report` and `lotse report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    /// Own reference of the participant. The Lotse makes it with: schleuse lotse participant reference
    /// --participant REF --agency AGENCY
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Why the log is read: 10 to 500 characters; kept in the log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Page to write, HTML.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Export to write; anybody can check it with: schleuse verify FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) proofs: PathBuf,
    /// Catalogue with the names of purposes, categories and kinds; without it, their codes are shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    /// Texts that the participant was given; those that fit a consent are printed.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) text: Vec<PathBuf>,
}

/// Arguments of `lotse consent receipt`.
#[derive(Args, Debug)]
pub(crate) struct ReceiptArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// The consent, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) consent: ConsentId,
    /// Page to write, HTML.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The same for programs, with the fields of ISO/IEC TS 27560 and the proof.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt_json: Option<PathBuf>,
    /// Catalogue with the names of purposes and categories; without it, their codes are shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    /// Text that the participant was given, to be printed; another one than the consent names is refused.
    #[arg(long, value_name = "FILE")]
    pub(crate) text: Option<PathBuf>,
}

/// Arguments of `lotse consent check-code`.
#[derive(Args, Debug)]
pub(crate) struct CheckCodeArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Code as on the receipt.
    pub(crate) code: CheckCode,
}
