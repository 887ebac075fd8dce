//! Arguments of `schleuse witness`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands of whoever runs a witness.
#[derive(Debug, Subcommand)]
pub(crate) enum WitnessCommand {
    /// Makes the key of a witness and prints its public key, for the broker's configuration.
    ///
    /// Example: schleuse witness keygen --name dpo.example/witness --out witness.key
    Keygen {
        /// Name of the witness: a URL without scheme, under which others know it.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// New file for the private key.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Serves the witness until it is told to stop (SIGTERM or SIGINT).
    ///
    /// Plain HTTP: what goes over it is public and signed. Listen on this machine only and put a proxy
    /// with TLS before it, if the broker is elsewhere.
    ///
    /// Example: schleuse witness serve --listen 127.0.0.1:7380 --key witness.key
    /// --name dpo.example/witness --trust pki/trust.toml --state /var/lib/schleuse-witness
    Serve(ServeArguments),
    /// Shows the newest checkpoint that the witness cosigned, from its folder.
    ///
    /// Example: schleuse witness status --state /var/lib/schleuse-witness --trust pki/trust.toml
    Status {
        /// Public key of the log; without it, the one in the trust file.
        #[arg(long, value_name = "KEY")]
        log_key: Option<String>,
    },
}

/// Arguments of `witness serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7380")]
    pub(crate) listen: SocketAddr,
    /// Name of the witness, as given to keygen.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Public key of the log; without it, the one in the trust file.
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: Option<String>,
}
