//! Memory as it is counted: what is asked for, and what an allocator adds.

/// Bytes that a piece of memory takes: eight more than were asked for, in sixteens, as glibc's allocator has it.
pub(super) fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16).max(32) }
}

/// Room to ask for beside what is needed, so that appending stays cheap and little is left over.
pub(super) fn spare(length: usize) -> usize {
    length / 8 + 4
}

/// Makes room for so many entries, and some more.
pub(super) fn grow<T>(entries: &mut Vec<T>, length: usize) {
    if length > entries.capacity() {
        entries.reserve_exact(length + spare(length) - entries.len());
    }
}
