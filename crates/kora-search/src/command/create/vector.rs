//! The attributes of a vector field: `VECTOR algorithm n name value ...`.

use std::borrow::Cow;

use kora_index::schema::{Algorithm, Element, GraphKind, Metric, VamanaKind, VectorKind};

use super::super::args::{Args, parse, text};
use super::super::error::{ArgumentError, BadValue};

type Result<T> = std::result::Result<T, ArgumentError>;

/// Elements of a vector at most: what a string of 512 MB holds of the smallest type.
const DIMENSIONS_MAX: u64 = 1 << 28;
/// Links of a node of SVS-VAMANA, which has one layer, unless something else is said.
const DEGREE: u64 = 32;
/// Compressions of SVS-VAMANA, and how they begin that leave elements out.
const COMPRESSIONS: [&str; 6] = ["LVQ8", "LVQ4", "LVQ4X4", "LVQ4X8", "LEANVEC4X8", "LEANVEC8X8"];
const REDUCING: &str = "LEANVEC";
/// Vectors that a compression learns from are so many times this, at most so many times.
const TRAINED: u64 = 1024;
const TRAINED_MAX: u64 = 100;

/// What is said so far.
struct Attributes {
    /// FLAT, HNSW or SVS-VAMANA.
    algorithm: &'static str,
    element: Option<Element>,
    dimensions: Option<usize>,
    metric: Option<Metric>,
    graph: GraphKind,
    vamana: VamanaKind,
}

/// Takes the algorithm and its attributes.
pub(super) fn kind(args: &mut Args<'_>) -> Result<VectorKind> {
    let bad = |what: &str, why| ArgumentError::bad(format!("vector similarity {what}"), why);
    let algorithm = args.next().ok_or_else(|| bad("algorithm", BadValue::Missing))?;
    let algorithm = match text(algorithm).to_ascii_uppercase().as_str() {
        "FLAT" => "FLAT",
        "HNSW" => "HNSW",
        "SVS-VAMANA" => "SVS-VAMANA",
        _ => return Err(bad("algorithm", BadValue::Unknown)),
    };
    let count = args.next().ok_or_else(|| bad("number of parameters", BadValue::Missing))?;
    let count: u64 = parse(count).ok_or_else(|| bad("number of parameters", BadValue::NotConverted))?;
    if !count.is_multiple_of(2) {
        return Err(odd_count(algorithm, count));
    }
    let mut attributes = Attributes {
        algorithm,
        element: None,
        dimensions: None,
        metric: None,
        graph: GraphKind::default(),
        vamana: VamanaKind { compression: None, training_threshold: None, reduce: None },
    };
    if algorithm == "SVS-VAMANA" {
        attributes.graph.links = DEGREE / 2;
    }
    for taken in 0..count / 2 {
        if args.is_empty() {
            return Err(ArgumentError::other(format!("Expected {count} parameters but got {}", taken * 2)));
        }
        attributes.take(args)?;
    }
    attributes.finish()
}

/// Two wordings of one refusal, by the algorithm.
fn odd_count(algorithm: &str, count: u64) -> ArgumentError {
    let named = "as algorithm parameters (should be submitted as named arguments)";
    let rest = if algorithm == "FLAT" {
        named.to_owned()
    } else {
        named.replace("as algorithm parameters (should", "(as algorithm parameters should")
    };
    let text = format!(
        "Bad number of arguments for vector similarity index: got {count} but expected even number {rest}"
    );
    ArgumentError::other(text)
}

impl Attributes {
    fn take(&mut self, args: &mut Args<'_>) -> Result<()> {
        let Some(name) = args.next() else { return Ok(()) };
        let name = text(name);
        let is_graph = self.algorithm == "HNSW";
        let is_vamana = self.algorithm == "SVS-VAMANA";
        match name.to_ascii_uppercase().as_str() {
            "TYPE" => self.element = Some(self.word(args, "type", Element::parse)?),
            "DIM" => {
                let dimensions = self.number(args, "dim", 1, DIMENSIONS_MAX)?;
                self.dimensions = usize::try_from(dimensions).ok();
            }
            "DISTANCE_METRIC" => self.metric = Some(self.word(args, "metric", Metric::parse)?),
            // How memory is taken changes no answer.
            "INITIAL_CAP" if !is_vamana => _ = self.number(args, "initial cap", 0, u64::MAX)?,
            "BLOCK_SIZE" if !is_graph && !is_vamana => _ = self.number(args, "blocksize", 1, u64::MAX)?,
            "M" if is_graph => self.graph.links = self.number(args, "m", 1, u64::MAX)?,
            "EF_CONSTRUCTION" if is_graph => {
                self.graph.construction = self.number(args, "efConstruction", 1, u64::MAX)?;
            }
            "EF_RUNTIME" if is_graph => {
                self.graph.runtime = Some(self.number(args, "efRuntime", 1, u64::MAX)?);
            }
            "EPSILON" if is_graph || is_vamana => self.graph.epsilon = self.epsilon(args)?,
            "GRAPH_MAX_DEGREE" if is_vamana => {
                // The lowest layer has twice the links of those above, and nearly all nodes are in it alone.
                self.graph.links = self.number(args, "graph max degree", 1, u64::MAX)?.div_ceil(2);
            }
            "CONSTRUCTION_WINDOW_SIZE" if is_vamana => {
                self.graph.construction = self.number(args, "construction window size", 1, u64::MAX)?;
            }
            "SEARCH_WINDOW_SIZE" if is_vamana => {
                self.graph.runtime = Some(self.number(args, "search window size", 1, u64::MAX)?);
            }
            "COMPRESSION" if is_vamana => {
                let known = |word: &str| COMPRESSIONS.contains(&word).then(|| word.to_owned());
                self.vamana.compression = Some(self.word(args, "compression", known)?);
            }
            "TRAINING_THRESHOLD" if is_vamana => {
                let most = TRAINED * TRAINED_MAX;
                self.vamana.training_threshold =
                    Some(self.number(args, "training threshold", TRAINED, most)?);
            }
            "REDUCE" if is_vamana => self.vamana.reduce = Some(self.number(args, "reduce", 1, u64::MAX)?),
            _ => {
                let text = format!("Bad arguments for algorithm {}: {name}", self.algorithm);
                return Err(ArgumentError::other(text));
            }
        }
        Ok(())
    }

    fn bad(&self, what: &str, why: BadValue) -> ArgumentError {
        let option: Cow<'static, str> = format!("vector similarity {} index {what}", self.algorithm).into();
        ArgumentError::bad(option, why)
    }

    fn value<'a>(&self, args: &mut Args<'a>, what: &str) -> Result<&'a [u8]> {
        args.next().ok_or_else(|| self.bad(what, BadValue::Missing))
    }

    fn word<T>(&self, args: &mut Args<'_>, what: &str, of: impl Fn(&str) -> Option<T>) -> Result<T> {
        let word = text(self.value(args, what)?).to_ascii_uppercase();
        of(&word).ok_or_else(|| self.bad(what, BadValue::Unknown))
    }

    fn number(&self, args: &mut Args<'_>, what: &str, least: u64, most: u64) -> Result<u64> {
        let number: i128 =
            parse(self.value(args, what)?).ok_or_else(|| self.bad(what, BadValue::NotConverted))?;
        let number = u64::try_from(number).ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.bad(what, BadValue::OutOfBounds))
    }

    fn epsilon(&self, args: &mut Args<'_>) -> Result<f64> {
        let epsilon: f64 =
            parse(self.value(args, "epsilon")?).ok_or_else(|| self.bad("epsilon", BadValue::NotConverted))?;
        if epsilon < 0.0 { Err(self.bad("epsilon", BadValue::OutOfBounds)) } else { Ok(epsilon) }
    }

    /// What SVS-VAMANA says must fit together.
    fn check_vamana(&self) -> Result<()> {
        let VamanaKind { compression, training_threshold, reduce } = &self.vamana;
        let refuse = |text: &str| Err(ArgumentError::other(text.to_owned()));
        if !matches!(self.element, None | Some(Element::Float32 | Element::Float16)) {
            return refuse("Not supported data type is given. Expected: FLOAT16, FLOAT32");
        }
        if training_threshold.is_some() && compression.is_none() {
            return refuse("TRAINING_THRESHOLD is irrelevant when compression was not requested");
        }
        let is_reducing = compression.as_ref().is_some_and(|name| name.starts_with(REDUCING));
        if reduce.is_some() && !is_reducing {
            return refuse("REDUCE is irrelevant when compression is not of type LeanVec");
        }
        if let (Some(reduce), Some(dimensions)) = (reduce, self.dimensions)
            && usize::try_from(*reduce).map_or(true, |reduce| reduce > dimensions)
        {
            return refuse("REDUCE must not be greater than DIM");
        }
        Ok(())
    }

    fn finish(self) -> Result<VectorKind> {
        let missing = |name: &str| {
            let algorithm = self.algorithm;
            let text = format!(
                "Missing mandatory parameter: cannot create {algorithm} index without specifying {name} argument"
            );
            ArgumentError::other(text)
        };
        let element = self.element.ok_or_else(|| missing("TYPE"))?;
        let dimensions = self.dimensions.ok_or_else(|| missing("DIM"))?;
        let metric = self.metric.ok_or_else(|| missing("DISTANCE_METRIC"))?;
        let algorithm = match self.algorithm {
            "HNSW" => Algorithm::Hnsw(self.graph),
            "SVS-VAMANA" => {
                self.check_vamana()?;
                Algorithm::Vamana(self.graph, self.vamana)
            }
            _ => Algorithm::Flat,
        };
        Ok(VectorKind { element, dimensions, metric, algorithm })
    }
}
