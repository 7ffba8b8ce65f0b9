//! Several strings combined bit by bit: BITOP. Sources are taken one after the other, so that none needs to be kept, and
//! each is as if followed by zeros up to the length of the longest.
//!
//! The loops go byte by byte, in a form that compilers turn into vector instructions.

/// What is done with the bits of the sources. X is the first source, Y any of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Set in all sources.
    And,
    /// Set in any.
    Or,
    /// Set in an odd number of them.
    Xor,
    /// Not set in X, the only source.
    Not,
    /// Set in X and in no Y.
    Diff,
    /// Set in any Y and not in X.
    Diff1,
    /// Set in X and in any Y.
    AndOr,
    /// Set in exactly one source.
    One,
}

/// The result of an operator on the sources taken so far.
#[derive(Clone, Debug)]
pub struct Combination {
    operator: Operator,
    sources: usize,
    /// The result; X for the operators that tell it from the others.
    result: Vec<u8>,
    /// Any Y; for [`Operator::One`] the bits that are set in more than one source.
    aside: Vec<u8>,
}

impl Combination {
    /// Of no sources.
    #[must_use]
    pub fn new(operator: Operator) -> Self {
        Self { operator, sources: 0, result: Vec::new(), aside: Vec::new() }
    }

    /// Takes the next source. Complexity: O(n) in the longest so far.
    pub fn take(&mut self, source: &[u8]) {
        let is_first = self.sources == 0;
        self.sources += 1;
        if is_first {
            self.result = source.to_vec();
            return;
        }
        match self.operator {
            Operator::And => {
                let both = self.result.len().min(source.len());
                fold(&mut self.result, source, |all, next| all & next);
                self.result[both..].fill(0);
            }
            Operator::Or | Operator::Not => fold(&mut self.result, source, |any, next| any | next),
            Operator::Xor => fold(&mut self.result, source, |odd, next| odd ^ next),
            Operator::Diff | Operator::Diff1 | Operator::AndOr => {
                fold(&mut self.aside, source, |any, next| any | next);
            }
            Operator::One => self.take_for_one(source),
        }
    }

    fn take_for_one(&mut self, source: &[u8]) {
        extend(&mut self.result, source.len());
        extend(&mut self.aside, self.result.len());
        for ((once, more), next) in self.result.iter_mut().zip(&mut self.aside).zip(source) {
            *more |= *once & next;
            *once = (*once ^ next) & !*more;
        }
    }

    /// The result, as long as the longest source.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let Self { operator, mut result, mut aside, .. } = self;
        if matches!(operator, Operator::Diff | Operator::Diff1 | Operator::AndOr) {
            extend(&mut aside, result.len());
        }
        match operator {
            Operator::And | Operator::Or | Operator::Xor | Operator::One => {}
            Operator::Not => result.iter_mut().for_each(|byte| *byte = !*byte),
            Operator::Diff => fold(&mut result, &aside, |x, any| x & !any),
            Operator::Diff1 => fold(&mut result, &aside, |x, any| any & !x),
            Operator::AndOr => fold(&mut result, &aside, |x, any| x & any),
        }
        result
    }
}

/// Makes `target` as long as `source` if it is shorter, and combines its bytes with those of `source`.
#[inline]
fn fold(target: &mut Vec<u8>, source: &[u8], combine: impl Fn(u8, u8) -> u8) {
    extend(target, source.len());
    for (byte, next) in target.iter_mut().zip(source) {
        *byte = combine(*byte, *next);
    }
}

fn extend(bytes: &mut Vec<u8>, len: usize) {
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
}
