//! What a configuration says of users: lines `user <name> <rule> ...`, and what new users may do with channels.
//!
//! The rules of lines are read where the commands are known: [`crate::users`].

use super::field::choice;
use super::load::LinePosition;

/// The first word of a line that declares a user.
pub(super) const NAME: &[u8] = b"user";

choice! {
    /// `acl-pubsub-default`: what new users may do with channels.
    pub enum PubsubDefault {
        /// They may use all.
        AllChannels = "allchannels",
        /// They may use none.
        ResetChannels = "resetchannels",
    }
}

/// A line that declares a user.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// Where it stands.
    pub place: LinePosition,
    /// The words behind `user`.
    pub words: Vec<Vec<u8>>,
}

impl UserLine {
    /// The line.
    #[must_use]
    pub fn text(&self) -> String {
        format!("user {}", String::from_utf8_lossy(&self.words.join(&b' ')))
    }
}
