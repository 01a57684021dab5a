//! What a command sees of the outside world: streams, environment, clock. Data goes to standard output, everything else
//! to standard error.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
};

use super::exit::{Exit, Failure, Result};
use crate::time::Clock;

/// The streams and the surroundings of one command.
pub struct Terminal {
    pub out: Box<dyn Write + Send>,
    pub err: Box<dyn Write + Send>,
    pub input: Box<dyn BufRead + Send>,
    /// Whether a person reads standard output.
    pub shows_tables: bool,
    /// Whether a person can be asked.
    pub can_ask: bool,
    /// The command line's own variables; settings of the server are read elsewhere.
    pub environment: BTreeMap<String, String>,
    pub clock: Clock,
}

impl Terminal {
    /// Those of this process.
    pub fn of_process() -> Self {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let value = value.into_string().ok().filter(|value| !value.is_empty())?;
            Some((name.into_string().ok()?, value))
        });
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(BufReader::new(io::stdin())),
            shows_tables: io::stdout().is_terminal(),
            can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
            environment: environment.collect(),
            clock: Clock::system(),
        }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// Writes data.
    ///
    /// # Errors
    /// When standard output cannot be written, as when the reader of a pipe has gone.
    pub fn print(&mut self, text: &str) -> Result<()> {
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        match written {
            // `oauthority client list | head` is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Tells the person something, on a line of its own.
    pub fn say(&mut self, line: &str) {
        // Nobody is left to tell if it fails.
        let _ = writeln!(self.err, "{line}");
    }

    /// Asks on standard error and reads a line.
    ///
    /// # Errors
    /// When nothing can be read.
    pub fn ask(&mut self, question: &str) -> Result<String> {
        let _ = write!(self.err, "{question}");
        let _ = self.err.flush();
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(line.trim_end_matches(['\n', '\r']).to_owned())
    }

    /// Everything on standard input, at most a megabyte, without the white space around it.
    ///
    /// # Errors
    /// When it cannot be read, or is empty.
    pub fn read_all(&mut self, what: &str) -> Result<String> {
        let mut text = String::new();
        self.input.by_ref().take(1 << 20).read_to_string(&mut text)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                format!("give {what} on standard input"),
            ));
        }
        Ok(text.to_owned())
    }
}
