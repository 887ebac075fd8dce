//! The directory, and the one rule that rests on it: messages of purposes that forbid a participant.

use super::{Entry, GrantRef, Model, Reason, Submission};

/// The purpose whose messages are about nobody.
pub const WITHOUT_PARTICIPANT: &str = "strukturfragen";

impl Model {
    /// An agency publishes its functions; they replace those that it published before.
    pub fn publish_entry(&mut self, agency: &str, functions: &[&str]) {
        self.publish(agency, functions);
        self.directory.retain(|(known, _)| known != agency);
        let functions = functions.iter().map(|function| (*function).to_owned()).collect();
        self.directory.push((agency.to_owned(), functions));
        self.write(None, Entry::DirectoryPublished { agency: agency.to_owned() });
    }

    /// A message about nobody may pass from an agency that has published to a function that its agency has published
    /// last. No grant covers it: in its place stands an empty one.
    pub(super) fn decide_about_nobody(&self, message: &Submission) -> Result<GrantRef, Reason> {
        let functions = |agency: &str| {
            let entry = self.directory.iter().find(|(known, _)| known == agency);
            entry.map(|(_, functions)| functions.as_slice()).unwrap_or_default()
        };
        let recipient = &message.recipient;
        let from_known = !functions(&message.sender.agency).is_empty();
        if from_known && functions(&recipient.agency).contains(&recipient.function) {
            return Ok((String::new(), 0, 0, None));
        }
        Err(Reason::NotInDirectory)
    }
}
