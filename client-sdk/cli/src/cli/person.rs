//! The other Lotse whom `lotse participant hand-over` and `lotse deputy appoint` name.
//!
//! The broker cannot tell whether there is this person. It sees certificates when somebody connects, and keeps no list
//! of them; connecting and reading leave no record, so that neither its state nor the log decides whether a Lotse was
//! ever there, and a Lotse who begins today was not. Refusing whom it has not seen would refuse the successor for
//! whom most hand-overs are made. So the person's identity is typed twice, like a password that nobody can look up.
//! The way back from a hand-over to nobody leads through the agency alone: who may issue its certificates issues one
//! with this identity. There is none through the broker: whoever could take a participant from a Lotse there could
//! read without the participant's agreement.

use schleuse_client::{Client, ClientError};
use schleuse_proto::identity::Identity;

use super::output::Output;

/// What the other Lotse is named for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// All of the participant.
    HandOver,
    /// Acting beside the Lotse for a while.
    Deputy,
}

/// Whether it shall be done; refuses oneself.
pub(crate) fn confirmed(
    client: &Client,
    lotse: &str,
    act: Act,
    yes: bool,
    output: &Output,
) -> Result<bool, ClientError> {
    check_other(client.identity(), lotse)?;
    if yes {
        return Ok(true);
    }
    output.note(&meaning(client.agency(), lotse, act));
    let is_same = output.ask_again("type the identity of that person again:", lotse);
    if !is_same {
        output.note("that is not the same identity: nothing was changed");
    }
    Ok(is_same)
}

fn check_other(own: &Identity, lotse: &str) -> Result<(), ClientError> {
    if own.person.as_deref() != Some(lotse) {
        return Ok(());
    }
    let why = format!("{lotse} is yourself; expected another Lotse of {}", own.agency);
    Err(ClientError::Precondition { what: "--lotse", why })
}

fn meaning(agency: &str, lotse: &str, act: Act) -> String {
    let unknown =
        format!("the broker does not know whether {agency} has a Lotse {lotse}: it has no list.");
    match act {
        Act::HandOver => format!(
            "after this {lotse} alone is the Lotse of this participant, and you see nothing of them any more.\n\
             {unknown}\n\
             If there is none, nobody can record or revoke a consent of this participant until {agency} has \
             issued a certificate of a Lotse with the identity {lotse}; only {lotse} can hand them back."
        ),
        Act::Deputy => format!(
            "while this consent holds, {lotse} sees this participant and acts for them as you do.\n\
             {unknown}\n\
             Whoever gets a certificate with this identity is the deputy; to end it: \
             schleuse lotse deputy end"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_the_other_lotse_and_the_question_says_what_is_not_known() {
        let uri = "spiffe://schleuse.example/agency/lotsenstelle/lotse/l-01";
        let own = Identity::parse(uri).unwrap();
        let error = check_other(&own, "l-01").unwrap_err().to_string();
        assert_eq!(error, "--lotse: l-01 is yourself; expected another Lotse of lotsenstelle");
        assert!(check_other(&own, "l-02").is_ok());
        for act in [Act::HandOver, Act::Deputy] {
            let said = meaning("lotsenstelle", "l-99", act);
            assert!(said.contains("does not know whether lotsenstelle has a Lotse l-99"), "{said}");
        }
        assert!(meaning("a", "l-99", Act::HandOver).contains("only l-99 can hand them back"));
    }
}
