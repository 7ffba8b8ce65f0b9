//! What a row of the directive table says, and how rows are found.

use super::Config;
use super::directives::DIRECTIVES;
use super::value::{InvalidValue, Setting, Shape};

/// One directive.
#[derive(Clone, Copy, Debug)]
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// Other names it goes by, each of which CONFIG GET lists too.
    pub aliases: &'static [&'static str],
    /// The values it takes.
    pub shape: Shape,
    /// When it can be changed.
    pub change: Change,
    /// What changing it needs.
    pub apply: Apply,
    /// What it means here.
    pub meaning: Meaning,
    /// Whether each of its lines in a file adds to those before it; one without a value begins anew.
    pub accumulates: bool,
    /// Whether its value is not to be seen in logs.
    pub is_secret: bool,
}

/// When a directive can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time.
    AnyTime,
    /// Only at start.
    AtStart,
    /// By whom `enable-protected-configs` permits, because a client that may change it could write files anywhere.
    Protected,
    /// The same, and not while the server runs.
    ProtectedAtStart,
}

/// What the server must do after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Nothing: it is read whenever it matters.
    WhenRead,
    /// Bind the listeners anew.
    Listeners,
    /// Read certificates and keys anew, which may have changed behind names that have not.
    Tls,
    /// The same, and bind the listeners anew.
    TlsListeners,
    /// Ask the system for file descriptors.
    Descriptors,
    /// Hand the core its settings.
    Core,
    /// Adjust the log.
    Log,
    /// Write to disk from now on, or no more, or in another way.
    Persistence,
}

/// The values of a directive that takes several lines in a file, one each.
pub type ValueLines = Vec<Vec<u8>>;

/// What a directive means here.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// It is a field of the configuration.
    Works {
        /// Reads the field.
        get: fn(&Config) -> Setting,
        /// Writes the field.
        set: fn(&mut Config, Setting) -> Result<(), InvalidValue>,
        /// Its lines in a configuration file, if they are not just the value.
        lines: Option<fn(&Config) -> ValueLines>,
    },
    /// It is accepted and kept but changes nothing.
    Inert {
        /// Redis's default.
        default: &'static str,
        /// Why it changes nothing.
        because: &'static str,
        /// What of its shape is accepted, and how it is kept.
        accept: fn(Setting) -> Result<Setting, InvalidValue>,
    },
    /// It belongs to something that does not exist yet: only values that leave it off are accepted.
    Unavailable {
        /// The values that leave it off, Redis's default first.
        off: &'static [&'static str],
        /// What does not exist yet.
        needs: &'static str,
    },
}

impl Directive {
    /// The same directive, known under `aliases` too.
    #[must_use]
    pub const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same directive, settable only at start.
    #[must_use]
    pub const fn at_start(mut self) -> Self {
        self.change = Change::AtStart;
        self
    }

    /// The same directive, which `enable-protected-configs` keeps from clients.
    #[must_use]
    pub const fn protected(mut self) -> Self {
        self.change = match self.change {
            Change::AtStart => Change::ProtectedAtStart,
            _ => Change::Protected,
        };
        self
    }

    /// The same directive, whose value is not to be seen in logs.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// The same directive, whose lines add up.
    #[must_use]
    pub const fn accumulates(mut self) -> Self {
        self.accumulates = true;
        self
    }

    /// The same directive with `apply` to do after a change.
    #[must_use]
    pub const fn then(mut self, apply: Apply) -> Self {
        self.apply = apply;
        self
    }

    /// The same directive, which changes nothing, where not all of its shape is `accepted`.
    #[must_use]
    pub const fn accepting(mut self, accepted: fn(Setting) -> Result<Setting, InvalidValue>) -> Self {
        if let Meaning::Inert { accept, .. } = &mut self.meaning {
            *accept = accepted;
        }
        self
    }

    /// The directive called `name`, in any case.
    #[must_use]
    pub fn find(name: &[u8]) -> Option<&'static Self> {
        Self::all()
            .find(|directive| directive.names().any(|known| known.as_bytes().eq_ignore_ascii_case(name)))
    }

    /// The whole table.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        DIRECTIVES.iter().copied().flatten()
    }

    /// Its names, the proper one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Its present value.
    #[must_use]
    pub fn get(&self, config: &Config) -> Setting {
        match self.meaning {
            Meaning::Works { get, .. } => get(config),
            Meaning::Inert { .. } | Meaning::Unavailable { .. } => match config.inert.get(self.name) {
                Some(setting) => setting.clone(),
                None => self.default_setting(),
            },
        }
    }

    /// Whether somebody has set it to what it would be anyway: the data directory, in which the process works once it is set. A
    /// start elsewhere would not find the data.
    #[must_use]
    pub fn is_given(&self, config: &Config) -> bool {
        self.name == "dir" && !config.dir.is_empty()
    }

    /// Its value when nobody sets it.
    #[must_use]
    pub fn default_setting(&self) -> Setting {
        match self.meaning {
            Meaning::Works { get, .. } => get(&Config::default()),
            Meaning::Inert { default, .. } => self.read(default),
            Meaning::Unavailable { off, .. } => self.read(off.first().copied().unwrap_or_default()),
        }
    }

    /// A value of the table as a setting.
    fn read(&self, text: &str) -> Setting {
        self.shape
            .parse(&[text.into()])
            .expect("a value of the table has its directive's shape: a test reads every one")
    }

    /// Sets it from the arguments behind its name.
    ///
    /// # Errors
    /// If the arguments do not have its shape, or what they ask for is not available.
    pub fn set(&self, config: &mut Config, args: &[Vec<u8>]) -> Result<(), InvalidValue> {
        let setting = self.shape.parse(args)?;
        match self.meaning {
            Meaning::Works { set, .. } => set(config, setting),
            Meaning::Unavailable { off, needs } if off.iter().all(|off| setting != self.read(off)) => {
                Err(format!("{needs} not available in this version of Kora"))
            }
            Meaning::Inert { accept, .. } => {
                config.inert.insert(self.name, accept(setting)?);
                Ok(())
            }
            Meaning::Unavailable { .. } => {
                config.inert.insert(self.name, setting);
                Ok(())
            }
        }
    }
}
