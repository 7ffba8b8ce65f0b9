//! The interactive mode: a line editor in front of a [`Shell`].
//!
//! Ctrl-C at the prompt drops the line; while the server is waited for, it ends the waiting. Both work because the
//! editor takes the key itself while it runs, and the signal's flag is looked at by the connection otherwise.

mod complete;
mod finished;
mod highlight;
mod hints;
mod history;
mod menu;
mod prompt;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use reedline::{
    EditMode, Emacs, KeyCode, KeyModifiers, Keybindings, Reedline, ReedlineEvent, ReedlineMenu, Signal, Vi,
    default_emacs_keybindings, default_vi_insert_keybindings, default_vi_normal_keybindings,
    default_vi_visual_keybindings,
};

use crate::preferences::Preference;
use crate::session::{Heard, State};
use crate::shared::Shared;
use crate::shell::{Flow, Shell};
use prompt::{About, SessionPrompt};

/// Name by which the key binding finds the menu.
const COMPLETION_MENU: &str = "completion";

/// Reads and runs lines until the user leaves.
///
/// # Errors
/// If the terminal cannot be used.
pub(crate) fn run(mut shell: Shell, coloured: bool) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))
        .context("Ctrl-C cannot be handled")?;
    shell.session().interrupt_on(Arc::clone(&interrupted));
    if let Err(error) = shell.session().connect() {
        shell.session().report_unreachable(&error);
    }
    let (about, shared) = (About::default(), shell.shared());
    let mut editor = editor(&shared, coloured, &about);
    let mut is_vi = false;
    loop {
        if shell.session().state().is_some_and(|state| !state.is_subscribed()) {
            shell.learn_commands();
        }
        if shell.session().state().is_some_and(State::is_subscribed)
            && shell.session().listen(&mut io::stdout().lock())? == Heard::Over
        {
            interrupted.store(false, Ordering::Relaxed);
            continue;
        }
        if is_vi != shared.preferences.is(Preference::Vi) {
            is_vi = !is_vi;
            editor = editor.with_edit_mode(if is_vi { vi() } else { emacs() });
        }
        // What is left on the screen does not say what the command was.
        editor = editor.with_transient_prompt(Box::new(SessionPrompt::of(shell.session(), None)));
        let prompt = SessionPrompt::of(shell.session(), Some(Arc::clone(&about)));
        match editor.read_line(&prompt)? {
            Signal::Success(line) => {
                interrupted.store(false, Ordering::Relaxed);
                let mut out = io::stdout().lock();
                if shell.run_line(line.as_bytes(), &mut out)? == Flow::Quit {
                    return Ok(());
                }
                out.flush()?;
            }
            Signal::CtrlD => return Ok(()),
            // Ctrl-C drops the line; the other signals are for key bindings that are not made here.
            _ => {}
        }
    }
}

fn editor(shared: &Arc<Shared>, coloured: bool, about: &About) -> Reedline {
    let menu = menu::QuietMenu::named(COMPLETION_MENU);
    let highlighter = highlight::LineHighlighter::new(Arc::clone(shared), coloured, Arc::clone(about));
    Reedline::create()
        .with_edit_mode(emacs())
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_ansi_colors(coloured)
        .with_completer(Box::new(complete::CommandCompleter::new(Arc::clone(shared))))
        .with_hinter(Box::new(hints::ArgumentHinter::new(Arc::clone(shared))))
        .with_highlighter(Box::new(highlighter))
        .with_validator(Box::new(finished::QuotesClosed))
        .use_bracketed_paste(true)
        .with_history_exclusion_prefix(Some(" ".to_owned()))
        .with_history(history::open())
}

fn emacs() -> Box<dyn EditMode> {
    let mut keys = default_emacs_keybindings();
    complete_by_tab(&mut keys);
    Box::new(Emacs::new(keys))
}

fn vi() -> Box<dyn EditMode> {
    let mut keys = default_vi_insert_keybindings();
    complete_by_tab(&mut keys);
    Box::new(Vi::new(keys, default_vi_normal_keybindings(), default_vi_visual_keybindings()))
}

fn complete_by_tab(keys: &mut Keybindings) {
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu(COMPLETION_MENU.to_owned()),
            ReedlineEvent::MenuNext,
        ]),
    );
}
