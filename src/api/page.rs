//! Lists: a part at a time, with an opaque cursor that is the last id, and a sum by which one is known for ours: a list goes
//! on behind an id that is gone by now, so it cannot tell garbage from that by itself.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::Serialize;
use serde_json::{Value as Json, json};
use url::form_urlencoded;

use super::{call::Reply, query::Query};
use crate::{
    error::{Error, Result},
    oauth::refusal::{Field, Refusal},
};

/// How many are listed if nothing is said.
const USUAL: i64 = 50;

/// How many to list.
pub fn limit(query: &Query) -> i64 {
    query.number("limit").unwrap_or(USUAL)
}

/// The cursor behind the thing with this id.
pub fn cursor(id: &str) -> String {
    let mut bytes = sum(id).to_vec();
    bytes.extend_from_slice(id.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Against accidents only: whoever may read a list may begin anywhere in it.
fn sum(id: &str) -> [u8; 4] {
    crc32fast::hash(id.as_bytes()).to_be_bytes()
}

/// The id that a cursor stands for.
///
/// # Errors
/// Bad input for one that this server did not make.
pub fn anchor(query: &Query, name: &'static str) -> Result<Option<String>, Refusal> {
    let Some(text) = query.one(name) else {
        return Ok(None);
    };
    let id = BASE64_URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| {
        let (found, id) = bytes.split_first_chunk::<4>()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        (*found == sum(&id)).then_some(id)
    });
    match id {
        Some(id) if !id.is_empty() && !id.contains('\0') => Ok(Some(id)),
        _ => Err(unknown(name)),
    }
}

/// This cursor leads nowhere.
pub fn unknown(name: &str) -> Refusal {
    let detail = "This cursor is not one of this list: begin again without it.";
    Refusal::fields(vec![Field::new(format!("/{name}"), "cursor.unknown", detail)])
}

/// The parts of a list that is in memory: those behind the cursor, and the cursor of the next part.
///
/// # Errors
/// Bad input for a cursor that leads nowhere.
pub fn cut<T>(all: Vec<T>, id: impl Fn(&T) -> &str, query: &Query) -> Result<Part<T>> {
    let total = all.len();
    let from = match anchor(query, "cursor")? {
        None => 0,
        Some(anchor) => {
            1 + all
                .iter()
                .position(|item| id(item) == anchor)
                .ok_or_else(|| unknown("cursor"))?
        }
    };
    let limit = usize::try_from(limit(query)).unwrap_or(usize::MAX);
    let more = total > from.saturating_add(limit);
    let items: Vec<T> = all.into_iter().skip(from).take(limit).collect();
    let next = items.last().filter(|_| more).map(|last| cursor(id(last)));
    Ok(Part {
        items,
        next,
        total: Some(i64::try_from(total).unwrap_or(i64::MAX)),
    })
}

/// A part of a list.
pub struct Part<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
    /// How many there are in all, where that is known.
    pub total: Option<i64>,
}

/// Answers with a part of a list.
///
/// # Errors
/// When an item cannot be written, which is a defect.
pub fn reply<T: Serialize>(
    part: &Part<T>,
    path: &str,
    query: &Query,
    kept: &[&'static str],
) -> Result<Reply> {
    let data = serde_json::to_value(&part.items).map_err(Error::internal)?;
    let data = select(data, &query.list("fields"));
    let next = part.next.as_ref().map(|cursor| {
        let mut link = form_urlencoded::Serializer::new(String::new());
        for name in kept.iter().filter(|name| **name != "cursor") {
            for value in query.all(name) {
                link.append_pair(name, value);
            }
        }
        format!("{path}?{}", link.append_pair("cursor", cursor).finish())
    });
    let body = json!({ "data": data, "next_cursor": part.next, "total": part.total });
    Ok(Reply {
        next,
        ..Reply::ok(body)
    })
}

/// Only the members that were asked for.
fn select(mut data: Json, fields: &[&str]) -> Json {
    if !fields.is_empty() {
        for item in data.as_array_mut().into_iter().flatten() {
            if let Some(members) = item.as_object_mut() {
                members.retain(|name, _| fields.contains(&name.as_str()));
            }
        }
    }
    data
}
