//! The response that shows a page of a list, for every kind of entity.

use actix_web::http::StatusCode;
use rekindle_api::{Listed, Page};
use rekindle_core::Versioned;
use rekindle_core::store;
use serde::Serialize;

use crate::extract::RequestedPage;
use crate::response::{HandlerResult, json};

/// Returns the response that shows this page. `body` returns the body of one entity.
pub(super) fn list<T, B: Listed + Serialize>(
    page: &store::Page<T>,
    requested: RequestedPage,
    body: impl FnMut(&Versioned<T>) -> B,
) -> HandlerResult {
    let page = Page {
        items: page.items.iter().map(body).collect(),
        total: page.total,
        limit: requested.request.limit,
        offset: requested.offset,
        next_cursor: page.next.as_ref().map(|cursor| cursor.to_string()),
    };
    json(StatusCode::OK, &page)
}
