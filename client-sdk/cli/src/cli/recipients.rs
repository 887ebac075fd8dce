//! Whether the agencies and functions that a new consent, release or objection names exist.
//!
//! The broker takes a document for a function that nobody has published yet: the paper may be signed before the entry
//! is. A name with a typing error looks the same to it: what the participant signed would never pass, and an objection
//! would stop nothing. So the program asks the directory, and records a name that it does not have only when told to.

use schleuse_client::{Address, Client, ClientError, Grant, v1};

use schleuse_client::DEPUTY_PURPOSE;

/// Checks senders and recipients of grants.
pub(crate) async fn check(
    client: &Client,
    grants: &[Grant],
    not_yet_in_directory: bool,
) -> Result<(), ClientError> {
    let agencies = client.trust().agencies();
    check_agencies(&agencies, grants)?;
    if not_yet_in_directory {
        return Ok(());
    }
    // A deputy is a person, and no function of the directory.
    for grant in grants.iter().filter(|grant| grant.purpose != DEPUTY_PURPOSE) {
        check_function(client, "--to", &grant.recipient).await?;
    }
    Ok(())
}

/// Checks the functions of a release or an objection, each with the option that names it. Agencies are the broker's to
/// check.
pub(crate) async fn check_named(
    client: &Client,
    functions: &[(&'static str, &Address)],
    not_yet_in_directory: bool,
) -> Result<(), ClientError> {
    if not_yet_in_directory {
        return Ok(());
    }
    for (option, function) in functions {
        check_function(client, option, function).await?;
    }
    Ok(())
}

fn check_agencies(agencies: &[&str], grants: &[Grant]) -> Result<(), ClientError> {
    let missing = |what, agency: &str| {
        let why = format!("no such agency: {agency}; there are {}", agencies.join(", "));
        Err(ClientError::Precondition { what, why })
    };
    for grant in grants {
        let mut senders = grant.senders.iter();
        if let Some(sender) = senders.find(|sender| !agencies.contains(&sender.as_str())) {
            return missing("--from", sender);
        }
        if !agencies.contains(&grant.recipient.agency.as_str()) {
            return missing("--to", &grant.recipient.agency);
        }
    }
    Ok(())
}

async fn check_function(
    client: &Client,
    option: &'static str,
    recipient: &Address,
) -> Result<(), ClientError> {
    let agency = &recipient.agency;
    let unless = "otherwise, if it is still to be published: --not-yet-in-directory";
    let expected = match client.directory().look_up(agency).await {
        Ok(entry) if entry.has_function(&recipient.function) => return Ok(()),
        Ok(entry) => format!("{}; {unless}", entry.expected_function()),
        Err(error) if error.is_refused_for(v1::ErrorReason::NotFound) => {
            format!("a function of an agency in the directory, which {agency} is not in; {unless}")
        }
        Err(error) => return Err(error),
    };
    Err(ClientError::Argument { what: option, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agencies_that_do_not_exist_are_named_with_their_option() {
        let grant = |from: &str, to: &str| {
            let to = to.parse().unwrap();
            Grant::for_months(&["drv", from], to, "unterlagen", &["termine"], 0, 1).unwrap()
        };
        let check = |from, to| check_agencies(&["drv", "jobcenter"], &[grant(from, to)]);
        assert!(check("jobcenter", "drv/reha").is_ok());
        let error = check("jobcentre", "drv/reha").unwrap_err().to_string();
        assert_eq!(error, "--from: no such agency: jobcentre; there are drv, jobcenter");
        let error = check("jobcenter", "dvr/reha").unwrap_err().to_string();
        assert!(error.starts_with("--to: no such agency: dvr"), "{error}");
    }
}
