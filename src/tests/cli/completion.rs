//! The completions load in the shells they are for.

use std::process::Command;

use super::shell::Shell;
use crate::time::Clock;

#[tokio::test]
async fn ux_64_completions_load() {
    let shell = Shell::new(Clock::system());
    for name in ["bash", "zsh", "fish"] {
        let script = shell.run(&["completion", name]).await.done().out;
        assert!(script.contains("rotate"), "{name}");
        let file = shell.path(name);
        std::fs::write(&file, script).unwrap();
        // A machine need not have every shell.
        let check = if name == "fish" { "--no-execute" } else { "-n" };
        if let Ok(done) = Command::new(name).arg(check).arg(&file).output() {
            assert!(
                done.status.success(),
                "{name}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
    }
}
