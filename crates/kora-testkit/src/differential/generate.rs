//! Makes random commands from forms that read like the commands' syntax.

use super::Step;
use super::vocabulary::{Rng, fill};
use crate::transcript::{Origin, Rule};

/// How often, what, and how replies are compared.
struct Form {
    /// How often it is chosen, relative to the others.
    weight: u64,
    /// Words and placeholders; a last word that ends in `...` comes once to five times.
    words: &'static str,
    /// Options, of which some follow in any order, rightly or not.
    options: &'static [&'static str],
    compare: Compare,
}

#[derive(Clone, Copy)]
enum Compare {
    /// Byte by byte.
    Exact,
    /// Numbers may differ by up to this.
    Near(u64),
    /// Elements in any order.
    Sorted,
    /// Only the type of the reply.
    Type,
    /// As [`encoding_rules`] says.
    Encoding,
    /// All calls of an iteration together.
    Scan,
    /// Exact; a pause follows, in which a deadline passes.
    ThenWait,
}

const fn form(weight: u64, words: &'static str) -> Form {
    Form { weight, words, options: &[], compare: Compare::Exact }
}

const fn with_options(weight: u64, words: &'static str, options: &'static [&'static str]) -> Form {
    Form { weight, words, options, compare: Compare::Exact }
}

const fn compared(weight: u64, words: &'static str, compare: Compare) -> Form {
    Form { weight, words, options: &[], compare }
}

/// How long a pause is, in milliseconds, after a deadline of at most 10.
const PAUSE_MS: u64 = 40;

const SET_OPTIONS: &[&str] =
    &["NX", "XX", "GET", "KEEPTTL", "EX <seconds>", "PX <ms>", "EXAT <at>", "PXAT <at-ms>", "EX <junk>"];

const GETEX_OPTIONS: &[&str] =
    &["PERSIST", "EX <seconds>", "PX <ms>", "EXAT <at>", "PXAT <at-ms>", "PX <junk>"];

const EXPIRE_OPTIONS: &[&str] = &["NX", "XX", "GT", "LT", "<junk>"];

const FORMS: &[Form] = &[
    // Strings
    form(40, "GET <key>"),
    form(30, "SET <key> <value>"),
    with_options(60, "SET <key> <value>", SET_OPTIONS),
    with_options(15, "GETEX <key>", GETEX_OPTIONS),
    form(8, "GETDEL <key>"),
    form(8, "GETSET <key> <value>"),
    form(8, "SETNX <key> <value>"),
    form(4, "SETEX <key> <seconds> <value>"),
    form(2, "SETEX <key> <junk> <value>"),
    form(4, "PSETEX <key> <ms> <value>"),
    form(15, "APPEND <key> <value>"),
    form(8, "STRLEN <key>"),
    form(15, "GETRANGE <key> <offset> <offset>"),
    form(3, "SUBSTR <key> <offset> <offset>"),
    form(15, "SETRANGE <key> <offset> <value>"),
    form(20, "INCR <key>"),
    form(15, "DECR <key>"),
    form(15, "INCRBY <key> <integer>"),
    form(15, "DECRBY <key> <integer>"),
    form(20, "INCRBYFLOAT <key> <float>"),
    form(15, "MGET <key>..."),
    form(15, "MSET <key>+<value>..."),
    form(10, "MSETNX <key>+<value>..."),
    form(10, "SET <lcs-key> <lcs-value>"),
    with_options(10, "LCS <lcs-key> <lcs-key>", &["LEN", "IDX", "MINMATCHLEN <integer>", "WITHMATCHLEN"]),
    // Keys
    form(20, "DEL <key>..."),
    form(10, "UNLINK <key>..."),
    form(15, "EXISTS <key>..."),
    form(8, "TOUCH <key>..."),
    form(8, "TYPE <key>"),
    form(20, "RENAME <key> <key>"),
    form(15, "RENAMENX <key> <key>"),
    with_options(20, "COPY <key> <key>", &["DB <db>", "REPLACE", "DB <junk>"]),
    form(15, "MOVE <key> <db>"),
    with_options(15, "EXPIRE <key> <seconds>", EXPIRE_OPTIONS),
    with_options(15, "PEXPIRE <key> <ms>", EXPIRE_OPTIONS),
    with_options(15, "EXPIREAT <key> <at>", EXPIRE_OPTIONS),
    with_options(15, "PEXPIREAT <key> <at-ms>", EXPIRE_OPTIONS),
    with_options(4, "EXPIRE <key> <junk>", EXPIRE_OPTIONS),
    with_options(4, "PEXPIRE <key> <junk>", EXPIRE_OPTIONS),
    form(10, "PERSIST <key>"),
    compared(12, "TTL <key>", Compare::Near(3)),
    compared(12, "PTTL <key>", Compare::Near(3000)),
    compared(12, "EXPIRETIME <key>", Compare::Near(3)),
    compared(12, "PEXPIRETIME <key>", Compare::Near(3000)),
    compared(15, "OBJECT ENCODING <key>", Compare::Encoding),
    // A copied small integer is counted once in Redis and as shared here.
    compared(3, "OBJECT REFCOUNT <key>", Compare::Type),
    form(2, "OBJECT FREQ <key>"),
    compared(2, "OBJECT IDLETIME <key>", Compare::Type),
    compared(2, "MEMORY USAGE <key>", Compare::Type),
    compared(6, "KEYS <pattern>", Compare::Sorted),
    compared(4, "RANDOMKEY", Compare::Type),
    Form {
        weight: 4,
        words: "SCAN 0 COUNT 100",
        options: &["MATCH <pattern>", "TYPE <type>", "COUNT <junk>"],
        compare: Compare::Scan,
    },
    // Databases and the connection
    form(15, "SELECT <db>"),
    form(6, "DBSIZE"),
    form(2, "SWAPDB <db> <db>"),
    with_options(1, "FLUSHDB", &["ASYNC", "SYNC"]),
    form(2, "ECHO <value>"),
    form(2, "PING <value>"),
    // Deadlines that pass
    compared(1, "SET <key> <value> PX <soon-ms>", Compare::ThenWait),
    compared(1, "PEXPIRE <key> <soon-ms>", Compare::ThenWait),
];

/// What Valkey has and Redis 8.0 has not.
const IFEQ: Form = with_options(20, "SET <key> <value> IFEQ <value>", SET_OPTIONS);

/// How OBJECT ENCODING is compared: Kora's names are Redis's; Valkey embeds other lengths of strings.
pub(super) fn encoding_rules(reference: Origin) -> Vec<Rule> {
    match reference {
        Origin::Redis => Vec::new(),
        Origin::Valkey => vec![Rule::Type],
    }
}

/// Makes the same commands from the same seed.
#[derive(Debug)]
pub struct Generator {
    rng: Rng,
    origin: Origin,
    /// Looks at a key whose deadline may have passed.
    pending: Option<Step>,
}

impl Generator {
    /// A generator of commands that the reference has.
    #[must_use]
    pub fn new(seed: u64, reference: Origin) -> Self {
        Self { rng: Rng(seed), origin: reference, pending: None }
    }

    /// The next command.
    pub fn step(&mut self) -> Step {
        if let Some(step) = self.pending.take() {
            return step;
        }
        let form = self.choose();
        let mut args = self.required(form.words);
        self.add_options(&mut args, form.options);
        if !matches!(form.compare, Compare::ThenWait) {
            self.spoil(&mut args);
        }
        let mut step = Step { args, rules: Vec::new(), wait_ms: 0 };
        match form.compare {
            Compare::Exact => {}
            Compare::Near(tolerance) => step.rules.push(Rule::Near(tolerance)),
            Compare::Sorted => step.rules.push(Rule::Sorted),
            Compare::Type => step.rules.push(Rule::Type),
            Compare::Encoding => step.rules.extend(encoding_rules(self.origin)),
            Compare::Scan => step.rules.push(Rule::Scan),
            Compare::ThenWait => step.wait_ms = PAUSE_MS,
        }
        // A key may be kept, and counted, for a while after its time: looking at it ends that on every server.
        if step.wait_ms > 0 || step.args.iter().any(|arg| arg == b"EXAT" || arg == b"PXAT") {
            let args = [b"EXISTS".to_vec()].into_iter().chain(step.args.get(1).cloned()).collect();
            self.pending = Some(Step { args, rules: Vec::new(), wait_ms: 0 });
        }
        step
    }

    fn choose(&mut self) -> &'static Form {
        let ifeq_weight = if self.origin == Origin::Valkey { IFEQ.weight } else { 0 };
        let total: u64 = FORMS.iter().map(|form| form.weight).sum();
        let mut at = self.rng.below(total + ifeq_weight);
        for form in FORMS {
            match at.checked_sub(form.weight) {
                Some(rest) => at = rest,
                None => return form,
            }
        }
        &IFEQ
    }

    fn required(&mut self, words: &str) -> Vec<Vec<u8>> {
        let mut args = Vec::new();
        for word in words.split(' ') {
            let (word, count) = match word.strip_suffix("...") {
                Some(word) => (word, 1 + self.rng.below(5)),
                None => (word, 1),
            };
            for _ in 0..count {
                args.extend(word.split('+').map(|word| fill(word, &mut self.rng)));
            }
        }
        args
    }

    fn add_options(&mut self, args: &mut Vec<Vec<u8>>, options: &[&'static str]) {
        if options.is_empty() {
            return;
        }
        let count = *self.rng.pick(&[&0, &0, &1, &1, &1, &1, &2, &2, &3]);
        for _ in 0..count {
            let option = self.rng.pick(options);
            args.extend(self.required(option));
        }
    }

    /// Now and then something is wrong, or written in lower case.
    fn spoil(&mut self, args: &mut Vec<Vec<u8>>) {
        if self.rng.one_in(20) {
            args[0].make_ascii_lowercase();
        }
        if self.rng.one_in(100) && args.len() > 1 {
            args.pop();
        }
        if self.rng.one_in(200) {
            args.push(fill("<junk>", &mut self.rng));
        }
    }
}
