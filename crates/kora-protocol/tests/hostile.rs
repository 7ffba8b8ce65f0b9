//! Hostile frames under a counting allocator: whatever a header announces, less than 64 KiB is allocated.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kora_protocol::{Decoder, Limits, RequestParser};

const ALLOCATED_BYTES_MAX: usize = 64 * 1024;

/// Counts the bytes that each thread asks for, freed or not.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged; the counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`, by the methods above and below.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes allocated by `work`.
fn allocated(work: impl FnOnce()) -> usize {
    let before = ALLOCATED.get();
    work();
    ALLOCATED.get() - before
}

#[test]
fn the_counter_counts() {
    assert!(allocated(|| drop(std::hint::black_box(vec![0_u8; 100_000]))) >= 100_000);
}

#[test]
fn requests() {
    let endless_inline = vec![b'x'; 1 << 20];
    let endless_quote = [b"\"".as_slice(), &endless_inline].concat();
    let endless_count = [b"*".as_slice(), &[b'1'; 1 << 20]].concat();
    let endless_length = [b"*1\r\n$".as_slice(), &[b'1'; 1 << 20]].concat();
    let frames: [&[u8]; 16] = [
        b"*2147483647\r\n",
        b"*2147483647\r\n$536870912\r\n",
        b"*1048576\r\n$1\r\na\r\n",
        b"*2147483648\r\n",
        b"*99999999999999999999999\r\n",
        b"*-2147483648\r\n",
        b"*1\r\n$536870912\r\n",
        b"*1\r\n$9223372036854775807\r\n",
        b"*1\r\n$-9223372036854775808\r\n",
        b"*10\r\n$16384\r\n",
        b"*3\r\n*3\r\n*3\r\n*3\r\n",
        b"*1\r\n$-1\r\n",
        &endless_inline,
        &endless_quote,
        &endless_count,
        &endless_length,
    ];
    for frame in frames {
        for limits in [Limits::default(), Limits::unauthenticated(512 << 20), Limits::new(u64::MAX)] {
            let bytes = allocated(|| {
                let (mut parser, mut spans) = (RequestParser::new(), Vec::new());
                while let Ok(None) = parser.parse(frame, &limits, &mut spans)
                    && parser.wanted() <= frame.len()
                {}
            });
            assert!(
                bytes < ALLOCATED_BYTES_MAX,
                "{bytes} bytes for {}",
                frame[..frame.len().min(60)].escape_ascii()
            );
        }
    }
}

#[test]
fn replies() {
    let nested = b"*2147483647\r\n".repeat(1000);
    let nested_maps = b"%2147483647\r\n".repeat(1000);
    let attributes = b"|0\r\n".repeat(1000);
    let frames: [&[u8]; 9] = [
        b"*9223372036854775807\r\n:1\r\n",
        b"%4611686018427387903\r\n:1\r\n",
        b"~9223372036854775807\r\n:1\r\n",
        b">9223372036854775807\r\n:1\r\n",
        b"$9223372036854775807\r\na",
        b"=9223372036854775807\r\na",
        &nested,
        &nested_maps,
        &attributes,
    ];
    for frame in frames {
        let bytes = allocated(|| {
            let mut decoder = Decoder::new();
            decoder.feed(frame);
            while let Ok(Some(_)) = decoder.next_frame() {}
        });
        assert!(
            bytes < ALLOCATED_BYTES_MAX,
            "{bytes} bytes for {}",
            frame[..frame.len().min(60)].escape_ascii()
        );
    }
}
