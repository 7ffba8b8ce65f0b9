//! HOTKEYS: sessions that find the keys that cost most. STATS.HOTKEYS and STATS.LATENCY: what is known at any time.

use kora_core::command::help::write_help;
use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags, Group};
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::{parse_f64, parse_i64};
use kora_core::reply::Reply;

use super::{Family, container};
use crate::engine::{Handler, ServerCall};
use crate::front::Front;
use crate::observe::hot_keys::HotKey;
use crate::observe::tracking::{Found, Sums, TrackingOptions};

/// Keys that HOTKEYS GET shows if it is not said how many.
const COUNT: usize = 10;
/// Most keys that a session shows.
const COUNT_MAX: i64 = 64;
/// Slots that there are.
const SLOTS: i64 = 16_384;

impl<F: Front> Family<F> {
    /// HOTKEYS' and STATS'.
    pub const HOT_KEYS: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: HOTKEYS, handler: Handler::Session(container) },
        CommandSpec { facts: HOTKEYS_GET, handler: Handler::Server(get) },
        CommandSpec { facts: HOTKEYS_HELP, handler: Handler::Server(help) },
        CommandSpec { facts: HOTKEYS_RESET, handler: Handler::Server(reset) },
        CommandSpec { facts: HOTKEYS_START, handler: Handler::Server(start) },
        CommandSpec { facts: HOTKEYS_STOP, handler: Handler::Server(stop) },
        CommandSpec { facts: STATS_HOTKEYS, handler: Handler::Server(stats_hot_keys) },
        CommandSpec { facts: STATS_LATENCY, handler: Handler::Server(stats_latency) },
    ];
}

const HOTKEYS: Facts = Facts {
    name: "hotkeys",
    arity: -2,
    group: Group::Server,
    since: "8.6.0",
    summary: "A container for commands about the keys that cost most",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

/// What the subcommands have in common.
const SESSION: Facts =
    Facts { arity: 2, flags: Flags::ADMIN.with(Flags::NOSCRIPT), complexity: "O(1)", ..HOTKEYS };

const HOTKEYS_GET: Facts = Facts {
    name: "hotkeys|get",
    summary: "Tells which keys a session has found",
    complexity: "O(K) for K keys",
    tips: &["nondeterministic_output"],
    ..SESSION
};

const HOTKEYS_HELP: Facts = Facts {
    name: "hotkeys|help",
    flags: Flags::LOADING.with(Flags::STALE),
    since: "8.6.1",
    summary: "Lists the subcommands",
    ..SESSION
};

const HOTKEYS_RESET: Facts =
    Facts { name: "hotkeys|reset", summary: "Forgets what a session has found", ..SESSION };

const HOTKEYS_START: Facts = Facts {
    name: "hotkeys|start",
    arity: -2,
    summary: "Begins a session that finds the keys that cost most",
    args: &[
        Arg::block(
            "metrics",
            &[Arg::integer("count"), Arg::word("cpu", "CPU").optional(), Arg::word("net", "NET").optional()],
        )
        .token("METRICS"),
        Arg::integer("k").token("COUNT").optional(),
        Arg::integer("seconds").token("DURATION").optional(),
        Arg::integer("ratio").token("SAMPLE").optional(),
        Arg::block("slots", &[Arg::integer("count"), Arg::integer("slot").multiple()])
            .token("SLOTS")
            .optional(),
    ],
    ..SESSION
};

const HOTKEYS_STOP: Facts =
    Facts { name: "hotkeys|stop", summary: "Ends a session, and keeps what it has found", ..SESSION };

const STATS_HOTKEYS: Facts = Facts {
    name: "stats.hotkeys",
    arity: -2,
    flags: Flags::ADMIN.with(Flags::MODULE),
    group: Group::Module,
    summary: "Tells which keys are used most of late, and how often a second",
    complexity: "O(S) for S shards",
    args: &[Arg::integer("count"), Arg::word("details", "DETAILS").optional()],
    tips: &["nondeterministic_output"],
    ..Facts::NONE
};

const STATS_LATENCY: Facts = Facts {
    name: "stats.latency",
    arity: -3,
    flags: Flags::ADMIN.with(Flags::MODULE).with(Flags::LOADING).with(Flags::STALE),
    group: Group::Module,
    summary: "Tells percentiles of how long the calls of a command took, in milliseconds",
    complexity: "O(P) for P percentiles",
    args: &[Arg::string("command"), Arg::double("percentile").multiple()],
    tips: &["nondeterministic_output"],
    ..Facts::NONE
};

fn integer(out: &mut dyn Reply, value: u64) {
    out.integer(i64::try_from(value).unwrap_or(i64::MAX));
}

/// A number of an option, within bounds.
fn number(text: &[u8], (least, most): (i64, i64), refusal: &'static str) -> CommandResult<i64> {
    parse_i64(text).filter(|number| (least..=most).contains(number)).ok_or(CommandError::text(refusal))
}

fn parse(args: &[&[u8]]) -> CommandResult<TrackingOptions> {
    let mut options = TrackingOptions {
        times: false,
        bytes: false,
        count: COUNT,
        duration_ms: 0,
        sample: 1,
        slots: Vec::new(),
    };
    let mut rest = args;
    while let [option, behind @ ..] = rest {
        let [value, behind @ ..] = behind else { return Err(CommandError::Syntax) };
        rest = match option.to_ascii_uppercase().as_slice() {
            b"METRICS" => parse_metrics(value, behind, &mut options)?,
            b"COUNT" => {
                let count = number(value, (1, COUNT_MAX), "ERR COUNT of HOTKEYS must be from 1 to 64")?;
                options.count = usize::try_from(count).unwrap_or(COUNT);
                behind
            }
            b"DURATION" => {
                let most = i64::MAX / 1000;
                let seconds =
                    number(value, (0, most), "ERR DURATION of HOTKEYS must be a number of seconds")?;
                options.duration_ms = seconds * 1000;
                behind
            }
            b"SAMPLE" => {
                let ratio = number(value, (1, i64::MAX), "ERR SAMPLE of HOTKEYS must be 1 or more")?;
                options.sample = ratio.unsigned_abs();
                behind
            }
            b"SLOTS" => parse_slots(value, behind, &mut options)?,
            _ => return Err(CommandError::Syntax),
        };
    }
    if !options.times && !options.bytes {
        return Err(CommandError::text("ERR HOTKEYS START needs METRICS with CPU, NET or both"));
    }
    Ok(options)
}

fn parse_metrics<'a>(
    count: &[u8],
    rest: &'a [&'a [u8]],
    options: &mut TrackingOptions,
) -> CommandResult<&'a [&'a [u8]]> {
    const REFUSAL: &str = "ERR METRICS of HOTKEYS must be a count and as many of CPU and NET";
    let count = number(count, (1, 2), REFUSAL)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if options.times || options.bytes || rest.len() < count {
        return Err(CommandError::text(REFUSAL));
    }
    let (metrics, rest) = rest.split_at(count);
    for metric in metrics {
        let is_wanted = match metric.to_ascii_uppercase().as_slice() {
            b"CPU" => &mut options.times,
            b"NET" => &mut options.bytes,
            _ => return Err(CommandError::text(REFUSAL)),
        };
        if std::mem::replace(is_wanted, true) {
            return Err(CommandError::text(REFUSAL));
        }
    }
    Ok(rest)
}

fn parse_slots<'a>(
    count: &[u8],
    rest: &'a [&'a [u8]],
    options: &mut TrackingOptions,
) -> CommandResult<&'a [&'a [u8]]> {
    const REFUSAL: &str = "ERR SLOTS of HOTKEYS must be a count and as many different slots";
    let count = number(count, (1, SLOTS), REFUSAL)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if rest.len() < count {
        return Err(CommandError::text(REFUSAL));
    }
    let (slots, rest) = rest.split_at(count);
    let slots: CommandResult<Vec<u16>> = slots
        .iter()
        .map(|slot| Ok(u16::try_from(number(slot, (0, SLOTS - 1), REFUSAL)?).unwrap_or(u16::MAX)))
        .collect();
    options.slots = slots?;
    options.slots.sort_unstable();
    if options.slots.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(CommandError::text(REFUSAL));
    }
    Ok(rest)
}

fn start<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let options = parse(&args[2..])?;
    if !call.engine.insight.tracking.start(options, call.now, call.front.cpu_ms()) {
        return Err(CommandError::text("ERR a session of HOTKEYS is running: stop it first"));
    }
    out.ok();
    Ok(())
}

fn stop<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    if !call.engine.insight.tracking.stop(call.now, call.front.cpu_ms()) {
        return Err(CommandError::text("ERR no session of HOTKEYS is running"));
    }
    out.ok();
    Ok(())
}

fn reset<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    if !call.engine.insight.tracking.reset(call.now) {
        return Err(CommandError::text("ERR a session of HOTKEYS is running: stop it first"));
    }
    out.ok();
    Ok(())
}

fn get<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    match call.engine.insight.tracking.found(call.now) {
        None => out.null(),
        Some(found) => write_found(&found, call.front.cpu_ms(), out),
    }
    Ok(())
}

/// The fields that tell what commands came to, in units of which `per` are one.
fn sums(
    names: [&'static str; 3],
    sums: &Sums,
    per: u64,
    options: &TrackingOptions,
) -> Vec<(&'static str, u64)> {
    let (has_slots, is_sampled) = (!options.slots.is_empty(), options.sample > 1);
    let fields = [(is_sampled && has_slots, sums.sampled), (has_slots, sums.of_slots), (true, sums.all)];
    let fields = names.into_iter().zip(fields);
    fields.filter_map(|(name, (is_told, sum))| is_told.then_some((name, sum / per))).collect()
}

fn write_found(found: &Found, cpu_now_ms: (u64, u64), out: &mut dyn Reply) {
    let options = &found.options;
    let mut numbers = sums(
        ["sampled-commands-selected-slots-us", "all-commands-selected-slots-us", "all-commands-all-slots-us"],
        &found.times_ns,
        1000,
        options,
    );
    numbers.extend(sums(
        [
            "net-bytes-sampled-commands-selected-slots",
            "net-bytes-all-commands-selected-slots",
            "net-bytes-all-commands-all-slots",
        ],
        &found.bytes,
        1,
        options,
    ));
    numbers.push(("collection-start-time-unix-ms", found.began.0.unsigned_abs()));
    numbers.push(("collection-duration-ms", found.ran_ms.unsigned_abs()));
    if options.times {
        let (ended, began) = (found.cpu_ended_ms.unwrap_or(cpu_now_ms), found.cpu_began_ms);
        numbers.push(("total-cpu-time-user-ms", ended.0.saturating_sub(began.0)));
        numbers.push(("total-cpu-time-sys-ms", ended.1.saturating_sub(began.1)));
    }
    if options.bytes {
        numbers.push(("total-net-bytes", found.bytes.all));
    }
    out.map(3 + numbers.len() + usize::from(options.times) + usize::from(options.bytes));
    out.bulk(b"tracking-active");
    out.integer(found.is_active.into());
    out.bulk(b"sample-ratio");
    integer(out, options.sample);
    out.bulk(b"selected-slots");
    write_ranges(&options.slots, out);
    for (name, number) in numbers {
        out.bulk(name.as_bytes());
        integer(out, number);
    }
    if options.times {
        out.bulk(b"by-cpu-time-us");
        write_keys(&found.by_time, 1000, out);
    }
    if options.bytes {
        out.bulk(b"by-net-bytes");
        write_keys(&found.by_bytes, 1, out);
    }
}

fn write_keys(keys: &[(Box<[u8]>, u64)], per: u64, out: &mut dyn Reply) {
    out.array(keys.len() * 2);
    for (key, cost) in keys {
        out.bulk(key);
        integer(out, cost / per);
    }
}

/// Ascending slots, as ranges.
fn write_ranges(slots: &[u16], out: &mut dyn Reply) {
    let ranges: Vec<&[u16]> = slots.chunk_by(|slot, next| slot + 1 == *next).collect();
    out.array(ranges.len());
    for range in ranges {
        let ends = [range.first(), range.last()];
        out.array(ends.len());
        ends.into_iter().flatten().for_each(|slot| out.integer((*slot).into()));
    }
}

fn help<F: Front>(_: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "START METRICS count [CPU] [NET] [COUNT k] [DURATION seconds] [SAMPLE ratio] [SLOTS count slot ...]",
            "    Begin to find the keys that take most processor time or bytes.",
            "STOP",
            "    End the session, and keep what it has found.",
            "GET",
            "    Tell what the session has found.",
            "RESET",
            "    Forget what it has found.",
        ],
    );
    Ok(())
}

fn stats_hot_keys<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let with_details = match &args[2..] {
        [] => false,
        [word] if word.eq_ignore_ascii_case(b"DETAILS") => true,
        _ => return Err(CommandError::Syntax),
    };
    let count = parse_i64(args[1]).and_then(|count| usize::try_from(count).ok());
    let keys = call.engine.insight.hot_keys.most_used(count.ok_or(CommandError::NotInteger)?, call.now);
    out.array(keys.len());
    for key in &keys {
        if with_details {
            write_details(key, out);
        } else {
            out.array(2);
            out.bulk(&key.key);
            #[expect(clippy::cast_possible_truncation, reason = "uses in a second")]
            out.integer((key.reads + key.writes).round() as i64);
        }
    }
    Ok(())
}

fn write_details(key: &HotKey, out: &mut dyn Reply) {
    out.map(6);
    out.bulk(b"key");
    out.bulk(&key.key);
    out.bulk(b"db");
    out.integer(key.db.0.into());
    out.bulk(b"shard");
    out.integer(key.shard.0.into());
    for (name, rate) in [("reads", key.reads), ("writes", key.writes), ("error", key.error)] {
        out.bulk(name.as_bytes());
        out.double((rate * 100.0).round() / 100.0);
    }
}

fn stats_latency<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let percentile = |text: &&[u8]| parse_f64(text).filter(|percent| (0.0..=100.0).contains(percent));
    let percents: Option<Vec<f64>> = args[2..].iter().map(percentile).collect();
    let percents = percents.ok_or(CommandError::text("ERR percentiles must be numbers from 0 to 100"))?;
    let unknown = || {
        let text = format!("ERR there is no command '{}'", kora_core::text::of(args[1]));
        CommandError::Other(text.into())
    };
    let command = call.engine.table.find_by_full_name(args[1]).ok_or_else(unknown)?;
    let own = command.facts.known_name();
    let known = call.engine.known_commands().into_iter().find(|(name, _)| *name == own);
    let distribution = known.and_then(|(_, places)| call.engine.times_of(&places));
    out.array(percents.len());
    for percent in percents {
        match &distribution {
            #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a command")]
            Some(distribution) => {
                let milliseconds = distribution.percentile(percent) as f64 / 1e6;
                out.bulk(format!("{milliseconds:.3}").as_bytes());
            }
            None => out.null(),
        }
    }
    Ok(())
}
