//! Indexes on vectors: how they are declared, and which values are vectors of one.

use kora_core::number::parse_i64;
use kora_index::schema::{Algorithm, Element, GraphKind, Metric, VectorKind};
use kora_json::{Node, Value};

/// Elements of a vector at most: as many as a graph takes.
const DIMENSIONS_MAX: i64 = 65_536;
/// Links of a node of a graph.
const LINKS: (i64, i64) = (2, 512);
/// Candidates of a write.
const CONSTRUCTION: (i64, i64) = (1, 4096);
/// Candidates of a search.
pub(crate) const CANDIDATES: (i64, i64) = (1, 1 << 20);

const FLAT: &str = "FLAT";
const HNSW: &str = "HNSW";

/// Why a declaration of an index on vectors is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KindError {
    #[error("ERR a vector index needs DIM, the number of elements of a vector")]
    NoDimensions,
    #[error(
        "ERR '{0}' is no part of a vector index: HNSW, FLAT, DIM, TYPE, DISTANCE_METRIC, M, EF_CONSTRUCTION or EF_RUNTIME"
    )]
    Unknown(String),
    #[error("ERR {0} of a vector index is said twice")]
    Twice(&'static str),
    #[error("ERR {0} of a vector index has no value")]
    NoValue(&'static str),
    #[error("ERR {0} of a vector index is a number from {1} to {2}")]
    Range(&'static str, i64, i64),
    #[error("ERR TYPE of a vector index is FLOAT32, FLOAT64, FLOAT16, BFLOAT16, INT8 or UINT8")]
    Element,
    #[error("ERR DISTANCE_METRIC of a vector index is COSINE, L2 or IP")]
    Metric,
    #[error("ERR {0} is for HNSW: a FLAT vector index has no graph")]
    NoGraph(&'static str),
}

/// What is said so far.
#[derive(Default)]
struct Said {
    algorithm: Option<&'static str>,
    dimensions: Option<i64>,
    element: Option<Element>,
    metric: Option<Metric>,
    links: Option<i64>,
    construction: Option<i64>,
    runtime: Option<i64>,
}

/// Reads what stands behind the type of an index on vectors, in any order and case.
///
/// # Errors
/// If it is no declaration.
pub(crate) fn kind(args: &[&[u8]]) -> Result<VectorKind, KindError> {
    let mut said = Said::default();
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let upper = name.to_ascii_uppercase();
        match &upper[..] {
            b"FLAT" => put(&mut said.algorithm, "the algorithm", FLAT)?,
            b"HNSW" => put(&mut said.algorithm, "the algorithm", HNSW)?,
            b"DIM" => put(&mut said.dimensions, "DIM", number("DIM", args.next(), (1, DIMENSIONS_MAX))?)?,
            b"TYPE" => {
                let element = Element::parse(&word("TYPE", args.next())?).ok_or(KindError::Element)?;
                put(&mut said.element, "TYPE", element)?;
            }
            b"DISTANCE_METRIC" => {
                let metric = Metric::parse(&word("DISTANCE_METRIC", args.next())?);
                put(&mut said.metric, "DISTANCE_METRIC", metric.ok_or(KindError::Metric)?)?;
            }
            b"M" => put(&mut said.links, "M", number("M", args.next(), LINKS)?)?,
            b"EF_CONSTRUCTION" => {
                let candidates = number("EF_CONSTRUCTION", args.next(), CONSTRUCTION)?;
                put(&mut said.construction, "EF_CONSTRUCTION", candidates)?;
            }
            b"EF_RUNTIME" => {
                put(&mut said.runtime, "EF_RUNTIME", number("EF_RUNTIME", args.next(), CANDIDATES)?)?;
            }
            _ => return Err(KindError::Unknown(name.escape_ascii().to_string())),
        }
    }
    said.finish()
}

fn put<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), KindError> {
    if place.replace(value).is_some() { Err(KindError::Twice(name)) } else { Ok(()) }
}

fn word(name: &'static str, arg: Option<&&[u8]>) -> Result<String, KindError> {
    let arg = arg.ok_or(KindError::NoValue(name))?;
    Ok(String::from_utf8_lossy(arg).to_ascii_uppercase())
}

fn number(name: &'static str, arg: Option<&&[u8]>, (least, most): (i64, i64)) -> Result<i64, KindError> {
    let number = parse_i64(arg.ok_or(KindError::NoValue(name))?);
    number.filter(|number| (least..=most).contains(number)).ok_or(KindError::Range(name, least, most))
}

impl Said {
    fn finish(self) -> Result<VectorKind, KindError> {
        let dimensions = self.dimensions.ok_or(KindError::NoDimensions)?;
        let of_graph =
            [("M", self.links), ("EF_CONSTRUCTION", self.construction), ("EF_RUNTIME", self.runtime)];
        let said_of_graph = of_graph.into_iter().find(|(_, value)| value.is_some());
        let algorithm = match (self.algorithm, said_of_graph) {
            (Some(FLAT), Some((name, _))) => return Err(KindError::NoGraph(name)),
            (Some(FLAT), None) => Algorithm::Flat,
            _ => {
                let default = GraphKind::default();
                Algorithm::Hnsw(GraphKind {
                    links: self.links.map_or(default.links, i64::unsigned_abs),
                    construction: self.construction.map_or(default.construction, i64::unsigned_abs),
                    runtime: self.runtime.map(i64::unsigned_abs),
                    ..default
                })
            }
        };
        Ok(VectorKind {
            element: self.element.unwrap_or(Element::Float32),
            dimensions: usize::try_from(dimensions).unwrap_or(usize::MAX),
            metric: self.metric.unwrap_or(Metric::Cosine),
            algorithm,
        })
    }
}

/// The name of the algorithm of an index.
pub(crate) fn algorithm_name(kind: &VectorKind) -> &'static str {
    if kind.algorithm.graph().is_some() { HNSW } else { FLAT }
}

/// What [`kind`] reads the same from.
pub(crate) fn arguments(kind: &VectorKind) -> Vec<String> {
    let mut arguments = vec![
        algorithm_name(kind).to_owned(),
        "DIM".to_owned(),
        kind.dimensions.to_string(),
        "TYPE".to_owned(),
        kind.element.name().to_owned(),
        "DISTANCE_METRIC".to_owned(),
        kind.metric.name().to_owned(),
    ];
    if let Some(graph) = kind.algorithm.graph() {
        let mut number = |name: &str, value: u64| arguments.extend([name.to_owned(), value.to_string()]);
        number("M", graph.links);
        number("EF_CONSTRUCTION", graph.construction);
        if let Some(runtime) = graph.runtime {
            number("EF_RUNTIME", runtime);
        }
    }
    arguments
}

/// Why a value is no vector of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("it is no array of numbers")]
    NoArray,
    #[error("it has {0} elements instead of {1}")]
    Length(usize, usize),
    #[error("its element {0} is no number")]
    NoNumber(usize),
    #[error("its element {0} is no {1}")]
    NoElement(usize, &'static str),
    #[error("it has {0} bytes instead of {1}")]
    Bytes(usize, usize),
}

/// The elements of an array, as an index is given them. Complexity: O(elements).
///
/// # Errors
/// If it is no vector of the index.
pub(crate) fn of_json(kind: &VectorKind, value: Value<'_>) -> Result<Vec<u8>, Misfit> {
    let Node::Array(array) = value.node() else { return Err(Misfit::NoArray) };
    let count = array.elements().count();
    if count != kind.dimensions {
        return Err(Misfit::Length(count, kind.dimensions));
    }
    let mut blob = Vec::with_capacity(count * kind.element.bytes());
    for (place, element) in array.elements().enumerate() {
        let Node::Number(number) = element.node() else { return Err(Misfit::NoNumber(place)) };
        push(kind, place, number.as_f64(), &mut blob)?;
    }
    Ok(blob)
}

/// The same from elements in single precision, little-endian.
///
/// # Errors
/// If it is no vector of the index.
pub(crate) fn of_singles(kind: &VectorKind, bytes: &[u8]) -> Result<Vec<u8>, Misfit> {
    let (singles, rest) = bytes.as_chunks();
    if singles.len() != kind.dimensions || !rest.is_empty() {
        return Err(Misfit::Bytes(bytes.len(), kind.dimensions * size_of::<f32>()));
    }
    let mut blob = Vec::with_capacity(kind.dimensions * kind.element.bytes());
    for (place, single) in singles.iter().enumerate() {
        push(kind, place, f32::from_le_bytes(*single).into(), &mut blob)?;
    }
    Ok(blob)
}

/// What is infinite, or becomes so in the type of the index's elements, is none.
fn push(kind: &VectorKind, place: usize, number: f64, blob: &mut Vec<u8>) -> Result<(), Misfit> {
    let is_within = number.abs() <= kind.element.greatest() || number == f64::from(i8::MIN);
    if is_within && kind.element.push(number, blob) {
        Ok(())
    } else {
        Err(Misfit::NoElement(place, kind.element.name()))
    }
}

#[cfg(test)]
mod tests {
    use kora_json::Json;

    use super::*;

    fn read(text: &str) -> Result<VectorKind, KindError> {
        let args: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
        kind(&args)
    }

    #[test]
    fn a_declaration_comes_back() {
        for text in [
            "DIM 3",
            "flat DIM 1 TYPE int8 DISTANCE_METRIC l2",
            "dim 65536 type FLOAT16 distance_metric ip hnsw m 2 ef_construction 4096 ef_runtime 1048576",
        ] {
            let kind = read(text).unwrap();
            assert_eq!(read(&arguments(&kind).join(" ")), Ok(kind));
        }
        let bare = read("DIM 3").unwrap();
        assert_eq!((bare.element, bare.metric), (Element::Float32, Metric::Cosine));
        assert_eq!(bare.algorithm, Algorithm::Hnsw(GraphKind::default()));
    }

    #[test]
    fn what_is_no_declaration_is_refused() {
        for (text, error) in [
            ("", KindError::NoDimensions),
            ("FLAT", KindError::NoDimensions),
            ("DIM", KindError::NoValue("DIM")),
            ("DIM 0", KindError::Range("DIM", 1, 65_536)),
            ("DIM 65537", KindError::Range("DIM", 1, 65_536)),
            ("DIM x", KindError::Range("DIM", 1, 65_536)),
            ("DIM 3 DIM 3", KindError::Twice("DIM")),
            ("DIM 3 FLAT HNSW", KindError::Twice("the algorithm")),
            ("DIM 3 TYPE FLOAT", KindError::Element),
            ("DIM 3 DISTANCE_METRIC", KindError::NoValue("DISTANCE_METRIC")),
            ("DIM 3 DISTANCE_METRIC HAMMING", KindError::Metric),
            ("DIM 3 M 1", KindError::Range("M", 2, 512)),
            ("DIM 3 EF_CONSTRUCTION 4097", KindError::Range("EF_CONSTRUCTION", 1, 4096)),
            ("DIM 3 EF_RUNTIME 0", KindError::Range("EF_RUNTIME", 1, 1 << 20)),
            ("DIM 3 FLAT EF_RUNTIME 7", KindError::NoGraph("EF_RUNTIME")),
            ("DIM 3 FOO", KindError::Unknown("FOO".to_owned())),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn values_are_vectors_or_not() {
        let of =
            |declared: &str, text: &str| of_json(&read(declared).unwrap(), Json::parse(text).unwrap().root());
        assert_eq!(
            of("DIM 2", "[1,-0.5]").unwrap(),
            [1_f32.to_le_bytes(), (-0.5_f32).to_le_bytes()].concat()
        );
        assert_eq!(of("DIM 2 TYPE INT8", "[-128,127]").unwrap(), [0x80, 0x7f]);
        for (declared, text, misfit) in [
            ("DIM 2", "3", Misfit::NoArray),
            ("DIM 2", "[1]", Misfit::Length(1, 2)),
            ("DIM 2", "[1,\"2\"]", Misfit::NoNumber(1)),
            ("DIM 2", "[1,null]", Misfit::NoNumber(1)),
            ("DIM 2", "[1e39,1]", Misfit::NoElement(0, "FLOAT32")),
            ("DIM 2 TYPE FLOAT16", "[1,65505]", Misfit::NoElement(1, "FLOAT16")),
            ("DIM 2 TYPE INT8", "[1,-129]", Misfit::NoElement(1, "INT8")),
            ("DIM 2 TYPE INT8", "[1.5,1]", Misfit::NoElement(0, "INT8")),
            ("DIM 2 TYPE UINT8", "[0,-1]", Misfit::NoElement(1, "UINT8")),
        ] {
            assert_eq!(of(declared, text), Err(misfit), "{declared}: {text}");
        }
        let kind = read("DIM 1 TYPE UINT8").unwrap();
        assert_eq!(of_singles(&kind, &255_f32.to_le_bytes()), Ok(vec![255]));
        assert_eq!(of_singles(&kind, &f32::NAN.to_le_bytes()), Err(Misfit::NoElement(0, "UINT8")));
        assert_eq!(of_singles(&kind, &[0; 5]), Err(Misfit::Bytes(5, 4)));
        let kind = read("DIM 1").unwrap();
        assert_eq!(of_singles(&kind, &f32::INFINITY.to_le_bytes()), Err(Misfit::NoElement(0, "FLOAT32")));
    }
}
