//! Arguments in, exit code out; nothing else.

use std::process::ExitCode;

/// Cheaper than the system's allocator by a tenth of a request.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    scopegate::cli::main()
}
