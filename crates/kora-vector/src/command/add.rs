//! VADD: an element is put into a set, which is made if it is not there.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_hnsw::{Insertion, Metric};

use super::aside::{Readiness, prepare};
use super::{INSERTS, between, changed, check_named, positive, refusal, vector, write};
use crate::projection::Projection;
use crate::set::{Quantization, Shape, VectorSet};

/// Candidates that an insertion keeps in its search.
const EF: usize = 200;
const EF_MAX: usize = 1_000_000;
/// Links that a node is given in each layer.
const M: usize = 16;
const M_MIN: usize = 4;
const M_MAX: usize = 4096;

const ANOTHER_QUANTIZATION: CommandError =
    CommandError::text("ERR asked quantization mismatch with existing vector set");
const ANOTHER_M: CommandError = CommandError::text("ERR asked M value mismatch with existing vector set");
const NO_PROJECTION: CommandError =
    CommandError::text("ERR cannot add projection to existing set without projection");
const NO_OPTION: CommandError = CommandError::text("ERR invalid option after element");

pub(super) const VADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vadd",
        summary: "Adds an element with its vector to a vector set, or gives it another vector",
        complexity: "O(log(N)) for each element added, where N is the number of elements in the vector set",
        args: &[
            Arg::key("key"),
            Arg::block("reduce", &[Arg::word("reduce", "REDUCE"), Arg::integer("dim")]).optional(),
            Arg::one_of(
                "format",
                &[
                    Arg::string("fp32").token("FP32"),
                    Arg::block(
                        "values",
                        &[Arg::integer("num").token("VALUES"), Arg::double("value").multiple()],
                    ),
                ],
            ),
            Arg::string("element"),
            Arg::word("cas", "CAS").optional(),
            Arg::one_of(
                "quant_type",
                &[Arg::word("noquant", "NOQUANT"), Arg::word("bin", "BIN"), Arg::word("q8", "Q8")],
            )
            .optional(),
            Arg::integer("build-exploration-factor").token("EF").optional(),
            Arg::string("attributes").token("SETATTR").optional(),
            Arg::integer("numlinks").token("M").optional(),
        ],
        ..INSERTS
    },
    handler: vadd,
};

/// What VADD is told.
struct Addition<'a> {
    /// Elements that the vector is to be reduced to.
    reduced: Option<usize>,
    vector: Vec<f32>,
    name: &'a [u8],
    quantization: Option<Quantization>,
    ef: usize,
    m: Option<usize>,
    attributes: Option<&'a [u8]>,
}

impl<'a> Addition<'a> {
    fn parse(args: &[&'a [u8]]) -> CommandResult<Self> {
        let mut at = 2;
        let mut reduced = None;
        if args[at].eq_ignore_ascii_case(b"REDUCE") {
            reduced = Some(positive(args[at + 1]).ok_or(vector::NO_VECTOR)?);
            at += 2;
        }
        let (vector, taken) = vector::parse(&args[at..])?;
        if reduced.is_some_and(|output| !Projection::fits(vector.len(), output)) {
            return Err(vector::NO_VECTOR);
        }
        let Some((name, options)) = args[at + taken..].split_first() else {
            return Err(CommandError::Arity("VADD".into()));
        };
        let mut addition =
            Self { reduced, vector, name, quantization: None, ef: EF, m: None, attributes: None };
        addition.parse_options(options)?;
        Ok(addition)
    }

    fn parse_options(&mut self, options: &[&'a [u8]]) -> CommandResult {
        let mut options = options.iter().copied();
        while let Some(option) = options.next() {
            let is = |word: &[u8]| option.eq_ignore_ascii_case(word);
            if is(b"CAS") {
                // Whether a thread may look for neighbours: the answer is the same.
            } else if is(b"NOQUANT") {
                self.quantization = Some(Quantization::None);
            } else if is(b"BIN") {
                self.quantization = Some(Quantization::Binary);
            } else if is(b"Q8") {
                self.quantization = Some(Quantization::Int8);
            } else if is(b"EF") {
                let ef = positive(options.next().ok_or(NO_OPTION)?).filter(|ef| *ef <= EF_MAX);
                self.ef = ef.ok_or(CommandError::text("ERR invalid EF"))?;
            } else if is(b"M") {
                let m = positive(options.next().ok_or(NO_OPTION)?).filter(|m| (M_MIN..=M_MAX).contains(m));
                self.m = Some(m.ok_or(CommandError::text("ERR invalid M"))?);
            } else if is(b"SETATTR") {
                self.attributes = Some(options.next().ok_or(NO_OPTION)?);
            } else {
                return Err(NO_OPTION);
            }
        }
        Ok(())
    }

    /// What a new set is made with.
    fn shape(&self) -> Shape {
        Shape {
            dimensions: self.reduced.unwrap_or(self.vector.len()),
            quantization: self.quantization.unwrap_or(Quantization::Int8),
            m: self.m.unwrap_or(M),
            metric: Metric::Cosine,
        }
    }

    fn new_set(&self, seed: u64) -> CommandResult<VectorSet> {
        let mut set = VectorSet::new(self.shape(), seed).map_err(|_| vector::NO_VECTOR)?;
        set.set_projection(self.reduced.map(|output| Projection::new(self.vector.len(), output)));
        Ok(set)
    }

    /// Whether the element fits a set.
    fn check(&self, set: &VectorSet) -> CommandResult {
        check_named(set)?;
        let shape = set.shape();
        // Q8 is what is kept unless something else is said.
        let quantization = self.quantization.unwrap_or(Quantization::Int8);
        if quantization != shape.quantization {
            return Err(ANOTHER_QUANTIZATION);
        }
        if self.m.unwrap_or(M) != shape.m {
            return Err(ANOTHER_M);
        }
        let given = self.vector.len();
        match (set.projection(), self.reduced) {
            (None, None) if given == shape.dimensions => Ok(()),
            (None, Some(_)) if given == shape.dimensions => Err(NO_PROJECTION),
            (Some(projection), Some(output)) if output == shape.dimensions => {
                if projection.input() == given {
                    Ok(())
                } else {
                    Err(other_input(given, projection))
                }
            }
            _ => Err(other_dimensions(given, set)),
        }
    }

    /// Begins to search the element's neighbours.
    fn begin(&self, set: &VectorSet) -> CommandResult<Insertion> {
        self.check(set)?;
        let projected = set.projection().map(|projection| projection.apply(&self.vector));
        let vector = projected.as_deref().unwrap_or(&self.vector);
        set.insertion(vector, self.ef).map_err(refused)
    }

    /// Puts the element in.
    fn put(&self, set: &mut VectorSet, insertion: Insertion) -> CommandResult<bool> {
        let is_new = set.put(self.name, insertion).map_err(refused)?;
        if let Some(attributes) = self.attributes {
            // An empty text takes attributes away, but is kept with a new element.
            let is_kept = is_new || !attributes.is_empty();
            let number = set.number(self.name).expect("the element was put in");
            set.set_attributes(number, is_kept.then_some(attributes));
        }
        Ok(is_new)
    }
}

/// A vector of another number of elements than those of the set have.
pub(super) fn other_dimensions(given: usize, set: &VectorSet) -> CommandError {
    let wanted = set.shape().dimensions;
    refusal(format!("ERR Vector dimension mismatch - got {given} but set has {wanted}"))
}

/// A vector of another number of elements than are projected.
pub(super) fn other_input(given: usize, projection: &Projection) -> CommandError {
    let wanted = projection.input();
    refusal(format!(
        "ERR Input dimension mismatch for projection - got {given} but projection expects {wanted}"
    ))
}

/// What a set refuses a vector for.
pub(super) fn refused(error: kora_hnsw::Error) -> CommandError {
    refusal(format!("ERR {error}"))
}

fn vadd(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 5, usize::MAX, "VADD")?;
    let addition = Addition::parse(args)?;
    let Readiness::Now(prepared) = prepare(ctx, args[1], |set| addition.begin(set), out)? else {
        return Ok(());
    };
    let mut keyspace = ctx.keyspace(args[1]);
    let is_new = if let Some(mut set) = write(&mut keyspace, args[1])? {
        addition.check(&set)?;
        let insertion = prepared.map_or_else(|| addition.begin(&set), |insertion| Ok(*insertion))?;
        addition.put(&mut set, insertion)?
    } else {
        let mut set = addition.new_set(keyspace.table_seed())?;
        let insertion = addition.begin(&set)?;
        addition.put(&mut set, insertion)?;
        keyspace.add_object(args[1], Box::new(set));
        true
    };
    changed(&mut keyspace, args[1]);
    out.boolean(is_new);
    Ok(())
}
