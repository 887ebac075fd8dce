//! Attachments: parts wait for their message, arrive whole whatever breaks, and end with it.

mod cli;
mod parts;
mod sdk;
