//! Where a thread is in the kernel.

/// The functions of a stack as `/proc/PID/stack` shows it, the innermost first.
///
/// Source: `proc(5)`; `fs/proc/base.c`, `proc_pid_stack`: `[<0>] function+0x12/0x34 [module]`, 5.10
/// to 7.3.
pub fn functions(stack: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = stack.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| {
        let symbol = line.strip_prefix(b"[<0>] ").unwrap_or(line);
        symbol.split(|byte| *byte == b'+').next().unwrap_or(symbol)
    })
}

#[cfg(test)]
mod tests {
    use super::functions;

    #[test]
    fn functions_of_a_stack() {
        let stack = b"[<0>] io_schedule+0x46/0x80\n[<0>] pool_message+0x1/0x2 [dm_thin_pool]\n";
        let names: Vec<_> = functions(stack).collect();
        assert_eq!(names, [&b"io_schedule"[..], b"pool_message"]);
    }
}
