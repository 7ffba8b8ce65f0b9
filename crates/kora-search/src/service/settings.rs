//! FT.CONFIG: the settings that have an effect here.

/// What searches go by unless a command says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Least characters of a prefix that is looked for.
    pub(crate) prefix_bytes_min: u64,
    /// Most results of FT.SEARCH.
    pub(crate) search_results_max: u64,
    /// Most results of FT.AGGREGATE.
    pub(crate) aggregate_results_max: u64,
    /// Most words that a pattern stands for.
    pub(crate) expansions_max: u64,
    /// How long a cursor may be left alone at most.
    pub(crate) cursor_idle_ms_max: u64,
    /// The dialect of queries that name none.
    pub(crate) dialect: u64,
    /// How long a query may take; 0: as long as it likes.
    pub(crate) timeout_ms: u64,
    /// What a query that takes longer replies: the place of a word of [`ON_TIMEOUT`].
    pub(crate) on_timeout: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix_bytes_min: 2,
            search_results_max: 1_000_000,
            aggregate_results_max: u64::MAX,
            expansions_max: 200,
            cursor_idle_ms_max: 300_000,
            dialect: 1,
            timeout_ms: 500,
            on_timeout: FAIL,
        }
    }
}

/// Values of ON_TIMEOUT.
const ON_TIMEOUT: &[&str] = &["return", "fail"];
/// A query that takes too long is an error.
const FAIL: u64 = 1;

impl Settings {
    /// Whether a query that takes too long replies what it has found until then.
    pub(crate) fn returns_on_timeout(&self) -> bool {
        self.on_timeout != FAIL
    }
}

/// A setting as FT.CONFIG shows it.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    /// Where it is kept.
    pub(crate) of: fn(&mut Settings) -> &mut u64,
    /// Values that it takes.
    pub(crate) admits: (u64, u64),
    /// Whether values below 0 mean that there is no limit.
    pub(crate) may_be_unlimited: bool,
    /// What its values are called, if they are words.
    pub(crate) words: &'static [&'static str],
}

/// All of them, in the order in which `FT.CONFIG GET *` shows them.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "MINPREFIX",
        help: "Set the minimum prefix for expansions (`*`)",
        of: |settings| &mut settings.prefix_bytes_min,
        admits: (1, 1 << 20),
        may_be_unlimited: false,
        words: &[],
    },
    Setting {
        name: "MAXSEARCHRESULTS",
        help: "Maximum number of results from ft.search command",
        of: |settings| &mut settings.search_results_max,
        admits: (0, u64::MAX),
        may_be_unlimited: true,
        words: &[],
    },
    Setting {
        name: "MAXAGGREGATERESULTS",
        help: "Maximum number of results from ft.aggregate command",
        of: |settings| &mut settings.aggregate_results_max,
        admits: (0, u64::MAX),
        may_be_unlimited: true,
        words: &[],
    },
    Setting {
        name: "MAXEXPANSIONS",
        help: "Maximum prefix expansions to be used in a query",
        of: |settings| &mut settings.expansions_max,
        admits: (1, 1 << 24),
        may_be_unlimited: false,
        words: &[],
    },
    Setting {
        name: "MAXPREFIXEXPANSIONS",
        help: "Maximum prefix expansions to be used in a query",
        of: |settings| &mut settings.expansions_max,
        admits: (1, 1 << 24),
        may_be_unlimited: false,
        words: &[],
    },
    Setting {
        name: "TIMEOUT",
        help: "Query (search) timeout",
        of: |settings| &mut settings.timeout_ms,
        admits: (0, i64::MAX as u64),
        may_be_unlimited: false,
        words: &[],
    },
    Setting {
        name: "ON_TIMEOUT",
        help: "Action to perform when search timeout is exceeded (choose RETURN or FAIL)",
        of: |settings| &mut settings.on_timeout,
        admits: (0, FAIL),
        may_be_unlimited: false,
        words: ON_TIMEOUT,
    },
    Setting {
        name: "CURSOR_MAX_IDLE",
        help: "max idle time allowed to be set for cursor, setting it hight might cause high memory consumption.",
        of: |settings| &mut settings.cursor_idle_ms_max,
        admits: (0, i64::MAX as u64),
        may_be_unlimited: false,
        words: &[],
    },
    Setting {
        name: "DEFAULT_DIALECT",
        help: "Set RediSearch default dialect version throught the lifetime of the server.",
        of: |settings| &mut settings.dialect,
        admits: (1, 4),
        may_be_unlimited: false,
        words: &[],
    },
];

/// Settings of RediSearch that nothing here goes by.
pub(crate) const WITHOUT_EFFECT: &[&str] = &[
    "EXTLOAD",
    "NOGC",
    "MINSTEMLEN",
    "FORKGC_SLEEP_BEFORE_EXIT",
    "MAXDOCTABLESIZE",
    "FRISOINI",
    "GCSCANSIZE",
    "MIN_PHONETIC_TERM_LEN",
    "GC_POLICY",
    "FORK_GC_RUN_INTERVAL",
    "FORK_GC_CLEAN_THRESHOLD",
    "FORK_GC_RETRY_INTERVAL",
    "FORK_GC_CLEAN_NUMERIC_EMPTY_NODES",
    "_FORK_GC_CLEAN_NUMERIC_EMPTY_NODES",
    "UNION_ITERATOR_HEAP",
    "NO_MEM_POOLS",
    "PARTIAL_INDEXED_DOCS",
    "UPGRADE_INDEX",
    "_NUMERIC_COMPRESS",
    "_FREE_RESOURCE_ON_THREAD",
    "_PRINT_PROFILE_CLOCK",
    "RAW_DOCID_ENCODING",
    "_NUMERIC_RANGES_PARENTS",
    "VSS_MAX_RESIZE",
    "MULTI_TEXT_SLOP",
    "BG_INDEX_SLEEP_GAP",
    "_PRIORITIZE_INTERSECT_UNION_CHILDREN",
];

impl Setting {
    /// Its value.
    pub(crate) fn show(&self, settings: &Settings) -> String {
        let value = *(self.of)(&mut settings.clone());
        if let Some(word) = usize::try_from(value).ok().and_then(|value| self.words.get(value)) {
            return (*word).to_owned();
        }
        if self.may_be_unlimited && value == u64::MAX { "unlimited".to_owned() } else { value.to_string() }
    }

    /// Takes a value.
    ///
    /// # Errors
    /// In the words of RediSearch.
    pub(crate) fn set(&self, settings: &mut Settings, value: &[u8]) -> Result<(), &'static str> {
        let text = std::str::from_utf8(value).unwrap_or("");
        if !self.words.is_empty() {
            let place = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
            *(self.of)(settings) = place.ok_or("Invalid ON_TIMEOUT value")? as u64;
            return Ok(());
        }
        let number: i64 = text.parse().map_err(|_| "Could not convert argument to expected type")?;
        let value = match u64::try_from(number) {
            Ok(value) => value,
            Err(_) if self.may_be_unlimited => u64::MAX,
            Err(_) => return Err("Value is outside acceptable bounds"),
        };
        let (least, most) = self.admits;
        if self.name == "DEFAULT_DIALECT" && value > most {
            return Err("Default dialect version cannot be higher than 4");
        }
        if !(least..=most).contains(&value) {
            return Err("Value is outside acceptable bounds");
        }
        *(self.of)(settings) = value;
        Ok(())
    }
}
