//! CPU time per operation, workload by workload.

use std::process::Command;

use anyhow::{Context as _, bail};

use super::figures::{self, Figure};
use super::process::{Server, all_cpus};
use super::rounds::interleave;
use super::statistics::{Spread, median};
use super::workloads::{WORKLOADS, Workload, words};
use super::{Args, Programs};

/// What one server spent in the rounds that count.
#[derive(Default)]
struct Cost {
    total_us: Vec<f64>,
    user_us: Vec<f64>,
    rate: Vec<f64>,
}

/// The load generator.
struct Load<'a> {
    args: &'a Args,
    programs: &'a Programs,
}

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    let servers = start(args, programs)?;
    let load = Load { args, programs };
    println!(
        "CPU time per operation, {} rounds; ratios are medians (least–most).\n\n\
         | workload | server | CPU µs | user µs | against | CPU ratio | user ratio | goal | operations/s |\n\
         |---|---|---|---|---|---|---|---|---|",
        args.rounds
    );
    let mut all = Vec::new();
    for workload in WORKLOADS.iter().filter(|workload| args.wants(workload.name)) {
        let costs = load.measure(workload, &servers)?;
        report(workload, &servers, &costs);
        all.extend(servers.iter().zip(&costs).map(|(server, cost)| figure(workload, server, cost)));
    }
    args.figures.as_ref().map_or(Ok(()), |path| figures::write(path, &all))
}

/// The medians of one server. The load generator's latencies are those of a saturated core and left out.
fn figure(workload: &Workload, server: &Server, cost: &Cost) -> Figure {
    Figure {
        workload: workload.what.to_owned(),
        server: server.name.clone(),
        cpu_us: median(&cost.total_us),
        rate: median(&cost.rate),
        p50_ms: None,
        p99_ms: None,
    }
}

/// Valkey first, then Kora with each number of workers.
fn start(args: &Args, programs: &Programs) -> anyhow::Result<Vec<Server>> {
    let one = args.server_cpu.to_string();
    let mut servers = vec![Server::valkey(&programs.valkey, &one)?];
    for &workers in &args.workers {
        let cpus = if workers == 1 { one.clone() } else { all_cpus() };
        servers.push(Server::kora(&programs.kora, &cpus, workers)?);
    }
    Ok(servers)
}

impl Load<'_> {
    fn measure(&self, workload: &Workload, servers: &[Server]) -> anyhow::Result<Vec<Cost>> {
        for (options, command) in workload.preparation {
            for server in servers {
                generate(self.args, self.programs, server, options, command)?;
            }
        }
        let mut costs: Vec<Cost> = servers.iter().map(|_| Cost::default()).collect();
        let operations = (workload.operations * self.args.scale).round();
        let options = format!("-n {operations} {}", workload.options);
        interleave(self.args.rounds, servers.len(), |at, counts| {
            let before = servers[at].cpu_time()?;
            let rate = generate(self.args, self.programs, &servers[at], &options, workload.command)?;
            let after = servers[at].cpu_time()?;
            if counts {
                let per_operation = |seconds: f64| seconds * 1e6 / operations;
                let user = after.user - before.user;
                costs[at].user_us.push(per_operation(user));
                costs[at].total_us.push(per_operation(user + after.system - before.system));
                costs[at].rate.push(rate);
            }
            Ok(())
        })?;
        servers.iter().try_for_each(|server| workload.check(&server.address().to_string()))?;
        Ok(costs)
    }
}

/// Runs the load generator once; returns operations per second.
pub(super) fn generate(
    args: &Args,
    programs: &Programs,
    server: &Server,
    options: &str,
    command: &str,
) -> anyhow::Result<f64> {
    let output = Command::new("taskset")
        .args(["--cpu-list", &args.client_cpu.to_string()])
        .arg(&programs.load)
        .args(["-p", &server.port.to_string(), "--csv"])
        .args(options.split_whitespace())
        .args(words(options, command)?)
        .output()
        .context("taskset")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    // It warns on standard error that CONFIG is missing where it is, and goes on.
    if !output.status.success() || text.contains("rror") {
        bail!("the load on {} failed: {text}{errors}", server.name);
    }
    let fields = text.lines().last().unwrap_or_default().split("\",\"");
    let rate = fields.skip(1).find_map(|field| field.trim_matches('"').parse().ok());
    rate.with_context(|| format!("no rate in {text}"))
}

fn report(workload: &Workload, servers: &[Server], costs: &[Cost]) {
    for (at, (server, cost)) in servers.iter().zip(costs).enumerate() {
        let base = if at > 1 { 1 } else { 0 };
        let goal = match at {
            0 => String::new(),
            1 => format!("≤ {:.2} / ≤ {:.2}", workload.goal.0, workload.goal.1),
            _ if workload.options.contains("-P") => "≤ 1.25".to_owned(),
            _ => "≤ 1.40".to_owned(),
        };
        let ratios = if at == 0 {
            "| | | ".to_owned()
        } else {
            let total = Spread::of_ratios(&cost.total_us, &costs[base].total_us);
            let user = Spread::of_ratios(&cost.user_us, &costs[base].user_us);
            format!("| {} | {total} | {user}", servers[base].name)
        };
        println!(
            "| {} | {} | {:.2} | {:.2} {ratios} | {goal} | {:.0} |",
            workload.what,
            server.name,
            median(&cost.total_us),
            median(&cost.user_us),
            median(&cost.rate),
        );
    }
}
