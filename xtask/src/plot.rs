//! `plot`: a file of measured figures as a picture.
//!
//! Bars of CPU time per operation, one group for each workload, one bar for each server, as ratios to one of the servers.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};

use crate::bench::figures::{self, Figure};

/// Options of `plot`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What `bench --figures` wrote
    figures: PathBuf,
    /// The picture to write, an SVG file
    picture: PathBuf,
    /// The server that the others are held against
    #[arg(long)]
    against: String,
    /// The servers to show; all but that one if none is named
    #[arg(long, num_args = 1..)]
    servers: Vec<String>,
    /// What stands above it
    #[arg(long)]
    title: String,
}

// Lengths in pixels.
const LABEL_WIDTH: f64 = 300.0;
const PLOT_WIDTH: f64 = 380.0;
const BAR_HEIGHT: f64 = 12.0;
const GAP: f64 = 10.0;
const TOP: f64 = 64.0;
const MARGIN: f64 = 16.0;

/// Colours that people tell apart who do not see all.
const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let figures = figures::read(&args.figures)?;
    let servers = servers(args, &figures)?;
    let picture = draw(&args.title, &args.against, &servers, &figures)?;
    std::fs::write(&args.picture, picture).with_context(|| args.picture.display().to_string())
}

/// The servers to show, in the order of the file.
fn servers(args: &Args, figures: &[Figure]) -> anyhow::Result<Vec<String>> {
    let mut servers: Vec<String> = Vec::new();
    for Figure { server, .. } in figures {
        let is_wanted =
            if args.servers.is_empty() { *server != args.against } else { args.servers.contains(server) };
        if is_wanted && !servers.contains(server) {
            servers.push(server.clone());
        }
    }
    let missing = args.servers.iter().find(|server| !servers.contains(server));
    ensure!(missing.is_none(), "there are no figures of {missing:?}");
    ensure!(
        !servers.is_empty() && servers.len() <= COLOURS.len(),
        "one to {} servers are shown",
        COLOURS.len()
    );
    Ok(servers)
}

fn cost(figures: &[Figure], workload: &str, server: &str) -> Option<f64> {
    let of_both = |figure: &&Figure| figure.workload == workload && figure.server == server;
    figures.iter().find(of_both).map(|figure| figure.cpu_us)
}

/// The picture. Workloads that lack one of the servers are left out.
fn draw(title: &str, against: &str, servers: &[String], figures: &[Figure]) -> anyhow::Result<String> {
    let mut groups: Vec<(&str, Vec<f64>)> = Vec::new();
    for Figure { workload, .. } in figures {
        let Some(base) = cost(figures, workload, against).filter(|base| *base > 0.0) else { continue };
        let ratios = servers.iter().map(|server| Some(cost(figures, workload, server)? / base));
        if let Some(ratios) = ratios.collect::<Option<Vec<f64>>>()
            && !groups.iter().any(|(name, _)| name == workload)
        {
            groups.push((workload, ratios));
        }
    }
    ensure!(!groups.is_empty(), "no workload has figures of {against} and of the others");
    let most = groups.iter().flat_map(|(_, ratios)| ratios).fold(1.0, |most: f64, ratio| most.max(*ratio));
    let scale = PLOT_WIDTH / (most * 1.1);
    #[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
    let (group_height, count) = (servers.len() as f64 * BAR_HEIGHT + GAP, groups.len() as f64);
    let (width, bottom) = (LABEL_WIDTH + PLOT_WIDTH + 2.0 * MARGIN, TOP + count * group_height);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\">{}</text>\n",
        bottom + MARGIN,
        escaped(title)
    );
    legend(&mut svg, servers, against);
    let mut top = TOP;
    for (workload, ratios) in &groups {
        let middle = top + (group_height - GAP) / 2.0 + 4.0;
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            LABEL_WIDTH,
            escaped(workload)
        )?;
        for (ratio, colour) in ratios.iter().zip(COLOURS) {
            let (left, length) = (LABEL_WIDTH + MARGIN, ratio * scale);
            writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\">{ratio:.2}</text>",
                BAR_HEIGHT - 2.0,
                left + length + 4.0,
                top + BAR_HEIGHT - 3.0,
            )?;
            top += BAR_HEIGHT;
        }
        top += GAP;
    }
    let one = LABEL_WIDTH + MARGIN + scale;
    writeln!(
        svg,
        "<line x1=\"{one:.1}\" y1=\"{}\" x2=\"{one:.1}\" y2=\"{bottom:.1}\" stroke=\"black\" stroke-dasharray=\"3 3\"/>\n</svg>",
        TOP - 6.0
    )?;
    Ok(svg)
}

/// Which colour is which server.
fn legend(svg: &mut String, servers: &[String], against: &str) {
    let mut left = MARGIN;
    for (server, colour) in servers.iter().zip(COLOURS) {
        // A string takes whatever is written.
        let _ = write!(
            svg,
            "<rect x=\"{left}\" y=\"36\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{}\" y=\"45\">{}</text>",
            left + 14.0,
            escaped(server)
        );
        #[expect(clippy::cast_precision_loss, reason = "the length of a name")]
        let width = server.len() as f64 * 7.5 + 34.0;
        left += width;
    }
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"45\">dashed: {} = 1</text>", escaped(against));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(workload: &str, server: &str, cpu_us: f64) -> Figure {
        let (workload, server) = (workload.to_owned(), server.to_owned());
        Figure { workload, server, cpu_us, rate: 1.0, p50_ms: None, p99_ms: None }
    }

    #[test]
    fn bars_are_ratios() {
        let figures = [
            figure("a < b", "valkey", 2.0),
            figure("a < b", "kora-1", 1.0),
            figure("only one", "kora-1", 1.0),
        ];
        let svg = draw("Cost", "valkey", &["kora-1".to_owned()], &figures).unwrap();
        assert!(svg.contains(">0.50<") && svg.contains("a &lt; b") && !svg.contains("only one"));
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        assert!(draw("Cost", "nobody", &["kora-1".to_owned()], &figures).is_err());
    }
}
