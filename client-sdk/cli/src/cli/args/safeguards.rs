//! Arguments of the Lotse's commands beside the consents: releases, objections, deputies, reviews, narrowing.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use schleuse_client::{Address, ConsentId, ObjectionId, ParticipantReference, ReleaseId};

/// Arguments of `lotse consent narrow`.
#[derive(Args, Debug)]
pub(crate) struct NarrowArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// The consent, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) consent: ConsentId,
    /// Takes out these grants; numbers as `consent list` shows them.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) drop_grant: Vec<usize>,
    /// Takes these categories out of the grant that --grant names.
    #[arg(long, value_name = "CODE", value_delimiter = ',', requires = "grant")]
    pub(crate) drop_category: Vec<String>,
    /// Takes these senders out of the grant that --grant names.
    #[arg(long, value_name = "AGENCY", value_delimiter = ',', requires = "grant")]
    pub(crate) drop_sender: Vec<String>,
    /// Grant that --drop-category and --drop-sender are about.
    #[arg(long, value_name = "N")]
    pub(crate) grant: Option<usize>,
    /// Ends all grants at this date or time (UTC).
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Arguments of `lotse consent renew`.
#[derive(Args, Debug)]
pub(crate) struct RenewArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// The consent, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) consent: ConsentId,
    /// How long all its grants hold, in calendar months from now on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=24))]
    pub(crate) months: u32,
    /// Files of evidence that the participant renewed it; only their hashes leave this machine.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) evidence: Vec<PathBuf>,
}

/// Commands about releases from professional secrecy (§ 203 StGB).
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Signs and records a release.
    ///
    /// Example: schleuse lotse release record --participant REF --holder agentur-regensburg/aerztlicher-dienst
    /// --addressee drv-bayern-sued/reha-beratung --purpose unterlagen --category gesundheit --months 12
    /// --text entbindung.txt --text-version 2026-1 --evidence scan.pdf
    Record(Box<ReleaseArguments>),
    /// Lists releases of a participant.
    ///
    /// Example: schleuse lotse release list --participant REF
    List {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
    },
    /// Shows what revoking a release stops, asks, and revokes.
    ///
    /// Example: schleuse lotse release revoke --participant REF --release 00112233445566778899aabbccddeeff
    Revoke {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
        /// The release, in hexadecimal digits.
        #[arg(long, value_name = "HEX")]
        release: ReleaseId,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Arguments of `lotse release record`.
#[derive(Args, Debug)]
pub(crate) struct ReleaseArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Who is released.
    #[arg(long, value_name = "AGENCY/FUNCTION")]
    pub(crate) holder: Address,
    /// Towards whom.
    #[arg(long, value_name = "AGENCY/FUNCTION")]
    pub(crate) addressee: Address,
    /// Also takes functions that the directory does not have; without it they are refused, since a name with a
    /// typing error looks the same.
    #[arg(long)]
    pub(crate) not_yet_in_directory: bool,
    /// Purpose codes of the catalogue.
    #[arg(long, value_name = "CODE", value_delimiter = ',', required = true)]
    pub(crate) purpose: Vec<String>,
    /// Data categories of the catalogue.
    #[arg(long, value_name = "CODE", value_delimiter = ',', required = true)]
    pub(crate) category: Vec<String>,
    /// How long it holds, in calendar months from now on.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=24))]
    pub(crate) months: u32,
    /// File with the text that the participant was given; only its hash leaves this machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) text: PathBuf,
    /// Version of the text.
    #[arg(long, value_name = "VERSION")]
    pub(crate) text_version: String,
    /// Language of the text.
    #[arg(long, value_name = "TAG", default_value = "de")]
    pub(crate) language: String,
    /// Files of evidence, such as the signed paper; only their hashes leave this machine.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) evidence: Vec<PathBuf>,
}

/// Commands about objections.
#[derive(Debug, Subcommand)]
pub(crate) enum ObjectionCommand {
    /// Shows what an objection stops, asks, and records it. It beats any consent.
    ///
    /// Without --recipient, --agency, --purpose and --category it objects to everything: nothing about the
    /// participant passes any more. Each that is given makes it narrower.
    ///
    /// Example: schleuse lotse objection record --participant REF --agency jobcenter-stadt-regensburg
    /// --category gesundheit
    Record(ObjectionArguments),
    /// Lists objections of a participant.
    ///
    /// Example: schleuse lotse objection list --participant REF
    List {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
    },
    /// Ends an objection: from then on the consents alone decide.
    ///
    /// Example: schleuse lotse objection withdraw --participant REF --objection
    /// 00112233445566778899aabbccddeeff
    Withdraw {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
        /// The objection, in hexadecimal digits.
        #[arg(long, value_name = "HEX")]
        objection: ObjectionId,
    },
}

/// Arguments of `lotse objection record`. What is not given is met by everything: with no scope at all, it objects to
/// everything.
#[derive(Args, Debug)]
pub(crate) struct ObjectionArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Functions that are to receive nothing.
    #[arg(long, value_name = "AGENCY/FUNCTION", value_delimiter = ',')]
    pub(crate) recipient: Vec<Address>,
    /// Also takes functions that the directory does not have; without it they are refused, since a name with a
    /// typing error looks the same.
    #[arg(long)]
    pub(crate) not_yet_in_directory: bool,
    /// Agencies that are neither to receive nor to send.
    #[arg(long, value_name = "AGENCY", value_delimiter = ',')]
    pub(crate) agency: Vec<String>,
    /// Purpose codes of the catalogue.
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) purpose: Vec<String>,
    /// Data categories of the catalogue.
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) category: Vec<String>,
    /// Ends by itself at this date or time (UTC).
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Commands about deputies.
#[derive(Debug, Subcommand)]
pub(crate) enum DeputyCommand {
    /// Records the participant's consent that another Lotse of the own agency acts as deputy.
    ///
    /// Example: schleuse lotse deputy appoint --participant REF --lotse l-02 --months 3
    /// --text vertretung.txt --text-version 2026-1
    Appoint(Box<DeputyArguments>),
    /// Ends it; the deputy sees nothing from then on. Other consents: schleuse lotse consent revoke
    ///
    /// Example: schleuse lotse deputy end --consent 00112233445566778899aabbccddeeff
    End(super::RevokeArguments),
}

/// Arguments of `lotse deputy appoint`.
#[derive(Args, Debug)]
pub(crate) struct DeputyArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Person part of the other Lotse's certificate identity.
    #[arg(long, value_name = "PERSON")]
    pub(crate) lotse: String,
    /// How long, in calendar months from now on.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=24))]
    pub(crate) months: u32,
    /// Data categories of the catalogue that the participant was told of.
    #[arg(long, value_name = "CODE", value_delimiter = ',', default_value = "hilfeplan,termine")]
    pub(crate) category: Vec<String>,
    /// File with the text that the participant was given; only its hash leaves this machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) text: PathBuf,
    /// Version of the text.
    #[arg(long, value_name = "VERSION")]
    pub(crate) text_version: String,
    /// Files of evidence, such as the signed paper; only their hashes leave this machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Vec<PathBuf>,
    /// Does not ask for the person once more.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Arguments of `lotse reviews`.
#[derive(Args, Debug)]
pub(crate) struct ReviewsArguments {
    /// How many days ahead.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=366))]
    pub(crate) days: u32,
}

/// Arguments of `lotse participant end`.
#[derive(Args, Debug)]
pub(crate) struct EndArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}
