//! From a query's tree to a plan.

use ahash::RandomState;
use hashbrown::HashTable;

use super::{DEPTH_MAX, Leaf, NearTo, Nearest, Options, Part, Plan, SetOf};
use crate::error::QueryError;
use crate::index::{Index, Indexed, is_phonetic};
use crate::query::{self, Attributes, Node, NodeKind, Pattern, TagMatch};
use crate::schema::{Field, FieldKind};
use crate::vectors::{self, Target};

struct Compiler<'a> {
    index: &'a Index,
    options: &'a Options,
    leaves: Vec<Leaf>,
    uses: Vec<usize>,
    /// Places of the leaves, by their hashes, if there are many.
    places: HashTable<usize>,
    hasher: Option<RandomState>,
    sets: Vec<SetOf>,
    nears: Vec<NearTo>,
}

/// So many leaves are looked through one by one.
const FEW_LEAVES: usize = 8;

/// Where a part stands.
#[derive(Clone, Copy)]
struct Place {
    /// Bits of the text fields that words are looked for in.
    fields: u128,
    /// Whether stems and synonyms of words match: not in negations and optional parts.
    expands: bool,
    /// Whether words that sound alike do not match.
    is_mute: bool,
    depth: usize,
}

pub(super) fn compile(index: &Index, node: &Node, options: &Options) -> Result<Plan, QueryError> {
    let mut compiler = Compiler {
        index,
        options,
        leaves: Vec::new(),
        uses: Vec::new(),
        places: HashTable::new(),
        hasher: None,
        sets: Vec::new(),
        nears: Vec::new(),
    };
    let fields = options.fields.as_ref().map_or(u128::MAX, |names| compiler.text_fields(names));
    let place = Place { fields, expands: true, is_mute: false, depth: 0 };
    let (root, nearest) = match &node.kind {
        NodeKind::Nearest(nearest) => compiler.nearest(nearest, place)?,
        _ => (compiler.part(node, place)?, None),
    };
    Ok(Plan {
        root,
        nears: compiler.nears,
        nearest,
        leaves: compiler.leaves,
        uses: compiler.uses,
        sets: compiler.sets,
        keys: options.keys.clone(),
        expansions_max: options.expansions_max,
    })
}

impl Compiler<'_> {
    fn part(&mut self, node: &Node, place: Place) -> Result<Part, QueryError> {
        if place.depth >= DEPTH_MAX {
            return Err(QueryError::TooDeep);
        }
        let place = Place { depth: place.depth + 1, ..place };
        let attributes = &node.attributes;
        let weight = attributes.weight.unwrap_or(1.0);
        Ok(match &node.kind {
            NodeKind::All => Part::All,
            NodeKind::Nothing => Part::Nothing,
            NodeKind::Word { text, is_expandable } => {
                let is_mute = attributes.phonetic.map_or(place.is_mute, |matches| !matches);
                self.word(text, *is_expandable, weight, Place { is_mute, ..place })?
            }
            NodeKind::Phrase(words) => self.phrase(words, attributes, place)?,
            NodeKind::Pattern(pattern) => self.pattern(pattern, weight, place),
            NodeKind::And(nodes) => {
                let parts = self.parts(nodes, place)?;
                self.and(parts, attributes)
            }
            NodeKind::Or(nodes) => Part::Or { parts: self.parts(nodes, place)?, weight, is_of_values: false },
            NodeKind::Not(node) => Part::Not(Box::new(self.part(node, Place { expands: false, ..place })?)),
            NodeKind::Optional(node) => {
                let mut part = self.part(node, Place { expands: false, ..place })?;
                set_weight(&mut part, weight);
                Part::Optional { part: Box::new(part), missed: 0.0 }
            }
            NodeKind::Within(names, node) => {
                let fields = place.fields & self.text_fields(names);
                self.part(node, Place { fields, is_mute: attributes.phonetic == Some(false), ..place })?
            }
            NodeKind::Tags(name, matches) => self.tags(name, matches, weight)?,
            NodeKind::Range(name, range) => match self.field(name) {
                Some((field, _)) if matches!(self.index.fields()[field].indexed, Indexed::Numbers(_)) => {
                    self.set(SetOf::Range { field, range: *range })
                }
                _ => Part::Nothing,
            },
            NodeKind::Radius(name, radius) => {
                if !(radius.longitude.abs() <= 180.0 && radius.latitude.abs() <= 90.0) {
                    return Err(QueryError::PointOutOfRange);
                }
                if !(radius.metres >= 0.0 && radius.metres.is_finite()) {
                    return Err(QueryError::InvalidRadius);
                }
                match self.field(name) {
                    Some((field, _)) if matches!(self.index.fields()[field].indexed, Indexed::Points(_)) => {
                        self.set(SetOf::Radius { field, radius: *radius })
                    }
                    _ => Part::Nothing,
                }
            }
            NodeKind::Scalars(name, ranges) => match self.field(name) {
                Some((field, _)) if matches!(self.index.fields()[field].indexed, Indexed::Scalars(_)) => {
                    self.set(SetOf::Scalars { field, ranges: ranges.clone() })
                }
                _ => Part::Nothing,
            },
            NodeKind::Near(near) => self.near(near)?,
            NodeKind::Nearest(_) => return Err(QueryError::NearestWithin),
            NodeKind::Missing(name) => match self.field(name) {
                Some((field, _)) if self.index.fields()[field].missing.is_some() => {
                    Part::Missing { field, weight: 0.0 }
                }
                Some(_) => return Err(QueryError::MissingNotIndexed(name.clone())),
                None => Part::Nothing,
            },
        })
    }

    /// What a whole query matches, and which of it. Of a field without vectors nothing is the nearest.
    fn nearest(
        &mut self,
        nearest: &query::Nearest,
        place: Place,
    ) -> Result<(Part, Option<Nearest>), QueryError> {
        let filter = match self.part(&nearest.filter, place)? {
            // The nearest of all documents score nothing, as what is not excluded does.
            Part::All => Part::Not(Box::new(Part::Nothing)),
            filter => filter,
        };
        let Some((field, target)) = self.target(&nearest.field, &nearest.vector)? else {
            return Ok((Part::Nothing, None));
        };
        let query::Nearest { count, distance, way, .. } = nearest;
        let distance = distance.clone();
        Ok((filter, Some(Nearest { field, target, count: *count, distance, way: *way })))
    }

    fn near(&mut self, near: &query::Near) -> Result<Part, QueryError> {
        if near.radius < 0.0 {
            return Err(QueryError::NegativeRadius(near.radius.to_string()));
        }
        let Some((field, target)) = self.target(&near.field, &near.vector)? else { return Ok(Part::Nothing) };
        let query::Near { radius, epsilon, distance, .. } = near;
        let (radius, epsilon, distance) = (*radius, *epsilon, distance.clone());
        self.nears.push(NearTo { field, target, radius, epsilon, distance });
        Ok(Part::Near(self.nears.len() - 1))
    }

    /// A field with vectors, and the vector that distances are from.
    fn target(&self, name: &str, blob: &[u8]) -> Result<Option<(usize, Target)>, QueryError> {
        let Some((place, field)) = self.field(name) else { return Ok(None) };
        let (Indexed::Vectors(held), FieldKind::Vector(kind)) =
            (&self.index.fields()[place].indexed, &field.kind)
        else {
            return Ok(None);
        };
        let wrong = QueryError::VectorLength { size: blob.len(), expected: vectors::blob_bytes(kind) };
        Ok(Some((place, held.target(blob).ok_or(wrong)?)))
    }

    fn parts(&mut self, nodes: &[Node], place: Place) -> Result<Vec<Part>, QueryError> {
        let place = Place { is_mute: false, ..place };
        nodes.iter().map(|node| self.part(node, place)).collect()
    }

    /// What a conjunction does not say of slop and order, the whole query says.
    fn and(&self, parts: Vec<Part>, attributes: &Attributes) -> Part {
        let slop = |slop: i64| u64::try_from(slop).ok();
        Part::And {
            parts,
            weight: attributes.weight.unwrap_or(1.0),
            slop: attributes.slop.and_then(slop).or(self.options.slop.and_then(slop)),
            in_order: attributes.in_order.unwrap_or(false) || self.options.in_order,
        }
    }

    /// A phrase's words stand next to each other, whatever else is said of slop and order.
    fn phrase(
        &mut self,
        words: &[String],
        attributes: &Attributes,
        place: Place,
    ) -> Result<Part, QueryError> {
        let weight = attributes.weight.unwrap_or(1.0);
        match words {
            [] => Ok(Part::Nothing),
            [word] => self.word(word, false, weight, place),
            _ => {
                let parts: Result<_, _> =
                    words.iter().map(|word| self.word(word, false, 1.0, place)).collect();
                Ok(Part::And { parts: parts?, weight, slop: Some(0), in_order: true })
            }
        }
    }

    fn word(
        &mut self,
        text: &str,
        is_expandable: bool,
        weight: f64,
        place: Place,
    ) -> Result<Part, QueryError> {
        if place.fields == 0 {
            return Ok(Part::Nothing);
        }
        let own = Part::Word { leaf: self.leaf(Leaf::Word(text.to_owned())), weight, fields: place.fields };
        let by_sound = !place.is_mute && self.any_field(place.fields, is_phonetic);
        if !(is_expandable && place.expands) || text.is_empty() {
            return Ok(own);
        }
        let mut parts = vec![own];
        for expansion in self.index.expansions(text, self.options.language.as_deref(), by_sound)? {
            let leaf = self.leaf(Leaf::Word(expansion.text().to_owned()));
            parts.push(Part::Word { leaf, weight: 1.0, fields: place.fields });
        }
        Ok(Part::Or { parts, weight: 1.0, is_of_values: false })
    }

    fn pattern(&mut self, pattern: &Pattern, weight: f64, place: Place) -> Part {
        if place.fields == 0 || self.is_too_short(pattern) {
            return Part::Nothing;
        }
        let leaf = self.pattern_leaf(Leaf::Words(mapped(pattern, str::to_ascii_lowercase)));
        Part::Words { leaf, weight, fields: place.fields }
    }

    fn tags(&mut self, name: &str, matches: &[TagMatch], weight: f64) -> Result<Part, QueryError> {
        let Some((field, declared)) = self.field(name) else { return Ok(Part::Nothing) };
        let FieldKind::Tag { case_sensitive, .. } = declared.kind else { return Ok(Part::Nothing) };
        let index_empty = declared.index_empty;
        if !matches!(self.index.fields()[field].indexed, Indexed::Tags(_)) {
            return Ok(Part::Nothing);
        }
        let cased = |text: &str| if case_sensitive { text.to_owned() } else { text.to_ascii_lowercase() };
        let mut parts = Vec::new();
        for one in matches {
            parts.push(match one {
                TagMatch::Value(text) => {
                    if text.is_empty() && !index_empty {
                        return Err(QueryError::EmptyNotIndexed);
                    }
                    Part::Value { leaf: self.leaf(Leaf::Value(field, cased(text))), weight, field }
                }
                TagMatch::Pattern(pattern) if self.is_too_short(pattern) => Part::Nothing,
                TagMatch::Pattern(pattern) => Part::Values {
                    leaf: self.pattern_leaf(Leaf::Values(field, mapped(pattern, cased))),
                    weight,
                    field,
                },
            });
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        Ok(Part::Or { parts, weight, is_of_values: true })
    }

    fn is_too_short(&self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Prefix(text) | Pattern::Suffix(text) | Pattern::Infix(text) => {
                text.len() < self.options.prefix_bytes_min
            }
            Pattern::Wildcard(_) | Pattern::Fuzzy(..) => false,
        }
    }

    fn set(&mut self, set: SetOf) -> Part {
        self.sets.push(set);
        Part::Set(self.sets.len() - 1)
    }

    /// A leaf that stands for many words: how often it is asked for is counted.
    fn pattern_leaf(&mut self, leaf: Leaf) -> usize {
        let place = self.leaf(leaf);
        if self.uses.len() <= place {
            self.uses.resize(place + 1, 0);
        }
        self.uses[place] += 1;
        place
    }

    fn leaf(&mut self, leaf: Leaf) -> usize {
        let Self { leaves, places, hasher, .. } = self;
        if leaves.len() < FEW_LEAVES {
            return leaves.iter().position(|other| *other == leaf).unwrap_or_else(|| {
                leaves.push(leaf);
                leaves.len() - 1
            });
        }
        let hasher = hasher.get_or_insert_with(RandomState::new);
        if places.is_empty() {
            let hashes = leaves.iter().map(|leaf| hasher.hash_one(leaf)).enumerate();
            for (place, hash) in hashes {
                places.insert_unique(hash, place, |place| hasher.hash_one(&leaves[*place]));
            }
        }
        let hash = hasher.hash_one(&leaf);
        if let Some(place) = places.find(hash, |place| leaves[*place] == leaf) {
            return *place;
        }
        let place = leaves.len();
        leaves.push(leaf);
        places.insert_unique(hash, place, |place| hasher.hash_one(&leaves[*place]));
        place
    }

    fn field(&self, name: &str) -> Option<(usize, &Field)> {
        self.index.schema().fields.iter().enumerate().find(|(_, field)| field.name == name)
    }

    /// Bits of those of the named fields that have words; all of them, if the index does not keep which field a word is in.
    fn text_fields(&self, names: &[String]) -> u128 {
        if !self.index.layout().fields {
            return u128::MAX;
        }
        let mut bits = 0_u128;
        for name in names {
            if let Some((place, _)) = self.field(name)
                && let Indexed::Text(bit) = self.index.fields()[place].indexed
            {
                bits |= 1_u128.checked_shl(bit).unwrap_or(0);
            }
        }
        bits
    }

    /// Whether some text field among these has a property.
    fn any_field(&self, fields: u128, has: impl Fn(&Field) -> bool) -> bool {
        self.index.fields().iter().zip(&self.index.schema().fields).any(|(indexed, field)| {
            match indexed.indexed {
                Indexed::Text(bit) => fields & 1_u128.checked_shl(bit).unwrap_or(0) != 0 && has(field),
                _ => false,
            }
        })
    }
}

/// The same pattern with its text mapped.
fn mapped(pattern: &Pattern, map: impl Fn(&str) -> String) -> Pattern {
    match pattern {
        Pattern::Prefix(text) => Pattern::Prefix(map(text)),
        Pattern::Suffix(text) => Pattern::Suffix(map(text)),
        Pattern::Infix(text) => Pattern::Infix(map(text)),
        Pattern::Wildcard(text) => Pattern::Wildcard(map(text)),
        Pattern::Fuzzy(text, edits) => Pattern::Fuzzy(map(text), *edits),
    }
}

/// What stands in an optional part has the optional part's weight.
fn set_weight(part: &mut Part, own: f64) {
    match part {
        Part::Word { weight, .. }
        | Part::Value { weight, .. }
        | Part::Words { weight, .. }
        | Part::Values { weight, .. }
        | Part::And { weight, .. }
        | Part::Or { weight, .. }
        | Part::Missing { weight, .. } => *weight = own,
        Part::Optional { part, missed } => {
            *missed = own;
            set_weight(part, own);
        }
        Part::All | Part::Nothing | Part::Set(_) | Part::Near(_) | Part::Not(_) => {}
    }
}
