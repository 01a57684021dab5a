//! Arguments to command.

use std::process::ExitCode;

use oauthority::cli::{self, Terminal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut terminal = Terminal::of_process();
    // Outbound TLS looks for it. It fails only if there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(cli::run(std::env::args_os(), &mut terminal)),
        Err(error) => {
            terminal.say(&format!("cannot start threads: {error}"));
            cli::Exit::Unexpected
        }
    };
    exit.into()
}
