//! Changing a listpack, in whatever buffer it lives.

use smallvec::SmallVec;

use super::encode::Encoded;
use super::view::ListPack;
use super::{At, Buffer, COUNT_UNKNOWN, END, Element, HEAD_BYTES};

/// The listpack in a buffer.
#[inline]
#[must_use]
pub fn view<B: Buffer + ?Sized>(buffer: &B) -> ListPack<'_> {
    if buffer.is_bare() { ListPack::bare(buffer.bytes()) } else { ListPack::new(buffer.bytes()) }
}

/// Adds an element behind the last.
/// Complexity: O(1), amortised as the buffer grows.
pub fn push_back<B: Buffer + ?Sized>(buffer: &mut B, text: &[u8]) {
    let end = view(buffer).end();
    splice(buffer, end, 0, &Encoded::of(text).to_bytes(), 1);
}

/// Elements made ahead, to be added together.
#[derive(Debug, Default)]
pub struct Run {
    bytes: SmallVec<[u8; 256]>,
    count: usize,
}

impl Run {
    /// Bytes of the elements.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an element.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        Encoded::of(text).write_to(&mut self.bytes);
        self.count += 1;
    }

    /// Adds an element of a listpack.
    #[inline]
    pub(crate) fn push_element(&mut self, element: Element<'_>) {
        match element {
            Element::Integer(value) => self.push_integer(value),
            Element::Bytes(text) => self.push(text),
        }
    }

    /// Adds an integer.
    #[inline]
    pub fn push_integer(&mut self, value: i64) {
        Encoded::integer(value).write_to(&mut self.bytes);
        self.count += 1;
    }
}

/// Adds elements behind the last.
/// Complexity: O(bytes added), amortised as the buffer grows.
pub fn push_run<B: Buffer + ?Sized>(buffer: &mut B, run: &Run) {
    let end = view(buffer).end();
    splice(buffer, end, 0, &run.bytes, run.count.cast_signed());
}

/// Adds an element before the first.
/// Complexity: O(n) bytes moved.
pub fn push_front<B: Buffer + ?Sized>(buffer: &mut B, text: &[u8]) {
    insert(buffer, At(view(buffer).head_bytes()), text);
}

/// Adds an element before the one at `before`, which is where the new one then begins.
/// Complexity: O(n) bytes moved.
pub fn insert<B: Buffer + ?Sized>(buffer: &mut B, before: At, text: &[u8]) {
    splice(buffer, before.0, 0, &Encoded::of(text).to_bytes(), 1);
}

/// Puts another text in the place of the element at `at`.
/// Complexity: O(n) bytes moved if the lengths differ.
pub fn replace<B: Buffer + ?Sized>(buffer: &mut B, at: At, text: &[u8]) {
    let behind = view(buffer).behind(at);
    splice(buffer, at.0, behind - at.0, &Encoded::of(text).to_bytes(), 0);
}

/// Puts an integer in the place of the element at `at`.
/// Complexity: O(n) bytes moved if the lengths differ.
pub fn replace_integer<B: Buffer + ?Sized>(buffer: &mut B, at: At, value: i64) {
    let behind = view(buffer).behind(at);
    splice(buffer, at.0, behind - at.0, &Encoded::integer(value).to_bytes(), 0);
}

/// Removes up to `count` elements from the one at `at` on; what follows them then begins there.
/// Complexity: O(n) bytes moved.
pub fn remove<B: Buffer + ?Sized>(buffer: &mut B, at: At, count: usize) {
    let list = view(buffer);
    let (mut next, mut behind, mut removed) = (Some(at), at.0, 0);
    while removed < count
        && let Some(element) = next
    {
        behind = list.behind(element);
        next = list.next(element);
        removed += 1;
    }
    splice(buffer, at.0, behind - at.0, &[], -removed.cast_signed());
}

/// Adds the elements of another listpack behind the last.
/// Complexity: O(bytes added), amortised as the buffer grows.
pub fn append<B: Buffer + ?Sized>(buffer: &mut B, other: ListPack<'_>) {
    let end = view(buffer).end();
    splice(buffer, end, 0, other.elements(), other.len().cast_signed());
}

/// Makes a listpack of the beginning of another, head and whole elements, with elements of it left out since: brings
/// head and end up to date for `count` elements.
#[must_use]
pub fn rebuild(mut bytes: Vec<u8>, count: usize) -> Vec<u8> {
    bytes.push(END);
    set_head(&mut bytes, count);
    bytes
}

/// Replaces bytes and brings the head up to date; `added` is the change of the number of elements.
fn splice<B: Buffer + ?Sized>(buffer: &mut B, at: usize, removed: usize, inserted: &[u8], added: isize) {
    if buffer.is_bare() {
        buffer.splice(at, removed, inserted);
        return;
    }
    let list = ListPack::new(buffer.bytes());
    let stored = u16::from_le_bytes([buffer.bytes()[4], buffer.bytes()[5]]);
    // Once there were too many to say, their number is not known until someone counts: so nobody says.
    let is_known = stored != COUNT_UNKNOWN || added < 0;
    let count = if is_known { list.len().saturating_add_signed(added) } else { usize::MAX };
    buffer.splice(at, removed, inserted);
    set_head(buffer.bytes_mut(), count);
}

fn set_head(bytes: &mut [u8], count: usize) {
    let total = u32::try_from(bytes.len()).expect("a listpack is shorter than 4 GiB");
    bytes[..4].copy_from_slice(&total.to_le_bytes());
    let count = u16::try_from(count).unwrap_or(COUNT_UNKNOWN);
    bytes[4..HEAD_BYTES].copy_from_slice(&count.to_le_bytes());
}
