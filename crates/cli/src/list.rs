//! Lists: the selected page, or all pages one after the other.

use clap::Args;
use rekindle_api::{Listed, Page, Paging};
use rekindle_client::{Answer, Client, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connection::Connection;
use crate::error::CliError;
use crate::target::Globals;

/// The largest page that every list allows.
const WHOLE_PAGE: u32 = 100;

/// Selects a part of a list.
#[derive(Debug, Clone, Args)]
pub(crate) struct PageArgs {
    /// How many at most
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// How many to skip
    #[arg(long, value_name = "N", conflicts_with = "cursor")]
    pub offset: Option<u64>,
    /// Continue from the `next_cursor` of an earlier answer
    #[arg(long)]
    pub cursor: Option<String>,
    /// All of it, page after page
    #[arg(long, conflicts_with = "offset")]
    pub all: bool,
    /// Print the ids only, one a line: for another command
    #[arg(long, conflicts_with = "json")]
    pub ids: bool,
}

impl PageArgs {
    /// Returns the number of items to request for one page.
    pub(crate) fn page(&self) -> Option<u32> {
        self.limit.or(self.all.then_some(WHOLE_PAGE))
    }
}

/// Formats a list: as JSON, as a table, or as ids only.
pub(crate) fn shown<T>(
    globals: &Globals,
    part: &PageArgs,
    answer: Answer<T>,
    ids: impl FnOnce(&T) -> Vec<String>,
    table: impl FnOnce(&T) -> String,
) -> String {
    match (part.ids, globals.json) {
        (true, _) => ids(&answer.value).into_iter().map(|id| id + "\n").collect(),
        (false, true) => answer.text,
        (false, false) => table(&answer.value),
    }
}

/// Fetches a page. With `--all` it fetches every page and joins them: the items together, the other fields as the last page
/// has them. `request` makes the request for the page that begins at a place.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn fetch<T: Listed + DeserializeOwned>(
    server: &Connection,
    part: &PageArgs,
    request: impl Fn(&Client, Paging) -> Request<Page<T>>,
) -> Result<Answer<Page<T>>, CliError> {
    let at = |cursor| Paging { offset: part.offset, cursor };
    let mut cursor = part.cursor.clone();
    if !part.all {
        return server.send(|api| request(api, at(cursor))).await;
    }
    let mut items = Vec::new();
    let mut page: Value = loop {
        let answer = server.send(|api| request(api, at(cursor.clone()))).await?;
        let mut page: Value = serde_json::from_str(&answer.text).map_err(anyhow::Error::new)?;
        if let Some(Value::Array(more)) = page.get_mut(T::FIELD).map(Value::take) {
            items.extend(more);
        }
        let next = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if next.is_none() || next == cursor {
            break page;
        }
        cursor = next;
    };
    page[T::FIELD] = Value::Array(items);
    let text = page.to_string();
    let value = serde_json::from_value(page).map_err(anyhow::Error::new)?;
    Ok(Answer { value, text, replayed: false })
}

/// Returns the line under a table that says what the table leaves out.
pub(crate) fn rest(shown: usize, total: u64, next_cursor: Option<&str>) -> String {
    match next_cursor {
        Some(cursor) => format!("{shown} of {total}; more with --all or --cursor {cursor}\n"),
        None if total as usize == shown => String::new(),
        None => format!("{shown} of {total}\n"),
    }
}
