//! Queries about machines.

use super::{TypedQuery, by_id, newest_first};
use crate::domain::machine::{Machine, MachineStatus};
use crate::store::Versioned;
use crate::store::lists::{MachineFilter, Page, PageRequest};
use crate::store::query::Selection;
use crate::values::MachineId;

/// Finds the machine with this id; `None` if it is not registered.
pub fn machine(id: &MachineId) -> TypedQuery<Option<Versioned<Machine>>> {
    by_id("machine", id.clone())
}

/// Finds a page of machines, newest first.
pub fn machines(filter: &MachineFilter, page: PageRequest) -> TypedQuery<Page<Machine>> {
    let index = if filter.status.is_some() { "status" } else { "created" };
    let list = Selection::by_index::<Machine>(index).is_if_given("status", filter.status.map(MachineStatus::as_str));
    newest_first("machines", list, page, |machine: &Machine| machine.created_at)
}
