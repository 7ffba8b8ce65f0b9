//! The number of nodes that Redis's radix tree of blocks would have, which XINFO tells.
//!
//! In that tree (rax) the end of each key is a node, a branch is one, and so is a run of bytes between two of them.

use super::id::StreamId;

/// Bytes of a key.
const KEY_BYTES: u32 = 16;

/// Number of nodes for these keys, which ascend.
/// Complexity: O(keys).
pub(super) fn node_count(keys: impl Iterator<Item = StreamId>) -> u64 {
    // Depths of the ends and branches on the way to the last key: never more than there are bytes in a key.
    let mut path: Vec<u32> = Vec::new();
    let (mut nodes, mut last) = (0, None::<StreamId>);
    for key in keys {
        if let Some(last) = last.replace(key) {
            let shared = shared_bytes(last, key);
            while let Some(depth) = path.pop_if(|depth| *depth > shared) {
                let parent = path.last().map_or(shared, |&parent| parent.max(shared));
                nodes += 1 + u64::from(depth - parent > 1);
            }
            if path.last() != Some(&shared) {
                path.push(shared);
            }
        }
        path.push(KEY_BYTES);
    }
    while let Some(depth) = path.pop() {
        // The topmost has no byte of a branch before it.
        let has_run = path.last().map_or(depth > 0, |parent| depth - parent > 1);
        nodes += 1 + u64::from(has_run);
    }
    // The root is there without keys too.
    nodes.max(1)
}

fn shared_bytes(one: StreamId, other: StreamId) -> u32 {
    let bits = |id: StreamId| u128::from(id.ms) << 64 | u128::from(id.seq);
    (bits(one) ^ bits(other)).leading_zeros() / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_redis() {
        let count = |ids: &[(u64, u64)]| node_count(ids.iter().map(|&(ms, seq)| StreamId::new(ms, seq)));
        assert_eq!(count(&[]), 1);
        assert_eq!(count(&[(1, 1)]), 2);
        assert_eq!(count(&[(1, 1), (1, 2)]), 4);
        assert_eq!(count(&[(1, 1), (2, 1)]), 6);
        assert_eq!(count(&[(1, 1), (1, 2), (1, 300)]), 7);
    }
}
