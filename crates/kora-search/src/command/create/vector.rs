//! The attributes of a vector field: `VECTOR algorithm n name value ...`.

use std::borrow::Cow;

use kora_index::schema::{Algorithm, Element, Metric, VectorKind};

use super::super::args::{Args, not_built, parse, text};
use super::super::error::{ArgumentError, BadValue};

type Result<T> = std::result::Result<T, ArgumentError>;

/// Elements of a vector at most: what a string of 512 MB holds of the smallest type.
const DIMENSIONS_MAX: u64 = 1 << 28;
/// Links of a node, and candidates, unless something else is said.
const LINKS: u64 = 16;
const CONSTRUCTION: u64 = 200;

/// What is said so far.
struct Attributes {
    /// FLAT or HNSW.
    algorithm: &'static str,
    element: Option<Element>,
    dimensions: Option<usize>,
    metric: Option<Metric>,
    links: u64,
    construction: u64,
}

/// Takes the algorithm and its attributes.
pub(super) fn kind(args: &mut Args<'_>) -> Result<VectorKind> {
    let bad = |what: &str, why| ArgumentError::bad(format!("vector similarity {what}"), why);
    let algorithm = args.next().ok_or_else(|| bad("algorithm", BadValue::Missing))?;
    let algorithm = match text(algorithm).to_ascii_uppercase().as_str() {
        "FLAT" => "FLAT",
        "HNSW" => "HNSW",
        "SVS-VAMANA" => return Err(not_built("Vector similarity algorithm SVS-VAMANA")),
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
        links: LINKS,
        construction: CONSTRUCTION,
    };
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
        match name.to_ascii_uppercase().as_str() {
            "TYPE" => self.element = Some(self.word(args, "type", element)?),
            "DIM" => {
                let dimensions = self.number(args, "dim", 1, DIMENSIONS_MAX)?;
                self.dimensions = usize::try_from(dimensions).ok();
            }
            "DISTANCE_METRIC" => self.metric = Some(self.word(args, "metric", metric)?),
            // How memory is taken changes no answer.
            "INITIAL_CAP" => _ = self.number(args, "initial cap", 0, u64::MAX)?,
            "BLOCK_SIZE" if !is_graph => _ = self.number(args, "blocksize", 1, u64::MAX)?,
            "M" if is_graph => self.links = self.number(args, "m", 1, u64::MAX)?,
            "EF_CONSTRUCTION" if is_graph => {
                self.construction = self.number(args, "efConstruction", 1, u64::MAX)?;
            }
            // An exact search needs neither.
            "EF_RUNTIME" if is_graph => _ = self.number(args, "efRuntime", 1, u64::MAX)?,
            "EPSILON" if is_graph => self.epsilon(args)?,
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

    fn epsilon(&self, args: &mut Args<'_>) -> Result<()> {
        let epsilon: f64 =
            parse(self.value(args, "epsilon")?).ok_or_else(|| self.bad("epsilon", BadValue::NotConverted))?;
        if epsilon < 0.0 { Err(self.bad("epsilon", BadValue::OutOfBounds)) } else { Ok(()) }
    }

    fn finish(self) -> Result<VectorKind> {
        let missing = |name: &str| {
            let algorithm = self.algorithm;
            let text = format!(
                "Missing mandatory parameter: cannot create {algorithm} index without specifying {name} argument"
            );
            ArgumentError::other(text)
        };
        let algorithm = match self.algorithm {
            "HNSW" => Algorithm::Hnsw { links: self.links, construction: self.construction },
            _ => Algorithm::Flat,
        };
        Ok(VectorKind {
            element: self.element.ok_or_else(|| missing("TYPE"))?,
            dimensions: self.dimensions.ok_or_else(|| missing("DIM"))?,
            metric: self.metric.ok_or_else(|| missing("DISTANCE_METRIC"))?,
            algorithm,
        })
    }
}

fn element(name: &str) -> Option<Element> {
    Some(match name {
        "FLOAT32" => Element::Float32,
        "FLOAT64" => Element::Float64,
        "FLOAT16" => Element::Float16,
        "BFLOAT16" => Element::BFloat16,
        _ => return None,
    })
}

fn metric(name: &str) -> Option<Metric> {
    Some(match name {
        "L2" => Metric::L2,
        "IP" => Metric::InnerProduct,
        "COSINE" => Metric::Cosine,
        _ => return None,
    })
}
