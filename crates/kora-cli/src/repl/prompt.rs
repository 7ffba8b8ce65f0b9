//! The prompt: address, database, and whether a transaction is open or messages come.

use std::borrow::Cow;

use reedline::{Color, Prompt, PromptEditMode, PromptHistorySearch};

use crate::session::Session;

/// The prompt for one line.
#[derive(Debug)]
pub(super) struct SessionPrompt {
    text: String,
}

impl SessionPrompt {
    /// The prompt that tells the state of `session`.
    pub(super) fn of(session: &Session) -> Self {
        let Some(state) = session.state() else { return Self { text: "not connected".to_owned() } };
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
        Self { text }
    }
}

impl Prompt for SessionPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
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
}
