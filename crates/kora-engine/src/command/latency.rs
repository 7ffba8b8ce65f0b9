//! LATENCY: events that took long, and how long the calls of each command took.

use kora_core::command::help::write_help;
use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags, Group};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{Family, container};
use crate::engine::{Engine, Handler, ServerCall};
use crate::front::Front;
use crate::observe::events;

impl<F: Front> Family<F> {
    /// LATENCY's.
    pub const LATENCY: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: LATENCY, handler: Handler::Session(container) },
        CommandSpec { facts: LATENCY_DOCTOR, handler: Handler::Server(doctor) },
        CommandSpec { facts: LATENCY_GRAPH, handler: Handler::Server(graph) },
        CommandSpec { facts: LATENCY_HELP, handler: Handler::Server(help) },
        CommandSpec { facts: LATENCY_HISTOGRAM, handler: Handler::Server(histogram) },
        CommandSpec { facts: LATENCY_HISTORY, handler: Handler::Server(history) },
        CommandSpec { facts: LATENCY_LATEST, handler: Handler::Server(latest) },
        CommandSpec { facts: LATENCY_RESET, handler: Handler::Server(reset) },
    ];
}

const LATENCY: Facts = Facts {
    name: "latency",
    arity: -2,
    group: Group::Server,
    since: "2.8.13",
    summary: "A container for commands about what takes long",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

/// What the subcommands that show something have in common.
const REPORT: Facts = Facts {
    arity: 2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    complexity: "O(1)",
    tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ..LATENCY
};

const EVENT: Arg = Arg::string("event");

const LATENCY_DOCTOR: Facts =
    Facts { name: "latency|doctor", summary: "Tells what takes long and what may help", ..REPORT };

const LATENCY_GRAPH: Facts = Facts {
    name: "latency|graph",
    arity: 3,
    summary: "Draws how long an event took",
    args: &[EVENT],
    ..REPORT
};

const LATENCY_HELP: Facts = Facts {
    name: "latency|help",
    flags: Flags::LOADING.with(Flags::STALE),
    summary: "Lists the subcommands",
    tips: &[],
    ..REPORT
};

const LATENCY_HISTOGRAM: Facts = Facts {
    name: "latency|histogram",
    arity: -2,
    since: "7.0.0",
    summary: "Counts the calls of commands by how long they took",
    complexity: "O(N) for N commands with calls",
    args: &[Arg::string("command").optional().multiple()],
    ..REPORT
};

const LATENCY_HISTORY: Facts = Facts {
    name: "latency|history",
    arity: 3,
    summary: "Tells when an event took long, and how long",
    args: &[EVENT],
    ..REPORT
};

const LATENCY_LATEST: Facts =
    Facts { name: "latency|latest", summary: "Tells of each event how long it took last", ..REPORT };

const LATENCY_RESET: Facts = Facts {
    name: "latency|reset",
    arity: -2,
    summary: "Forgets events",
    args: &[EVENT.optional().multiple()],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    ..REPORT
};

fn integer(out: &mut dyn Reply, value: u64) {
    out.integer(i64::try_from(value).unwrap_or(i64::MAX));
}

fn latest<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let all = call.engine.insight.events.all();
    out.array(all.len());
    for (event, series) in all {
        let last = series.samples.back();
        out.array(4);
        out.bulk(event.name().as_bytes());
        out.integer(last.map_or(0, |last| last.at_seconds));
        integer(out, last.map_or(0, |last| last.milliseconds));
        integer(out, series.longest_ms);
    }
    Ok(())
}

fn history<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let samples = call.engine.insight.events.find(args[2]).map(|(_, series)| series.samples);
    let samples = samples.unwrap_or_default();
    out.array(samples.len());
    for sample in samples {
        out.array(2);
        out.integer(sample.at_seconds);
        integer(out, sample.milliseconds);
    }
    Ok(())
}

fn graph<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let Some((event, series)) = call.engine.insight.events.find(args[2]) else {
        let text = format!("ERR No samples available for event '{}'", kora_core::text::of(args[2]));
        return Err(CommandError::Other(text.into()));
    };
    out.verbatim("txt", events::graph(event, &series, call.now.0 / 1000).as_bytes());
    Ok(())
}

fn doctor<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.verbatim("txt", events::report(&call.engine.insight.events, call.now.0 / 1000).as_bytes());
    Ok(())
}

fn reset<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    integer(out, call.engine.insight.events.reset(&args[2..]) as u64);
    Ok(())
}

fn histogram<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let known = call.engine.known_commands();
    let wanted: Vec<&(&str, Vec<usize>)> = if args.len() == 2 {
        known.iter().collect()
    } else {
        args[2..].iter().flat_map(|name| named(call.engine, &known, name)).collect()
    };
    let times = |(name, places): &(&'static str, Vec<usize>)| Some((*name, call.engine.times_of(places)?));
    let found: Vec<_> = wanted.into_iter().filter_map(times).collect();
    out.map(found.len());
    for (name, distribution) in found {
        out.bulk(name.as_bytes());
        out.map(2);
        out.bulk(b"calls");
        integer(out, distribution.total());
        out.bulk(b"histogram_usec");
        let steps = distribution.by_powers_of_two();
        out.map(steps.len());
        for (microseconds, calls) in steps {
            integer(out, microseconds);
            integer(out, calls);
        }
    }
    Ok(())
}

/// Of the known commands the one of this name, or all subcommands of the container that has it.
fn named<'a, F: Front>(
    engine: &Engine<F>,
    known: &'a [(&'static str, Vec<usize>)],
    name: &[u8],
) -> Vec<&'a (&'static str, Vec<usize>)> {
    let Some(command) = engine.table.find_by_full_name(name) else { return Vec::new() };
    let own = command.facts.known_name();
    let prefix = format!("{own}|");
    known.iter().filter(|(known, _)| *known == own || known.starts_with(&prefix)).collect()
}

fn help<F: Front>(_: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "DOCTOR",
            "    Return a human readable latency analysis report.",
            "GRAPH <event>",
            "    Return an ASCII latency graph for the <event> class.",
            "HISTORY <event>",
            "    Return time-latency samples for the <event> class.",
            "LATEST",
            "    Return the latest latency samples for all events.",
            "RESET [<event> ...]",
            "    Reset latency data of one or more <event> classes.",
            "    (default: reset all data for all event classes)",
            "HISTOGRAM [COMMAND ...]",
            "    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
            "    If no commands are specified then all histograms are replied.",
        ],
    );
    Ok(())
}
