//! Lists: one page, newest first, with the number of all pages' entities.

use super::TypedQuery;
use crate::store::changes::Versioned;
use crate::store::entity::Entity;
use crate::store::lists::{Cursor, Page, PageRequest};
use crate::store::query::{Count, Order, Query, Row, Selection};
use crate::values::Timestamp;

/// Finds a page of the entities that a selection selects, newest first. Works for every kind of entity whose declared
/// index is one by creation.
pub fn newest_first<T: Entity>(
    name: &'static str,
    list: Selection,
    page: PageRequest,
    created_at: fn(&T) -> Timestamp,
) -> TypedQuery<Page<T>> {
    // One more than the page shows whether there is a next one.
    let rows = list.clone().ordered(Order::NewestFirst).starting(page.start).limited(page.limit.saturating_add(1));
    let query = Query::new(name, vec![rows], vec![Count { of: list, exact: false }]);
    TypedQuery::new(query, move |mut found| {
        let total = found.count(0)?;
        let mut rows = found.rows();
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let mark = rows.last().filter(|_| more).map(|row| row.mark);
        let items = rows.into_iter().map(Row::into_entity).collect::<Result<Vec<Versioned<T>>, _>>()?;
        let last = mark.zip(items.last());
        let next = last.map(|(mark, row)| Cursor { created_at: created_at(&row.value), mark });
        Ok(Page { items, total, next })
    })
}
