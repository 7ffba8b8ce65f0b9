//! What words, values and sets match together, many numbers at a time.
//!
//! Where lists are about as long as each other, numbers lie like dice: asked for the next one from a number on, a cursor guesses wrong every other time. So
//! the numbers of each word are marked in a window of bits, and windows are joined and intersected. Only documents that a search wants to see are looked for
//! by the cursors then.

use super::Matcher;
use crate::postings::{END, Numbers, WINDOW_WORDS, Window, Within};
use crate::sets::SetCursor;

/// Parts within parts that are swept.
const DEPTH_MAX: usize = 4;
/// Where one part has so many times the entries of another one, most of its blocks are better passed over.
const TIMES_MAX: usize = 16;
/// With fewer entries for each window there is little to gain.
const ENTRIES_MIN: usize = if cfg!(test) { 0 } else { 64 };
/// With more words and values windows are shorter, so that each takes a short time,
const LONG_LEAVES_MAX: usize = 8;
/// but have so many words of 64 numbers. Where distances are measured, they have no more.
const SHORT_WORDS: usize = 16;
/// Where fewer than one number in so many is left, others are looked for among these.
const FEW_SHARE: usize = 8;

/// See the module.
pub(crate) struct Sweep<'a> {
    root: Node<'a>,
    /// Windows in which parts within parts are marked, level by level.
    spare: Vec<Window>,
    words: usize,
    /// What is marked matches.
    pub(crate) is_exact: bool,
}

enum Node<'a> {
    Numbers(Box<Numbers<'a>>),
    Set(SetCursor<'a>),
    /// All numbers. Which of them a search sees is found out for all that matches.
    Every,
    Not(Box<Node<'a>>),
    Any(Vec<Node<'a>>),
    All(Vec<Node<'a>>),
}

/// What is known of parts.
#[derive(Clone, Copy, Default)]
struct Made {
    /// Entries that are read.
    size: usize,
    /// Entries of what has about as many numbers as windows have.
    size_of_many: usize,
    leaves: usize,
    /// Levels of parts that are marked apart from others.
    levels: usize,
    is_close: bool,
}

impl<'a> Sweep<'a> {
    /// Of a matcher that has not been moved, if it is worth it. All that it matches has lesser numbers than `horizon`.
    pub(crate) fn of(matcher: &Matcher<'a>, horizon: u32) -> Option<Self> {
        let windows = horizon as usize / (WINDOW_WORDS * 64) + 1;
        let mut made = Made { size_of_many: windows * ENTRIES_MIN, ..Made::default() };
        let root = Node::of(matcher, 0, &mut made)?;
        let words = WINDOW_WORDS * LONG_LEAVES_MAX / made.leaves.max(LONG_LEAVES_MAX);
        let words = if made.is_close { SHORT_WORDS } else { words.max(SHORT_WORDS) };
        (made.size >= made.size_of_many).then(|| {
            let spare = std::iter::repeat_with(|| Window::new(0, words)).take(made.levels).collect();
            Self { root, spare, words, is_exact: !made.is_close }
        })
    }

    /// A window for [`Sweep::fill`].
    pub(crate) fn blank(&self) -> Window {
        Window::new(0, self.words)
    }

    /// Has the window be the next one that may have a number from `target` on and below `limit`, and returns how many entries were read for it. None: no
    /// number is left.
    pub(crate) fn fill(&mut self, window: &mut Window, target: u32, limit: u32) -> Option<usize> {
        let target = self.root.from(target);
        (target < limit).then(|| {
            window.reset(target & !63);
            let read = self.root.mark(window, &mut self.spare);
            window.matched[0] &= u64::MAX << (target % 64);
            read
        })
    }
}

impl<'a> Node<'a> {
    fn of(matcher: &Matcher<'a>, depth: usize, made: &mut Made) -> Option<Self> {
        if depth >= DEPTH_MAX {
            return None;
        }
        let mut sizes = (usize::MAX, 0);
        let mut inner = |part: &Matcher<'a>, made: &mut Made| {
            let before = made.size;
            let node = Self::of(part, depth + 1, made);
            let size = made.size - before;
            sizes = (sizes.0.min(size), sizes.1.max(size));
            node
        };
        match matcher {
            Matcher::Term { cursor, fields, .. } => {
                let numbers = Numbers::new(cursor, *fields);
                made.size += numbers.size();
                made.leaves += 1;
                Some(Self::Numbers(Box::new(numbers)))
            }
            Matcher::Set { cursor, .. } => {
                made.size += cursor.size();
                made.leaves += 1;
                Some(Self::Set(*cursor))
            }
            Matcher::All { .. } => {
                made.size += made.size_of_many;
                Some(Self::Every)
            }
            Matcher::Not { inner: part, .. } => {
                made.size += made.size_of_many;
                made.levels = made.levels.max(depth + 1);
                let node = Box::new(inner(part, made)?);
                // What is marked within may not match after all; then it is missing here.
                (!made.is_close).then_some(Self::Not(node))
            }
            Matcher::Or(or) => {
                made.levels = made.levels.max(depth + 1);
                let parts = or.parts.iter().map(|part| inner(part, made)).collect::<Option<_>>()?;
                Some(Self::Any(parts))
            }
            Matcher::And(and) => {
                made.is_close |= and.slop.is_some() || and.in_order;
                made.levels = made.levels.max(depth + 1);
                let parts = and.parts.iter().map(|part| inner(part, made)).collect::<Option<_>>()?;
                (sizes.1 / TIMES_MAX <= sizes.0).then_some(Self::All(parts))
            }
            _ => None,
        }
    }

    /// Whether it marks no more numbers than it says that it has read.
    fn reads_words(&self) -> bool {
        match self {
            Self::Numbers(_) => true,
            Self::Any(parts) => parts.iter().all(Self::reads_words),
            _ => false,
        }
    }

    /// A number from `target` on that none from `target` on is less than, or [`END`].
    fn from(&mut self, target: u32) -> u32 {
        match self {
            Self::Numbers(numbers) => numbers.from(target),
            Self::Set(cursor) => cursor.advance(target),
            Self::Every | Self::Not(_) => target,
            Self::Any(parts) => parts.iter_mut().map(|part| part.from(target)).min().unwrap_or(END),
            Self::All(parts) => parts.iter_mut().fold(target, |target, part| part.from(target)),
        }
    }

    /// Marks what it matches in an empty window. Returns how many entries it read.
    fn mark(&mut self, window: &mut Window, spare: &mut [Window]) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.mark(window),
            Self::Set(cursor) => cursor.mark(window),
            Self::Every => {
                window.matched[..window.words].fill(u64::MAX);
                window.words
            }
            Self::Not(inner) => {
                let Some((own, spare)) = spare.split_first_mut() else { return 0 };
                own.reset(window.base);
                let read = inner.mark(own, spare);
                own.matched.iter_mut().for_each(|word| *word = !*word);
                window.join(own);
                read + window.words
            }
            // Words of the same place are marked in the same bits.
            Self::Any(parts) => {
                let Some((own, spare)) = spare.split_first_mut() else { return 0 };
                let mut read = 0;
                for part in parts {
                    if let Self::All(_) = part {
                        own.reset(window.base);
                        read += part.mark(own, spare);
                        window.join(own);
                    } else {
                        read += part.mark(window, spare);
                    }
                }
                read
            }
            Self::All(parts) => {
                let Some((first, others)) = parts.split_first_mut() else { return 0 };
                let Some((own, spare)) = spare.split_first_mut() else { return 0 };
                let mut read = first.mark(window, spare);
                let mut bound = first.reads_words().then_some(read);
                for part in others {
                    let left = bound.take().unwrap_or_else(|| window.count());
                    if left == 0 {
                        break;
                    }
                    own.reset(window.base);
                    read += if left < window.words * 64 / FEW_SHARE {
                        part.mark_within(window, own, spare)
                    } else {
                        part.mark(own, spare)
                    };
                    window.intersect(own);
                }
                read
            }
        }
    }

    /// Marks at least what it matches of what is marked in another window, of the same place as an empty one. Returns how many entries it read.
    fn mark_within(&mut self, other: &Window, own: &mut Window, spare: &mut [Window]) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.mark(&mut Within { own, other }),
            Self::Any(parts) if parts.iter().all(|part| matches!(part, Self::Numbers(_))) => {
                parts.iter_mut().map(|part| part.mark_within(other, own, spare)).sum()
            }
            _ => self.mark(own, spare),
        }
    }
}
