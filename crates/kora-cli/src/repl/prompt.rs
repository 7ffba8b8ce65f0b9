//! The prompt: address, database, and whether a transaction is open or messages come; at the right, what the command
//! being typed is.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use reedline::{Color, Prompt, PromptEditMode, PromptHistorySearch, PromptViMode};

use crate::session::Session;

/// What is known of the command being typed; written while the line is painted.
pub(super) type About = Arc<Mutex<String>>;

/// The prompt for one line.
#[derive(Debug)]
pub(super) struct SessionPrompt {
    text: String,
    about: Option<About>,
}

impl SessionPrompt {
    /// The prompt that tells the state of `session`; what `about` says stands at the right while the line is edited.
    pub(super) fn of(session: &Session, about: Option<About>) -> Self {
        let Some(state) = session.state() else { return Self { text: "not connected".to_owned(), about } };
        let mut text = session.endpoint().to_string();
        if state.db != 0 {
            text.push_str(&format!("[{}]", state.db));
        }
        if state.in_transaction {
            text.push_str("(TX)");
        }
        if state.is_subscribed() {
            text.push_str("(subscribed mode)");
        }
        Self { text, about }
    }
}

impl Prompt for SessionPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        match &self.about {
            Some(about) => Cow::Owned(about.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            None => Cow::Borrowed(""),
        }
    }

    fn render_prompt_indicator(&self, mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed(match mode {
            PromptEditMode::Vi(PromptViMode::Normal) => ": ",
            _ => "> ",
        })
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("... ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }

    fn get_prompt_color(&self) -> Color {
        Color::Default
    }

    fn get_indicator_color(&self) -> Color {
        Color::Default
    }

    fn get_prompt_right_color(&self) -> Color {
        Color::DarkGray
    }
}
