//! `oauthority audit verify`: whether the activity is whole, computed here and not only believed.
//!
//! The server says what it finds and checks what only the key file can check. Then every entry is fetched, every hash is
//! computed anew on this machine, and the end is held against the server's and against the one that somebody kept from
//! an earlier run.

use clap::{Args, Subcommand};
use reqwest::Url;
use serde_json::{Value as Json, json};

use super::{
    Terminal,
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    options::{Format, Noun},
};
use crate::{
    registry::audit::chain::{Personal, bytes, genesis, hex, link, out_of_order, personal},
    time::Timestamp,
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority audit verify
  oauthority audit verify --head 1024:9f86d081884c7d65…

Keep the head that it prints somewhere else, and name it the next time: then nothing up to there can have been changed or
cut off in between, whoever owns the server. Exit code 12 says that the log is not whole.";

#[derive(Subcommand)]
pub enum Verb {
    /// Check that no entry was changed, removed, put in between or moved
    Verify(Verify),
}

/// Flags of `verify`.
#[derive(Args)]
pub struct Verify {
    /// Place and hash that an earlier run printed
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<String>,
    /// The entries that belong to no organisation, for operators
    #[arg(long)]
    instance: bool,
}

/// A place and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    seq: i64,
    hash: String,
}

impl Place {
    /// Reads `SEQ:HASH`.
    fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Failure::usage(format!(
                "--head {text}: write SEQ:HASH as an earlier run printed it"
            ))
        };
        let (seq, hash) = text.trim().split_once(':').ok_or_else(wrong)?;
        let seq = seq.parse().map_err(|_| wrong())?;
        let hash = hash.to_ascii_lowercase();
        if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        Ok(Self { seq, hash })
    }

    fn of(json: &Json) -> Self {
        Self {
            seq: json["seq"].as_i64().unwrap_or(-1),
            hash: json["hash"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

/// Carries the verb out.
///
/// # Errors
/// `NotIntact` when the log is not whole; as the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let Verb::Verify(flags) = noun.verb;
    let kept = flags.head.as_deref().map(Place::parse).transpose()?;
    let connection = &mut connection;
    let url = address(connection, flags.instance, "verify").await?;
    let server = connection.get(url).await?.body;
    let list = address(connection, flags.instance, "chain").await?;
    let walked = walk(connection, &list, &server, kept.as_ref()).await?;
    report(connection, &server, &walked, kept.as_ref())
}

async fn address(connection: &mut Connection<'_>, instance: bool, what: &str) -> Result<Url> {
    if instance {
        return Ok(connection.url(&["api", "v1", "operator", "activity", what]));
    }
    connection.of_org(&["activity", what]).await
}

/// What was found on this machine.
struct Walked {
    entries: i64,
    last: Place,
    /// The hash at the place that was kept, if that was passed.
    at_kept: Option<String>,
    /// Of how many entries what was personal was erased.
    redacted: i64,
    /// When the last entry was written whose time is promised.
    at: Option<Timestamp>,
    fault: Option<(i64, Option<String>, String)>,
    /// An entry with a time that cannot be; the chain behind it was computed in spite of it.
    order: Option<(i64, Option<String>, String)>,
}

impl Walked {
    /// Looks at what of an entry its hash does not say. `false` if a part is another than the one that was sealed.
    fn look(&mut self, entry: &Json, seq: i64) -> bool {
        match personal(entry) {
            Personal::Changed => return false,
            Personal::Redacted => self.redacted += 1,
            Personal::Whole => {}
        }
        if entry["format"].is_null() {
            return true;
        }
        let Ok(at) = Timestamp::parse(entry["at"].as_str().unwrap_or_default()) else {
            return false;
        };
        // Whether it is from the future is for the server to say, whose clock it was.
        let wrong = out_of_order(at, self.at, at);
        self.at = Some(at);
        if self.order.is_none() {
            let id = entry["id"].as_str().map(str::to_owned);
            self.order = wrong.map(|why| (seq, id, format!("Entry {seq} {why}.")));
        }
        true
    }
}

/// Computes every hash from the anchor to the head.
async fn walk(
    connection: &mut Connection<'_>,
    list: &Url,
    server: &Json,
    kept: Option<&Place>,
) -> Result<Walked> {
    let (anchor, head) = (Place::of(&server["anchor"]), Place::of(&server["head"]));
    let mut walked = Walked {
        entries: 0,
        last: anchor.clone(),
        at_kept: kept
            .filter(|kept| kept.seq == anchor.seq)
            .map(|_| anchor.hash.clone()),
        redacted: 0,
        at: None,
        fault: None,
        order: None,
    };
    let name = server["chain"].as_str().unwrap_or_default();
    if anchor.seq == 0 && anchor.hash != hex(&genesis(name)) {
        walked.fault = Some((
            0,
            None,
            "The chain does not begin as chains of this name do.".to_owned(),
        ));
        return Ok(walked);
    }
    let mut previous = bytes(&anchor.hash).unwrap_or_default();
    let mut cursor = None;
    loop {
        let url = with(list.clone(), "limit", Some("1000"));
        let page = connection.get(with(url, "cursor", cursor.as_deref())).await?.body;
        for entry in page["data"].as_array().into_iter().flatten() {
            if walked.last.seq == head.seq {
                return Ok(walked);
            }
            let next = walked.last.seq + 1;
            let found = Place::of(entry);
            if found.seq != next {
                walked.fault = Some((next, None, format!("Entry {next} is gone.")));
                return Ok(walked);
            }
            let computed = link(&previous, entry);
            if hex(&computed) != found.hash || !walked.look(entry, next) {
                let id = entry["id"].as_str().map(str::to_owned);
                walked.fault = Some((next, id, format!("Entry {next} is not what was sealed there.")));
                return Ok(walked);
            }
            previous = computed.to_vec();
            walked.entries += 1;
            if kept.is_some_and(|kept| kept.seq == next) {
                walked.at_kept = Some(found.hash.clone());
            }
            walked.last = found;
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if walked.last != head {
        let next = walked.last.seq + 1;
        walked.fault = Some(match walked.last.seq < head.seq {
            true => (next, None, format!("Entry {next} is gone.")),
            false => (
                head.seq,
                None,
                "The chain does not end where the server says.".to_owned(),
            ),
        });
    }
    Ok(walked)
}

/// What an earlier head says about the chain.
fn against_kept(walked: &Walked, server: &Json, kept: &Place) -> Option<String> {
    let (anchor, head) = (Place::of(&server["anchor"]), Place::of(&server["head"]));
    if kept.seq > head.seq {
        return Some(format!(
            "The log reached entry {}, and now it ends at {}: it was cut off.",
            kept.seq, head.seq
        ));
    }
    if kept.seq < anchor.seq {
        return Some(format!(
            "Entries up to {} were removed because of their age, so nothing can be said about entry {}: keep a newer head.",
            anchor.seq, kept.seq
        ));
    }
    match &walked.at_kept {
        Some(hash) if *hash != kept.hash => Some(format!(
            "Entry {} is another one than it was: something up to there was changed.",
            kept.seq
        )),
        _ => None,
    }
}

fn report(
    connection: &mut Connection<'_>,
    server: &Json,
    walked: &Walked,
    kept: Option<&Place>,
) -> Result<()> {
    let head = Place::of(&server["head"]);
    let told = server["fault"]["detail"].as_str().map(str::to_owned);
    let own = walked.fault.as_ref().or(walked.order.as_ref());
    let first = own.map(|(seq, id, _)| (Some(*seq), id.clone()));
    let own = own.map(|(_, _, why)| why.clone());
    let earlier = kept.and_then(|kept| against_kept(walked, server, kept));
    // What was computed here is believed before what the server says.
    let fault = own.or(earlier).or(told);
    let (seq, entry) = first.unwrap_or_else(|| {
        let fault = &server["fault"];
        (fault["seq"].as_i64(), fault["entry"].as_str().map(str::to_owned))
    });
    let line = format!("{}:{}", head.seq, head.hash);
    match connection.view.format {
        Format::Table | Format::Tsv if fault.is_none() => {
            connection.terminal.print(&format!("{line}\n"))?;
            let redacted = match walked.redacted {
                0 => String::new(),
                n => format!("; of {n} what was personal was erased"),
            };
            let said = format!(
                "{} {} entries are as they were sealed{redacted}. Keep the head above, and name it next time: --head {line}",
                connection.view.tick(),
                walked.entries
            );
            connection.terminal.say(&said);
        }
        Format::Table | Format::Tsv => {}
        _ => {
            let found = json!({
                "intact": fault.is_none(),
                "entries": walked.entries,
                "redacted": walked.redacted,
                "head": line,
                "first_bad_seq": seq,
                "first_bad_entry": entry,
                "fault": fault,
                "server": server,
            });
            connection.view.one(connection.terminal, &found, &[], "head")?;
        }
    }
    match fault {
        None => Ok(()),
        Some(why) => {
            let named = entry.map(|id| format!(" (entry {id})")).unwrap_or_default();
            Err(Failure::new(
                Exit::NotIntact,
                format!("the activity is not whole: {why}{named}"),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_a_place_and_a_hash() {
        let hash = "0123456789abcdef".repeat(4);
        assert!(Place::parse(&format!("7:{hash}")).is_ok_and(|place| place.seq == 7));
        for wrong in ["", "7", "7:", "x:00", &format!("x:{hash}"), &format!("7:{hash}0")] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(bytes(&hash).map(|bytes| hex(&bytes)), Some(hash));
    }
}
