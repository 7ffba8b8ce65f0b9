//! What a person may prefer, set with `:set` at the prompt or in a configuration file.

use std::sync::atomic::{AtomicU16, Ordering};

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preference {
    /// The arguments of the command being typed are shown behind it.
    Hints,
    /// Group, version and complexity of the command being typed are shown at the right.
    Info,
    /// Replies longer than the screen are shown a page at a time.
    Pager,
    /// Commands that destroy much or block the server are asked about.
    Confirm,
    /// Names and values of RESP2 are shown as pairs.
    Pairs,
    /// Replies that are rows of the same form are shown as tables.
    Tables,
    /// What follows `|` is a command of the shell that gets the reply.
    Pipes,
    /// Lines are edited as vi does, not as emacs.
    Vi,
}

/// How a preference is named and what it is at first.
struct Described {
    preference: Preference,
    on: &'static str,
    off: &'static str,
    is_on_at_first: bool,
    about: &'static str,
}

const ALL: [Described; 8] = [
    described(Preference::Hints, "hints", "nohints", true, "arguments of the command being typed"),
    described(Preference::Info, "info", "noinfo", true, "its group, version and complexity at the right"),
    described(Preference::Pager, "pager", "nopager", true, "long replies a page at a time, or by $PAGER"),
    described(Preference::Confirm, "confirm", "noconfirm", true, "a question before FLUSHALL and the like"),
    described(Preference::Pairs, "pairs", "nopairs", true, "names and values in pairs, in RESP2 too"),
    described(Preference::Tables, "tables", "notables", true, "rows of the same form as tables"),
    described(Preference::Pipes, "pipes", "nopipes", true, "replies to commands of the shell: GET key | wc"),
    described(Preference::Vi, "vi", "emacs", false, "the keys of vi, or of emacs"),
];

const fn described(
    preference: Preference,
    on: &'static str,
    off: &'static str,
    is_on_at_first: bool,
    about: &'static str,
) -> Described {
    Described { preference, on, off, is_on_at_first, about }
}

/// The preferences in force; shared with the line editor.
#[derive(Debug)]
pub(crate) struct Preferences(AtomicU16);

impl Default for Preferences {
    fn default() -> Self {
        let on = ALL.iter().filter(|described| described.is_on_at_first);
        Self(AtomicU16::new(on.fold(0, |bits, described| bits | bit(described.preference))))
    }
}

fn bit(preference: Preference) -> u16 {
    1 << preference as u16
}

impl Preferences {
    /// Whether `preference` is on.
    pub(crate) fn is(&self, preference: Preference) -> bool {
        self.0.load(Ordering::Relaxed) & bit(preference) != 0
    }

    /// Sets what `word` names; returns whether it names anything.
    pub(crate) fn set(&self, word: &str) -> bool {
        for described in &ALL {
            if word == described.on {
                self.0.fetch_or(bit(described.preference), Ordering::Relaxed);
                return true;
            }
            if word == described.off {
                self.0.fetch_and(!bit(described.preference), Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// The words that set something, for completion.
    pub(crate) fn words() -> impl Iterator<Item = &'static str> {
        ALL.iter().flat_map(|described| [described.on, described.off])
    }

    /// All of them with their state, a line for each.
    pub(crate) fn list(&self) -> String {
        let line = |described: &Described| {
            let Described { preference, on, off, about, .. } = described;
            let (set, other) = if self.is(*preference) { (on, off) } else { (off, on) };
            format!("  {set:<10} {:<12} {about}\n", format!("({other})"))
        };
        ALL.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_set_and_take_back() {
        let preferences = Preferences::default();
        assert!(preferences.is(Preference::Hints) && !preferences.is(Preference::Vi));
        assert!(preferences.set("nohints") && preferences.set("vi") && !preferences.set("what"));
        assert!(!preferences.is(Preference::Hints) && preferences.is(Preference::Vi));
        assert!(preferences.list().contains("nohints    (hints)"));
        assert!(preferences.set("hints") && preferences.set("emacs"));
        assert!(preferences.is(Preference::Hints) && !preferences.is(Preference::Vi));
        assert!(Preferences::words().all(|word| preferences.set(word)));
    }
}
