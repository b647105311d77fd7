//! `dinh`, the server: everything is in the library.

use std::process::ExitCode;

use clap::Parser as _;

/// A conference of thousands comes and goes in seconds, and the next one takes other sizes in another
/// order. This one gives the system back what is free, in the background; glibc keeps it in pieces.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// By how much the people plane stands back behind the media plane where both want one core.
///
/// Higher: a thousand pages that load at once disturb media less, and wait longer themselves.
const BEHIND_MEDIA: i32 = 10;

fn main() -> std::io::Result<ExitCode> {
    let cli = signaling::cli::Cli::parse();
    let own = rustix::process::getpriority_process(None).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(move || {
            // On Linux this is the thread's own. Not so much more than that of the thread that starts
            // it: what judges a list would stand back twice. Where it is not allowed, all stay equal.
            let _ = rustix::process::setpriority_process(None, own + BEHIND_MEDIA);
        })
        .build()?;
    // On the main thread, so that the media threads it starts do not stand back.
    Ok(runtime.block_on(signaling::cli::run(cli)))
}
