//! CPU time per operation: the string rows of the goals.

use std::process::Command;

use anyhow::{Context as _, bail};

use super::process::{Server, all_cpus};
use super::statistics::Spread;
use super::{Args, Programs};

/// One kind of work. Options are valkey-benchmark's.
struct Workload {
    name: &'static str,
    what: &'static str,
    operations: f64,
    options: &'static str,
    command: &'static str,
    /// Fills the keys that the command reads.
    preparation: Option<(&'static str, &'static str)>,
    /// Most CPU against Valkey: in total, and in user space.
    goal: (f64, f64),
}

const RANDOM_256: &str = "-c 50 -d 256 -r 200000";

/// The workloads, in the order they run: those that read come after those that fill their keys.
const WORKLOADS: [Workload; 10] = [
    Workload {
        name: "p1-set",
        what: "SET, unpipelined",
        operations: 150e3,
        options: RANDOM_256,
        command: "SET key:__rand_int__ __data__",
        preparation: None,
        goal: (0.85, 0.50),
    },
    Workload {
        name: "p1-get",
        what: "GET, unpipelined",
        operations: 150e3,
        options: RANDOM_256,
        command: "GET key:__rand_int__",
        preparation: None,
        goal: (0.85, 0.50),
    },
    Workload {
        name: "p16-set",
        what: "SET, pipeline 16",
        operations: 1.5e6,
        options: "-P 16 -c 50 -d 256 -r 200000",
        command: "SET key:__rand_int__ __data__",
        preparation: None,
        goal: (0.52, 0.45),
    },
    Workload {
        name: "p16-get",
        what: "GET, pipeline 16",
        operations: 1.5e6,
        options: "-P 16 -c 50 -d 256 -r 200000",
        command: "GET key:__rand_int__",
        preparation: None,
        goal: (0.60, 0.45),
    },
    Workload {
        name: "p16-incr",
        what: "INCR, pipeline 16",
        operations: 1.5e6,
        options: "-P 16 -c 50 -r 200000",
        command: "INCR n:__rand_int__",
        preparation: None,
        goal: (0.58, 0.45),
    },
    Workload {
        name: "p64-set",
        what: "SET, pipeline 64, 32 bytes",
        operations: 3e6,
        options: "-P 64 -c 50 -d 32 -r 200000",
        command: "SET k:__rand_int__ __data__",
        preparation: None,
        goal: (0.55, 0.42),
    },
    Workload {
        name: "p64-get",
        what: "GET, pipeline 64, 32 bytes",
        operations: 3e6,
        options: "-P 64 -c 50 -r 200000",
        command: "GET k:__rand_int__",
        preparation: None,
        goal: (0.48, 0.42),
    },
    Workload {
        name: "get16k",
        what: "GET, 16 KiB",
        operations: 150e3,
        options: "-c 20 -d 16384 -r 2000",
        command: "GET big:__rand_int__",
        preparation: Some(("-c 20 -d 16384 -r 2000 -n 20000", "SET big:__rand_int__ __data__")),
        goal: (0.88, 0.50),
    },
    Workload {
        name: "mset10",
        what: "MSET of 10 keys, pipeline 4",
        operations: 200e3,
        options: "-P 4 -c 50 -r 100000",
        command: "MSET a:__rand_int__ v b:__rand_int__ v c:__rand_int__ v d:__rand_int__ v e:__rand_int__ v \
                  f:__rand_int__ v g:__rand_int__ v h:__rand_int__ v i:__rand_int__ v j:__rand_int__ v",
        preparation: None,
        goal: (0.62, 0.50),
    },
    Workload {
        name: "mget10",
        what: "MGET of 10 keys, pipeline 4",
        operations: 200e3,
        options: "-P 4 -c 50 -r 100000",
        command: "MGET a:__rand_int__ b:__rand_int__ c:__rand_int__ d:__rand_int__ e:__rand_int__ \
                  f:__rand_int__ g:__rand_int__ h:__rand_int__ i:__rand_int__ j:__rand_int__",
        preparation: None,
        goal: (0.62, 0.50),
    },
];

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
    for workload in WORKLOADS.iter().filter(|workload| args.wants(workload.name)) {
        let costs = load.measure(workload, &servers)?;
        report(workload, &servers, &costs);
    }
    Ok(())
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
        if let Some((options, command)) = workload.preparation {
            for server in servers {
                self.run(server, options, command)?;
            }
        }
        let mut costs: Vec<Cost> = servers.iter().map(|_| Cost::default()).collect();
        let operations = (workload.operations * self.args.scale).round();
        let options = format!("-n {operations} {}", workload.options);
        for round in 0..=self.args.rounds {
            let mut order: Vec<usize> = (0..servers.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let before = servers[at].cpu_time()?;
                let rate = self.run(&servers[at], &options, workload.command)?;
                let after = servers[at].cpu_time()?;
                if round == 0 {
                    continue;
                }
                let per_operation = |seconds: f64| seconds * 1e6 / operations;
                let user = after.user - before.user;
                costs[at].user_us.push(per_operation(user));
                costs[at].total_us.push(per_operation(user + after.system - before.system));
                costs[at].rate.push(rate);
            }
        }
        Ok(costs)
    }

    /// Runs the load generator once; returns operations per second.
    fn run(&self, server: &Server, options: &str, command: &str) -> anyhow::Result<f64> {
        let output = Command::new("taskset")
            .args(["--cpu-list", &self.args.client_cpu.to_string()])
            .arg(&self.programs.load)
            .args(["-p", &server.port.to_string(), "--csv"])
            .args(options.split_whitespace())
            .args(command.split_whitespace())
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
}

fn report(workload: &Workload, servers: &[Server], costs: &[Cost]) {
    for (at, (server, cost)) in servers.iter().zip(costs).enumerate() {
        let median = |figures: &[f64]| Spread::of(figures.iter().copied()).median;
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
